"""What a page does when the API refuses or does not answer."""

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, SignInNeededError
from dashboard.language import t


def failed(error: Exception) -> None:
    """Say what went wrong; an expired sign-in leads to the form."""
    if isinstance(error, SignInNeededError):
        session.end("expired")
        st.rerun()
    st.error(t("error.refused", detail=error.detail) if isinstance(error, ApiError) else t("error.unreachable"))
