"""How well the alarms serve those who act on them: the figures of ISA-18.2 / EEMUA 191, pure functions over the table.

What was muted by design when it began was told to nobody: it is counted apart and enters no rate. Historic findings
page nobody and are no alarms here. Targets are those of FACTS' sources, named with each; "nobody" has no figure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Final, Literal
from zoneinfo import ZoneInfo

from registry.model import HOME_ZONE

FLOOD_WINDOW: Final = timedelta(minutes=10)
FLOOD_BEGINS_ABOVE: Final = 10
FLOOD_ENDS_BELOW: Final = 5
"""A flood begins with more than 10 alarms in 10 minutes and ends with fewer than 5 (ISA-18.2)."""
STALE_AFTER: Final = timedelta(hours=24)
CHATTER_COUNT: Final = 3
CHATTER_WINDOW: Final = timedelta(minutes=1)
"""Three alarms of one condition within a minute are chattering."""
AGAIN_WITHIN: Final = timedelta(days=7)
TOP: Final = 10
ENOUGH_DAYS: Final = 30
"""The figures say something from 30 days of data on."""

TARGETS: Final[Mapping[str, float]] = {
    "per_inspector_day": 150.0,
    "flood_share": 0.01,
    "stale": 5.0,
    "chattering": 0.0,
    "top_share": 0.05,
    "priority_high": 0.05,
}
"""What is manageable (EEMUA 191: some 150 a day and operator, ISA-18.2: floods < 1 % of time, < 5 stale, no chattering,
the ten worst < 5 % of all, 5 % of high priority)."""

Advice = Literal[
    "too_many", "flood", "stale", "chattering", "top", "again", "slow", "false_alarms", "priorities", "muted"
]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One alarm of the table. `answer` is what an inspector said of its verdict; `muted` by design when it began."""

    id: int
    site: str
    rule: str
    condition: str
    priority: str
    raised_at: datetime
    returned_at: datetime | None
    acknowledged_at: datetime | None
    respond_within_s: int
    muted: bool = False
    answer: Literal["true", "false"] | None = None


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood of so many alarms; `peak` is the most within ten minutes."""

    began: datetime
    ended: datetime
    alarms: int
    peak: int


@dataclass(frozen=True, slots=True)
class BadActor:
    """One rule at one site, its alarms and their share of all."""

    site: str
    rule: str
    alarms: int
    share: float


@dataclass(frozen=True, slots=True)
class Answering:
    """How soon alarms are acknowledged: seconds, and the share within the time to respond of their rule."""

    acknowledged: int
    unacknowledged: int
    median_s: float | None
    p90_s: float | None
    in_time: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a span. Shares are 0–1, None where there is nothing to divide by."""

    first: datetime
    last: datetime
    days: float
    alarms: int
    muted: int
    inspectors: int
    per_inspector_day: float | None
    by_priority: Mapping[str, int]
    daily: Sequence[tuple[str, int, int]]
    floods: Sequence[Flood]
    flood_share: float
    stale: Sequence[Occurrence]
    chattering: Sequence[tuple[str, str, int]]
    top: Sequence[BadActor]
    top_share: float | None
    answering: Answering
    again: float | None
    returned: int
    false_share: float | None
    answered: int
    enough: bool
    advice: Sequence[Advice]


def figures(
    occurrences: Iterable[Occurrence], first: datetime, last: datetime, inspectors: int, zone: str = HOME_ZONE
) -> Figures:
    """The figures of [`first`, `last`).

    Parameters
    ----------
    occurrences : alarms of one group of sites, raised in the span or still active in it
    inspectors : how many people share them
    zone : whose days they are counted by

    """
    every = sorted(occurrences, key=lambda each: (each.raised_at, each.id))
    raised = [each for each in every if first <= each.raised_at < last]
    told = [each for each in raised if not each.muted]
    days = (last - first) / timedelta(days=1)
    flooded = floods([each.raised_at for each in told])
    top = bad_actors(told)
    again, returned = re_alarms(told, last)
    answers = [each.answer for each in raised if each.answer is not None]
    found = Figures(
        first=first,
        last=last,
        days=days,
        alarms=len(told),
        muted=len(raised) - len(told),
        inspectors=inspectors,
        per_inspector_day=len(told) / inspectors / days if inspectors and days else None,
        by_priority={name: sum(each.priority == name for each in told) for name in ("high", "medium", "low")},
        daily=daily(raised, first, last, zone),
        floods=flooded,
        flood_share=sum(((f.ended - f.began) / (last - first) for f in flooded), 0.0),
        stale=stale(every, last),
        chattering=chattering(told),
        top=top,
        top_share=sum(each.share for each in top) if top else None,
        answering=answering(told),
        again=again,
        returned=returned,
        false_share=answers.count("false") / len(answers) if answers else None,
        answered=len(answers),
        enough=days >= ENOUGH_DAYS,
        advice=(),
    )
    return _advised(found)


def floods(raised: Sequence[datetime]) -> list[Flood]:
    """The floods among instants in order: begun above 10 within 10 minutes, ended below 5."""
    found: list[Flood] = []
    index, low = 0, 0
    while index < len(raised):
        while raised[low] <= raised[index] - FLOOD_WINDOW:
            low += 1
        if index - low + 1 <= FLOOD_BEGINS_ABOVE:
            index += 1
            continue
        flood, index = _flood(raised, low, index)
        found.append(flood)
        low = index if index < len(raised) else low
        index = max(index, low)
    return found


