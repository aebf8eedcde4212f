"""Alarm parameters of a site's own: priority, delays, deadband and latching of a rule, each with its rationalisation.

They change how an alarm is announced, never what is allowed: limits are `registry.limits.site_rules`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from registry.alarm_rules import alarm_rule, alarm_rules, beginnings
from registry.catalogue import unit
from registry.indicators import INDICATORS
from registry.journal_json import record_fields, record_json
from registry.limits import Limit, Severity
from registry.model import Registry
from registry.site_settings import SettingError, check_place, check_reason
from registry.words import Words, listed

LONGEST_DELAY_S: Final = 7_200.0
"""An on-delay or off-delay longer than this would hide what an inspector has to act on (design default)."""
RESPOND_WITHIN_S: Final = (300, 30 * 86_400)
"""Least and greatest time to respond."""

_TIMES: Final = ("set_at", "ended_at")


@dataclass(frozen=True, slots=True)
class AlarmSetting:
    """One setting for a rule and all that begin with it. What is None stays as the rule has it.

    `rule` is a code of `registry.alarm_rules`. Delays and `respond_within_s` in seconds, `deadband` in the
    indicator's unit. `reason` is the basis of the rationalisation record.
    """

    id: int
    site: str
    sampling_point: str | None
    rule: str
    priority: str | None
    on_delay_s: float | None
    off_delay_s: float | None
    deadband: float | None
    latches: bool | None
    respond_within_s: int | None
    cause: str | None
    consequence: str | None
    response: str | None
    reason: str
    set_by: str
    set_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The setting as the journal and the snapshot keep it."""
        return record_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "AlarmSetting":
        """What `to_json` made. Raises `KeyError`, `TypeError` or `ValueError` on anything else."""
        return cls(**record_fields(cls, raw, _TIMES))

    def ended(self, at: datetime, by: str, reason: str) -> "AlarmSetting":
        """The setting as it is once a person ended it."""
        return replace(self, ended_by=by, ended_at=at, end_reason=reason)


class AlarmSettings:
    """The settings that hold, found by place and rule: the sampling point's before the site's, the newer wins."""

    def __init__(self, settings: Iterable[AlarmSetting] = ()) -> None:
        self.all = {each.id: each for each in settings}
        self._of_site: dict[str, list[AlarmSetting]] = {}
        for each in sorted(self.all.values(), key=lambda each: each.id, reverse=True):
            if each.ended_at is None:
                self._of_site.setdefault(each.site, []).append(each)

    def with_one(self, setting: AlarmSetting) -> "AlarmSettings":
        """These with one added or replaced."""
        return AlarmSettings({**self.all, setting.id: setting}.values())

    def value(self, field: str, site: str, point: str | None, rule: str) -> Any:
        """What the settings of a place say about one field of a rule; None where they say nothing.

        The special before the general: ``limit:ph:high`` before ``limit:ph``, the sampling point before the site.
        """
        here = self._of_site.get(site)
        if not here:
            return None
        for code in beginnings(rule):
            for at in (point, None):
                for each in here:
                    if each.rule == code and each.sampling_point == at and getattr(each, field) is not None:
                        return getattr(each, field)
        return None

    def limit(self, site: str, point: str, rule: str, limit: Limit) -> Limit:
        """A limit with the alarm parameters of the place; `rule` is its code without the side."""
        if site not in self._of_site:
            return limit
        sides = {"severity": f"{rule}:high", "severity_low": f"{rule}:low"}
        found = {name: self.value("priority", site, point, code) for name, code in sides.items()}
        changed: dict[str, Any] = {name: Severity(value) for name, value in found.items() if value is not None}
        for name in ("on_delay_s", "off_delay_s", "deadband"):
            value = self.value(name, site, point, rule)
            if value is not None:
                changed[name] = float(value)
        return replace(limit, **changed) if changed else limit


def check(wanted: AlarmSetting, registry: Registry) -> None:
    """Raise `SettingError` where a new setting is not acceptable."""
    check_place(registry, wanted.site, wanted.sampling_point)
    _check_rule(wanted)
    _check_numbers(wanted)
    check_reason("reason", wanted.reason)


def _check_rule(wanted: AlarmSetting) -> None:
    kind, *rest = wanted.rule.split(":")
    try:
        alarm_rule(wanted.rule)
    except KeyError as error:
        known = listed(sorted(code for code in alarm_rules() if ":" not in code))
        raise _refused("rule", rule=wanted.rule, kind=kind, known=known) from error
    if kind == "platform":
        raise _refused("platform")
    if kind == "limit" and rest and rest[0] not in INDICATORS:
        raise _refused("indicator", indicator=rest[0], known=listed(INDICATORS))
    if kind == "limit" and len(rest) > 1 and rest[1] not in ("low", "high"):
        raise _refused("side", side=rest[1])


def _check_numbers(wanted: AlarmSetting) -> None:
    given = {name: getattr(wanted, name) for name in ("priority", "on_delay_s", "off_delay_s", "deadband", "latches")}
    words = (wanted.respond_within_s, wanted.cause, wanted.consequence, wanted.response)
    if all(each is None for each in (*given.values(), *words)):
        raise _refused("nothing")
    if wanted.priority is not None and wanted.priority not in tuple(Severity):
        raise _refused("priority", priority=wanted.priority, known=listed(Severity))
    timed = [name for name in ("on_delay_s", "off_delay_s", "deadband") if given[name] is not None]
    parts = wanted.rule.split(":")
    if timed and wanted.rule not in ("limit", "circulation") and (parts[0] != "limit" or len(parts) > 2):
        raise _refused("both_sides", field=timed[0])
    for name in ("on_delay_s", "off_delay_s"):
        if given[name] is not None and not 0 <= given[name] <= LONGEST_DELAY_S:
            raise _refused("delay", field=name, seconds=given[name], longest=LONGEST_DELAY_S)
    if wanted.deadband is not None:
        if parts[0] != "limit" or len(parts) < 2:
            raise _refused("deadband_of_none")
        known = INDICATORS[parts[1]]
        widest = (known.physical_hi - known.physical_lo) / 4
        if not 0 <= wanted.deadband <= widest:
            own = Words(unit("zh", parts[1]), unit("en", parts[1]))
            raise _refused("deadband", deadband=wanted.deadband, widest=widest, unit=own)
    low, high = RESPOND_WITHIN_S
    if wanted.respond_within_s is not None and not low <= wanted.respond_within_s <= high:
        raise _refused("respond_within", seconds=wanted.respond_within_s, low=low, high=high)


def _refused(why: str, **fields: object) -> SettingError:
    return SettingError.of(f"refusal.alarm_settings.{why}", **fields)
