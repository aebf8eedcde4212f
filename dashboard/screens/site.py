"""One site: every value against its limit, and how it came to be."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, parse, rfc3339, today_in
from dashboard.html import badge, chip, escape, heading, title
from dashboard.language import county_name, language, name_of, t, term
from dashboard.links import address
from dashboard.look import SAMPLE_TONE, site_tone
from dashboard.opening import opening_text
from dashboard.problems import failed
from dashboard.shapes import Alarm, Channel, Point, SiteDetail
from dashboard.widgets.components import table
from dashboard.widgets.export import export_links
from dashboard.widgets.indicator_cards import cards
from dashboard.widgets.sample_table import sample_table
from dashboard.widgets.site_choice import choose_site
from dashboard.widgets.trend import chart
from dashboard.widgets.verdict import sensitivity_panel
from registry.catalogue import text
from registry.scenarios import scenario_of
from registry.wall_clock import zone_offset

REFRESH_S: Final = 2
DETAIL_S: Final = 10.0
RANGES: Final = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
REDRAW: Final = {"1h": 10.0, "6h": 30.0}
"""Seconds between redraws of a trend, by range; longer ranges change too little to draw again by themselves."""
SAMPLES: Final = 12
POINTS: Final = 300
"""Buckets a channel: as many as a panel has room for."""


def show() -> None:
    """Draw the page."""
    chosen = choose_site()
    if chosen is None:
        return
    code = chosen["code"]
    try:
        detail = _detail(session.me()["username"], code)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    _head(code)
    _leads(code)
    if not detail["channels"]:
        st.info(t("site.offline_pool"))
        _samples(detail)
        return
    _values(code)
    _samples(detail)
    _trends(detail)
    if session.me()["role"] != "public":
        _sensitivity(code, detail["zone"])


def _leads(code: str) -> None:
    """Where else this site is told of."""
    pages = (("rules", text(language(), "standard.page.title")), ("samples", text(language(), "sample.page.title")))
    links = "".join(f"<a href='{escape(address(page, site=code))}'>{escape(named)}</a>" for page, named in pages)
    st.html(f"<div class='ld-links'>{links}</div>")


def _samples(detail: SiteDetail) -> None:
    """The newest manual results; nothing where there are none."""
    try:
        found = session.client().samples(site=detail["code"], limit=SAMPLES)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if found["items"] or not detail["channels"]:
        st.html(heading(text(language(), "sample.page.latest")))
        table("site-samples", sample_table(found["items"], with_site=False))


@st.cache_data(ttl=DETAIL_S, max_entries=200, show_spinner=False)
def _detail(username: str, code: str) -> SiteDetail:  # noqa: ARG001 - one person's scope is not another's
    return session.client().site(code)


@st.fragment(run_every=REFRESH_S)
def _head(code: str) -> None:
    site = next((each for each in session.feed().read().sites if each["code"] == code), None)
    if site is None:
        return
    connected = site["status"] != "offline"
    state = site["state"] if connected else "unconnected"
    after = (badge() if site["simulated"] else "") + chip(
        t(f"state.{state}"), site_tone(site["state"], site["worst_priority"])
    )
    if summary := site["samples"]:
        after += chip(term("sample.state", summary["state"]), SAMPLE_TONE[summary["state"]])
    st.html(title(name_of(site), after=after))
    facts = [
        (t("column.county"), county_name(site["county"])),
        (t("site.hours"), opening_text(site)),
        (t("site.now"), t("open_now.yes") if site["open_now"] else t("open_now.no")),
        (
            t("site.connection"),
            (t("online.yes") if site["online"] else t("online.no")) if connected else t("online.never"),
        ),
        (t("column.last_data"), clock(site["last_seen"], site["zone"])),
        (t("site.zone"), f"{site['zone']} {zone_offset(site['zone'])}"),
    ]
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(text)}</span>" for label, text in facts)
    st.html(f"<div class='ld-facts'>{listed}</div><p class='ld-note'>{escape(t('disclaimer'))}</p>")


@st.fragment(run_every=REFRESH_S)
def _values(code: str) -> None:
    now = session.feed().read()
    try:
        detail = _detail(session.me()["username"], code)
    except (ApiError, ApiUnreachableError):
        return  # the banner says what is wrong; the values of before stay on the screen
    for point in detail["sampling_points"]:
        channels = [each for each in detail["channels"] if each["sampling_point"] == point["code"]]
        volume = _about(detail["scenario"], point)
        st.html(
            heading(name_of(point), f"<span class='ld-note'>{escape(volume)}</span>")
            + cards(channels, now.latest, detail)
        )


def _about(scenario: str, point: Point) -> str:
    """The kind of a sampling point in the scenario's words, and its volume where it has one."""
    kind = scenario_of(scenario).point_kinds.get(point["water_kind"])
    named = kind.name(language()) if kind else point["water_kind"]
    return t("site.volume", volume=f"{point['volume_m3']:.0f}", kind=named) if point["volume_m3"] > 0 else named


