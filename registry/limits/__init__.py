"""Limit profiles: one TOML file a standard and version, and the rules a site has of its own.

`profiles` reads the files, `timeline` says which limit was in force when at a sampling point, `judgement` compares.
"""

from registry.limits.model import ALARM_AFTER_S, Band, Certainty, Condition, Force, Limit, LimitProfile, Severity
from registry.limits.profiles import families, load_profile, profiles, source
from registry.limits.site_rules import SiteRule
from registry.limits.timeline import FOREVER, Alike, Version, alike, rules_at, timelines

__all__ = [
    "ALARM_AFTER_S",
    "FOREVER",
    "Alike",
    "Band",
    "Certainty",
    "Condition",
    "Force",
    "Limit",
    "LimitProfile",
    "Severity",
    "SiteRule",
    "Version",
    "alike",
    "families",
    "load_profile",
    "profiles",
    "rules_at",
    "source",
    "timelines",
]
