"""Clocks of notification for any instant: working hours, escalation, quiet hours, digests."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.notify.dry_run import when_reached
from monitor.notify.hours import elapsed, in_hours, next_boundary, quiet_until, reached, works
from monitor.notify.model import Office, Quiet, Role, Step

ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin", "America/St_Johns")
OFFICE = Office()
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds
spans = st.timedeltas(timedelta(), timedelta(days=12))
zones = st.sampled_from(ZONES)
times = st.times().map(lambda each: each.replace(microsecond=0))


def test_the_state_councils_calendar_decides_what_a_working_day_is() -> None:
    """National day is none; the Saturday worked in exchange is one; a year not announced counts Monday to Friday."""
    assert not works(date(2026, 10, 1))
    assert works(date(2026, 10, 10))  # 调休
    assert works(date(2040, 1, 2))
    assert not works(date(2040, 1, 1))


@settings(max_examples=50, deadline=None)
@given(instants, spans, spans, zones)
def test_time_adds_up(begin: datetime, first: timedelta, second: timedelta, zone: str) -> None:
    """Working time and the rest are all the time, and those of two parts are those of the whole."""
    middle, end = begin + first, begin + first + second
    within, outside = elapsed(begin, end, zone, OFFICE)
    assert within + outside == end - begin
    one, two = elapsed(begin, middle, zone, OFFICE), elapsed(middle, end, zone, OFFICE)
    assert (one[0] + two[0], one[1] + two[1]) == (within, outside)


@settings(max_examples=50, deadline=None)
@given(instants, spans, zones, st.integers(0, 600), st.none() | st.integers(0, 600))
def test_a_step_that_was_reached_stays_reached(
    begin: datetime, passed: timedelta, zone: str, minutes: int, off: int | None
) -> None:
    """Waiting longer never takes a step back, but for one that tells at once in the office and at no time outside."""
    after_off = None if off is None else timedelta(minutes=off)
    step = Step(Role.INSPECTOR, timedelta(minutes=minutes), after_off)
    now = begin + passed
    if reached(step, begin, now, zone, OFFICE) and minutes and off != 0:
        assert reached(step, begin, now + timedelta(hours=1), zone, OFFICE)


@settings(max_examples=50, deadline=None)
@given(instants, zones, st.integers(1, 240), st.none() | st.integers(1, 240))
def test_the_dry_run_finds_the_very_moment(begin: datetime, zone: str, minutes: int, off: int | None) -> None:
    """A second before it the step is not due, and from it on it is."""
    step = Step(Role.SECTION_HEAD, timedelta(minutes=minutes), None if off is None else timedelta(minutes=off))
    at = when_reached(step, begin, zone, OFFICE)
    assert at is not None
    assert reached(step, begin, at + timedelta(seconds=1), zone, OFFICE)
    assert not reached(step, begin, at - timedelta(seconds=2), zone, OFFICE)


@settings(max_examples=50, deadline=None)
@given(instants, zones, times, times, st.sampled_from(("high", "medium", "low")))
def test_quiet_hours_end(now: datetime, zone: str, begin: time, end: time, priority: str) -> None:
    """What is held is held for less than a day, until the clock on the wall shows the end; high comes through."""
    until = quiet_until(Quiet(begin, end), priority, now, zone)
    if until is None:
        local = now.astimezone(ZoneInfo(zone)).time()
        inside = begin <= local < end if begin < end else local >= begin or local < end
        assert priority == "high" or begin == end or not inside
    else:
        assert priority != "high"
        assert now < until <= now + timedelta(hours=25)  # a day of 25 hours when clocks are set back
        shown = until.astimezone(ZoneInfo(zone)).time()
        assert shown == end or _skipped(until, zone)


def _skipped(at: datetime, zone: str) -> bool:
    """Whether clocks are set forward near an instant: then a time of the wall is left out."""
    info = ZoneInfo(zone)
    before, after = (at - timedelta(hours=3)).astimezone(info), (at + timedelta(hours=3)).astimezone(info)
    return before.utcoffset() != after.utcoffset()


@settings(max_examples=50, deadline=None)
@given(instants, zones, st.sampled_from((300, 900, 3600, 7200)))
def test_digests_have_their_times(after: datetime, zone: str, seconds: int) -> None:
    """The next boundary is ahead, and no farther than a period."""
    period = timedelta(seconds=seconds)
    at = next_boundary(after, period, zone)
    assert after < at <= after + period


def test_working_hours_are_those_of_the_place() -> None:
    """At 09:00 in Nantong the office is open there, and closed two hours to the west."""
    nine = datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert in_hours(nine, "Asia/Shanghai", OFFICE)
    assert not in_hours(nine, "Asia/Urumqi", OFFICE)
