"""The inspector's page, for a telephone: which alarms need them, worst first, and all they need beside the pool."""

from datetime import UTC, datetime
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, rfc3339
from dashboard.html import escape, heading
from dashboard.language import county_name, language, name_of, t, term
from dashboard.links import address
from dashboard.opening import opening_text
from dashboard.problems import failed
from dashboard.screens import inspector_site
from dashboard.shapes import Alarm, Picture, SiteDetail
from dashboard.widgets.alarm_table import ZONE, happenings
from dashboard.widgets.case_link import case_link
from dashboard.widgets.field import (
    ACTIVE,
    NEEDS,
    act,
    alarm_card,
    back,
    colon,
    field_style,
    install,
    response_to,
    urgency,
    w,
)
from dashboard.widgets.inbox import newest, read_of_alarm
from dashboard.widgets.instruments import instruments
from dashboard.widgets.picture import picture_chart
from dashboard.widgets.quick_test import quick_test
from dashboard.widgets.quick_test import w as test_word
from dashboard.widgets.verdict import feedback, verdict_panel

REFRESH_S: Final = 3
PICTURE_S: Final = 20
SHOWN: Final = 12
POINTS: Final = 200
TESTING: Final = "inspector_testing"
PRIORITIES: Final = ("high", "medium", "low")


def show() -> None:
    """Draw the page."""
    field_style()
    with st.container(key="field"):
        if not session.may_act():
            st.info(w("wrong_role"))
            return
        alarm, site = st.query_params.get("alarm", ""), st.query_params.get("site", "")
        if alarm.isdigit():
            _one(int(alarm))
        elif site:
            inspector_site.draw(site)
        else:
            newest()
            _list()
            inspector_site.find()
            with st.expander(term("inspector.install", "title"), icon=":material/install_mobile:"):
                install("inspector")


# ---------------------------------------------------------------------- the list
@st.fragment(run_every=REFRESH_S)
def _list() -> None:
    now = session.feed().wait_first(4)
    try:
        alarms = _mine()
        returned = session.client().alarms(
            state="returned_unacknowledged", audience="inspector", limit=SHOWN, **_county()
        )
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    separator = "、" if language() == "zh" else ", "
    scope = separator.join(map(county_name, session.me()["counties"])) or t("person.all_counties")
    as_of = w("scope", counties=scope, time=clock(rfc3339(datetime.now(UTC)), ZONE))
    st.html(
        f"<div class='ld-field-head'><h1>{escape(w('title'))}</h1><span class='ld-note'>{escape(as_of)}</span></div>"
    )
    chosen = _filters(alarms)
    listed = [each for each in alarms if chosen in ("all", each["priority"])]
    if not listed:
        st.html(f"<div class='ld-state ld-ok'>{escape(w('none'))}</div>")
    for alarm in listed[:SHOWN]:
        with st.container(key=f"mine-{alarm['id']}", gap="small"):
            st.html(alarm_card(alarm, now.latest, page="inspector"))
            _buttons(alarm)
    if len(listed) > SHOWN:
        st.html(f"<p class='ld-note'>{escape(w('more', count=len(listed) - SHOWN))}</p>")
    if returned["items"]:
        with st.expander(w("returned", count=returned["total"])):
            for alarm in returned["items"]:
                st.html(alarm_card(alarm, now.latest, page="inspector"))
                _buttons(alarm)


def _mine() -> list[Alarm]:
    """Open alarms of the inspectors' work in the person's counties, most urgent first; muted ones call nobody."""
    found: list[Alarm] = []
    for priority in PRIORITIES:  # one by one, so that many low ones cannot crowd a high one out
        page = session.client().alarms(open="true", audience="inspector", priority=priority, limit=50, **_county())
        found += [each for each in page["items"] if not each.get("muted")]
    return sorted(found, key=urgency)


def _county() -> dict[str, str]:
    county = st.session_state.get("inspector_county") or ""
    return {"county": county} if county else {}


def _filters(alarms: list[Alarm]) -> str:
    counts = {each: sum(alarm["priority"] == each for alarm in alarms) for each in PRIORITIES}

    def named(each: str) -> str:
        if each == "all":
            return w("all", count=len(alarms))
        return w("of_priority", priority=term("alarm.priority", each), count=counts[each])

    counties = session.counties()
    if len(counties) > 1:
        st.selectbox(
            w("county"), ("", *counties), key="inspector_county", persist_state="session",
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
            label_visibility="collapsed",
        )  # fmt: skip
    chosen: str | None = st.segmented_control(
        t("column.priority"), ("all", *PRIORITIES), default="all", key="inspector_priority", persist_state="session",
        format_func=named, label_visibility="collapsed", required=True, width="stretch",
    )  # fmt: skip
    return chosen or "all"


def _buttons(alarm: Alarm) -> None:
    """One tap each: taken note of, and on the way."""
    number = alarm["id"]
    with st.container(horizontal=True, gap="small"):
        if alarm["state"] in NEEDS and st.button(
            w("acknowledge"), key=f"take-{number}", type="primary", icon=":material/check:", width="stretch"
        ):
            act(lambda: session.client().acknowledge(number, None))
        going = alarm["state"] in ACTIVE and not alarm.get("on_the_way_by")
        if going and st.button(w("on_the_way"), key=f"go-{number}", icon=":material/directions_walk:", width="stretch"):
            act(lambda: session.field().on_the_way(number))


