"""One device: what it is, its silences, its calibrations, its credential, and fields nobody knows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time, parse, today_in
from dashboard.html import badge, chip, escape, heading
from dashboard.keeping import refused, w
from dashboard.keeping_client import DeviceFull
from dashboard.language import language, with_unit
from dashboard.widgets import credential, device_reviews, device_speech
from dashboard.widgets.alarm_table import ZONE
from registry.indicators import INDICATORS

GAPS: Final = 6
TONE: Final = {"online": "ok", "offline": "silent", "never": "plain", "revoked": "high"}


def show(code: str) -> None:
    """Draw the panel of a device."""
    try:
        device = session.keeping().device(code)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    with st.container(border=True, key="panel-device"):
        _head(device)
        left, middle, right = st.columns([0.34, 0.33, 0.33], gap="medium")
        editable = session.may_control() and not device["simulated"]
        with left:
            _channels(device)
            if device["unknown_fields"]:
                _unknown(device, editable=editable)
        with middle:
            _gaps(device)
            _calibrations(device, editable=editable)
            device_reviews.show(device["code"], editable=editable)
        with right:
            _credential(device, editable=editable)
        with st.expander(w("speech.title"), icon=":material/forum:", key="device_speech"):
            device_speech.show(device, editable=editable)


def _head(device: DeviceFull) -> None:
    zh = language() == "zh"
    where = f"{device['site_zh' if zh else 'site_en']} · {device['point_zh' if zh else 'point_en']}"
    state = chip(w(f"devices.state_{device['state']}"), TONE[device["state"]])
    mark = badge() if device["simulated"] else ""
    facts = [
        (w("devices.last_seen"), full_time(device["last_seen"], ZONE)),
        (w("devices.firmware"), device["firmware"] or "–"),
        (w("devices.period"), f"{device['period_s']} s"),
        (w("devices.dialect"), w(f"dialect.{device['dialect']}")),
        (w("devices.topic"), device["topic"]),
    ]
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    st.html(heading(f"{device['code']} · {where}", f" {state} {mark}") + f"<div class='ld-facts'>{listed}</div>")


def _channels(device: DeviceFull) -> None:
    st.html(heading(w("devices.measures")))
    parts = []
    for code in device["indicators"]:
        names = device["names"].get(code, [])
        also = f" <span class='ld-soft'>{escape(w('devices.also', names=', '.join(names)))}</span>" if names else ""
        parts.append(f"<li>{escape(with_unit(code))} <code>{escape(code)}</code>{also}</li>")
    st.html(f"<ul class='ld-list'>{''.join(parts)}</ul>")


def _unknown(device: DeviceFull, *, editable: bool) -> None:
    st.html(heading(w("devices.unknown"), f" {chip(str(len(device['unknown_fields'])), 'pending')}"))
    st.html(f"<p class='ld-note'>{escape(w('devices.unknown_note'))}</p>")
    if not editable:
        st.html("".join(f"<code>{escape(each)}</code> " for each in device["unknown_fields"]))
        return
    with st.form(f"adopt-{device['code']}", border=False):
        field = st.selectbox(w("devices.field"), device["unknown_fields"], key="adopt_field")
        known = list(INDICATORS)
        meant = st.selectbox(
            w("devices.is_indicator"),
            known,
            index=_likely(field, known),
            key="adopt_indicator",
            format_func=with_unit,
        )
        if st.form_submit_button(w("devices.adopt"), icon=":material/add_link:"):
            _do(lambda: session.keeping().adopt(device["code"], field, meant), w("devices.adopted", field=field))


def _likely(field: str, known: list[str]) -> int:
    """The indicator whose code the field's name holds, as a first choice."""
    folded = field.casefold().replace("-", "_")
    return next((place for place, code in enumerate(known) if code in folded), 0)


def _gaps(device: DeviceFull) -> None:
    st.html(heading(w("devices.gaps"), f" {chip(str(len(device['gaps'])), 'pending' if device['gaps'] else 'ok')}"))
    if not device["gaps"]:
        st.html(f"<p class='ld-note'>{escape(w('devices.no_gaps'))}</p>")
        return
    lines = []
    for gap in device["gaps"][-GAPS:][::-1]:
        minutes = (parse(gap["end"]) - parse(gap["start"])).total_seconds() / 60
        span = f"{clock(gap['start'], ZONE)} – {clock(gap['end'], ZONE)}"
        lines.append(
            f"<li>{span} <span class='ld-soft'>{escape(w('devices.minutes', minutes=f'{minutes:.0f}'))}</span></li>"
        )
    st.html(f"<ul class='ld-list'>{''.join(lines)}</ul>")


def _calibrations(device: DeviceFull, *, editable: bool) -> None:
    st.html(heading(w("devices.calibrations")))
    lines = [
        f"<li>{each['calibrated_on']} → {each['due_on'] or '–'} "
        f"<span class='ld-soft'>{escape(each['entered_by'])} {escape(each['note'])}</span></li>"
        for each in device["calibrations"][:5]
    ]
    if lines:
        st.html(f"<ul class='ld-list'>{''.join(lines)}</ul>")
    else:
        st.html(f"<p class='ld-note'>{escape(w('devices.no_calibration'))}</p>")
    if not editable:
        return
    today = today_in(ZONE)
    with (
        st.popover(w("devices.calibrate"), icon=":material/tune:"),
        st.form(f"calibrate-{device['code']}", border=False),
    ):
        on = st.date_input(w("devices.calibrated"), value=today, max_value=today, format="YYYY-MM-DD")
        due = st.date_input(w("devices.due"), value=today + timedelta(days=182), format="YYYY-MM-DD")
        note = st.text_input(w("devices.note"), max_chars=500)
        if st.form_submit_button(w("devices.save"), type="primary"):
            _do(lambda: session.keeping().calibrate(device["code"], on, due, note), w("devices.calibration_saved"))


def _credential(device: DeviceFull, *, editable: bool) -> None:
    st.html(heading(w("devices.credential")))
    said = w(f"devices.credential_{device['credential']}")
    issued = full_time(device["issued_at"], ZONE) if device["issued_at"] else ""
    revoked = w("devices.revoked_at", at=full_time(device["revoked_at"], ZONE)) if device["revoked_at"] else ""
    st.html(f"<p class='ld-note'>{escape(said)} {escape(issued)} {escape(revoked)}</p>")
    if credential.pending(device["code"]):
        credential.show(device["code"])
        return
    if not editable:
        return
    with st.container(horizontal=True, gap="small"):
        if st.button(w("devices.new_credential"), icon=":material/key:", key="new_credential"):
            _issue(device["code"])
        if device["credential"] != "revoked" and st.button(
            w("devices.revoke"), icon=":material/block:", key="revoke_device"
        ):
            st.session_state["revoking"] = device["code"]
    if st.session_state.get("revoking") == device["code"]:
        st.warning(w("devices.revoke_sure", code=device["code"]))
        with st.container(horizontal=True, gap="small"):
            if st.button(w("devices.revoke_yes"), key="revoke_yes", type="primary"):
                st.session_state.pop("revoking")
                _do(lambda: session.keeping().revoke(device["code"]), w("devices.revoked"))
            if st.button(w("devices.cancel"), key="revoke_no"):
                st.session_state.pop("revoking")
                st.rerun()


def _issue(code: str) -> None:
    try:
        credential.keep(session.keeping().new_credential(code))
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.rerun()


def _do(action: Callable[[], object], done: str) -> None:
    try:
        action()
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.toast(done, icon=":material/check_circle:")
        st.rerun()
