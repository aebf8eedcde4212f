"""Trend charts: mean line in the envelope of minimum and maximum, the limit band shaded, alarms marked.

One figure with a panel an indicator and one shared cursor.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.formatting import parse
from dashboard.language import t
from dashboard.look import FILL
from dashboard.shapes import Alarm, Channel, Limit, Points, Series
from dashboard.widgets.panels import (
    blank,
    limit_band,
    limit_bounds,
    marks,
    mean_line,
    name_of_panel,
    shifted_ms,
    time_axis,
    value_axis,
)

PANEL_PX: Final = 172
TOP_PX: Final = 30
COLUMNS: Final = 2
ENVELOPE: Final = "rgba(31,95,168,.18)"


def chart(
    channels: Sequence[Channel],
    series: Mapping[int, Series],
    alarms: Sequence[Alarm],
    *,
    since: datetime,
    until: datetime,
    zone: str,
) -> tuple[dict[str, Any], int]:
    """The ECharts option and its height in pixels."""
    info = ZoneInfo(zone)
    rows = -(-len(channels) // COLUMNS)
    option = blank()
    option["tooltip"]["axisPointer"] = {"type": "line"}
    for place, channel in enumerate(channels):
        found = series.get(channel["id"])
        points = found["points"] if found else Points(ts=[], min=[], max=[], mean=[], count=[], beyond=[])
        bucket_s = found["bucket_s"] if found else 0.0
        _panel(option, place, channel)
        option["xAxis"].append(time_axis(place, shifted_ms(since, info), shifted_ms(until, info), _TIME_LABEL))
        bottom, top = _extent(channel, points)
        option["yAxis"].append(value_axis(place, bottom, top))
        mine = [alarm for alarm in alarms if alarm["channel_id"] == channel["id"]]
        option["series"] += _lines(place, channel, points, bucket_s, info)
        option["series"].append(_marks(place, channel["limit"], (bottom, top), mine, until, info))
    return option, rows * PANEL_PX + 10


def _panel(option: dict[str, Any], place: int, channel: Channel) -> None:
    row, column = divmod(place, COLUMNS)
    left = f"{column * 50 + (4.2 if column == 0 else 4.6)}%"
    top = row * PANEL_PX
    option["grid"].append({"left": left, "width": "43.5%", "top": top + TOP_PX, "height": PANEL_PX - TOP_PX - 30})
    option["title"].append(name_of_panel(channel["indicator"], f"{column * 50 + 1}%", top + 4, 600))


_TIME_LABEL: Final = {
    "color": "#64748b",
    "formatter": {
        "year": "{yyyy}",
        "month": "{yyyy}-{MM}",
        "day": "{MM}-{dd}",
        "hour": "{HH}:{mm}",
        "minute": "{HH}:{mm}",
        "second": "{HH}:{mm}:{ss}",
        "none": "{MM}-{dd} {HH}:{mm}",
    },
}


def _extent(channel: Channel, points: Points) -> tuple[float, float]:
    """Bottom and top of a panel: the data and the limits, with a margin."""
    bounds = limit_bounds(channel["limit"])
    low = min([*points["min"], *bounds], default=0.0)
    high = max([*points["max"], *bounds], default=1.0)
    margin = max((high - low) * 0.12, 10.0 ** -channel["precision"] * 2)
    bottom = max(0.0, low - margin) if low >= 0 else low - margin
    return round(bottom, channel["precision"]), round(high + margin, channel["precision"])


def _lines(place: int, channel: Channel, points: Points, bucket_s: float, zone: ZoneInfo) -> list[dict[str, Any]]:
    times = [shifted_ms(parse(ts), zone) for ts in points["ts"]]
    gap_ms = max(3 * bucket_s, 300.0) * 1000
    names = [t("trend.mean"), t("trend.min"), t("trend.max")]
    precision = channel["precision"] + (1 if bucket_s else 0)
    rows: list[list[float | int | None]] = []
    for index, at in enumerate(times):
        if index and at - times[index - 1] > gap_ms:
            rows.append([times[index - 1] + 1, None, None, None])  # breaks the line where data are missing
        values = (points["mean"][index], points["min"][index], points["max"][index])
        rows.append([at, *(round(value, precision) for value in values)])
    shared = {"type": "line", "xAxisIndex": place, "yAxisIndex": place, "showSymbol": False, "silent": True}
    mean = {
        **mean_line(place, channel["indicator"], channel["precision"], rows),
        "silent": True,
        "dimensions": [t("trend.time"), *names],
        "encode": {"x": 0, "y": 1, "tooltip": [1, 2, 3] if bucket_s else [1]},
    }
    if not bucket_s:
        return [mean]
    hidden = {
        "lineStyle": {"opacity": 0},
        "tooltip": {"show": False},
        "stack": f"envelope-{place}",
        "stackStrategy": "all",
    }
    base = {**shared, **hidden, "data": [[row[0], row[2]] for row in rows]}
    width = {
        **shared,
        **hidden,
        "data": [[row[0], None if row[2] is None or row[3] is None else row[3] - row[2]] for row in rows],
        "areaStyle": {"color": ENVELOPE},
    }
    return [base, width, mean]


def _marks(
    place: int,
    limit: Limit | None,
    extent: tuple[float, float],
    alarms: Sequence[Alarm],
    until: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The limit band, its edges, and the alarms' time."""
    areas = limit_band(limit, *extent)
    lines: list[dict[str, Any]] = []
    if limit is not None:
        colour = FILL["advice"] if limit["force"] == "recommended" else FILL["ok"]
        edge = {"color": colour, "type": "dashed", "width": 1}
        lines += [{"yAxis": bound, "lineStyle": edge} for bound in limit_bounds(limit)]
    for alarm in alarms:
        began = shifted_ms(parse(alarm["since"]), zone)
        ended = shifted_ms(parse(alarm["returned_at"]) if alarm["returned_at"] else until, zone)
        areas.append([{"xAxis": began, "itemStyle": {"color": "rgba(208,58,58,.13)"}}, {"xAxis": ended}])
        raised = {"color": FILL[alarm["priority"]], "width": 1.5, "type": "solid"}
        lines.append({"xAxis": shifted_ms(parse(alarm["raised_at"]), zone), "lineStyle": raised})
    return marks(place, areas, lines)
