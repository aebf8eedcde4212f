"""Working days of mainland China: weekends, public holidays, and 调休 (weekend days worked in exchange).

行政处罚法 Art 85: where that law says two, three, five or seven days, working days are meant. Which days those are
the State Council announces year by year; the announcements come from the library `chinesecalendar`. A year that it
does not hold has no answer here: `CalendarNotPublishedError`, or a `Counted` that names the year and says that
Monday to Friday were counted instead. Nothing guesses in silence.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

import chinese_calendar
from chinese_calendar import constants

FIRST_YEAR: Final[int] = min(constants.holidays).year
LAST_YEAR: Final[int] = max(constants.holidays).year
"""The years whose announcement is known, both included."""

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


class CalendarNotPublishedError(LookupError):
    """The holidays of a year are not known (yet)."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            f"the working days of {year} are not published in the calendar that is installed, which knows "
            f"{FIRST_YEAR} to {LAST_YEAR}: install a newer chinesecalendar once the State Council has announced them"
        )


class Counted(NamedTuple):
    """The last day of a period, and the first year that had to be counted Monday to Friday, None where none had."""

    day: date
    unpublished: int | None


def is_published(day: date) -> bool:
    """Whether the working days of this day's year are known."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def is_working_day(day: date) -> bool:
    """Whether people work on this day, 调休 included. Raises `CalendarNotPublishedError`."""
    if not is_published(day):
        raise CalendarNotPublishedError(day.year)
    return bool(chinese_calendar.is_workday(day))


def is_weekday(day: date) -> bool:
    """Whether it is Monday to Friday: all that can be said of a year that is not published."""
    return day.weekday() < _SATURDAY


def add_working_days(start: date, days: int) -> date:
    """The last day of a period of so many working days; the day it starts on is not counted [design].

    Raises `CalendarNotPublishedError` where the period reaches into a year that is not published.
    """
    day, unpublished = count_working_days(start, days)
    if unpublished is not None:
        raise CalendarNotPublishedError(unpublished)
    return day


def count_working_days(start: date, days: int) -> Counted:
    """As `add_working_days`, but always a day: where a year is not published, Monday to Friday count, and it says so.

    Raises `ValueError` for less than one day.
    """
    if days < 1:
        raise ValueError(f"a period of {days} working days: must be at least 1")
    day, unpublished = start, None
    while days:
        day += _DAY
        if is_published(day):
            days -= is_working_day(day)
        else:
            unpublished = unpublished or day.year
            days -= is_weekday(day)
    return Counted(day, unpublished)


def working_days_between(first: date, last: date) -> int:
    """How many working days there are after `first` up to and including `last`; negative where `last` is earlier.

    Raises `CalendarNotPublishedError` where a year between them is not published.
    """
    if last < first:
        return -working_days_between(last, first)
    return sum(is_working_day(first + each * _DAY) for each in range(1, (last - first).days + 1))
