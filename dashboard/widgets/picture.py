"""The picture of an alarm: the channels of its place below one another on one time axis, those that spoke first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.formatting import parse
from dashboard.language import name_of, term
from dashboard.look import FILL
from dashboard.shapes import Picture, PictureChannel, Points, Series
from dashboard.widgets.panels import (
    BAND,
    blank,
    limit_bounds,
    marks,
    mean_line,
    name_of_panel,
    shifted_ms,
    time_axis,
    value_axis,
)

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
    option = blank()
    top = 0
    for place, channel in enumerate(picture["channels"]):
        height = TALL_PX if channel["spoke"] else LOW_PX
        is_last = place == len(picture["channels"]) - 1
        found = series.get(channel["channel_id"])
        points = found["points"] if found else None
        _panel(option, place, channel, top, height, (first, last), is_last)
        bottom, head = _extent(channel, points)
        option["yAxis"].append(value_axis(place, bottom, head))
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
    option["title"].append(name_of_panel(channel["indicator"], 4, top + 3, 700 if channel["spoke"] else 500))
    axis = time_axis(place, *span, {"show": is_last, "formatter": _TIME})
    option["xAxis"].append({**axis, "axisTick": {"show": is_last}})


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
    return mean_line(place, channel["indicator"], channel["precision"], rows)


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
    """What is usual, the limit, and the alarm's time."""

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
    return marks(place, areas, lines)
