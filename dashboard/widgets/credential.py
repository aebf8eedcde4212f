"""A device's credential, shown once: as text to copy and as a QR code to scan, and whether the device has come."""

import io
from typing import Final, cast

import segno
import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock
from dashboard.html import chip, escape
from dashboard.keeping import w
from dashboard.keeping_client import Credential
from dashboard.widgets.alarm_table import ZONE

_KEPT: Final = "device_credential"
LISTEN_S: Final = 1


def keep(credential: Credential) -> None:
    """Hold a credential in this session until it has been seen."""
    st.session_state[_KEPT] = credential


def pending(code: str | None = None) -> bool:
    """Whether a credential (of a device) waits to be seen."""
    held = cast("Credential | None", st.session_state.get(_KEPT))
    return held is not None and code in (None, held["device"])


def show(code: str | None = None) -> None:
    """Draw what the device is set up with, until the reader says that they have it."""
    held = cast(Credential, st.session_state[_KEPT])
    if code is not None and held["device"] != code:
        return
    st.warning(w("credential.once"), icon=":material/visibility:")
    # On the panel of a device there is room for one thing below the other only.
    beside = code is None
    left, right = st.columns([0.26, 0.74], vertical_alignment="center") if beside else (st.container(), st.container())
    with left:
        st.image(_qr(held["uri"]), width=250)
    with right:
        rows = [
            (w("credential.host"), held["host"]),
            (w("credential.port"), f"{held['port']} ({'TLS' if held['tls'] else w('credential.plain')})"),
            (w("credential.user"), held["device"]),
            (w("credential.password"), held["password"]),
            (w("credential.topic"), held["topic"]),
        ]
        listed = "".join(
            f"<tr><th>{escape(label)}</th><td><code>{escape(value)}</code></td></tr>" for label, value in rows
        )
        st.html(f"<table class='ld-credential'>{listed}</table>")
    st.code(held["uri"], language=None, wrap_lines=True)
    _first_message(held["device"])
    if st.button(w("credential.done"), key="credential_done", type="primary"):
        st.session_state.pop(_KEPT)
        st.rerun()


@st.fragment(run_every=LISTEN_S)
def _first_message(code: str) -> None:
    try:
        device = session.keeping().device(code)
    except (ApiError, ApiUnreachableError):
        st.html(chip(w("credential.waiting"), "plain"))
        return
    if device["last_seen"]:
        said = chip(w("credential.heard", at=clock(device["last_seen"], ZONE)), "ok")
    elif device["reported_online"]:
        said = chip(w("credential.connected"), "advice")
    else:
        said = chip(w("credential.waiting"), "pending")
    unknown = ""
    if device["unknown_fields"]:
        unknown = chip(w("credential.unknown", fields=", ".join(device["unknown_fields"])), "pending")
    st.html(f"<div class='ld-first'>{said} {unknown}</div>")


def _qr(content: str) -> bytes:
    buffer = io.BytesIO()
    segno.make(content, error="m").save(buffer, kind="png", scale=6, border=2)
    return buffer.getvalue()
