"""The clocks of a case over three years with their holidays and 调休, and beyond the published calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.supervision import clocks
from monitor.supervision.clocks import CLOCKS, Sure, Unit
from registry import working_days
from registry.catalogue import entries
from tests.supervision.stories import ZONE

ZONES = st.sampled_from([ZONE, "Asia/Urumqi", "Europe/Berlin", "America/New_York"])
MOMENTS = st.integers(0, 365 * 24 * 2 + 24 * 200).map(
    lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
)
WORKING = [name for name, clock in CLOCKS.items() if clock.unit is Unit.WORKING]


@pytest.mark.parametrize(
    ("name", "start", "last"),
    [
        ("assess", date(2024, 9, 30), date(2024, 10, 9)),  # 国庆节 ends on the 7th: the 8th and 9th count
        ("verify", date(2025, 1, 24), date(2025, 2, 7)),  # 春节 01-28 to 02-04: Sunday 01-26 is worked
        ("verify", date(2026, 2, 13), date(2026, 2, 27)),  # 春节: Saturday 02-14 is worked
        ("recheck", date(2025, 9, 26), date(2025, 10, 16)),  # 国庆节、中秋节: 09-28 and 10-11 are worked
        ("file", date(2024, 9, 30), date(2024, 10, 7)),  # calendar days run through the holiday
        ("decide", date(2026, 1, 5), date(2026, 4, 5)),  # 90 days, and 3 months is the same day
        ("decide", date(2026, 2, 1), date(2026, 5, 1)),  # 3 months, since 90 days would be 05-02
        ("decide", date(2026, 7, 1), date(2026, 9, 29)),  # 90 days, since 3 months would be 10-01
        ("decide", date(2025, 11, 30), date(2026, 2, 28)),  # a month without a 30th
    ],
)
def test_known_deadlines(name: str, start: date, last: date) -> None:
    """Deadlines counted by hand with the State Council's announcements."""
    at = datetime(start.year, start.month, start.day, 9, tzinfo=ZoneInfo(ZONE))
    assert clocks.start(name, at, ZONE).day == last


@given(st.sampled_from(WORKING), MOMENTS, ZONES)
def test_a_working_clock_holds_its_working_days_whatever_the_holidays(name: str, at: datetime, zone: str) -> None:
    """Its last day is worked, it holds exactly its days, and it ends when that day does on the site's wall."""
    found = clocks.start(name, at, zone)
    assert found.start == at.astimezone(ZoneInfo(zone)).date()
    assert working_days.is_working_day(found.day)
    assert working_days.working_days_between(found.start, found.day) == CLOCKS[name].days
    ends = found.at.astimezone(ZoneInfo(zone))
    assert (ends.date(), ends.hour, ends.minute) == (found.day + timedelta(days=1), 0, 0)


@given(st.sampled_from(sorted(CLOCKS)), MOMENTS, st.integers(0, 24 * 40))
def test_who_starts_later_never_ends_earlier(name: str, at: datetime, hours: int) -> None:
    """No holiday lets a later case overtake an earlier one."""
    later = at + timedelta(hours=hours)
    assert clocks.start(name, later, ZONE).at >= clocks.start(name, at, ZONE).at


@given(MOMENTS)
def test_the_stricter_of_days_and_months_holds(at: datetime) -> None:
    """90 days and three months: neither is ever exceeded, and one of them is used up."""
    found = clocks.start("decide", at, ZONE)
    taken = (found.day - found.start).days
    assert 89 <= taken <= 90
    months = (found.day.year - found.start.year) * 12 + found.day.month - found.start.month
    same_day = found.day.day == found.start.day or (found.day + timedelta(days=1)).day == 1
    assert taken == 90 or (months == 3 and same_day)


def test_a_year_that_is_not_published_is_said_and_set_right_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted Monday to Friday for now, named; once the calendar knows the year the deadline moves to the right day."""
    at = datetime(2025, 12, 30, 1, tzinfo=UTC)
    right = clocks.start("verify", at, ZONE)
    assert right.day == date(2026, 1, 7)  # 元旦 01-01 to 01-03; Sunday 01-04 is worked
    with monkeypatch.context() as patched:
        patched.setattr(working_days, "LAST_YEAR", 2025)
        waiting = clocks.start("verify", at, ZONE)
        assert (waiting.day, waiting.unpublished) == (date(2026, 1, 6), 2026)
        assert clocks.recounted(waiting, ZONE) == waiting, "still not published"
    assert clocks.recounted(waiting, ZONE) == right
    assert clocks.recounted(right, ZONE) is right


def test_a_day_that_a_person_set_is_never_recounted() -> None:
    """It is what was said to the venue."""
    set_by_hand = clocks.until(date(2027, 2, 1), datetime(2026, 12, 1, tzinfo=UTC), ZONE)
    assert set_by_hand.unpublished is None
    assert clocks.recounted(set_by_hand, ZONE) is set_by_hand


def test_every_clock_says_where_it_comes_from() -> None:
    """What is law names its source; what is not is called a default; each has a name in the catalogue."""
    for clock in CLOCKS.values():
        assert f"supervision.clock.{clock.name}" in entries()
        assert f"supervision.sure.{clock.sure.value}" in entries()
        assert bool(clock.source) != (clock.sure is Sure.DESIGN)
