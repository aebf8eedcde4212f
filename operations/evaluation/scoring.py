"""Alarms against the truth: was each fault found, how soon, by its right name, and how many alarms had no cause.

A fault is found by an alarm of its site that is raised between 5 minutes before it begins and 30 minutes after it
ends. Its verdict is that of the first such alarm which carries one, as it stood when the fault ended. Of two equal
series nobody can tell which is the copy: an alarm that names both counts, at whichever of the two sites it is.

A change of water is a cause and no fault: it is found when the detector gives it as the cause, which raises nothing.

An alarm is false when it is raised at a site where no fault has been at work in the 12 hours before: within them
water and instruments come back, and say so. A change of water excuses no alarm but one for a limit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from operations.evaluation.plan import Planned
from simulators.fault_kinds import SPECS, FaultKind
from store.records import to_us

MINUTE_US: Final = 60_000_000
BEFORE_US: Final = 5 * MINUTE_US
GRACE_US: Final = 30 * MINUTE_US
AFTER_US: Final = 12 * 60 * MINUTE_US
DAY_US: Final = 1_440 * MINUTE_US
NOTHING: Final = "nothing"
"""The verdict of a fault that nobody saw."""
NOBODY: Final = "nobody"
"""The audience of a cause, which explains and raises nothing."""
PLAIN: Final[Mapping[str, str]] = {"offline": "offline", "circulation": "pump_off"}
"""What an alarm without a verdict says, by its kind; any other says its kind."""


@dataclass
class Raised:
    """An alarm: where and when it was raised, whose work it is, and what it said when (us)."""

    site: str
    kind: str
    audience: str
    at: int
    verdicts: list[tuple[int, str]] = field(default_factory=list)

    def verdict(self, by: int) -> str | None:
        """What the detector said of it by an instant (us); None if it never did."""
        said = [verdict for at, verdict in self.verdicts if at <= by] or [verdict for _, verdict in self.verdicts[:1]]
        return said[-1] if said else None

    def says(self, by: int) -> str:
        """What it tells a person by an instant."""
        return self.verdict(by) or PLAIN.get(self.kind, self.kind)


class Collector:
    """The alarms of an engine, gathered from the changes that its folds bring."""

    def __init__(self) -> None:
        self.alarms: dict[int, Raised] = {}
        self._causes = 0

    def take(self, raised: Mapping[int, Mapping[str, Any]], amended: Mapping[int, Mapping[str, Any]], now: int) -> None:
        """Take the changes of a fold that ended at `now` (us)."""
        for alarm_id, row in raised.items():
            at = to_us(row["raised_at"])
            alarm = Raised(row["site"], row["kind"], row.get("audience") or "inspector", at)
            self.alarms[alarm_id] = alarm
            self._hear(alarm, row, at)
        for alarm_id, row in amended.items():
            if alarm_id in self.alarms:
                self._hear(self.alarms[alarm_id], row, now)

    def explain(self, site: str, verdict: str, now: int) -> None:
        """Take note of a cause that the detector began to give for a site's readings by `now` (us)."""
        self._causes += 1
        self.alarms[-self._causes] = Raised(site, "cause", NOBODY, now, [(now, verdict)])

    def _hear(self, alarm: Raised, row: Mapping[str, Any], at: int) -> None:
        alarm.audience = row.get("audience") or alarm.audience
        verdict = row.get("verdict")
        if verdict and (not alarm.verdicts or alarm.verdicts[-1][1] != verdict):
            alarm.verdicts.append((at, str(verdict)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault."""

    planned: Planned
    delay_us: int | None
    """From its beginning to the first alarm; None where it was not found."""
    said: str
    audience: str | None

    @property
    def found(self) -> bool:
        """Whether an alarm was raised for it."""
        return self.delay_us is not None

    @property
    def right(self) -> bool:
        """Whether it was called by its name."""
        return self.said == SPECS[FaultKind(self.planned.fault.kind)].verdict


def outcomes(planned: Sequence[Planned], alarms: Iterable[Raised], site_of: Mapping[str, str]) -> list[Outcome]:
    """What became of each fault; `site_of` a device."""
    by_site: dict[str, list[Raised]] = {}
    for alarm in sorted(alarms, key=lambda each: each.at):
        by_site.setdefault(alarm.site, []).append(alarm)

    def about(each: Planned) -> list[Raised]:
        own = by_site.get(each.site, [])
        if each.fault.source is None:
            return own
        other = by_site.get(site_of[each.fault.source], [])
        same = [
            alarm for alarm in other if alarm.says(each.fault.ends or 0) == SPECS[FaultKind(each.fault.kind)].verdict
        ]
        return sorted([*own, *same], key=lambda alarm: alarm.at)

    return [_outcome(each, about(each)) for each in planned]


def _outcome(planned: Planned, alarms: Sequence[Raised]) -> Outcome:
    starts, ends = planned.fault.starts, planned.fault.ends or 0
    heard = [alarm for alarm in alarms if starts - BEFORE_US <= alarm.at <= ends + GRACE_US]
    if not heard:
        return Outcome(planned, None, NOTHING, None)
    named = [alarm for alarm in heard if alarm.verdict(ends)] or heard
    return Outcome(planned, max(0, heard[0].at - starts), named[0].says(ends), named[0].audience)


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of fault: figures of the upper two thirds of sizes, or of the lowest third."""

    faults: int
    found: int
    right: int
    delay_minutes: float | None

    @property
    def recall(self) -> float | None:
        """Share found; None without any fault."""
        return self.found / self.faults if self.faults else None

    @property
    def kind_right(self) -> float | None:
        """Share of those found that were called by their name."""
        return self.right / self.found if self.found else None


def line(found: Sequence[Outcome]) -> Line:
    """The figures of some faults."""
    delays = [each.delay_us / MINUTE_US for each in found if each.delay_us is not None]
    return Line(
        faults=len(found),
        found=len(delays),
        right=sum(each.found and each.right for each in found),
        delay_minutes=round(median(delays), 1) if delays else None,
    )


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms without a cause, by whose work they would have been, over so many venue-days without any."""

    venue_days: float
    inspector: int
    venue: int
    said: Mapping[str, int]
    """What those to inspectors said."""

    @property
    def inspector_per_venue_day(self) -> float:
        """False alarms to inspectors per venue and day."""
        return self.inspector / self.venue_days if self.venue_days else 0.0

    @property
    def venue_per_venue_day(self) -> float:
        """False alarms to venues per venue and day."""
        return self.venue / self.venue_days if self.venue_days else 0.0


def false_alarms(
    planned: Sequence[Planned],
    alarms: Iterable[Raised],
    sites: Sequence[str],
    site_of: Mapping[str, str],
    span: tuple[int, int],
) -> FalseAlarms:
    """Alarms raised within `span` (us) where no fault had been at work.

    `site_of` a device: of two equal series nobody can tell which is the copy, so both sites have a cause.
    """
    alarms = [alarm for alarm in alarms if alarm.audience != NOBODY]
    causes: dict[str, list[tuple[int, int]]] = {site: [] for site in sites}
    changes: dict[str, list[tuple[int, int]]] = {site: [] for site in sites}
    for each in planned:
        fault = each.fault
        window = (fault.starts - BEFORE_US, (fault.ends or 0) + AFTER_US)
        if fault.kind is FaultKind.WATER_CHANGE:
            changes[each.site].append(window)
            continue
        for site in {each.site, site_of.get(fault.source or "", each.site)}:
            causes[site].append(window)

    def excused(alarm: Raised) -> bool:
        windows = causes.get(alarm.site, []) + (changes.get(alarm.site, []) if alarm.kind == "limit" else [])
        return any(begin <= alarm.at <= end for begin, end in windows)

    free = sum(span[1] - span[0] - _covered(windows, span) for windows in causes.values())
    false = [alarm for alarm in alarms if span[0] <= alarm.at < span[1] and not excused(alarm)]
    to_inspectors = [alarm for alarm in false if alarm.audience == "inspector"]
    return FalseAlarms(
        venue_days=free / DAY_US,
        inspector=len(to_inspectors),
        venue=len(false) - len(to_inspectors),
        said=dict(Counter(alarm.says(span[1]) for alarm in to_inspectors).most_common()),
    )


def _covered(windows: Sequence[tuple[int, int]], span: tuple[int, int]) -> int:
    total, reach = 0, span[0]
    for begin, end in sorted(windows):
        until = min(end, span[1])
        total += max(0, until - max(begin, reach))
        reach = max(reach, until)
    return total


def confusion(found: Sequence[Outcome]) -> Mapping[FaultKind, Mapping[str, int]]:
    """How often each kind of fault was called what."""
    table: dict[FaultKind, Counter[str]] = {kind: Counter() for kind in FaultKind}
    for each in found:
        table[FaultKind(each.planned.fault.kind)][each.said] += 1
    return {kind: dict(counts) for kind, counts in table.items() if counts}
