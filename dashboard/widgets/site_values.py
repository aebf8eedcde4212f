"""The present values of a site, basin by basin, for the pages of one column."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.html import escape, heading
from dashboard.language import name_of, t, term
from dashboard.shapes import SiteDetail
from dashboard.widgets.indicator_cards import cards

REFRESH_S: Final = 3


@st.fragment(run_every=REFRESH_S)
def site_values(detail: SiteDetail) -> None:
    """A card a channel, renewed by itself."""
    now = session.feed().read()
    st.html(heading(term("venue.page", "values")))
    if not detail["channels"]:
        st.info(t("site.offline_pool"))
    several = len(detail["sampling_points"]) > 1
    for point in detail["sampling_points"]:
        channels = [each for each in detail["channels"] if each["sampling_point"] == point["code"]]
        if channels:
            title = f"<p class='ld-say'><b>{escape(name_of(point))}</b></p>" if several else ""
            st.html(title + cards(channels, now.latest, detail))
    st.html(f"<p class='ld-note'>{escape(t('disclaimer'))}</p>")
