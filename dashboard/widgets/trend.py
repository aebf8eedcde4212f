"""Trend charts: mean line in the envelope of minimum and maximum, the limit band shaded, alarms marked.

One figure with a panel an indicator and one shared cursor. Times are drawn in the site's zone: ECharts knows
only the browser's zone and UTC, so instants are shifted by the zone's offset and drawn as UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.formatting import parse
from dashboard.language import indicator, t, unit_of
from dashboard.look import FILL
from dashboard.shapes import Alarm, Channel, Limit, Points, Series

PANEL_PX: Final = 172
TOP_PX: Final = 30
COLUMNS: Final = 2
LINE: Final = "#1f5fa8"
ENVELOPE: Final = "rgba(31,95,168,.18)"
BAND: Final = "rgba(60,157,107,.13)"


def shifted_ms(moment: datetime, zone: ZoneInfo) -> int:
    """Milliseconds that, read as UTC, show the zone's wall clock."""
    local = moment.astimezone(zone)
    return int(local.replace(tzinfo=ZoneInfo("UTC")).timestamp() * 1000)


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
    option: dict[str, Any] = {
        "useUTC": True,
        "animation": False,
        "backgroundColor": "#ffffff",
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}, "textStyle": {"fontSize": 12}},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "title": [],
        "grid": [],
        "xAxis": [],
        "yAxis": [],
        "series": [],
    }
    for place, channel in enumerate(channels):
        found = series.get(channel["id"])
        points = found["points"] if found else Points(ts=[], min=[], max=[], mean=[], count=[], beyond=[])
        bucket_s = found["bucket_s"] if found else 0.0
        _panel(option, place, channel)
        option["xAxis"].append(_time_axis(place, shifted_ms(since, info), shifted_ms(until, info)))
        bottom, top = _extent(channel, points)
        option["yAxis"].append(_value_axis(place, bottom, top))
        mine = [alarm for alarm in alarms if alarm["channel_id"] == channel["id"]]
        option["series"] += _lines(place, channel, points, bucket_s, info)
        option["series"].append(_marks(place, channel["limit"], (bottom, top), mine, until, info))
    return option, rows * PANEL_PX + 10


def _panel(option: dict[str, Any], place: int, channel: Channel) -> None:
    row, column = divmod(place, COLUMNS)
    left = f"{column * 50 + (4.2 if column == 0 else 4.6)}%"
    top = row * PANEL_PX
    option["grid"].append({"left": left, "width": "43.5%", "top": top + TOP_PX, "height": PANEL_PX - TOP_PX - 30})
    option["title"].append(
        {
            "text": f"{indicator(channel['indicator'])}  {{unit|{unit_of(channel['indicator'])}}}",
            "left": f"{column * 50 + 1}%",
            "top": top + 4,
            "textStyle": {
                "fontSize": 12.5,
                "fontWeight": 600,
                "color": "#1d2733",
                "rich": {"unit": {"color": "#64748b", "fontSize": 11.5, "fontWeight": 400}},
            },
        }
    )


def _time_axis(place: int, start: int, end: int) -> dict[str, Any]:
    return {
        "type": "time",
        "gridIndex": place,
        "min": start,
        "max": end,
        "axisLabel": {"fontSize": 10.5, "hideOverlap": True, "color": "#64748b", "formatter": _TIME_FORMAT},
        "splitLine": {"show": False},
        "axisLine": {"lineStyle": {"color": "#c5cfd9"}},
    }


_TIME_FORMAT: Final = {
    "year": "{yyyy}",
    "month": "{yyyy}-{MM}",
    "day": "{MM}-{dd}",
    "hour": "{HH}:{mm}",
    "minute": "{HH}:{mm}",
    "second": "{HH}:{mm}:{ss}",
    "none": "{MM}-{dd} {HH}:{mm}",
}


def _extent(channel: Channel, points: Points) -> tuple[float, float]:
    """Bottom and top of a panel: the data and the limits, with a margin."""
    bounds = limit_bounds(channel["limit"])
    low = min([*points["min"], *bounds], default=0.0)
    high = max([*points["max"], *bounds], default=1.0)
    margin = max((high - low) * 0.12, 10.0 ** -channel["precision"] * 2)
    bottom = max(0.0, low - margin) if low >= 0 else low - margin
    return round(bottom, channel["precision"]), round(high + margin, channel["precision"])


def _value_axis(place: int, bottom: float, top: float) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": place,
        "min": bottom,
        "max": top,
        "splitNumber": 3,
        "axisLabel": {"fontSize": 10.5, "color": "#64748b", "showMinLabel": False, "showMaxLabel": False},
        "splitLine": {"lineStyle": {"color": "#eef2f5"}},
    }


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
    mean: dict[str, Any] = {
        **shared,
        "name": indicator(channel["indicator"]),
        "dimensions": [t("trend.time"), *names],
        "data": rows,
        "encode": {"x": 0, "y": 1, "tooltip": [1, 2, 3] if bucket_s else [1]},
        "lineStyle": {"width": 1.5, "color": LINE},
        "itemStyle": {"color": LINE},
        "z": 3,
        "tooltip": {"valueFormatter": f"%.{channel['precision']}f {unit_of(channel['indicator'])}"},
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


def limit_bounds(limit: Limit | None) -> list[float]:
    """The bounds a limit has: none, one or two."""
    return [] if limit is None else [bound for bound in (limit["lo"], limit["hi"]) if bound is not None]


def limit_band(limit: Limit | None, bottom: float, top: float) -> list[list[dict[str, Any]]]:
    """The area within the limit; a side the limit leaves open reaches to the edge of the panel."""
    if limit is None or not limit_bounds(limit):
        return []
    low = limit["lo"] if limit["lo"] is not None else bottom
    high = limit["hi"] if limit["hi"] is not None else top
    return [[{"yAxis": low, "itemStyle": {"color": BAND}}, {"yAxis": high}]]


def _marks(
    place: int,
    limit: Limit | None,
    extent: tuple[float, float],
    alarms: Sequence[Alarm],
    until: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """An empty series that carries the limit band, its edges, and the alarms' time."""
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
    return {
        "type": "line",
        "xAxisIndex": place,
        "yAxisIndex": place,
        "data": [],
        "silent": True,
        "markArea": {"silent": True, "data": areas},
        "markLine": {"silent": True, "symbol": ["none", "none"], "label": {"show": False}, "data": lines},
    }