# ---------------------------------------------------------------------- one alarm
def _one(number: int) -> None:
    st.html(back())
    try:
        alarm = session.client().alarm(number)
        site = session.client().site(alarm["site"])
        devices = session.field().devices_of(alarm["site"])
    except ApiError as error:
        if error.status != 404:
            failed(error)
        else:
            st.info(w("gone"))
        return
    except ApiUnreachableError as error:
        failed(error)
        return
    read_of_alarm(number)
    _head(number)
    _test(alarm, site)
    case_link(alarm)
    _course(number)
    st.html(heading(w("instruments")) + instruments(devices, alarm["sampling_point"]))
    _venue(alarm, site)
    _history(number)


@st.fragment(run_every=REFRESH_S)
def _head(number: int) -> None:
    """The alarm as it stands now, and what can be done about it with one tap."""
    try:
        alarm = session.client().alarm(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    now = session.feed().read()
    st.html(alarm_card(alarm, now.latest))
    if alarm["state"] in (*NEEDS, *ACTIVE):
        _buttons(alarm)
    st.html(f"<p class='ld-say'>{escape(name_of(alarm, 'text'))}</p>" + verdict_panel(alarm, ZONE) + _to_do(alarm))
    if alarm["verdict"]:
        feedback(alarm, act)


def _to_do(alarm: Alarm) -> str:
    """What the rule's own record says is to be done; a verdict brings its own advice."""
    response = response_to(alarm)
    if not response or alarm["verdict"]:
        return ""
    return f"<div class='ld-do'><b>{escape(w('what_to_do'))}</b>{escape(response)}</div>"


def _test(alarm: Alarm, site: SiteDetail) -> None:
    point = next((each for each in site["sampling_points"] if each["code"] == alarm["sampling_point"]), None)
    if point is None:
        return
    opened = f"{TESTING}_{alarm['id']}"
    if not st.session_state.get(opened):
        if st.button(test_word("start"), key="quick_start", icon=":material/science:", width="stretch"):
            st.session_state[opened] = True
            st.rerun()
        return
    with st.container(key="quick"):
        quick_test(site, point, alarm["indicator"], alarm["id"])


@st.fragment(run_every=PICTURE_S)
def _course(number: int) -> None:
    """The indicators that spoke around the event; the others on demand."""
    try:
        found = session.client().picture(number)
        ids = [each["channel_id"] for each in found["channels"]]
        series = session.client().readings(ids, found["first"], found["last"], POINTS)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if not found["channels"]:
        return
    st.html(heading(w("course")))
    spoke = [each for each in found["channels"] if each["spoke"]] or found["channels"][:1]
    rest = [each for each in found["channels"] if each not in spoke]
    by_id = {each["channel_id"]: each for each in series}
    option, height = picture_chart(Picture(**{**found, "channels": spoke}), by_id)
    st.echarts_chart(option, height=height, theme=None, key="field-chart", alt=w("course"))
    if rest:
        with st.expander(w("others")):
            option, height = picture_chart(Picture(**{**found, "channels": rest}), by_id)
            st.echarts_chart(option, height=height, theme=None, key="field-chart-others", alt=w("others"))


def _venue(alarm: Alarm, site: SiteDetail) -> None:
    """The venue's file in short, and where it is told in full."""
    facts = [
        (t("column.county"), county_name(site["county"])),
        (t("site.hours"), opening_text(site)),
        (t("site.now"), t("open_now.yes") if site["open_now"] else t("open_now.no")),
    ]
    listed = "".join(f"<li><b>{escape(label)}</b>{colon()}{escape(value)}</li>" for label, value in facts)
    counts = site["open_alarms"] or {"high": 0, "medium": 0, "low": 0}
    others = sum(counts.values()) - (alarm["state"] in ACTIVE)  # type: ignore[arg-type]
    also = f"<li>{escape(w('also', count=others))}</li>" if others > 0 else ""
    code = site["code"]
    links = "".join(
        f"<a class='ld-go' href='{escape(address(page, site=code))}' target='_self'>{escape(w(key))} ›</a>"
        for page, key in (
            ("inspector", "to_venue_page"),
            ("site_file", "to_file"),
            ("site", "to_site"),
            ("samples", "to_samples"),
        )
    )
    st.html(
        heading(f"{w('venue')} · {name_of(site)}")
        + f"<ul class='ld-rows'>{listed}{also}</ul><div class='ld-big-links' style='margin-top:.5rem'>{links}</div>"
    )


@st.fragment(run_every=REFRESH_S)
def _history(number: int) -> None:
    try:
        alarm = session.client().alarm(number)
    except (ApiError, ApiUnreachableError):
        return  # the head says what is wrong
    st.html(heading(w("history")) + f"<div class='ld-panel'><ul class='ld-timeline'>{history_of(alarm)}</ul></div>")
    with st.form(f"remark-{number}", clear_on_submit=True, border=True):
        words = st.text_input(w("remark"), max_chars=2000, key=f"remark_words_{number}")
        sent = st.form_submit_button(w("send"), width="stretch", key=f"remark_send_{number}")
    if sent and words.strip():
        act(lambda: session.client().comment(number, words.strip()))


def history_of(alarm: Alarm) -> str:
    """What happened to an alarm, newest first: on a small screen the newest is what is looked for."""
    # Of verdicts the newest stands above; how the detector came to it is on the page of alarms.
    return happenings(each for each in reversed(alarm.get("events", [])) if each["event"] != "verdict")
