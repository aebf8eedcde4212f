"""How well the alarms serve those who act on them, and what to change."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.alarms_client import AlarmFigures, AlarmRule, RuleAtSite, StaleAlarm
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import DASH, clock, percent, rfc3339
from dashboard.html import badge, escape, heading, priority_cell, title
from dashboard.language import county_name, language, name_of, t, term
from dashboard.links import address
from dashboard.look import FILL
from dashboard.problems import failed
from dashboard.widgets.alarm_acts import span_text
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table

SPANS: Final = (7, 30, 90)


def w(key: str, /, **fields: object) -> str:
    """A string of this page."""
    return term("alarm.figures", key, **fields)


def show() -> None:
    """Draw the page."""
    sites = session.feed().wait_first(4).sites
    online = [each for each in sites if each["status"] != "offline"]
    only_simulated = bool(online) and all(each["simulated"] for each in online)
    head = st.container()  # above the choices, whose group it names
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        days = st.segmented_control(
            w("days"), SPANS, default=30, key="figures_days", persist_state="session", required=True,
            format_func=lambda each: w("n_days", n=each),
        )  # fmt: skip
        group = st.segmented_control(
            t("filter.group"), ("live", "simulated"), default="simulated" if only_simulated else "live",
            key="figures_group", persist_state="session", required=True, format_func=lambda each: t(f"group.{each}"),
        )  # fmt: skip
        county = st.selectbox(
            t("column.county"), ("", *session.counties()), key="figures_county", width=180,
            format_func=lambda each: county_name(each) if each else t("filter.any"),
        )  # fmt: skip
    head.html(title(w("title"), sub=w("lead"), after=badge() if group == "simulated" else ""))
    query = {
        "from_": rfc3339(datetime.now(UTC) - timedelta(days=int(days or 30))),
        "simulated": "true" if group == "simulated" else "false",
        "county": county or None,
    }
    try:
        found, rules = session.alarms().figures(**query), session.alarms().rules()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(_tiles(found))
    _advice(found)
    st.echarts_chart(_daily(found), height=220, theme=None, key="figures-daily", alt=w("daily"))
    left, right = st.columns([0.58, 0.42], gap="small")
    with left:
        st.html(heading(w("top"), _note(percent(found["top_share"])) if found["top_share"] is not None else ""))
        table("figures-top", _rules_table(found["top"]))
        if found["chattering"]:
            st.html(heading(w("chattering"), _note(w("none_is_right"))))
            table("figures-chattering", _rules_table(found["chattering"]))
    with right:
        st.html(heading(w("counties")))
        table("figures-counties", _counties(found))
        if found["stale"]:
            st.html(heading(w("stale_list")))
            table("figures-stale", _stale(found["stale"]))
    with st.expander(w("records"), key="figures-rationale"):
        table("figures-records", _records(rules))


# ---------------------------------------------------------------------- the key figures
def _tiles(found: AlarmFigures) -> str:
    targets, answering = found["targets"], found["answering"]
    rate = found["per_inspector_day"]
    priorities = {each["priority"]: each["alarms"] for each in found["by_priority"]}
    in_time = w("in_time", share=percent(answering["in_time"]), p90=_span(answering["p90_s"]))
    tiles = [
        (w("alarms"), f"{found['alarms']}", w("by_priority", **priorities) + " · " + w("muted", n=found["muted"])),
        (
            w("per_inspector_day"),
            DASH if rate is None else f"{rate:.1f}",
            w("inspectors", n=found["inspectors"], target=f"{targets['per_inspector_day']:.0f}"),
        ),
        (
            w("flood"),
            percent(found["flood_share"], 2),
            w("floods", n=len(found["floods"]), target=percent(targets["flood_share"], 0)),
        ),
        (w("stale"), f"{len(found['stale'])}", w("below", target=f"{targets['stale']:.0f}")),
        (w("chattering"), f"{len(found['chattering'])}", w("none_is_right")),
        (w("answering"), _span(answering["median_s"]), in_time),
        (w("again"), percent(found["again"]), w("of_returned", n=found["returned"])),
        (w("false_share"), percent(found["false_share"]), w("of_answered", n=found["answered"])),
    ]
    shown = "".join(
        f"<div class='ld-tile' title='{escape(remark)}'><div class='ld-k'>{escape(label)}</div>"
        f"<div class='ld-v'>{escape(value)}</div><div class='ld-k2'>{escape(remark)}</div></div>"
        for label, value, remark in tiles
    )
    return f"<div class='ld-group'><div class='ld-tiles ld-quarters'>{shown}</div></div>"


def _span(seconds: float | None) -> str:
    return DASH if seconds is None else span_text(seconds)


def _note(text: str) -> str:
    return f" <span class='ld-note'>{escape(text)}</span>"


def _advice(found: AlarmFigures) -> None:
    st.html(heading(w("what_to_change"), "" if found["enough"] else _note(w("short"))))
    lines = "".join(f"<li>{escape(term('alarm.advice', each))}</li>" for each in found["advice"])
    inside = f"<ul>{lines}</ul>" if lines else escape(w("nothing"))
    st.html(f"<div class='ld-panel ld-detail'>{inside}</div>")


def _daily(found: AlarmFigures) -> dict[str, Any]:
    def bars(name: str, field: str, colour: str) -> dict[str, Any]:
        values = [each[field] for each in found["daily"]]
        return {"type": "bar", "stack": "day", "name": name, "data": values, "itemStyle": {"color": colour}}

    return {
        "animation": False,
        "backgroundColor": "#ffffff",
        "tooltip": {"trigger": "axis", "confine": True},
        "legend": {"right": 0, "top": 0},
        "title": {"text": w("daily"), "textStyle": {"fontSize": 13}},
        "grid": {"left": 44, "right": 16, "top": 36, "bottom": 28},
        "xAxis": {"type": "category", "data": [each["day"][5:] for each in found["daily"]]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [bars(w("told"), "alarms", FILL["medium"]), bars(w("muted_short"), "muted", FILL["plain"])],
    }


# ---------------------------------------------------------------------- the tables
def _rules_table(rows: Sequence[RuleAtSite]) -> dict[str, Any]:
    return {
        "columns": [
            {"label": t("column.site")},
            {"label": w("rule")},
            {"label": w("alarms"), "align": "right"},
            {"label": w("share"), "align": "right"},
        ],
        "rows": [
            {
                "id": f"{each['site']}/{each['rule']}",
                "cells": [
                    name_of(each, "site_name"),
                    name_of(each, "rule_name"),
                    str(each["alarms"]),
                    percent(each["share"]),
                ],
                "href": address("rules", site=each["site"]),
            }
            for each in rows
        ],
        "clickable": True,
        "empty": t("alarms.none"),
    }


def _counties(found: AlarmFigures) -> dict[str, Any]:
    return {
        "columns": [
            {"label": t("column.county")},
            {"label": w("alarms"), "align": "right"},
            {"label": w("county_inspectors"), "align": "right"},
            {"label": w("per_inspector_day"), "align": "right"},
        ],
        "rows": [
            {
                "id": each["county"],
                "cells": [
                    county_name(each["county"]),
                    str(each["alarms"]),
                    str(each["inspectors"]),
                    DASH if each["per_inspector_day"] is None else f"{each['per_inspector_day']:.1f}",
                ],
            }
            for each in found["counties"]
        ],
        "empty": t("alarms.none"),
    }


def _stale(rows: Sequence[StaleAlarm]) -> dict[str, Any]:
    return {
        "columns": [{"label": t("column.raised_at")}, {"label": t("column.site")}, {"label": w("rule")}],
        "rows": [
            {
                "id": str(each["id"]),
                "cells": [clock(each["raised_at"], ZONE), name_of(each, "site_name"), name_of(each, "rule_name")],
                "href": address("alarms", alarm=each["id"]),
            }
            for each in rows
        ],
        "clickable": True,
    }


def _records(rules: Sequence[AlarmRule]) -> dict[str, Any]:
    parts = ("cause", "consequence", "response", "basis")
    respond = term("alarm.rationale", "respond_within", time="…")
    return {
        "columns": [
            {"label": w("rule")},
            {"label": t("column.priority")},
            {"label": respond},
            *({"label": term("alarm.rationale", part), "wrap": True} for part in parts),
        ],
        "rows": [
            {
                "id": each["rule"],
                "cells": [
                    each["rule"],
                    priority_cell(each["priority"]) if each["priority"] else DASH,
                    span_text(each["respond_within_s"]),
                    *(_words(each, part) for part in parts),
                ],
            }
            for each in rules
        ],
        "height": 420,
    }


def _words(rule: AlarmRule, part: str) -> str:
    words: dict[str, dict[str, str]] = dict(rule)  # type: ignore[arg-type]
    return words[part][language()]