def _trends(detail: SiteDetail) -> None:
    st.html(heading(t("trend.title")))
    points = {point["code"]: point for point in detail["sampling_points"]}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            t("trend.range"),
            [*RANGES, "custom"],
            default="24h",
            key="trend_range",
            persist_state="session",
            format_func=lambda each: t(f"range.{each}"),
            label_visibility="collapsed",
            required=True,
        )
        basin = next(iter(points))
        if len(points) > 1:
            basin = st.segmented_control(
                t("column.basin"),
                list(points),
                default=basin,
                key=f"trend_basin_{detail['code']}",
                format_func=lambda each: name_of(points[each]),
                label_visibility="collapsed",
                required=True,
            )
        if chosen == "custom":
            st.date_input(
                t("trend.days"),
                value=_default_days(detail["zone"]),
                max_value=today_in(detail["zone"]),
                key="trend_days",
                persist_state="session",
                label_visibility="collapsed",
                format="YYYY-MM-DD",
                width=260,
            )
    # The period of a fragment is fixed when it is defined, so it is defined where the range is known.
    st.fragment(_trend, run_every=REDRAW.get(chosen or ""))(
        detail, points[basin or next(iter(points))], chosen or "24h"
    )


@st.fragment
def _sensitivity(code: str, zone: str) -> None:
    sensitivity_panel(code, zone)


def _default_days(zone: str) -> tuple[date, date]:
    today = today_in(zone)
    return today - timedelta(days=2), today


def _span(chosen: str, zone: str) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    if chosen in RANGES:
        return now - RANGES[chosen], now
    days = st.session_state.get("trend_days") or _default_days(zone)
    first, last = days[0], days[-1]
    info = ZoneInfo(zone)
    until = datetime.combine(last + timedelta(days=1), time(), info)
    return datetime.combine(first, time(), info), min(until, now)


def _trend(detail: SiteDetail, point: Point, chosen: str) -> None:
    since, until = _span(chosen, detail["zone"])
    channels: list[Channel] = [each for each in detail["channels"] if each["sampling_point"] == point["code"]]
    api = session.client()
    try:
        series = api.readings([each["id"] for each in channels], rfc3339(since), rfc3339(until), POINTS)
        alarms = _alarms_between(detail["code"], since, until)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    option, height = chart(
        channels, {each["channel_id"]: each for each in series}, alarms, since=since, until=until, zone=detail["zone"]
    )
    st.echarts_chart(option, height=height, theme=None, key="trend-chart", alt=t("trend.title"))
    span = {"from": rfc3339(since), "to": rfc3339(until)}
    st.html(
        f"<p class='ld-note'>{escape(t('trend.legend'))}</p>"
        + heading(t("export.title"))
        + export_links(f"sites/{detail['code']}/readings", span)
    )


def _alarms_between(site: str, since: datetime, until: datetime) -> list[Alarm]:
    if session.me()["role"] == "public":
        return []
    # An alarm from before the range may reach into it, so a day more is asked for.
    page = session.client().alarms(site=site, from_=rfc3339(since - timedelta(days=1)), to=rfc3339(until), limit=200)
    return [alarm for alarm in page["items"] if alarm["returned_at"] is None or parse(alarm["returned_at"]) > since]
