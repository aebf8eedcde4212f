"""How a device speaks: its newest message beside what was understood, and the mapping of its names and numbers."""

import json
from typing import Any, Final, cast

import pandas as pd
import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time
from dashboard.html import chip, escape, heading
from dashboard.keeping import refused, w
from dashboard.keeping_client import ChannelMapping, DeviceFull, DeviceMessage
from dashboard.language import indicator, term, with_unit
from dashboard.widgets.alarm_table import ZONE
from registry.model import Dialect

LONGEST: Final = 6_000
"""Characters of a payload that are shown."""


def show(device: DeviceFull, *, editable: bool) -> None:
    """Draw both."""
    code = device["code"]
    try:
        message = session.keeping().last_message(code)
        mappings = session.keeping().channels(code)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _payload(message)
    with right:
        if message is not None:
            _understood(message)
    _mapping(code, mappings, editable=editable)
    if device["dialect"] == Dialect.HJ212 and editable:
        _commands(device)


def _payload(message: DeviceMessage | None) -> None:
    st.html(heading(w("speech.message")))
    if message is None:
        st.html(f"<p class='ld-note'>{escape(w('speech.none'))}</p>")
        return
    at = full_time(message["received_at"], ZONE)
    st.html(f"<p class='ld-note'>{escape(at)} · <code>{escape(message['topic'])}</code></p>")
    payload, form = _pretty(message)
    st.code(payload[:LONGEST], language=form, wrap_lines=True)


def _pretty(message: DeviceMessage) -> tuple[str, str | None]:
    if not message["text"]:
        return message["payload"], None
    try:
        return json.dumps(json.loads(message["payload"]), indent=2, ensure_ascii=False), "json"
    except ValueError:
        return message["payload"], None


def _understood(message: DeviceMessage) -> None:
    st.html(heading(w("speech.understood")))
    rows = "".join(
        f"<tr><th>{escape(indicator(each['indicator']))}</th><td>{each['value']:g} {escape(each['unit'])}</td>"
        f"<td class='ld-soft'>{clock(each['ts'], ZONE)}</td></tr>"
        for each in message["understood"]
    )
    if rows:
        st.html(f"<table class='ld-credential'>{rows}</table>")
    else:
        st.html(f"<p class='ld-note'>{escape(w('speech.nothing'))}</p>")
    for each in message["misunderstood"]:
        reason = term("dead_letter.reason", each["reason"])
        st.html(f"<p class='ld-note'>{chip(reason, 'high')} {escape(each['detail'])}</p>")


def _mapping(code: str, mappings: list[ChannelMapping], *, editable: bool) -> None:
    st.html(heading(w("speech.mapping")))
    st.html(f"<p class='ld-note'>{escape(w('speech.mapping_note'))}</p>")
    frame = pd.DataFrame(
        [
            {
                "indicator": with_unit(each["indicator"]),
                "names": ", ".join(each["names"]),
                "unit": each["unit"],
                "factor": each["factor"],
                "offset": each["offset"],
            }
            for each in mappings
        ]
    )
    columns = {
        "indicator": st.column_config.TextColumn(w("speech.indicator"), disabled=True),
        "names": st.column_config.TextColumn(w("speech.names"), help=w("speech.names_help")),
        "unit": st.column_config.TextColumn(w("speech.unit"), help=w("speech.unit_help")),
        "factor": st.column_config.NumberColumn(w("speech.factor"), format="%g"),
        "offset": st.column_config.NumberColumn(w("speech.offset"), format="%g"),
    }
    if not editable:
        st.dataframe(frame, column_config=columns, hide_index=True, width="stretch")
        return
    edited = st.data_editor(frame, column_config=columns, hide_index=True, width="stretch", key=f"mapping_{code}")
    same = edited.equals(frame)
    if st.button(w("speech.save"), key="mapping_save", icon=":material/save:", disabled=same):
        rows = cast(list[dict[str, Any]], edited.to_dict("records"))
        _save(code, [_read(each, row) for each, row in zip(mappings, rows, strict=True)])


def _commands(device: DeviceFull) -> None:
    """What an instrument can be told, and what it said to what it was told."""
    code = device["code"]
    st.html(heading(w("speech.commands")))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button(w("speech.set_clock"), key="command_clock", icon=":material/schedule:"):
            _tell(code, "set_clock", None)
        seconds = st.number_input(w("speech.interval"), 1, 3_600, device["period_s"], key="command_seconds")
        if st.button(w("speech.set_interval"), key="command_interval", icon=":material/timer:"):
            _tell(code, "set_interval", int(seconds))
    lines = [
        f"<li>{escape(w('speech.' + each['command']))} · {clock(each['requested_at'], ZONE)} "
        f"<span class='ld-soft'>{escape(each['answer'] or w('speech.sent' if each['sent_at'] else 'speech.waiting'))}"
        "</span></li>"
        for each in session.keeping().commands(code)
    ]
    st.html(f"<ul class='ld-list'>{''.join(lines)}</ul>")


def _tell(code: str, command: str, seconds: int | None) -> None:
    try:
        session.keeping().command(code, command, seconds)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.toast(w("speech.asked"), icon=":material/check_circle:")


def _read(mapping: ChannelMapping, row: dict[str, Any]) -> ChannelMapping:
    names = str(row["names"] or "").replace("、", ",").replace("，", ",").split(",")
    return {
        "indicator": mapping["indicator"],
        "names": [each.strip() for each in names if each.strip()],
        "unit": str(row["unit"] or "").strip(),
        "factor": float(row["factor"]) if row["factor"] is not None else 1.0,
        "offset": float(row["offset"]) if row["offset"] is not None else 0.0,
    }


def _save(code: str, mappings: list[ChannelMapping]) -> None:
    try:
        session.keeping().map_channels(code, mappings)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.toast(w("speech.saved"), icon=":material/check_circle:")
        st.rerun()
