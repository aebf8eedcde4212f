"""How one page leads to another."""

from typing import Final

import streamlit as st

from dashboard.language import language

PAGES: Final = "pages"
"""Session entry that holds the pages by name (`navigation.pages` puts it there)."""


def go(page: str, **query: str) -> None:
    """Go to a page, with what it is to show in the address."""
    st.switch_page(st.session_state[PAGES][page], query_params={**query, "lang": language()})
