"""The picture of an alarm: the channels of its place below one another on one time axis, those that spoke first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.formatting import parse
from dashboard.language import indicator, name_of, term, unit_of
from dashboard.look import FILL
from dashboard.shapes import Picture, PictureChannel, Points, Series
from dashboard.widgets.trend import BAND, LINE, limit_bounds, shifted_ms

TALL_PX: Final = 168
LOW_PX: Final = 108
TOP_PX: Final = 26
AXIS_PX: Final = 24
ALARM: Final = "rgba(208,58,58,.10)"
_TIME: Final = {"day": "{MM}-{dd}", "hour": "{HH}:{mm}", "minute": "{HH}:{mm}", "second": "{HH}:{mm}:{ss}"}


def picture_chart(picture: Picture, series: Mapping[int, Series]) -> tuple[dict[str, Any], int]:
    """The ECharts option and its height in pixels."""
    zone = ZoneInfo(picture["zone"])
    first, last = (shifted_ms(parse(picture[name]), zone) for name in ("first", "last"))
    option: dict[str, Any] = {
        "useUTC": True,
        "animation": False,
        "backgroundColor": "#ffffff",
        "tooltip": {"trigger": "axis", "confine": True, "textStyle": {"fontSize": 12}},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "title": [],
        "grid": [],
        "xAxis": [],
        "yAxis": [],
        "series": [],
    }
    top = 0
    for place, channel in enumerate(picture["channels"]):
        height = TALL_PX if channel["spoke"] else LOW_PX
        is_last = place == len(picture["channels"]) - 1
        found = series.get(channel["channel_id"])
        points = found["points"] if found else None
        _panel(option, place, channel, top, height, (first, last), is_last)
        bottom, head = _extent(channel, points)
        option["yAxis"].append(_value_axis(place, bottom, head))
        option["series"].append(_line(place, channel, points, found["bucket_s"] if found else 0.0, zone))
        option["series"].append(_dots(place, channel, zone))
        option["series"].append(_marks(place, picture, channel, (bottom, head), zone))
        top += height
    return option, top + AXIS_PX + 6


def _panel(
    option: dict[str, Any],
    place: int,
    channel: PictureChannel,
    top: int,
    height: int,
    span: tuple[int, int],
    is_last: bool,
) -> None:
    option["grid"].append({"left": 52, "right": 14, "top": top + TOP_PX, "height": height - TOP_PX - 8})
    name = f"{indicator(channel['indicator'])}  {{unit|{unit_of(channel['indicator'])}}}"
    weight = 700 if channel["spoke"] else 500
    rich = {"unit": {"color": "#64748b", "fontSize": 11.5, "fontWeight": 400}}
    style = {"fontSize": 12.5, "fontWeight": weight, "color": "#1d2733", "rich": rich}
    option["title"].append({"text": name, "left": 4, "top": top + 3, "textStyle": style})
    option["xAxis"].append(
        {
            "type": "time",
            "gridIndex": place,
            "min": span[0],
            "max": span[1],
            "axisLabel": {"show": is_last, "fontSize": 10.5, "hideOverlap": True, "formatter": _TIME},
            "axisTick": {"show": is_last},
            "splitLine": {"show": False},
            "axisLine": {"lineStyle": {"color": "#c5cfd9"}},
        }
    )


def _extent(channel: PictureChannel, points: Points | None) -> tuple[float, float]:
    """Bottom and top of a panel: readings, what is usual, and a limit that is near them."""
    values = [value for name in ("min", "max") for value in (points[name] if points else [])]
    values += [each for each in (channel["expected_lo"], channel["expected_hi"]) if each is not None]
    values += [flag["value"] for flag in channel["flags"]]
    low, high = min(values, default=0.0), max(values, default=1.0)
    reach = max(high - low, 10.0 ** -channel["precision"] * 6)
    near = [bound for bound in limit_bounds(channel["limit"]) if low - reach <= bound <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    margin = max((high - low) * 0.1, 10.0 ** -channel["precision"])
    bottom = low - margin if low - margin >= 0 or low < 0 else 0.0
    return round(bottom, channel["precision"] + 1), round(high + margin, channel["precision"] + 1)


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


def _line(
    place: int, channel: PictureChannel, points: Points | None, bucket_s: float, zone: ZoneInfo
) -> dict[str, Any]:
    rows: list[list[float | int | None]] = []
    gap = max(3 * bucket_s, 900.0) * 1000
    if points:
        for ts, value in zip(points["ts"], points["mean"], strict=True):
            at = shifted_ms(parse(ts), zone)
            if rows and rows[-1][0] is not None and at - rows[-1][0] > gap:
                rows.append([int(rows[-1][0]) + 1, None])
            rows.append([at, round(value, channel["precision"] + 1)])
    return {
        "type": "line",
        "name": indicator(channel["indicator"]),
        "xAxisIndex": place,
        "yAxisIndex": place,
        "showSymbol": False,
        "data": rows,
        "lineStyle": {"width": 1.5, "color": LINE},
        "itemStyle": {"color": LINE},
        "z": 3,
        "tooltip": {"valueFormatter": f"%.{channel['precision']}f {unit_of(channel['indicator'])}"},
    }


def _dots(place: int, channel: PictureChannel, zone: ZoneInfo) -> dict[str, Any]:
    """The flagged readings, with the names of the tests in the tooltip."""
    return {
        "type": "scatter",
        "name": term("verdict.page", "flagged"),
        "xAxisIndex": place,
        "yAxisIndex": place,
        "symbolSize": 4,
        "itemStyle": {"color": FILL["high"]},
        "dimensions": ["ts", "value", "tests"],
        "encode": {"x": 0, "y": 1, "tooltip": [2]},
        "data": [
            [shifted_ms(parse(flag["ts"]), zone), flag["value"], name_of(flag, "tests")] for flag in channel["flags"]
        ],
        "z": 4,
    }


def _marks(
    place: int, picture: Picture, channel: PictureChannel, extent: tuple[float, float], zone: ZoneInfo
) -> dict[str, Any]:
    """An empty series that carries what is usual, the limit, and the alarm's time."""

    def at(moment: str | datetime) -> int:
        return shifted_ms(parse(moment) if isinstance(moment, str) else moment, zone)

    areas: list[list[dict[str, Any]]] = []
    if channel["expected_lo"] is not None and channel["expected_hi"] is not None:
        areas.append(
            [{"yAxis": channel["expected_lo"], "itemStyle": {"color": BAND}}, {"yAxis": channel["expected_hi"]}]
        )
    ended = picture["returned_at"] or picture["last"]
    areas.append([{"xAxis": at(picture["since"]), "itemStyle": {"color": ALARM}}, {"xAxis": at(ended)}])
    edge = {"color": FILL["ok"], "type": "dashed", "width": 1}
    lines: Sequence[dict[str, Any]] = [
        *(
            {"yAxis": bound, "lineStyle": edge}
            for bound in limit_bounds(channel["limit"])
            if extent[0] <= bound <= extent[1]
        ),
        {"xAxis": at(picture["raised_at"]), "lineStyle": {"color": FILL["high"], "width": 1.5, "type": "solid"}},
    ]
    return {
        "type": "line",
        "xAxisIndex": place,
        "yAxisIndex": place,
        "data": [],
        "silent": True,
        "markArea": {"silent": True, "data": areas},
        "markLine": {"silent": True, "symbol": ["none", "none"], "label": {"show": False}, "data": lines},
    }
