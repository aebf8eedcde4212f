"""What a rule says, in the reader's words."""

from collections.abc import Sequence
from typing import Any

from dashboard.language import indicator, language, name_of
from dashboard.shapes import SiteDetail
from dashboard.shapes.judging import OwnRule, Rule, SiteRules
from dashboard.widgets.indicator_cards import interval
from registry.catalogue import text
from registry.indicators import INDICATORS


def w(key: str, /, **fields: object) -> str:
    """A string about standards and rules."""
    return text(language(), f"standard.{key}", **fields)


def limit_text(rule: Rule) -> str:
    """What the rule allows; of one that depends on another indicator each band, and where the priority is high."""
    code, precision = rule["indicator"], rule["precision"]
    if rule["bands"] and rule["depends_on"]:
        parts = []
        for band in rule["bands"]:
            bounds: Any = {**rule, "lo": band["lo"], "hi": band["hi"]}
            fields = {"companion": indicator(rule["depends_on"]), "interval": interval(bounds, code, precision)}
            parts.append(w("page.bands", least=f"{band['least']:g}", greatest=f"{band['greatest']:g}", **fields))
        shown = joined(parts, "；", "; ")
    else:
        shown = interval(rule, code, max(precision, INDICATORS[code].precision))
    bounds = [
        f"{sign} {bound:g}" for sign, bound in (("<", rule["hazard_lo"]), (">", rule["hazard_hi"])) if bound is not None
    ]
    return f"{shown}{in_brackets(w('page.hazard', bounds=joined(bounds, '、', ', ')))}" if bounds else shown


def named(rule: Rule) -> str:
    """The standard, or that it is the site's own rule."""
    return w("site_rule") if rule["origin"] == "site" else rule["standard"]


def own_text(rule: OwnRule, found: SiteRules) -> str:
    """What a rule of the site's own does."""
    if rule["profile"] is not None:
        known = {each["family"]: each["standard"] for each in (*found["standards"], *found["adoptable"])}
        return w("own.adopts", standard=known.get(rule["profile"], rule["profile"]))
    code = rule["indicator"] or ""
    bounds: Any = {"lo": rule["lo"], "hi": rule["hi"], "lo_inclusive": True, "hi_inclusive": True}
    return f"{indicator(code)} {interval(bounds, code, INDICATORS[code].precision)}"


def where(rule: OwnRule, detail: SiteDetail) -> str:
    """The sampling point of a rule of the site's own."""
    if rule["sampling_point"] is None:
        return w("own.whole_site")
    names = {point["code"]: name_of(point) for point in detail["sampling_points"]}
    return names.get(rule["sampling_point"], rule["sampling_point"])


def in_brackets(remark: str) -> str:
    """A remark as the reader puts it in brackets."""
    return f"（{remark}）" if language() == "zh" else f" ({remark})"


def joined(parts: Sequence[str], zh: str = "、", en: str = ", ") -> str:
    """A list as the reader writes it."""
    return (zh if language() == "zh" else en).join(parts)
