"""Which rule raised an alarm, and what its record and the site's own settings make of it."""

from collections.abc import Mapping
from typing import Any, Final

from registry.alarm_rules import alarm_rule
from registry.alarm_settings import AlarmSettings
from registry.limits import Severity

SEVERITIES: Final = ("warning", "alarm", "serious")
"""How bad a breach is, by depth and duration (FACTS 2.3, design defaults): see `registry.limits.ALARM_AFTER_S`."""

_LESS: Final[Mapping[Severity, Severity]] = {
    Severity.HIGH: Severity.MEDIUM,
    Severity.MEDIUM: Severity.LOW,
    Severity.LOW: Severity.LOW,
}


def rule_code(row: Mapping[str, Any]) -> str:
    """The code of the rule that a row of table ``alarm`` tells of, where the row does not name it."""
    kind = row.get("kind", "")
    if kind == "limit":
        return f"limit:{row['indicator']}:{row['side']}"
    if kind == "circulation":
        return f"circulation:{row['side']}"
    if kind == "offline":
        return "offline:site" if row["device"] is None else "offline:device"
    if kind == "detector":
        return f"detector:{row['verdict']}"
    if kind in ("accounting", "canary"):
        return f"platform:{kind}"
    return str(kind)


def declared_priority(rule: str) -> Severity:
    """The priority of a rule by its record; low where it says none."""
    return alarm_rule(rule).priority or Severity.LOW


def priority(settings: AlarmSettings, row: Mapping[str, Any], rule: str) -> str | None:
    """The priority of an alarm that begins: its row's, unless the site has set another for the rule.

    A limit's row has it already, since severity moves it.
    """
    if row.get("kind") in ("limit", "circulation"):
        return row.get("priority")
    own = settings.value("priority", row.get("site", ""), row.get("sampling_point"), rule)
    return row.get("priority") if own is None else str(own)


def latches(settings: AlarmSettings, row: Mapping[str, Any], rule: str) -> bool:
    """Whether an alarm stays after its condition ended until a person resets it."""
    if row.get("historic"):
        return False
    own = settings.value("latches", row.get("site", ""), row.get("sampling_point"), rule)
    if own is not None:
        return bool(own)
    if "latches" in row:
        return bool(row["latches"])
    try:
        return alarm_rule(rule).latches
    except KeyError:
        return False


def priority_at(severity: int, declared: Severity) -> Severity:
    """The priority of a breach: one step less while it is a warning, the rule's as an alarm, high when serious."""
    return (_LESS[declared], declared, Severity.HIGH)[severity]
