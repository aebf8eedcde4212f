"""Opening hours in the site's zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.opening import MINUTES_A_DAY, OpeningHours, minute_of_week

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@given(
    at=st.integers(946_684_800, 2_145_830_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(ZONES),
)
def test_the_array_function_agrees_with_the_calendar(at: datetime, zone: str) -> None:
    """For any instant and zone the minute of the week is the one a wall clock and a calendar show."""
    local = at.astimezone(ZoneInfo(zone))
    expected = local.weekday() * MINUTES_A_DAY + local.hour * 60 + local.minute
    instant = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert minute_of_week(np.array([instant]), zone)[0] == expected


@pytest.mark.parametrize(
    ("utc", "local_hour"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), 1),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), 3),  # clocks go forward
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), 2),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), 2),  # clocks go back
    ],
)
def test_the_days_on_which_clocks_change(utc: datetime, local_hour: int) -> None:
    """On the two days of a daylight-saving change the local hour jumps exactly when the zone's clock does."""
    minute = minute_of_week(np.array([int(utc.timestamp()) * 1_000_000]), "Europe/Berlin")[0]
    assert minute % MINUTES_A_DAY // 60 == local_hour


@given(opens=st.integers(0, 1438), length=st.integers(1, 1439), minute=st.integers(0, 7 * MINUTES_A_DAY - 1))
def test_table_and_single_question_agree(opens: int, length: int, minute: int) -> None:
    """The minute table and `is_open` say the same for every minute of a week."""
    hours = OpeningHours.daily(opens, min(opens + length, MINUTES_A_DAY))
    at = datetime(2026, 11, 2, tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(minutes=minute)
    assert hours.is_open(at, "Asia/Shanghai") == bool(hours.minute_table()[minute])


@pytest.mark.parametrize("interval", [(600, 600), (-1, 5), (0, 1441), (700, 600)])
def test_an_impossible_interval_is_refused(interval: tuple[int, int]) -> None:
    """An interval that is empty or leaves the day is refused with its weekday and figures."""
    with pytest.raises(ValueError, match="weekday 0"):
        OpeningHours.daily(*interval)
