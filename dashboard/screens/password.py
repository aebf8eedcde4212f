"""Choosing a password of one's own in place of one that was given out."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError, SignInNeededError
from dashboard.html import escape, title
from dashboard.keeping import w
from dashboard.problems import told


def show() -> None:
    """Draw the form."""
    _, middle, _ = st.columns([0.32, 0.36, 0.32])
    with middle, st.form("own-password"):
        st.html(title(w("password.title")))
        st.html(f"<p class='ld-note'>{escape(w('password.why'))}</p>")
        old = st.text_input(w("password.old"), type="password", autocomplete="current-password")
        new = st.text_input(w("password.new"), type="password", autocomplete="new-password")
        again = st.text_input(w("password.again"), type="password", autocomplete="new-password")
        if st.form_submit_button(w("password.submit"), type="primary", width="stretch"):
            _change(old, new, again)


def _change(old: str, new: str, again: str) -> None:
    if new != again:
        st.error(w("password.differs"))
        return
    if len(new) < 10:
        st.error(w("password.short"))
        return
    try:
        token = session.keeping().change_password(old, new)
    except SignInNeededError:
        st.error(w("password.wrong"))
    except (ApiError, ApiUnreachableError) as error:
        st.error(told(error))
    else:
        session.adopt(token)
        st.rerun()
