"""Devices: which there are and how they do, adding one, and whose calibration is due."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import DASH, clock, today_in
from dashboard.html import badge_cell, chip_cell, title
from dashboard.keeping import w
from dashboard.keeping_client import Device
from dashboard.language import county_name, language, t
from dashboard.problems import failed
from dashboard.widgets import add_device, device_panel
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from registry.wall_clock import zone_offset

REFRESH_S: Final = 3
VIEWS: Final = ("list", "add", "due")
DUE_SOON: Final = timedelta(days=30)
CHOSEN: Final = "device_chosen"
VIEW: Final = "device_view"
HEIGHT: Final = 470
TONE: Final = {"online": "ok", "offline": "silent", "never": "plain", "revoked": "high"}


def show() -> None:
    """Draw the page."""
    st.html(title(t("nav.devices"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    views = VIEWS if session.may_control() else ("list", "due")
    view = st.segmented_control(
        w("devices.view"),
        views,
        key=VIEW,
        default="list",
        required=True,
        format_func=lambda each: w(f"devices.view_{each}"),
        label_visibility="collapsed",
    )
    if view == "add":
        add_device.show()
    elif view == "due":
        _due()
    else:
        _list()


def _ask() -> list[Device] | None:
    try:
        return session.keeping().devices()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return None


def _list() -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        words = st.text_input(w("devices.search"), key="device_words", placeholder=w("devices.search_hint"))
        state = st.selectbox(
            w("devices.state"),
            ("all", *TONE),
            key="device_state",
            format_func=lambda each: w(f"devices.state_{each}"),
        )
        county = st.selectbox(
            t("column.county"),
            ("all", *session.counties()),
            key="device_county",
            format_func=lambda each: w("devices.state_all") if each == "all" else county_name(each),
        )
    _rows(words.strip().casefold(), state, county)
    if chosen := st.session_state.get(CHOSEN):
        device_panel.show(chosen)


@st.fragment(run_every=REFRESH_S)
def _rows(words: str, state: str, county: str) -> None:
    found = _ask()
    if found is None:
        return
    shown = [
        each
        for each in found
        if (state == "all" or each["state"] == state)
        and (county == "all" or each["county"] == county)
        and words in f"{each['code']} {each['site']} {each['site_zh']} {each['site_en']}".casefold()
    ]
    # Real devices first: those are what somebody keeps up.
    shown.sort(key=lambda each: (each["simulated"], list(TONE).index(each["state"]) != 1, each["code"]))
    answer = table("devices", {**_table(shown), "selected": st.session_state.get(CHOSEN), "height": HEIGHT})
    if answer.open and answer.open != st.session_state.get(CHOSEN):
        st.session_state[CHOSEN] = answer.open
        st.rerun()


def _table(devices: Sequence[Device]) -> dict[str, Any]:
    columns = [
        {"label": w("devices.code")},
        {"label": t("column.site"), "clip": True},
        {"label": w("devices.point")},
        {"label": t("column.state")},
        {"label": w("devices.last_seen"), "align": "right"},
        {"label": w("devices.firmware")},
        {"label": w("devices.credential")},
        {"label": w("devices.calibrated")},
        {"label": w("devices.due")},
    ]
    return {
        "columns": columns,
        "rows": [_row(each) for each in devices],
        "clickable": True,
        "empty": w("devices.none"),
    }


def _row(device: Device) -> dict[str, Any]:
    name = device["site_zh"] if language() == "zh" else device["site_en"]
    point = device["point_zh"] if language() == "zh" else device["point_en"]
    return {
        "id": device["code"],
        "cells": [
            device["code"],
            [badge_cell(), " ", name] if device["simulated"] else name,
            point,
            chip_cell(w(f"devices.state_{device['state']}"), TONE[device["state"]]),
            clock(device["last_seen"], ZONE),
            device["firmware"] or DASH,
            w(f"devices.credential_{device['credential']}"),
            device["calibrated_on"] or DASH,
            due_cell(device),
        ],
    }


def due_cell(device: Device) -> Any:
    """When the next calibration is due: red when it is past, yellow when it is near."""
    if device["calibration_due"] is None:
        return DASH
    due, today = date.fromisoformat(device["calibration_due"]), today_in(ZONE)
    tone = "high" if due < today else "pending" if due - today <= DUE_SOON else "ok"
    return chip_cell(due.isoformat(), tone)


def _due() -> None:
    found = _ask()
    if found is None:
        return
    real = [each for each in found if not each["simulated"]]
    never = [each for each in real if each["calibration_due"] is None]
    dated = sorted((each for each in real if each["calibration_due"]), key=lambda each: each["calibration_due"] or "")
    st.html(f"<p class='ld-note'>{w('devices.due_note', days=DUE_SOON.days, never=len(never))}</p>")
    answer = table("devices-due", _table([*dated, *never]))
    if answer.open:
        st.session_state[CHOSEN] = answer.open
        device_panel.show(answer.open)
    elif chosen := st.session_state.get(CHOSEN):
        device_panel.show(chosen)
