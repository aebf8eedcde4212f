"""The roster: who is on duty where, as what, from when to when."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, rfc3339, today_in
from dashboard.html import escape, heading
from dashboard.language import county_name, term
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.notify_words import w

ROLES: Final = ("inspector", "section_head", "duty_officer")
CHOSEN: Final = "duty_chosen"


def roster() -> None:
    """Draw the roster, and the form for who may set it."""
    try:
        lines = session.notify().roster()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(f"<p class='ld-note'>{escape(w('roster_note'))}</p>")
    columns = [
        {"label": w("roster_since")},
        {"label": w("roster_until")},
        {"label": w("roster_role")},
        {"label": w("roster_county")},
        {"label": w("roster_person")},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                clock(each["since"], ZONE),
                clock(each["until"], ZONE),
                term("notify.role", each["role"]),
                county_name(each["county"]) if each["county"] else w("roster_all"),
                f"{each['person_name']} ({each['person']})",
            ],
        }
        for each in lines
    ]
    may = session.may_control()
    chosen = st.session_state.get(CHOSEN)
    data = {"columns": columns, "rows": rows, "clickable": may, "selected": chosen, "empty": w("roster_none")}
    answer = table("roster", data)
    if not may:
        return
    if answer.open and answer.open != chosen:
        st.session_state[CHOSEN] = answer.open
        st.rerun()
    if chosen in {str(each["id"]) for each in lines} and st.button(
        w("delete"), key="duty_delete", icon=":material/delete:"
    ):
        _delete(int(chosen))
    _form()


def _delete(number: int) -> None:
    try:
        session.notify().delete_duty(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.session_state.pop(CHOSEN, None)
        st.rerun()


def _form() -> None:
    try:
        people = {each["username"]: each["name"] for each in session.keeping().people() if not each["disabled_at"]}
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    with st.container(border=True, key="panel-duty"):
        st.html(heading(w("add")))
        first, second, third = st.columns(3, gap="small")
        with first:
            person = st.selectbox(
                w("roster_person"), list(people), key="duty_person", format_func=lambda each: f"{people[each]} ({each})"
            )
        with second:
            role = st.selectbox(
                w("roster_role"), ROLES, key="duty_role", format_func=lambda each: term("notify.role", each)
            )
        with third:
            county = st.selectbox(
                w("roster_county"), ("", *session.counties()), key="duty_county",
                format_func=lambda code: county_name(code) if code else w("roster_all"),
            )  # fmt: skip
        today = today_in(ZONE)
        cells = st.columns(4, gap="small")
        with cells[0]:
            begin = st.date_input(w("roster_since"), value=today, key="duty_begin", format="YYYY-MM-DD")
        with cells[1]:
            opens = st.time_input(w("roster_since"), value=time(8, 30), key="duty_opens", label_visibility="hidden")
        with cells[2]:
            end = st.date_input(w("roster_until"), value=today, key="duty_end", format="YYYY-MM-DD")
        with cells[3]:
            closes = st.time_input(w("roster_until"), value=time(17, 30), key="duty_closes", label_visibility="hidden")
        if st.button(w("add"), key="duty_add", type="primary", icon=":material/add:"):
            _add(person, role, county, _at(begin, opens), _at(end, closes))


def _at(day: object, moment: object) -> datetime:
    chosen = day if isinstance(day, date) else today_in(ZONE) + timedelta(days=1)
    return datetime.combine(chosen, moment if isinstance(moment, time) else time(), ZoneInfo(ZONE))


def _add(person: str, role: str, county: str, since: datetime, until: datetime) -> None:
    duty = {"person": person, "role": role, "county": county, "since": rfc3339(since), "until": rfc3339(until)}
    try:
        session.notify().add_duty(duty)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("saved"), icon=":material/check_circle:")
        st.rerun()
