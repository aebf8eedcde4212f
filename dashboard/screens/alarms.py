"""Every alarm: find it, read it, act on it."""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time, number, precision_of, rfc3339, today_in
from dashboard.html import badge, chip, escape, heading, title
from dashboard.language import county_name, indicator, name_of, t, term
from dashboard.links import address
from dashboard.look import ALARM_TONE, PRIORITY_TONE
from dashboard.problems import failed
from dashboard.shapes import Alarm, Site
from dashboard.widgets.alarm_acts import facts as mute_facts
from dashboard.widgets.alarm_acts import marks, more_acts, rationale
from dashboard.widgets.alarm_table import ZONE, alarm_table, happenings
from dashboard.widgets.case_link import case_link
from dashboard.widgets.components import table
from dashboard.widgets.evidence import evidence_panel
from dashboard.widgets.export import export_links
from dashboard.widgets.verdict import feedback, picture, verdict_panel
from registry.wall_clock import zone_offset

REFRESH_S: Final = 3
PICTURE_S: Final = 20
PAGE: Final = 12
CHOSEN: Final = "alarm_chosen"


def show() -> None:
    """Draw the page."""
    st.html(title(t("alarms.title"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    if asked := st.query_params.get("alarm"):
        if asked.isdigit():
            st.session_state[CHOSEN] = int(asked)
        del st.query_params["alarm"]
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites if site["status"] != "offline"}
    query = _filter(sites)
    left, right = st.columns([0.6, 0.4], gap="small")
    with left:
        _list(query)
    with right:
        _detail()
        if st.session_state.get(CHOSEN) is not None:
            evidence_panel("alarm", st.session_state[CHOSEN])
        _picture()


# ---------------------------------------------------------------------- the filter
def _filter(sites: dict[str, Site]) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        scope = st.segmented_control(
            t("filter.state"),
            ("open", "all"),
            default="open",
            key="alarm_scope",
            persist_state="session",
            format_func=lambda each: t(f"filter.{each}"),
            required=True,
        )
        priority = _choice("alarm_priority", t("column.priority"), ("high", "medium", "low"), _priority_name, width=110)
        group = _choice(
            "alarm_group", t("filter.group"), ("live", "simulated"), lambda each: t(f"group.{each}"), width=150
        )
        audience = _choice(
            "alarm_audience",
            term("verdict.page", "audience"),
            ("inspector", "venue"),
            lambda each: term("verdict.audience", each),
            width=110,
        )
        county = _choice("alarm_county", t("column.county"), session.counties(), county_name, width=150)
        codes = tuple(code for code, site in sites.items() if county in (None, site["county"]))
        site = _choice("alarm_site", t("column.site"), codes, lambda code: name_of(sites[code]), width=230)
        days = None
        if scope == "all":
            days = st.date_input(
                t("filter.days"),
                value=_default_days(),
                key="alarm_days",
                persist_state="session",
                format="YYYY-MM-DD",
                width=230,
            )
    query: dict[str, Any] = {"priority": priority, "county": county, "site": site, "audience": audience}
    if scope != "all":
        query["open"] = "true"
    if group:
        query["simulated"] = "true" if group == "simulated" else "false"
    if days:
        query |= _span(days)
    return {name: value for name, value in query.items() if value is not None}


def _choice(key: str, label: str, options: tuple[str, ...], names: Any, *, width: int) -> str | None:
    shown = ("", *options)
    if st.session_state.get(key) not in shown:
        st.session_state[key] = ""
    return (
        st.selectbox(
            label, shown, key=key, format_func=lambda each: names(each) if each else t("filter.any"), width=width
        )
        or None
    )


def _priority_name(priority: str) -> str:
    return term("alarm.priority", priority)


def _default_days() -> tuple[date, date]:
    today = today_in(ZONE)
    return today - timedelta(days=6), today


def _span(days: Any) -> dict[str, str]:
    first, last = (days[0], days[-1]) if isinstance(days, tuple) and days else (days, days)
    if not isinstance(first, date) or not isinstance(last, date):
        return {}
    info = ZoneInfo(ZONE)
    since = datetime.combine(first, time(), info)
    until = min(datetime.combine(last + timedelta(days=1), time(), info), datetime.now(UTC) + timedelta(minutes=5))
    return {"from": rfc3339(since), "to": rfc3339(max(until, since + timedelta(minutes=1)))}


# ---------------------------------------------------------------------- the list
@st.fragment(run_every=REFRESH_S)
def _list(query: dict[str, Any]) -> None:
    page = int(st.session_state.get("alarm_page", 1))
    asked = {**query, "limit": PAGE, "offset": (page - 1) * PAGE}
    try:
        found = session.client().alarms(**asked)
        if not found["items"] and found["total"]:  # the page before last was the last: the list got shorter
            page = math.ceil(found["total"] / PAGE)
            found = session.client().alarms(**{**asked, "offset": (page - 1) * PAGE})
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    soft = f"<span class='ld-note'>{escape(t('alarms.count', total=found['total']))}</span>"
    st.html(heading(t("alarms.list"), soft))
    answer = table("alarms", alarm_table(found["items"], selected=st.session_state.get(CHOSEN)))
    if answer.open:
        st.session_state[CHOSEN] = int(answer.open)
        st.rerun()
    pages = max(1, math.ceil(found["total"] / PAGE))
    if pages > 1:
        st.pagination(pages, default=min(page, pages), key="alarm_page", width="stretch")
    st.html(export_links("alarms", {name: str(value) for name, value in query.items()}))
    if CHOSEN not in st.session_state and found["items"]:
        st.session_state[CHOSEN] = found["items"][0]["id"]
        st.rerun()


# ---------------------------------------------------------------------- one alarm
@st.fragment(run_every=REFRESH_S)
def _detail() -> None:
    chosen = st.session_state.get(CHOSEN)
    st.html(heading(t("alarms.detail")))
    if chosen is None:
        st.html(f"<div class='ld-panel ld-note'>{escape(t('alarms.choose'))}</div>")
        return
    try:
        alarm = session.client().alarm(chosen)
    except ApiError as error:
        if error.status == 404:
            st.session_state.pop(CHOSEN, None)
            st.html(f"<div class='ld-panel ld-note'>{escape(t('alarms.gone'))}</div>")
            return
        failed(error)
        return
    except ApiUnreachableError as error:
        failed(error)
        return
    st.html(_described(alarm) + verdict_panel(alarm, ZONE))
    if alarm["verdict"] and session.may_act():
        feedback(alarm, _act)
    if session.may_act():
        _actions(alarm)
        more_acts(alarm, _act)
    st.html(rationale(alarm))
    case_link(alarm)
    link = escape(address("site", site=alarm["site"]))
    st.html(
        f"<div class='ld-links'><a class='ld-go' href='{link}' target='_self'>{escape(t('alarms.open_site'))}</a></div>"
    )


@st.fragment(run_every=PICTURE_S)
def _picture() -> None:
    """The alarm beside the other channels, drawn again now and then: it changes slowly."""
    chosen = st.session_state.get(CHOSEN)
    if chosen is None:
        return
    try:
        alarm = session.client().alarm(chosen)
    except (ApiError, ApiUnreachableError):
        return  # the panel above says what is wrong
    if alarm["sampling_point"]:
        picture(alarm)


def _described(alarm: Alarm) -> str:
    chips = chip(_priority_name(alarm["priority"]), PRIORITY_TONE[alarm["priority"]]) + chip(
        term("alarm.state", alarm["state"]), ALARM_TONE.get(alarm["state"], "plain")
    )
    shown = alarm.get("isa_state", alarm["state"])
    if shown != alarm["state"]:
        chips += chip(term("alarm.state", shown), "plain")
    chips += marks(alarm)
    mark = badge() if alarm["simulated"] else ""
    facts = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in _facts(alarm))
    return (
        f"<div class='ld-panel ld-detail' data-alarm='{alarm['id']}' data-state='{escape(alarm['state'])}'>"
        f"<div>{chips} {mark} <span class='ld-note'>{escape(term('alarm.kind', alarm['kind']))}</span></div>"
        f"<blockquote>{escape(name_of(alarm, 'text'))}</blockquote>"
        f"<div class='ld-facts'>{facts}</div>"
        f"<ul class='ld-timeline'>{happenings(alarm.get('events', []))}</ul>"
        f"<p class='ld-note'>{escape(t('disclaimer'))}</p></div>"
    )


def _facts(alarm: Alarm) -> list[tuple[str, str]]:
    unit = f" {alarm['unit']}" if alarm["unit"] else ""
    precision = precision_of(alarm["indicator"])
    facts = [
        (t("column.since"), full_time(alarm["since"], ZONE)),
        (t("column.raised_at"), full_time(alarm["raised_at"], ZONE)),
    ]
    if alarm["indicator"]:
        facts.insert(0, (t("column.indicator"), indicator(alarm["indicator"])))
    if alarm["value"] is not None:
        facts.append((t("column.value"), number(alarm["value"], precision) + unit))
    if alarm["extreme"] is not None:
        facts.append((t("column.extreme"), number(alarm["extreme"], precision) + unit))
    if alarm["returned_at"]:
        why = f"（{term('dashboard.return_reason', alarm['return_reason'])}）" if alarm["return_reason"] else ""
        facts.append((t("column.returned_at"), full_time(alarm["returned_at"], ZONE) + why))
    if alarm["acknowledged_by"]:
        who = f"{alarm['acknowledged_by']} {full_time(alarm['acknowledged_at'], ZONE)}"
        facts.append((t("column.acknowledged_by"), who))
    return facts + mute_facts(alarm)


def _actions(alarm: Alarm) -> None:
    needs = alarm["state"] in ("unacknowledged", "returned_unacknowledged", "latched_unacknowledged")
    with st.form(f"act-{alarm['id']}", clear_on_submit=True, border=True):
        words = st.text_input(t("alarms.comment"), placeholder=t("alarms.comment_hint"), max_chars=2000)
        with st.container(horizontal=True):
            acknowledged = st.form_submit_button(
                t("alarms.acknowledge"), type="primary", disabled=not needs, key=f"ack-{alarm['id']}"
            )
            commented = st.form_submit_button(t("alarms.add_comment"), key=f"comment-{alarm['id']}")
    if acknowledged:
        _act(lambda: session.client().acknowledge(alarm["id"], words.strip() or None))
    elif commented and words.strip():
        _act(lambda: session.client().comment(alarm["id"], words.strip()))
    elif commented:
        st.warning(t("alarms.comment_empty"))


def _act(call: Any) -> None:
    try:
        applied = call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    session.feed().poll_soon()
    st.toast(t("alarms.done") if applied else t("alarms.pending"))
    st.rerun()
