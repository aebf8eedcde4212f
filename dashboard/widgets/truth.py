"""What was really so, beside what was measured and what was alarmed: for one simulated basin.

The simulators tell the true values of now only; this process remembers what it was told while somebody
looks, so the true line begins when the page was opened. Fault intervals come from the stored ground truth.
"""

import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import number, parse, rfc3339
from dashboard.html import chip, escape
from dashboard.language import fault_name, indicator, t, term, unit_of
from dashboard.look import CHANNEL_TONE, FILL
from dashboard.problems import failed
from dashboard.shapes import Alarm, Basin, Channel, Fleet, Series, Truth
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.indicator_cards import interval
from dashboard.widgets.panels import LINE, limit_band, limit_bounds, shifted_ms

WINDOW: Final = timedelta(hours=1)
KEPT: Final = 900
"""True values remembered a basin: half an hour at one each 2 s."""
STEP_S: Final = 2.0
SHOWN: Final = ("free_chlorine", "ph", "orp", "turbidity", "water_temperature", "circulation_flow", "cold_store")
TRUE_LINE: Final = "#7a4fb3"
FAULT_ROW, ALARM_ROW = 1, 0

TrueValues = deque[tuple[float, dict[str, Any]]]


class Bar(NamedTuple):
    """An interval on the timeline."""

    row: int
    began: str
    ended: str | None
    name: str
    colour: str


class Span(NamedTuple):
    """The time a chart shows."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    def ms(self, moment: datetime) -> int:
        """An instant as the chart takes it, kept within the span."""
        return shifted_ms(min(max(moment, self.since), self.until), self.zone)


@st.cache_resource
def _memory() -> dict[str, TrueValues]:
    return {}


def remember(fleet: Fleet) -> None:
    """Keep the true values that an answer of the simulators holds."""
    memory, now = _memory(), time.time()
    for site in fleet["sites"]:
        for basin in site["basins"]:
            kept = memory.setdefault(basin["device"], deque(maxlen=KEPT))
            if basin["truth"] and (not kept or now - kept[-1][0] >= STEP_S * 0.9):
                kept.append((now, basin["truth"]))


def truth_panel(site: str, point: str, fleet: Fleet) -> None:
    """Draw the basin's true and measured values and the timeline of faults and alarms."""
    basin = _basin(site, point, fleet)
    if basin is None:
        st.html(f"<p class='ld-note'>{escape(t('truth.nothing_measured'))}</p>")
        return
    now = datetime.now(UTC)
    span = Span(now - WINDOW, now, ZoneInfo(ZONE))
    try:
        channel = _choose(site, point)
        readings = session.client().readings([channel["id"]], rfc3339(span.since), rfc3339(span.until), 400)
        bars = _faults(site, point, span) + _alarms(site, point, span)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(_now(channel, basin["truth"]))
    remembered = list(_memory().get(basin["device"], ()))
    option = _chart(channel, readings[0] if readings else None, remembered, span)
    _timeline(option, bars, span)
    st.echarts_chart(option, height=330, theme=None, key="truth-chart", alt=t("truth.title"))


def _basin(site: str, point: str, fleet: Fleet) -> Basin | None:
    for found in fleet["sites"]:
        for basin in found["basins"]:
            if (found["code"], basin["sampling_point"]) == (site, point) and basin["truth"]:
                return basin
    return None


def _choose(site: str, point: str) -> Channel:
    detail = session.client().site(site)
    channels = {each["indicator"]: each for each in detail["channels"] if each["sampling_point"] == point}
    codes = [code for code in SHOWN if code in channels]
    chosen = st.segmented_control(
        t("column.indicator"),
        codes,
        default=codes[0],
        key="truth_indicator",
        persist_state="session",
        format_func=indicator,
        label_visibility="collapsed",
        required=True,
    )
    channel: Channel = channels[chosen or codes[0]]
    return channel


def _faults(site: str, point: str, span: Span) -> list[Bar]:
    def here(fault: Truth) -> bool:
        return fault["site"] == site and fault["sampling_point"] == point and _reaches(fault["ended_at"], span)

    return [
        Bar(FAULT_ROW, each["started_at"], each["ended_at"], fault_name(each["fault"]), FILL["medium"])
        for each in session.client().truth()
        if here(each)
    ]


def _alarms(site: str, point: str, span: Span) -> list[Bar]:
    since = rfc3339(span.since - timedelta(days=1))
    page = session.client().alarms(site=site, from_=since, to=rfc3339(span.until), limit=100)

    def here(alarm: Alarm) -> bool:
        return alarm["sampling_point"] in (point, None) and _reaches(alarm["returned_at"], span)

    return [
        Bar(ALARM_ROW, each["since"], each["returned_at"], _alarm_name(each), FILL[each["priority"]])
        for each in page["items"]
        if here(each)
    ]


def _alarm_name(alarm: Alarm) -> str:
    return indicator(alarm["indicator"]) if alarm["indicator"] else term("alarm.kind", alarm["kind"])


def _reaches(ended: str | None, span: Span) -> bool:
    return ended is None or parse(ended) > span.since


def _now(channel: Channel, truth: dict[str, Any]) -> str:
    code, precision = channel["indicator"], channel["precision"]
    state = channel["state"] or "none"
    true_value = truth.get(code)
    shown = number(float(true_value), precision) if isinstance(true_value, int | float) else "–"
    facts = [
        (t("truth.true_value"), f"{shown} {unit_of(code)}"),
        (t("truth.measured"), f"{number(channel['value'], precision)} {unit_of(code)}"),
        (t("card.limit"), interval(channel["limit"], code, precision) if channel["limit"] else t("card.no_limit")),
    ]
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    state_chip = chip(term("dashboard.state", state), CHANNEL_TONE.get(state, "plain"))
    return f"<div class='ld-panel ld-facts' data-truth='{escape(code)}'>{listed}{state_chip}</div>"


