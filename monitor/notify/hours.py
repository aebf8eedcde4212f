"""Clocks of notification: working hours, how long somebody has had, quiet hours. All pure, by the zone's wall clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from monitor.notify.model import Office, Quiet, Step
from registry.working_days import is_published, is_weekday, is_working_day

LOOKED_BACK: Final = timedelta(days=31)
"""Nobody is told sooner because a step has been overdue for longer than this."""


@lru_cache(maxsize=4096)
def works(day: date) -> bool:
    """Whether people work on a day; Monday to Friday in a year whose holidays are not announced yet."""
    return is_working_day(day) if is_published(day) else is_weekday(day)


def in_hours(at: datetime, zone: str, office: Office) -> bool:
    """Whether an instant is within working hours of a zone."""
    local = at.astimezone(ZoneInfo(zone))
    return works(local.date()) and office.begin <= local.time() < office.end


def _working_spans(begin: datetime, end: datetime, zone: str, office: Office) -> Iterator[tuple[datetime, datetime]]:
    info = ZoneInfo(zone)
    day = begin.astimezone(info).date()
    while True:
        opens = datetime.combine(day, office.begin, info).astimezone(UTC)
        if opens >= end:
            return
        closes = datetime.combine(day, office.end, info).astimezone(UTC)
        if works(day) and closes > begin:
            yield max(opens, begin), min(closes, end)
        day += timedelta(days=1)


def elapsed(begin: datetime, end: datetime, zone: str, office: Office) -> tuple[timedelta, timedelta]:
    """Time between two instants within working hours, and outside them."""
    begin = max(begin, end - LOOKED_BACK)
    within = sum((stop - start for start, stop in _working_spans(begin, end, zone, office)), timedelta())
    return within, max(timedelta(), end - begin) - within


def reached(step: Step, begin: datetime, now: datetime, zone: str, office: Office | None) -> bool:
    """Whether a step's time has come, for a clock that began at `begin`.

    What passed within working hours counts as a share of `after`, what passed outside as a share of `after_off`;
    a clock that stands still outside (`after_off` None) goes on when the office opens. Without an `office` all time is
    working time.
    """
    if office is None:
        return now - begin >= step.after
    if in_hours(now, zone, office):
        if not step.after:
            return True
    elif step.after_off is not None and not step.after_off:
        return True
    within, outside = elapsed(begin, now, zone, office)
    share = within / step.after if step.after else float(within > timedelta())
    if step.after_off is not None:
        share += outside / step.after_off if step.after_off else float(outside > timedelta())
    return share >= 1


def quiet_until(quiet: Quiet | None, priority: str, now: datetime, zone: str) -> datetime | None:
    """When a message of a priority may go out: None for now, else the end of the quiet hours that `now` is in."""
    if quiet is None or priority in quiet.broken_by or quiet.begin == quiet.end:
        return None
    info = ZoneInfo(zone)
    local = now.astimezone(info)
    overnight = quiet.end < quiet.begin
    clock = local.time()
    inside = clock >= quiet.begin or clock < quiet.end if overnight else quiet.begin <= clock < quiet.end
    if not inside:
        return None
    day = local.date() + timedelta(days=1) if overnight and clock >= quiet.begin else local.date()
    return datetime.combine(day, quiet.end, info).astimezone(UTC)


def next_boundary(after: datetime, period: timedelta, zone: str) -> datetime:
    """The first instant after `after` that is a whole number of periods from the zone's midnight."""
    info = ZoneInfo(zone)
    local = after.astimezone(info)
    midnight = datetime.combine(local.date(), time(), info)
    passed = (after - midnight) // period
    # On the day of a change of clocks the periods are counted in time that really passes.
    return (midnight.astimezone(UTC) + (passed + 1) * period).astimezone(UTC)
