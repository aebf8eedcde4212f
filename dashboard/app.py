"""The script Streamlit runs for every reader: sign-in, frame, and the page they asked for."""

import gc
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.language import adopt_language, t
from dashboard.navigation import sections
from dashboard.screens import password, scenario, sign_in
from dashboard.widgets.banner import banners
from dashboard.widgets.frame import language_switch, person, style
from dashboard.widgets.inbox import bell


def main() -> None:
    """Draw the page."""
    adopt_language()
    st.set_page_config(page_title=t("title"), page_icon="🛡️", layout="wide", initial_sidebar_state="auto")
    style()
    signed_in = session.restore()
    session.keep_cookie()
    if not signed_in:
        # Every address leads to the sign-in, and stays what it was, so that it opens afterwards.
        asked = st.navigation(
            [st.Page(sign_in.show, title=t("nav.sign_in"), default=True), *_hidden(sign_in.show)], position="hidden"
        )
        with st.sidebar:
            language_switch()
        asked.run()
        return
    session.complete_me()
    if session.me().get("one_time"):
        # The password was given out: nothing else opens before the person has one of their own.
        chosen = st.navigation(
            [st.Page(password.show, title=t("nav.sign_in"), default=True), *_hidden(password.show)], position="hidden"
        )
        with st.sidebar:
            language_switch()
        chosen.run()
        return
    page = st.navigation(sections(), expanded=True)
    with st.sidebar:
        person()
        bell()
        language_switch()
    banners()
    page.run()
    _settle(page.url_path)


@st.cache_resource
def _settle(page: str) -> str:
    """Take what a page's first drawing has loaded out of the garbage collector's sight, once a page and process.

    Streamlit collects garbage after every run, each refresh of a fragment included; going through the many
    objects of its modules took nine tenths of a refresh's time.
    """
    gc.collect()
    gc.freeze()
    return page


def _hidden(show: Callable[[], None]) -> list[Any]:
    """Every other address leads to the same page."""
    return [
        st.Page(show, title=t("nav.sign_in"), url_path=path)
        for path in (
            "live",
            "inspector",
            "inbox",
            "venue",
            "site",
            "rules",
            "samples",
            "alarms",
            "alarm_figures",
            "cases",
            "notifications",
            "draws",
            "waste",
            "site_file",
            "disclosure",
            "simulators",
            "system",
            "devices",
            "registry",
            "administration",
            "back_test",
            *(each.code for each in scenario.declared()),
        )
    ]


main()
