"""What charts of values over time have in common: panels with axes, a channel's name, a limit and marks.

Times are drawn in the site's zone: ECharts knows only the browser's zone and UTC, so instants are shifted by the zone's
offset and drawn as UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard.language import indicator, unit_of
from dashboard.shapes import Limit

LINE: Final = "#1f5fa8"
BAND: Final = "rgba(60,157,107,.13)"


def shifted_ms(moment: datetime, zone: ZoneInfo) -> int:
    """Milliseconds that, read as UTC, show the zone's wall clock."""
    local = moment.astimezone(zone)
    return int(local.replace(tzinfo=ZoneInfo("UTC")).timestamp() * 1000)


def blank() -> dict[str, Any]:
    """The ECharts option of a figure whose panels have one cursor in common; it has no panel yet."""
    return {
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


def name_of_panel(code: str, left: str | int, top: int, weight: int) -> dict[str, Any]:
    """An indicator's name with its unit, as the title of a panel."""
    rich = {"unit": {"color": "#64748b", "fontSize": 11.5, "fontWeight": 400}}
    return {
        "text": f"{indicator(code)}  {{unit|{unit_of(code)}}}",
        "left": left,
        "top": top,
        "textStyle": {"fontSize": 12.5, "fontWeight": weight, "color": "#1d2733", "rich": rich},
    }


def time_axis(place: int, first: int, last: int, label: Mapping[str, object]) -> dict[str, Any]:
    """The time axis of a panel, from `first` to `last` as `shifted_ms` gives them."""
    return {
        "type": "time",
        "gridIndex": place,
        "min": first,
        "max": last,
        "axisLabel": {"fontSize": 10.5, "hideOverlap": True, **label},
        "splitLine": {"show": False},
        "axisLine": {"lineStyle": {"color": "#c5cfd9"}},
    }


def value_axis(place: int, bottom: float, top: float) -> dict[str, Any]:
    """The axis of values of a panel."""
    return {
        "type": "value",
        "gridIndex": place,
        "min": bottom,
        "max": top,
        "splitNumber": 3,
        "axisLabel": {"fontSize": 10.5, "color": "#64748b", "showMinLabel": False, "showMaxLabel": False},
        "splitLine": {"lineStyle": {"color": "#eef2f5"}},
    }


def mean_line(place: int, code: str, precision: int, data: Sequence[Sequence[float | None]]) -> dict[str, Any]:
    """A channel's values as a line, with the unit in the tooltip."""
    return {
        "type": "line",
        "name": indicator(code),
        "xAxisIndex": place,
        "yAxisIndex": place,
        "showSymbol": False,
        "data": data,
        "lineStyle": {"width": 1.5, "color": LINE},
        "itemStyle": {"color": LINE},
        "z": 3,
        "tooltip": {"valueFormatter": f"%.{precision}f {unit_of(code)}"},
    }


def marks(place: int, areas: Sequence[object], lines: Sequence[object]) -> dict[str, Any]:
    """An empty series that carries areas and lines of a panel."""
    return {
        "type": "line",
        "xAxisIndex": place,
        "yAxisIndex": place,
        "data": [],
        "silent": True,
        "markArea": {"silent": True, "data": areas},
        "markLine": {"silent": True, "symbol": ["none", "none"], "label": {"show": False}, "data": lines},
    }


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