def _flood(raised: Sequence[datetime], low: int, index: int) -> tuple[Flood, int]:
    """The flood that begins with the alarm at `index`, and the first alarm after it; `low` opens its window."""
    first, begun, peak = low, raised[index], 0
    while True:
        while raised[low] <= raised[index] - FLOOD_WINDOW:
            low += 1
        peak = max(peak, index - low + 1)
        # It ends when the fifth newest alarm is ten minutes old, unless another came before.
        ends = raised[index - FLOOD_ENDS_BELOW + 1] + FLOOD_WINDOW
        if index + 1 == len(raised) or raised[index + 1] >= ends:
            return Flood(begun, max(ends, raised[index]), index - first + 1, peak), index + 1
        index += 1


def stale(occurrences: Iterable[Occurrence], now: datetime) -> list[Occurrence]:
    """What has been active for more than a day at `now`, oldest first."""
    return [
        each
        for each in occurrences
        if now - each.raised_at > STALE_AFTER
        and (each.returned_at is None or each.returned_at > now)
        and not each.muted
    ]


def chattering(occurrences: Sequence[Occurrence]) -> list[tuple[str, str, int]]:
    """(site, rule, alarms) of conditions with three alarms or more within a minute, the worst first."""
    of_condition: dict[str, list[Occurrence]] = {}
    for each in occurrences:
        of_condition.setdefault(each.condition, []).append(each)
    found = []
    for several in of_condition.values():
        pairs = zip(several, several[CHATTER_COUNT - 1 :], strict=False)
        if any(later.raised_at - earlier.raised_at <= CHATTER_WINDOW for earlier, later in pairs):
            found.append((several[0].site, several[0].rule, len(several)))
    return sorted(found, key=lambda each: (-each[2], each[0], each[1]))


def bad_actors(occurrences: Sequence[Occurrence]) -> list[BadActor]:
    """The ten (site, rule) with most alarms, and their share of all."""
    counted = Counter((each.site, each.rule) for each in occurrences)
    worst = sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:TOP]
    return [BadActor(site, rule, count, count / len(occurrences)) for (site, rule), count in worst]


def answering(occurrences: Sequence[Occurrence]) -> Answering:
    """How soon they were acknowledged, of those that were."""
    waited = [
        ((each.acknowledged_at - each.raised_at).total_seconds(), each.respond_within_s)
        for each in occurrences
        if each.acknowledged_at is not None
    ]
    seconds = sorted(wait for wait, _ in waited)
    return Answering(
        acknowledged=len(waited),
        unacknowledged=len(occurrences) - len(waited),
        median_s=median(seconds) if seconds else None,
        p90_s=quantiles(seconds * 2 if len(seconds) == 1 else seconds, n=10, method="inclusive")[-1]
        if seconds
        else None,
        in_time=sum(wait <= within for wait, within in waited) / len(waited) if waited else None,
    )


def re_alarms(occurrences: Sequence[Occurrence], now: datetime) -> tuple[float | None, int]:
    """The share of returned alarms whose condition came back within 7 days, and how many that is a share of.

    One that returned less than 7 days ago counts only if it came back already.
    """
    following: dict[str, datetime] = {}
    again = counted = 0
    for each in reversed(occurrences):
        after = following.get(each.condition)
        following[each.condition] = each.raised_at
        if each.returned_at is None or each.returned_at > now:
            continue
        came_back = after is not None and after - each.returned_at <= AGAIN_WITHIN
        if came_back or now - each.returned_at >= AGAIN_WITHIN:
            counted += 1
            again += came_back
    return (again / counted if counted else None), counted


def daily(occurrences: Iterable[Occurrence], first: datetime, last: datetime, zone: str) -> list[tuple[str, int, int]]:
    """(day, told, muted) of each day of the span by a zone's calendar."""
    info = ZoneInfo(zone)
    told: Counter[str] = Counter()
    muted: Counter[str] = Counter()
    for each in occurrences:
        (muted if each.muted else told)[f"{each.raised_at.astimezone(info):%Y-%m-%d}"] += 1
    day, end = first.astimezone(info).date(), (last - timedelta(microseconds=1)).astimezone(info).date()
    days = [day + timedelta(days=n) for n in range((end - day).days + 1)]
    return [(f"{each}", told[f"{each}"], muted[f"{each}"]) for each in days]


def _advised(found: Figures) -> Figures:
    """What the figures say should be changed."""
    rate, high = found.per_inspector_day, found.by_priority["high"]
    wrong: dict[Advice, bool] = {
        "too_many": rate is not None and rate > TARGETS["per_inspector_day"],
        "flood": found.flood_share > TARGETS["flood_share"],
        "stale": len(found.stale) >= TARGETS["stale"],
        "chattering": len(found.chattering) > TARGETS["chattering"],
        "top": found.top_share is not None and found.alarms >= 20 * TOP and found.top_share > TARGETS["top_share"],
        "again": found.again is not None and found.again > 0.3,
        "slow": found.answering.in_time is not None and found.answering.in_time < 0.8,
        "false_alarms": found.false_share is not None and found.answered >= 5 and found.false_share > 0.2,
        "priorities": found.alarms >= 20 and high / found.alarms > 3 * TARGETS["priority_high"],
        "muted": found.muted > found.alarms,
    }
    return Figures(
        **{name: getattr(found, name) for name in Figures.__slots__ if name != "advice"},
        advice=[name for name, is_wrong in wrong.items() if is_wrong],
    )
