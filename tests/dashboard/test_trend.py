from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from dashboard.shapes import Alarm, Channel, Limit, Series
from dashboard.widgets.indicator_cards import interval
from dashboard.widgets.panels import limit_band, shifted_ms
from dashboard.widgets.trend import chart

SHANGHAI = ZoneInfo("Asia/Shanghai")
SINCE, UNTIL = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)


def limit(lo: float | None, hi: float | None) -> Limit:
    """A binding limit."""
    return cast(Limit, {"lo": lo, "hi": hi, "lo_inclusive": True, "hi_inclusive": True, "force": "binding"})


CHANNEL = cast(
    Channel, {"id": 1, "indicator": "free_chlorine", "precision": 2, "limit": limit(0.3, 1.0), "unit": "mg/L"}
)


def series(times: list[str], values: list[float], bucket_s: float) -> Series:
    """Readings of channel 1."""
    low, high = [value - 0.1 for value in values], [value + 0.1 for value in values]
    points = {"ts": times, "min": low, "max": high, "mean": values, "count": [1] * len(times)}
    return cast(Series, {"channel_id": 1, "bucket_s": bucket_s, "points": points})


def drawn(found: Series, alarms: list[Alarm] | None = None) -> dict[str, Any]:
    """The chart of channel 1."""
    option, _ = chart([CHANNEL], {1: found}, alarms or [], since=SINCE, until=UNTIL, zone="Asia/Shanghai")
    return option


def test_chart_shows_the_sites_wall_clock() -> None:
    """Drawn as UTC, an instant shows the site's clock: 04:00 UTC is noon in Shanghai."""
    shown = datetime.fromtimestamp(shifted_ms(datetime(2026, 11, 22, 4, tzinfo=UTC), SHANGHAI) / 1000, UTC)
    assert (shown.hour, shown.day) == (12, 22)


def test_one_sided_limit_shades_the_allowed_side() -> None:
    """At most 1 NTU allows what lies below, at least 650 mV what lies above."""
    assert [edge["yAxis"] for edge in limit_band(limit(None, 1.0), 0.0, 2.0)[0]] == [0.0, 1.0]
    assert [edge["yAxis"] for edge in limit_band(limit(650.0, None), 600.0, 800.0)[0]] == [650.0, 800.0]
    assert limit_band(None, 0.0, 1.0) == []


def test_missing_data_break_the_line() -> None:
    """Between readings further apart than three buckets there is a gap, not a straight line."""
    found = series(["2026-11-21T00:00:00Z", "2026-11-21T00:10:00Z", "2026-11-21T02:00:00Z"], [0.5, 0.5, 0.6], 600)
    mean = drawn(found)["series"][2]["data"]
    assert [row[1] for row in mean] == [0.5, 0.5, None, 0.6]


def test_buckets_have_an_envelope_and_single_readings_none() -> None:
    """Minimum and maximum are drawn where a point stands for many readings."""
    times = ["2026-11-21T00:00:00Z", "2026-11-21T00:01:00Z"]
    assert len(drawn(series(times, [0.5, 0.5], 60))["series"]) == 4
    assert len(drawn(series(times, [0.5, 0.5], 0))["series"]) == 2


def test_axis_holds_limits_and_data() -> None:
    """The axis reaches over the limits even where the data are far inside, and never below zero for positive data."""
    axis = drawn(series(["2026-11-21T00:00:00Z"], [0.6], 0))["yAxis"][0]
    assert axis["min"] <= 0.3
    assert axis["min"] >= 0
    assert axis["max"] >= 1.0


def test_open_alarm_reaches_to_the_end_of_the_range() -> None:
    """An alarm that has not returned is shaded up to now and has a line where it was raised."""
    alarm = {"channel_id": 1, "since": "2026-11-21T20:00:00Z", "raised_at": "2026-11-21T20:10:00Z", "returned_at": None}
    marks = drawn(series([], [], 0), [cast(Alarm, alarm | {"priority": "high"})])["series"][-1]
    assert marks["markArea"]["data"][-1][1]["xAxis"] == shifted_ms(UNTIL, SHANGHAI)
    assert marks["markLine"]["data"][-1]["xAxis"] == shifted_ms(datetime(2026, 11, 21, 20, 10, tzinfo=UTC), SHANGHAI)


def test_limits_read_as_the_standard_writes_them() -> None:
    """As few decimals as the bounds need, with unit and the side that is open."""
    assert interval(limit(0.3, 1.0), "free_chlorine", 2) == "0.3–1.0 mg/L"
    assert interval(limit(None, 1.0), "turbidity", 2) == "≤ 1 NTU"
    assert interval(limit(650.0, None), "orp", 0) == "≥ 650 mV"
