"""Back-test: which alarms there would have been in stored history under changed rules."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import rfc3339, today_in
from dashboard.html import escape, heading, title
from dashboard.language import indicator, language, name_of, t, term, unit_of
from dashboard.problems import failed
from dashboard.shapes import BackTest, Site
from dashboard.widgets.alarm_table import ZONE, alarm_table
from dashboard.widgets.components import table
from registry.wall_clock import zone_offset

REFRESH_S: Final = 1
SHOWN: Final = 500
DAYS: Final = 7
RUNNING: Final = "back_test_running"
INDICATORS: Final = ("free_chlorine", "ph", "turbidity", "combined_chlorine", "orp", "circulation_flow", "cold_store")


def words(key: str, **fields: object) -> str:
    """A string of this page."""
    return term("verdict.backtest", key, **fields)


def show() -> None:
    """Draw the page."""
    st.html(title(words("title"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    st.html(f"<p class='ld-note'>{escape(words('intro'))}</p>")
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites if site["status"] != "offline"}
    try:
        budget = session.client().budget()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    with st.container(border=True, key="panel-back-test"):
        asked = _form(sites, budget)
    if asked is not None:
        _start(asked)
    _result()


def _form(sites: dict[str, Site], budget: float) -> dict[str, Any] | None:
    left, right = st.columns([0.6, 0.4], gap="small")
    with left:
        chosen = st.multiselect(
            words("sites"),
            list(sites),
            key="bt_sites",
            format_func=lambda code: name_of(sites[code]),
            max_selections=50,
            placeholder=words("which_sites"),
        )
    with right:
        days = st.date_input(words("period"), value=_default_days(), key="bt_days", format="YYYY-MM-DD")
    columns = st.columns(4, gap="small")
    with columns[0]:
        which = st.selectbox(
            words("indicator"),
            ("", *INDICATORS),
            key="bt_indicator",
            format_func=lambda each: indicator(each) if each else words("unchanged"),
        )
    with columns[1]:
        lo = _number("lo", which)
    with columns[2]:
        hi = _number("hi", which)
    with columns[3]:
        delay = st.number_input(
            words("on_delay"), min_value=0, max_value=1440, value=None, step=5, key="bt_delay",
            placeholder=words("keep"), disabled=not which,
        )  # fmt: skip
    first, second = st.columns([0.3, 0.7], gap="small", vertical_alignment="bottom")
    with first:
        wanted = st.number_input(
            words("budget"), min_value=0.01, max_value=7.0, value=None, step=0.05, format="%.2f", key="bt_budget",
            placeholder=f"{words('keep')}: {budget:g}",
        )  # fmt: skip
    with second, st.container(horizontal=True, gap="small"):
        run = st.button(words("run"), type="primary", key="bt_run", icon=":material/play_arrow:")
        if st.button(words("set_budget"), key="bt_set", disabled=wanted is None) and wanted is not None:
            _set_budget(float(wanted))
    if not run:
        return None
    span = _span(days)
    if not chosen or span is None or (not which and wanted is None):
        st.warning(words("choose"))
        return None
    change: dict[str, Any] = {
        "indicator": which,
        "lo": lo,
        "hi": hi,
        "on_delay_s": None if delay is None else delay * 60,
    }
    return {"sites": chosen, **span, "changes": [change] if which else [], "per_site_week": wanted}


def _number(side: str, which: str) -> float | None:
    unit = f" ({unit_of(which)})" if which else ""
    found: float | None = st.number_input(
        words(side) + unit, value=None, step=0.05, format="%.2f", key=f"bt_{side}", placeholder=words("keep"),
        disabled=not which,
    )  # fmt: skip
    return found


def _set_budget(value: float) -> None:
    try:
        session.client().set_budget(value)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(words("budget_set"))


def _default_days() -> tuple[date, date]:
    today = today_in(ZONE)
    return today - timedelta(days=DAYS - 1), today


def _span(days: Any) -> dict[str, str] | None:
    if not isinstance(days, tuple) or len(days) != 2:
        return None
    info = ZoneInfo(ZONE)
    begin = datetime.combine(days[0], time(), info)
    end = min(datetime.combine(days[1] + timedelta(days=1), time(), info), datetime.now(UTC))
    return {"from": rfc3339(begin), "to": rfc3339(end)}


def _start(asked: dict[str, Any]) -> None:
    try:
        st.session_state[RUNNING] = session.client().start_back_test(asked)["id"]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


def _result() -> None:
    number = st.session_state.get(RUNNING)
    if number is None:
        return
    try:
        told = session.client().back_test(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if told["state"] == "running":
        st.fragment(_follow, run_every=REFRESH_S)(number)
    else:
        _outcome(told)


def _follow(number: str) -> None:
    try:
        told = session.client().back_test(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if told["state"] != "running":
        st.rerun()
    said = words("running", share=f"{told['share'] * 100:.0f}", readings=f"{told['readings']:,}")
    st.progress(told["share"], text=said)
    if st.button(words("cancel"), key="bt_cancel", icon=":material/stop:"):
        session.client().cancel_back_test(number)
        st.rerun()


def _outcome(told: BackTest) -> None:
    if told["state"] == "failed":
        st.error(words("failed", detail=told["detail_zh" if language() == "zh" else "detail"] or ""))
        return
    if told["state"] == "cancelled":
        st.info(words("cancelled"))
        return
    said = words("done", found=told["found"], as_set=told["as_set"], readings=f"{told['readings']:,}")
    st.html(heading(words("title"), f"<span class='ld-note' data-back-test='{told['found']}'>{escape(said)}</span>"))
    if told["found"] > len(told["alarms"]):
        st.html(f"<p class='ld-note'>{escape(words('cut', shown=SHOWN))}</p>")
    rows = alarm_table(told["alarms"], empty=words("none"), height=420)
    table("back-test", {**rows, "clickable": False})
