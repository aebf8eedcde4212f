"""Signing in."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError, SignInNeededError
from dashboard.html import escape
from dashboard.language import t
from dashboard.problems import told


def show() -> None:
    """Draw the form; on success the page that was asked for opens."""
    _, middle, _ = st.columns([1, 1.1, 1])
    with middle:
        st.html(f"<div class='ld-signin'><h1>{escape(t('brand'))}</h1><p>{escape(t('subtitle'))}</p></div>")
        why = st.session_state.get(session.ENDED)
        if why == "expired":
            st.info(t("sign_in.expired"))
        with st.form("sign_in"):
            username = st.text_input(t("sign_in.username"), autocomplete="username")
            password = st.text_input(t("sign_in.password"), type="password", autocomplete="current-password")
            asked = st.form_submit_button(t("sign_in.submit"), type="primary", width="stretch")
        if asked:
            _try(username.strip(), password)
        st.html(f"<p class='ld-note'>{escape(t('sign_in.help'))}</p>")


def _try(username: str, password: str) -> None:
    if not username or not password:
        st.warning(t("sign_in.incomplete"))
        return
    try:
        session.sign_in(username, password)
    except SignInNeededError:
        st.error(t("sign_in.wrong"))
    except (ApiError, ApiUnreachableError) as error:
        wrong = isinstance(error, ApiError) and error.status in (400, 403, 422)
        st.error(t("sign_in.wrong") if wrong else told(error))
    else:
        st.rerun()
