"""The whole city at a glance, refreshing by itself."""

import math
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.formatting import clock
from dashboard.html import badge, escape, heading, title
from dashboard.language import county_name, t
from dashboard.live_feed import Snapshot
from dashboard.shapes import Site
from dashboard.widgets.alarm_table import ZONE, alarm_table
from dashboard.widgets.components import county_map, table
from dashboard.widgets.kpi import key_figures
from dashboard.widgets.site_map import map_data
from dashboard.widgets.site_table import PAGE, by_severity, table_data
from registry.wall_clock import zone_offset

REFRESH_S: Final = 2
ALARMS: Final = 8
GROUP: Final = "live_group"
COUNTY: Final = "live_county"


def show() -> None:
    """Draw the page."""
    _body()


@st.fragment(run_every=REFRESH_S)
def _body() -> None:
    now = session.feed().wait_first(4)
    overview = now.overview
    speed = t("live.speed", speed=f"{overview['speed']:g}") if overview and (overview["speed"] or 1) > 1 else ""
    as_of = t("live.as_of", time=clock(overview["at"], ZONE), zone=f"{ZONE} {zone_offset(ZONE)}") if overview else ""
    st.html(title(t("live.title"), sub=" · ".join(filter(None, (as_of, speed)))))
    if overview is None:
        st.info(t("live.waiting"))
        return
    st.html(key_figures(overview))
    left, right = st.columns([0.455, 0.545], gap="small")
    group = st.session_state.get(GROUP) or _default_group(now)
    county = st.session_state.get(COUNTY) or None
    with left:
        mark = badge() if group == "simulated" else ""
        st.html(heading(t("live.map"), mark))
        answer = county_map("county-map", map_data(now.sites, group=group, county=county))
        if answer.county:
            st.session_state[COUNTY] = "" if answer.county == county else answer.county
            st.rerun(scope="fragment")
    with right:
        _sites(now, group)
    _alarms(now)


def _default_group(now: Snapshot) -> str:
    return "live" if any(site["status"] == "live" for site in now.sites) else "simulated"


def _sites(now: Snapshot, group: str) -> None:
    counts = {name: sum(site["status"] == name for site in now.sites) for name in ("live", "simulated", "offline")}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            t("live.group"),
            ("live", "simulated", "offline"),
            default=group,
            format_func=lambda name: t(f"live.tab_{name}", count=counts[name]),
            key="live_tab",
            persist_state="session",
            label_visibility="collapsed",
            required=True,
        )
        st.selectbox(
            t("column.county"),
            ("", *session.counties()),
            format_func=lambda code: county_name(code) if code else t("filter.all_counties"),
            key=COUNTY,
            persist_state="session",
            label_visibility="collapsed",
            width=170,
        )
    if chosen in ("live", "simulated") and chosen != group:
        st.session_state[GROUP] = chosen
        st.rerun(scope="fragment")
    listed = by_severity(_of(now.sites, chosen or group, st.session_state.get(COUNTY) or None))
    pages = max(1, math.ceil(len(listed) / PAGE))
    page = min(int(st.session_state.get("live_page", 1)), pages)
    table("site-table", table_data(listed[(page - 1) * PAGE : page * PAGE]))
    if pages > 1:
        st.pagination(pages, default=page, key="live_page", width="stretch")


def _of(sites: list[Site], status: str, county: str | None) -> list[Site]:
    return [site for site in sites if site["status"] == status and county in (None, site["county"])]


def _alarms(now: Snapshot) -> None:
    order = {"high": 0, "medium": 1, "low": 2}
    alarms = sorted(now.open_alarms, key=lambda alarm: alarm["raised_at"], reverse=True)
    alarms.sort(key=lambda alarm: order[alarm["priority"]])
    total = max(now.open_alarms_total, len(alarms))  # the newest may have come before the next count
    more = t("live.alarms_more", shown=min(ALARMS, len(alarms)), total=total)
    soft = f"<span class='ld-note'>{escape(more)}</span>" if alarms else ""
    st.html(heading(t("live.alarms"), soft))
    table("alarm-table", alarm_table(alarms[:ALARMS], empty=t("live.no_alarms"), lead=True))
    st.html(f"<p class='ld-note'>{escape(t('disclaimer'))}</p>")
