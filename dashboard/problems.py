"""What a page does when the API refuses or does not answer."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, SignInNeededError
from dashboard.language import language, t


def failed(error: Exception) -> None:
    """Say what went wrong; an expired sign-in leads to the form."""
    if isinstance(error, SignInNeededError):
        session.end("expired")
        st.rerun()
    st.error(told(error))


def told(error: Exception) -> str:
    """The API's own sentence in the reader's language, or that it does not answer."""
    if isinstance(error, ApiError):
        return t("error.refused", detail=error.words.in_(language()))
    return t("error.unreachable")
