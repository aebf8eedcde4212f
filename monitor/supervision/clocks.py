"""The clocks of a case: what each allows, where that is written, and when it ends.

A clock starts on a local day of the site, which is not counted [design], and ends with the end of its last day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from registry.working_days import Counted, count_working_days, is_published

BY_A_PERSON: Final = "set"
"""Name of the clock whose last day a person set."""


class Unit(StrEnum):
    """What a clock counts."""

    WORKING = "working"
    CALENDAR = "calendar"


class Sure(StrEnum):
    """How sure a clock's value is, as the project's list of sources marks it."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    MEMORY = "memory"
    DESIGN = "design"


@dataclass(frozen=True, slots=True)
class Clock:
    """So many days. `months`: the stricter of the days and so many calendar months holds."""

    name: str
    days: int
    unit: Unit
    sure: Sure
    source: str = ""
    months: int | None = None


CLOCKS: Final[Mapping[str, Clock]] = MappingProxyType(
    {
        clock.name: clock
        for clock in (
            Clock("assess", 2, Unit.WORKING, Sure.DESIGN),
            Clock("verify", 5, Unit.WORKING, Sure.DESIGN),
            Clock("recheck", 10, Unit.WORKING, Sure.DESIGN),
            Clock("conclude", 5, Unit.WORKING, Sure.DESIGN),
            # 立案 within 7 days of finding, recalled only; no text says working days, so calendar days: the stricter.
            Clock("file", 7, Unit.CALENDAR, Sure.MEMORY, "卫生行政处罚程序"),
            # 90 days of 立案, and 3 months by the health procedure: the stricter holds.
            Clock("decide", 90, Unit.CALENDAR, Sure.PRIMARY, "行政处罚法 第60条", months=3),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A clock that runs: from which local day, how long, and until when.

    `day` is the last local day and `at` its end. `unpublished` names the first year whose working days were counted
    Monday to Friday, because the calendar of that year is not published yet. `days` is None where a person set the day.
    """

    clock: str
    start: date
    days: int | None
    day: date
    at: datetime
    unpublished: int | None = None


def start(name: str, at: datetime, zone: str) -> Deadline:
    """A clock that starts at an instant (aware) at a site in `zone`. Raises `KeyError` for a clock that is none."""
    clock = CLOCKS[name]
    first = at.astimezone(ZoneInfo(zone)).date()
    counted = _last_day(clock, first, clock.days)
    return Deadline(name, first, clock.days, counted.day, end_of(counted.day, zone), counted.unpublished)


def until(day: date, at: datetime, zone: str) -> Deadline:
    """A deadline whose last local day a person set."""
    return Deadline(BY_A_PERSON, at.astimezone(ZoneInfo(zone)).date(), None, day, end_of(day, zone))


def recounted(deadline: Deadline, zone: str) -> Deadline:
    """The deadline by what is published now; the same one where nothing of it waited for a calendar, or still does."""
    if deadline.unpublished is None or deadline.days is None or not is_published(date(deadline.unpublished, 1, 1)):
        return deadline
    counted = _last_day(CLOCKS[deadline.clock], deadline.start, deadline.days)
    return Deadline(
        deadline.clock, deadline.start, deadline.days, counted.day, end_of(counted.day, zone), counted.unpublished
    )


def end_of(day: date, zone: str) -> datetime:
    """The end of a local day: the first instant of the next."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


def _last_day(clock: Clock, first: date, days: int) -> Counted:
    if clock.unit is Unit.WORKING:
        return count_working_days(first, days)
    last = first + timedelta(days=days)
    if clock.months is not None:
        last = min(last, _months_after(first, clock.months))
    return Counted(last, None)


def _months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))
