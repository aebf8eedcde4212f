"""Shared receivers, and the gateways that mail, short messages and topics go out through."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import chip, escape, heading
from dashboard.notify_client import Gateway
from dashboard.problems import failed
from dashboard.widgets.notify_channels import channel_card, channel_form
from dashboard.widgets.notify_words import w

GATEWAYS: Final = ("email", "sms", "mqtt")
KINDS: Final = ("wecom", "dingtalk", "feishu", "webhook", "mqtt", "email", "sms")


def receivers() -> None:
    """Draw receivers and gateways."""
    try:
        shared = session.notify().receivers()
        gateways = session.notify().gateways()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    left, right = st.columns([0.55, 0.45], gap="medium")
    with left:
        st.html(heading(w("receivers_title")) + f"<p class='ld-note'>{escape(w('receivers_note'))}</p>")
        if not shared:
            st.html(f"<p class='ld-note'>{escape(w('receivers_none'))}</p>")
        for each in shared:
            channel_card(each, ready=each["kind"] not in ("email", "sms") or each["kind"] in gateways)
        with st.expander(w("channel_add"), expanded=not shared):
            channel_form(KINDS, shared=True)
    with right:
        for kind in GATEWAYS:
            with st.container(border=True, key=f"gateway-{kind}"):
                _gateway(kind, gateways.get(kind))


def _gateway(kind: str, gateway: Gateway | None) -> None:
    host = gateway["host"] if gateway else None
    unset = w("gateway_own") if kind == "mqtt" else w("gateway_unset")
    state = w("gateway_set", host=host) if host else unset
    st.html(heading(w(f"gateway_{kind}"), f"<span class='ld-note'>{escape(state)}</span>"))
    if gateway and gateway["unreadable"]:
        st.html(f"{chip(w('unreadable'), 'high')}<div class='ld-note'>{escape(w('unreadable_gateway'))}</div>")
    with st.form(f"gateway_form_{kind}", border=False):
        url = st.text_input(w("gateway_url"), key=f"gateway_url_{kind}", placeholder=w(f"gateway_{kind}_hint"))
        secret = st.text_input(
            w("gateway_secret"), key=f"gateway_secret_{kind}", type="password", placeholder=w("kept") if host else ""
        )
        if st.form_submit_button(w("save"), key=f"gateway_save_{kind}", type="primary"):
            _set(kind, url, secret or None)
    if host and st.button(w("delete"), key=f"gateway_delete_{kind}", icon=":material/delete:"):
        _remove(kind)


def _set(kind: str, url: str, secret: str | None) -> None:
    try:
        session.notify().set_gateway(kind, url, secret)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("saved"), icon=":material/check_circle:")
        st.rerun()


def _remove(kind: str) -> None:
    try:
        session.notify().delete_gateway(kind)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.rerun()
