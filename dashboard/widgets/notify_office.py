"""The agency's working hours, which steps of routes count by."""

from datetime import time

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time
from dashboard.html import escape
from dashboard.notify_client import OfficeHours
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.notify_words import w


def office_hours() -> None:
    """Say which hours count and who set them, with a form for who may."""
    try:
        found = session.notify().office_hours()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(f"<p class='ld-note' data-office='{hours(found)}'>{escape(said(found))} {escape(_set_by(found))}</p>")
    if session.may_control():
        with st.expander(w("office_set"), icon=":material/schedule:"), st.container(key="panel-office"):
            _form(found)


def hours(found: OfficeHours) -> str:
    """``08:30–17:30``."""
    return f"{time.fromisoformat(found['begins']):%H:%M}–{time.fromisoformat(found['ends']):%H:%M}"


def said(found: OfficeHours) -> str:
    """The hours in a sentence."""
    return w("office", hours=hours(found))


def _set_by(found: OfficeHours) -> str:
    if found["changed_by"] is None:
        return w("office_default")
    return w("office_by", by=found["changed_by"], at=full_time(found["changed_at"], ZONE))


def _form(found: OfficeHours) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        begins = st.time_input(w("office_begins"), time.fromisoformat(found["begins"]), key="office_begins")
        ends = st.time_input(w("office_ends"), time.fromisoformat(found["ends"]), key="office_ends")
        if not st.button(w("save"), key="office_save", type="primary"):
            return
    try:
        session.notify().set_office_hours(begins.isoformat(), ends.isoformat())
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("saved"), icon=":material/check_circle:")
        st.rerun()
