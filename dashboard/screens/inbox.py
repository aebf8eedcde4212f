"""Everything that alarms sent to the person who is signed in, newest first."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import escape
from dashboard.problems import failed
from dashboard.widgets.field import field_style
from dashboard.widgets.inbox import mark, messages, w

REFRESH_S: Final = 3
PAGE: Final = 20
MORE: Final = "inbox_pages"


def show() -> None:
    """Draw the page."""
    field_style()
    with st.container(key="field"):
        _list()


@st.fragment(run_every=REFRESH_S)
def _list() -> None:
    pages = int(st.session_state.get(MORE, 1))
    try:
        found = session.field().inbox(limit=min(PAGE * pages, 200))
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    count = w("unread", count=found["unread"]) if found["unread"] else w("all_read")
    st.html(
        f"<div class='ld-field-head'><h1>{escape(w('title'))}</h1><span class='ld-note'>{escape(count)}</span></div>"
        f"<p class='ld-note'>{escape(w('note'))}</p>"
    )
    if not found["items"]:
        st.html(f"<p class='ld-say'>{escape(w('none'))}</p>")
        return
    if found["unread"] and st.button(w("read_all"), key="inbox_read_all", icon=":material/done_all:"):
        mark(None)
        st.rerun(scope="fragment")
    messages(found["items"])
    if len(found["items"]) == PAGE * pages and st.button(w("older"), key="inbox_older", width="stretch"):
        st.session_state[MORE] = pages + 1
        st.rerun(scope="fragment")
