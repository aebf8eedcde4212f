"""The pages of the dashboard, by who may see them."""

from typing import Any

import streamlit as st

from dashboard import session
from dashboard.language import t
from dashboard.screens import alarms, live, simulators, site, system


def pages() -> dict[str, Any]:
    """The pages this person may see, by name."""
    found = {
        "live": st.Page(live.show, title=t("nav.live"), icon=":material/monitoring:", url_path="live", default=True),
        "site": st.Page(site.show, title=t("nav.site"), icon=":material/pool:", url_path="site"),
    }
    public = session.me()["role"] == "public"
    if not public:
        found["alarms"] = st.Page(
            alarms.show, title=t("nav.alarms"), icon=":material/notifications:", url_path="alarms"
        )
    if session.may_control():
        found["simulators"] = st.Page(
            simulators.show, title=t("nav.simulators"), icon=":material/science:", url_path="simulators"
        )
    if not public:
        found["system"] = st.Page(system.show, title=t("nav.system"), icon=":material/dns:", url_path="system")
    return found
