"""From the detector's findings to alarms: one condition is one alarm.

A verdict about a place raises an alarm of kind ``detector``, unless a channel that spoke is in alarm for its limit
already: then it is evidence on that alarm, not a second one. When a limit alarm begins on a channel of a standing
verdict, the detector's alarm gives way to it (reason ``limit_alarm``) and the verdict goes with it. A cause that
explains the readings (a water change) raises nothing.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from monitor.alarms.book import Book, Changes
from monitor.alarms.rows import channel_condition, clock_row, detector_row
from monitor.clocks import ClockFinding
from monitor.detection import Detection
from monitor.detector.verdict import AUDIENCE, Kind, Lane
from monitor.detector.verdicts import Finding
from monitor.judgement import SIDES
from monitor.layout import Layout
from registry.indicators import INDICATORS
from store.records import from_us

LIMIT_TAKES_OVER: Final = "limit_alarm"
USUAL_AGAIN: Final = "usual_again"
CLOCK_RIGHT: Final = "clock_right"


def place_condition(site: str, point: str, lane: Lane) -> str:
    """The condition that a verdict of a lane stands at a place."""
    return f"place:{site}/{point}:{lane.name.lower()}"


def clock_condition(device: str) -> str:
    """The condition that a device's clock is wrong."""
    return f"device:{device}:clock"


class Opinions:
    """Which verdicts stand, by condition: JSON-like, so that a snapshot can hold them.

    Each is {"alarm": id or None, "evidence_on": [ids of limit alarms], "channels": [ids], "columns": {…}}.
    """

    def __init__(self, standing: Mapping[str, Any] | None = None) -> None:
        self.standing: dict[str, dict[str, Any]] = {key: dict(value) for key, value in (standing or {}).items()}

    def conditions(self, layout: Layout) -> list[str]:
        """The conditions of standing verdicts that have an alarm of their own and are still registered."""
        known = {f"place:{site}/{point}" for site, point in layout.points}
        known |= {f"device:{device.code}" for device in layout.devices}
        return [
            condition
            for condition, each in self.standing.items()
            if each["alarm"] is not None and condition.rpartition(":")[0] in known
        ]

    def found(
        self, book: Book, changes: Changes, journal_id: int, layout: Layout, detection: Detection, finding: Finding
    ) -> None:
        """A verdict began, changed or ended."""
        audience = AUDIENCE[finding.lane]
        if audience is None:
            return
        site, point = detection.point(finding.site)
        condition = place_condition(site, point, finding.lane)
        since, at = detection.since(finding)
        if finding.kind is Kind.NONE:
            self._ended(book, changes, journal_id, condition, at, USUAL_AGAIN)
            return
        columns = _columns(layout, detection, finding, since, audience)
        stands = self.standing.get(condition)
        if stands is not None:
            stands |= {"channels": _channels(layout, finding), "columns": columns}
            for alarm_id in [stands["alarm"], *stands["evidence_on"]]:
                if alarm_id is not None and alarm_id in book.alarms:
                    self._note(book, changes, journal_id, alarm_id, at, columns, own=alarm_id == stands["alarm"])
            return
        stands = {"alarm": None, "evidence_on": [], "channels": _channels(layout, finding), "columns": columns}
        self.standing[condition] = stands
        for channel in stands["channels"]:
            for side in SIDES:
                open_alarm = book.open.get(channel_condition(channel, side))
                if open_alarm is not None:
                    stands["evidence_on"].append(open_alarm)
                    self._note(book, changes, journal_id, open_alarm, at, columns, own=False)
        if not stands["evidence_on"]:
            row = detector_row(layout, site, point, finding.kind, stands["channels"], columns, since, at)
            stands["alarm"] = book.raise_alarm(changes, journal_id, {**row, "condition": condition})

    def limit_raised(self, book: Book, changes: Changes, journal_id: int, channel: int, alarm_id: int, at: int) -> None:
        """A limit alarm began on a channel: verdicts about it become its evidence."""
        for condition, stands in self.standing.items():
            if channel not in stands["channels"]:
                continue
            if stands["alarm"] is not None:
                book.return_alarm(changes, journal_id, condition, from_us(at), LIMIT_TAKES_OVER)
                stands["alarm"] = None
            stands["evidence_on"].append(alarm_id)
            self._note(book, changes, journal_id, alarm_id, at, stands["columns"], own=False)

    def clock(self, book: Book, changes: Changes, journal_id: int, layout: Layout, finding: ClockFinding) -> None:
        """A device's clock was found wrong, or right again."""
        condition = clock_condition(finding.device)
        if not finding.wrong:
            self._ended(book, changes, journal_id, condition, finding.at, CLOCK_RIGHT)
            return
        if condition in self.standing:
            return
        row = clock_row(layout, finding)
        columns = {name: row[name] for name in ("audience", "verdict", "sureness", "evidence")}
        alarm_id = book.raise_alarm(changes, journal_id, {**row, "condition": condition})
        self.standing[condition] = {"alarm": alarm_id, "evidence_on": [], "channels": [], "columns": columns}

    def _ended(self, book: Book, changes: Changes, journal_id: int, condition: str, at: int, reason: str) -> None:
        stands = self.standing.pop(condition, None)
        if stands is not None and stands["alarm"] is not None:
            book.return_alarm(changes, journal_id, condition, from_us(at), reason)

    def _note(
        self,
        book: Book,
        changes: Changes,
        journal_id: int,
        alarm_id: int,
        at: int,
        columns: Mapping[str, Any],
        *,
        own: bool,
    ) -> None:
        # A limit alarm stays the inspector's, whatever the verdict: the value is beyond a limit.
        kept = columns if own else {name: columns[name] for name in ("verdict", "sureness", "evidence")}
        book.judge(changes, journal_id, alarm_id, from_us(at), kept)


def _channels(layout: Layout, finding: Finding) -> list[int]:
    return [layout.channels[slot].id for slot in finding.slots]


def _columns(layout: Layout, detection: Detection, finding: Finding, since: int, audience: str) -> dict[str, Any]:
    spoke = []
    for place, slot in enumerate(finding.slots):
        channel = layout.channels[slot]
        decimals = INDICATORS[channel.indicator].precision + 1
        said: dict[str, Any] = {"channel_id": channel.id, "indicator": channel.indicator}
        if finding.values:
            lo, hi = finding.expected[place]
            said["value"] = _rounded(finding.values[place], decimals)
            said["expected_lo"], said["expected_hi"] = _rounded(lo, decimals), _rounded(hi, decimals)
        spoke.append(said)
    evidence: dict[str, Any] = {
        "since": from_us(since).isoformat(),
        "tests": [each.code for each in finding.evidence],
        "channels": spoke,
    }
    if finding.partner >= 0:
        site, point = detection.point(finding.partner)
        evidence["same_as"] = {"site": site, "sampling_point": point}
    return {"audience": audience, "verdict": finding.kind.code, "sureness": finding.sureness, "evidence": evidence}


def _rounded(value: float, decimals: int) -> float | None:
    return round(value, decimals) if isfinite(value) else None
