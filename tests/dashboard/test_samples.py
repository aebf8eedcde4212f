"""The form for manual results."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dashboard.screens.samples import usual_time

SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(st.datetimes(timezones=st.just(SHANGHAI)))
def test_the_time_offered_first_is_never_yet_to_come(now: datetime) -> None:
    """Whoever opens the form before nine in the morning can save it as it stands; afterwards nine is offered."""
    offered = datetime.combine(now.date(), usual_time(now), SHANGHAI)
    assert offered <= now
    assert now.hour < 9 or offered.hour == 9
