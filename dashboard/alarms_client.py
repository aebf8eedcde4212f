"""The part of the API about how alarms do: their figures, their rules, and putting them away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, cast

from dashboard.client import ApiClient


class RuleAtSite(TypedDict):
    """Alarms of one rule at one site."""

    site: str
    site_name_zh: str
    site_name_en: str
    rule: str
    rule_name_zh: str
    rule_name_en: str
    alarms: int
    share: float | None


class StaleAlarm(TypedDict):
    """An alarm that has been active for more than a day."""

    id: int
    site: str
    site_name_zh: str
    site_name_en: str
    rule_name_zh: str
    rule_name_en: str
    raised_at: str


class CountyCount(TypedDict):
    """A county's alarms and inspectors."""

    county: str
    alarms: int
    inspectors: int
    per_inspector_day: float | None


class AlarmFigures(TypedDict):
    """The figures of a span; `monitor.api.schemas.alarm_figures` states them."""

    days: float
    enough: bool
    alarms: int
    muted: int
    inspectors: int
    per_inspector_day: float | None
    by_priority: list[dict[str, Any]]
    daily: list[dict[str, Any]]
    counties: list[CountyCount]
    floods: list[dict[str, Any]]
    flood_share: float
    stale: list[StaleAlarm]
    chattering: list[RuleAtSite]
    top: list[RuleAtSite]
    top_share: float | None
    answering: dict[str, Any]
    again: float | None
    returned: int
    false_share: float | None
    answered: int
    targets: dict[str, float]
    advice: list[str]


class AlarmRule(TypedDict):
    """A rule with its rationalisation record; words by language."""

    rule: str
    priority: str | None
    latches: bool
    respond_within_s: int
    certainty: str
    cause: dict[str, str]
    consequence: dict[str, str]
    response: dict[str, str]
    basis: dict[str, str]


class AlarmsClient(ApiClient):
    """Alarms as one signed-in person may change and count them."""

    def figures(self, **query: object) -> AlarmFigures:
        """The figures of a span; `query` are the parameters of ``GET /alarm-figures`` (``from_`` for ``from``)."""
        return cast(AlarmFigures, self._get("/alarm-figures", query))

    def rules(self) -> list[AlarmRule]:
        """Every rule with its record."""
        return cast(list[AlarmRule], self._get("/alarm-rules"))

    def settings(self, site: str) -> list[dict[str, Any]]:
        """A site's own alarm parameters, newest first."""
        return cast(list[dict[str, Any]], self._get(f"/sites/{site}/alarm-settings"))

    def set_parameters(self, site: str, wanted: Mapping[str, object]) -> None:
        """Set alarm parameters of a site's own."""
        self._post(f"/sites/{site}/alarm-settings", wanted)

    def end_parameters(self, site: str, number: int, reason: str) -> None:
        """End one of them."""
        self._post(f"/sites/{site}/alarm-settings/{number}/end", {"reason": reason})

    def put_away(self, number: int, act: str, until: datetime, reason: str, option: Mapping[str, bool]) -> bool:
        """Shelve an alarm, or take it out of service; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/{act}", {"until": until.isoformat(), "reason": reason, **option})

    def act(self, number: int, act: str, words: str | None = None) -> bool:
        """``unshelve``, ``in-service``, ``on-the-way`` or ``reset``; false as above."""
        return self._act(f"/alarms/{number}/{act}", {"comment": words})
