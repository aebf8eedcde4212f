"""From a warning to its case, or to a new one; and what a venue still has to correct."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import escape, heading
from dashboard.links import address
from dashboard.shapes import Alarm
from dashboard.widgets.case_words import left, p, state_chip, state_name


def case_link(alarm: Alarm) -> None:
    """The case that a warning is in; for who works cases, a way to open one where there is none."""
    try:
        found = session.cases().cases(alarm=alarm["id"], limit=1)["items"]
    except (ApiError, ApiUnreachableError):
        return  # the panel above says what is wrong
    if found:
        named = f"{p('of_alarm', number=found[0]['number'])} · {state_name(found[0])}"
        where = address("cases", case=found[0]["id"])
    elif session.may_act():
        named, where = p("from_alarm"), address("cases", site=alarm["site"], source="alarm", alarm=alarm["id"])
    else:
        return
    st.html(
        f"<div class='ld-links'><a class='ld-go' href='{escape(where)}' target='_self' data-case-of='{alarm['id']}'>"
        f"{escape(named)}</a></div>"
    )


def demands() -> None:
    """What the agency asked of a venue and is still open, the most urgent first; nothing where there is none."""
    try:
        found = session.cases().cases(open="true", limit=5)["items"]
    except (ApiError, ApiUnreachableError):
        return  # the page itself says that the API is away
    if not found:
        return
    st.html(heading(p("mine")))
    for case in found:
        where = escape(address("cases", case=case["id"]))
        st.html(
            f"<a class='ld-go ld-tap' href='{where}' target='_self' data-demand='{case['id']}'>{state_chip(case)} "
            f"{escape(case['due_day'] or '')} {escape(left(case))}<br>{escape(case['requirement'] or '')}</a>"
        )