def _chart(
    channel: Channel, series: Series | None, remembered: Sequence[tuple[float, dict[str, Any]]], span: Span
) -> dict[str, Any]:
    code = channel["indicator"]
    measured: list[list[float]] = []
    if series is not None:
        points = series["points"]
        measured = [
            [span.ms(parse(ts)), round(value, 3)] for ts, value in zip(points["ts"], points["mean"], strict=True)
        ]
    true_line = [
        [span.ms(datetime.fromtimestamp(at, UTC)), round(float(values[code]), 3)]
        for at, values in remembered
        if isinstance(values.get(code), int | float) and at >= span.since.timestamp()
    ]
    values = [row[1] for row in measured + true_line] + limit_bounds(channel["limit"])
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = max((high - low) * 0.1, 10.0 ** -channel["precision"] * 2)
    bottom, top = round(max(0.0, low - margin), channel["precision"]), round(high + margin, channel["precision"])
    unit = {"valueFormatter": f"%.{channel['precision']}f {unit_of(code)}"}
    true_series = _series(t("truth.true_value"), true_line, TRUE_LINE, "dotted", unit)
    measured_series = _series(t("truth.measured"), measured, LINE, "solid", unit)
    measured_series["markArea"] = {"silent": True, "data": limit_band(channel["limit"], bottom, top)}
    return {
        "useUTC": True,
        "animation": False,
        "backgroundColor": "#ffffff",
        "legend": {
            "top": 6,
            "left": 90,
            "itemHeight": 9,
            "textStyle": {"fontSize": 12},
            "data": [t("truth.measured"), t("truth.true_value")],
        },
        "tooltip": {"trigger": "axis", "confine": True, "textStyle": {"fontSize": 12}},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "grid": [
            {"left": 78, "right": 22, "top": 36, "height": 176},
            {"left": 78, "right": 22, "top": 248, "height": 66},
        ],
        "xAxis": [_time_axis(0, span, labels=True), _time_axis(1, span, labels=False)],
        "yAxis": [
            {
                "gridIndex": 0,
                "type": "value",
                "name": unit_of(code),
                "nameGap": 12,
                "nameTextStyle": {"color": "#64748b", "fontSize": 11, "align": "right", "padding": [0, 6, 0, 0]},
                "min": bottom,
                "max": top,
                "splitNumber": 4,
                "axisLabel": {"fontSize": 11, "color": "#64748b", "showMinLabel": False, "showMaxLabel": False},
                "splitLine": {"lineStyle": {"color": "#eef2f5"}},
            }
        ],
        "series": [measured_series, true_series],
    }


def _series(name: str, data: list[list[float]], colour: str, line: str, tooltip: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "data": data,
        "showSymbol": False,
        "xAxisIndex": 0,
        "yAxisIndex": 0,
        "lineStyle": {"color": colour, "width": 2 if line == "dotted" else 1.5, "type": line},
        "itemStyle": {"color": colour},
        "tooltip": tooltip,
    }


def _time_axis(place: int, span: Span, *, labels: bool) -> dict[str, Any]:
    return {
        "type": "time",
        "gridIndex": place,
        "min": span.ms(span.since),
        "max": span.ms(span.until),
        "axisLabel": {
            "show": labels,
            "fontSize": 11,
            "color": "#64748b",
            "hideOverlap": True,
            "formatter": "{HH}:{mm}",
        },
        "axisTick": {"show": labels},
        "axisLine": {"lineStyle": {"color": "#c5cfd9"}},
        "splitLine": {"show": False},
    }


def _timeline(option: dict[str, Any], bars: Sequence[Bar], span: Span) -> None:
    """Two rows of bars below the chart: what was broken, and what was alarmed."""
    option["yAxis"].append(
        {
            "gridIndex": 1,
            "type": "category",
            "data": [t("truth.alarms"), t("truth.faults")],
            "axisLabel": {"fontSize": 11.5, "color": "#3a4754"},
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": "#c5cfd9"}},
            "splitLine": {"show": True, "lineStyle": {"color": "#eef2f5"}},
        }
    )
    shared = {"type": "line", "xAxisIndex": 1, "yAxisIndex": 1, "silent": True, "tooltip": {"show": False}}
    if not bars:
        option["series"].append({**shared, "data": []})
    middle = (span.ms(span.since) + span.ms(span.until)) / 2
    for bar in bars:
        start = span.ms(parse(bar.began))
        end = max(span.ms(parse(bar.ended) if bar.ended else span.until), start + 1000)
        # The name stands where there is room: before a bar in the right half, behind one in the left half.
        before = (start + end) / 2 > middle
        option["series"].append(
            {
                **shared,
                "name": bar.name,
                "showSymbol": False,
                "lineStyle": {"width": 16, "color": bar.colour, "cap": "butt", "opacity": 0.6},
                "data": [[start, bar.row], [end, bar.row]],
                "markPoint": {
                    "silent": True,
                    "symbolSize": 1,
                    "itemStyle": {"color": "rgba(0,0,0,0)"},
                    "label": {
                        "formatter": bar.name,
                        "position": "left" if before else "right",
                        "distance": 6,
                        "fontSize": 11.5,
                        "color": "#1d2733",
                    },
                    "data": [{"coord": [start if before else end, bar.row]}],
                },
            }
        )
