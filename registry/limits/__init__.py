"""Limit profiles: one TOML file a standard and version, read and checked when first asked for."""

from registry.limits.model import Certainty, Condition, Force, Limit, LimitProfile, Severity
from registry.limits.profiles import load_profile, profiles

__all__ = ["Certainty", "Condition", "Force", "Limit", "LimitProfile", "Severity", "load_profile", "profiles"]
