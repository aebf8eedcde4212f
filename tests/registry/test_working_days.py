"""Working days against announcements that anybody can look up, and their laws over three years."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import working_days
from registry.working_days import CalendarNotPublishedError

# Three years whose announcements differ: 2025 began with new rules of two more days off.
THREE_YEARS = st.dates(date(2024, 1, 1), date(2026, 6, 30))
PERIODS = st.integers(1, 90)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2024, 2, 10), False),  # 春节, a Saturday
        (date(2024, 2, 12), False),  # 春节, a Monday
        (date(2024, 2, 18), True),  # 春节调休, a Sunday
        (date(2024, 10, 12), True),  # 国庆节调休, a Saturday
        (date(2025, 1, 26), True),  # 春节调休, a Sunday
        (date(2025, 5, 5), False),  # 劳动节, a Monday
        (date(2025, 10, 8), False),  # 国庆节、中秋节, a Wednesday
        (date(2026, 2, 14), True),  # 春节调休, a Saturday
        (date(2026, 10, 10), True),  # 国庆节调休, a Saturday
        (date(2026, 11, 22), False),  # a plain Sunday
        (date(2026, 11, 23), True),  # a plain Monday
    ],
)
def test_announced_days(day: date, works: bool) -> None:
    """Days off and days worked in exchange are those of the State Council's announcements."""
    assert working_days.is_working_day(day) is works


def test_a_period_over_the_spring_festival() -> None:
    """Five working days from 2024-02-09 end on 2024-02-22: the festival is passed over, Sunday 18th counts."""
    assert working_days.add_working_days(date(2024, 2, 9), 5) == date(2024, 2, 22)


@given(THREE_YEARS, PERIODS)
def test_a_period_ends_on_its_last_working_day(start: date, days: int) -> None:
    """The period's last day is worked, lies after its start, and holds exactly so many working days."""
    end = working_days.add_working_days(start, days)
    assert working_days.is_working_day(end)
    assert working_days.working_days_between(start, end) == days
    assert working_days.working_days_between(start, end - timedelta(days=1)) == days - 1


@given(THREE_YEARS, PERIODS, st.integers(0, 30))
def test_a_later_start_never_ends_earlier(start: date, days: int, later: int) -> None:
    """Deadlines keep the order of what started them."""
    other = working_days.add_working_days(start + timedelta(days=later), days)
    assert other >= working_days.add_working_days(start, days)


@given(THREE_YEARS, st.integers(1, 45), st.integers(1, 45))
def test_periods_add_up(start: date, first: int, second: int) -> None:
    """A period after a period is one period as long as both."""
    between = working_days.add_working_days(start, first)
    assert working_days.add_working_days(between, second) == working_days.add_working_days(start, first + second)


@given(THREE_YEARS, st.integers(-60, 60))
def test_counting_backwards_mirrors_counting_forwards(start: date, days: int) -> None:
    """How far a deadline has passed is counted as how far it lay ahead."""
    other = start + timedelta(days=days)
    assert working_days.working_days_between(start, other) == -working_days.working_days_between(other, start)


def test_a_year_without_announcement_has_no_answer() -> None:
    """Beyond the calendar nothing is guessed: the error names the year, and a count says what it counted instead."""
    beyond = date(working_days.LAST_YEAR + 1, 3, 4)
    with pytest.raises(CalendarNotPublishedError, match=str(beyond.year)):
        working_days.is_working_day(beyond)
    new_years_eve = date(working_days.LAST_YEAR, 12, 31)
    with pytest.raises(CalendarNotPublishedError, match=str(beyond.year)):
        working_days.add_working_days(new_years_eve, 3)
    counted = working_days.count_working_days(new_years_eve, 3)
    assert counted.unpublished == beyond.year
    assert working_days.is_weekday(counted.day)
    assert working_days.count_working_days(date(2025, 9, 30), 1).unpublished is None


def test_a_period_of_nothing_is_refused() -> None:
    """A deadline of no days is a mistake, not the day itself."""
    with pytest.raises(ValueError, match="0 working days"):
        working_days.add_working_days(date(2025, 1, 1), 0)
