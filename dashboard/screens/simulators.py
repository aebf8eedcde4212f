"""The simulated fleet: drive it, break it, and see whether the platform notices."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time
from dashboard.html import badge, badge_cell, chip, chip_cell, escape, heading, title
from dashboard.language import fault_name, fault_unit, name_of, t
from dashboard.problems import failed
from dashboard.shapes import ActiveFault, Basin, Fleet, Site
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.fault_form import fault_form, points_of
from dashboard.widgets.truth import remember, truth_panel
from registry.wall_clock import zone_offset

REFRESH_S: Final = 2
SPEEDS: Final = (1.0, 10.0, 60.0, 600.0)


def show() -> None:
    """Draw the page."""
    st.html(title(t("simulators.title"), after=badge(), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    if not session.may_control():
        st.info(t("simulators.forbidden"))
        return
    sites = {site["code"]: site for site in session.feed().wait_first(4).sites if site["simulated"]}
    try:
        fleet = session.client().fleet()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        _waiting()
        return
    if not sites or not fleet["sites"]:
        st.info(t("simulators.none"))
        return
    _state()
    left, right = st.columns([0.5, 0.5], gap="small")
    with left, st.container(border=True, key="panel-drive"):
        _drive(fleet, sites)
    with right, st.container(border=True, key="panel-inject"):
        site, point = fault_form(sites, fleet, _do)
    _running(sites)
    _beside(site, point, sites)
    _fleet(sites)


@st.fragment(run_every=REFRESH_S)
def _waiting() -> None:
    """Draw the page again as soon as the simulators answer."""
    try:
        session.client().fleet()
    except (ApiError, ApiUnreachableError):
        return
    st.rerun()


def _ask() -> Fleet | None:
    try:
        fleet = session.client().fleet()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return None
    remember(fleet)
    return fleet


@st.fragment(run_every=REFRESH_S)
def _state() -> None:
    fleet = _ask()
    if fleet is None:
        return
    basins = [basin for site in fleet["sites"] for basin in site["basins"]]
    if fleet["paused_reason"]:
        state = chip(t(f"simulators.paused_{fleet['paused_reason']}"), "pending")
    else:
        state = chip(
            t("simulators.running") if fleet["running"] else t("simulators.stopped"),
            "ok" if fleet["running"] else "silent",
        )
    facts = [
        (t("simulators.speed"), f"×{fleet['speed']:g}"),
        (t("simulators.sim_now"), full_time(fleet["sim_now"], ZONE)),
        (t("simulators.sites"), f"{sum(not site['stopped'] for site in fleet['sites'])} / {len(fleet['sites'])}"),
        (t("simulators.connected"), f"{sum(basin['connected'] for basin in basins)} / {len(basins)}"),
        (t("simulators.published"), f"{sum(basin['published'] for basin in basins):,}"),
        (t("simulators.buffered"), f"{sum(basin['buffered'] for basin in basins):,}"),
    ]
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    st.html(f"<div class='ld-panel ld-facts'>{state}{listed}</div>")


# ---------------------------------------------------------------------- drive
def _drive(fleet: Fleet, sites: dict[str, Site]) -> None:
    st.html(heading(t("simulators.drive")))
    codes = [site["code"] for site in fleet["sites"] if site["code"] in sites]
    chosen = st.multiselect(
        t("simulators.which"),
        codes,
        key="sim_which",
        persist_state="session",
        format_func=lambda code: name_of(sites[code]),
        placeholder=t("simulators.which_all"),
    )
    with st.container(horizontal=True, gap="small"):
        start = t("simulators.start_chosen") if chosen else t("simulators.start_all")
        stop = t("simulators.stop_chosen") if chosen else t("simulators.stop_all")
        if st.button(start, key="sim_start", icon=":material/play_arrow:"):
            _do(lambda: session.client().start_simulators(chosen or None), t("simulators.started"))
        if st.button(stop, key="sim_stop", icon=":material/stop:"):
            _do(lambda: session.client().stop_simulators(chosen or None), t("simulators.stopped_now"))
    speeds = sorted({*SPEEDS, float(fleet["speed"])})
    st.session_state["sim_speed"] = float(fleet["speed"])
    st.segmented_control(
        t("simulators.speed"),
        speeds,
        key="sim_speed",
        format_func=lambda speed: f"×{speed:g}",
        on_change=_speed,
        required=True,
    )
    st.html(f"<p class='ld-note'>{escape(t('simulators.speed_note'))}</p>")


def _speed() -> None:
    chosen = st.session_state.get("sim_speed")
    if chosen:
        _do(lambda: session.client().set_speed(float(chosen)), t("simulators.speed_set", speed=f"{chosen:g}"))


def _do(call: Any, said: str) -> None:
    try:
        call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        session.feed().poll_soon()
        st.toast(said)


# ---------------------------------------------------------------------- faults at work
@st.fragment(run_every=REFRESH_S)
def _running(sites: dict[str, Site]) -> None:
    fleet = _ask()
    if fleet is None:
        return
    running = [
        (site["code"], basin, fault) for site in fleet["sites"] for basin in site["basins"] for fault in basin["faults"]
    ]
    st.html(heading(t("simulators.running_faults"), f"<span class='ld-note'>{len(running)}</span>"))
    if not running:
        st.html(f"<div class='ld-panel ld-note'>{escape(t('simulators.no_faults'))}</div>")
        return
    for code, basin, fault in running:
        named = name_of(sites[code]) if code in sites else code
        until = clock(fault["ends_at"], ZONE) if fault["ends_at"] else t("simulators.until_ended")
        line = (
            f"<div class='ld-panel ld-facts' data-fault='{escape(fault['fault'])}'>"
            f"{chip(fault_name(fault['fault']), 'medium')}{_sized(fault)}"
            f"<span>{escape(named)} · {escape(_point_name(code, basin))}</span>"
            f"<span><b>{escape(t('simulators.from'))}</b>{escape(clock(fault['started_at'], ZONE))}</span>"
            f"<span><b>{escape(t('simulators.until'))}</b>{escape(until)}</span></div>"
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(line)
            if st.button(t("simulators.end_fault"), key=f"end-{fault['id']}"):
                _do(lambda number=fault["id"]: session.client().end_fault(number), t("simulators.ended"))
                st.rerun(scope="fragment")


def _sized(fault: ActiveFault) -> str:
    if fault["size"] is None or fault["unit"] is None:
        return ""
    size = f"{fault['size']:g} {fault_unit(fault['unit'])}"
    return f"<span>{escape(size)}</span>"


def _point_name(site: str, basin: Basin) -> str:
    for point in points_of(session.me()["username"], site):
        if point["code"] == basin["sampling_point"]:
            return name_of(point)
    return basin["sampling_point"]


# ---------------------------------------------------------------------- truth beside alarm
def _beside(site: str, point: str, sites: dict[str, Site]) -> None:
    st.html(heading(t("truth.title"), f"<span class='ld-note'>{escape(name_of(sites[site]))}</span>"))
    st.fragment(_truth, run_every=4)(site, point)


def _truth(site: str, point: str) -> None:
    fleet = _ask()
    if fleet is not None:
        truth_panel(site, point, fleet)


# ---------------------------------------------------------------------- the fleet
@st.fragment(run_every=REFRESH_S)
def _fleet(sites: dict[str, Site]) -> None:
    fleet = _ask()
    if fleet is None:
        return
    columns = [
        {"label": t("column.site")},
        {"label": t("system.device")},
        {"label": t("simulators.state")},
        {"label": t("simulators.connection")},
        {"label": t("simulators.published"), "align": "right"},
        {"label": t("simulators.buffered"), "align": "right"},
        {"label": t("simulators.last"), "align": "right"},
        {"label": t("simulators.faults")},
    ]
    rows = []
    for site in fleet["sites"]:
        known = sites.get(site["code"])
        for basin in site["basins"]:
            state = (
                chip_cell(t("simulators.stopped"), "silent")
                if site["stopped"]
                else chip_cell(t("simulators.running"), "ok")
            )
            link = chip_cell(t("online.yes"), "ok") if basin["connected"] else chip_cell(t("online.no"), "silent")
            cells: list[Any] = [
                [badge_cell(), " ", name_of(known) if known else site["code"]],
                {"text": basin["device"]},
                state,
                link,
                f"{basin['published']:,}",
                f"{basin['buffered']:,}",
                clock(basin["last_ts"], ZONE),
                [chip_cell(fault_name(fault["fault"]), "medium") for fault in basin["faults"]] or "–",
            ]
            rows.append({"id": basin["device"], "cells": cells})
    st.html(heading(t("simulators.fleet")))
    table("fleet", {"columns": columns, "rows": rows, "clickable": False, "height": 420})
