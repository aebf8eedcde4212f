"""The links to a venue's public display: make one, show it as QR code, revoke it."""

from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from dashboard import installing, session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.field_client import DisplayLink
from dashboard.formatting import clock
from dashboard.html import escape, heading
from dashboard.language import language
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import text

REVOKING: Final = "display_revoking"


def w(key: str, /, **fields: object) -> str:
    """A string about displays."""
    return text(language(), f"venue.displays.{key}", **fields)


def display_links(site: str) -> None:
    """Draw the panel."""
    st.html(heading(w("title")) + f"<p class='ld-say'>{escape(w('lead'))}</p>")
    try:
        links = session.field().displays(site)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    standing = [each for each in links if each["revoked_at"] is None]
    for link in standing:
        _link(link)
    if not standing:
        st.html(f"<p class='ld-note'>{escape(w('none'))}</p>")
    with st.form(f"display-{site}-{len(links)}", border=True):
        place = st.text_input(w("place"), placeholder=w("place_hint"), max_chars=60, key=f"display_place_{len(links)}")
        if st.form_submit_button(w("make"), icon=":material/tv:", width="stretch", key=f"display_make_{len(links)}"):
            try:
                session.field().make_display(site, place.strip())
            except (ApiError, ApiUnreachableError) as error:
                failed(error)
            else:
                st.toast(w("made"), icon=":material/check_circle:")
                st.rerun()


def address_of(link: DisplayLink) -> str:
    """The whole address of a display, as this browser reaches the dashboard."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}/display/{link['key']}?lang={language()}"


def _link(link: DisplayLink) -> None:
    address = address_of(link)
    name = link["place"] or w("unnamed", id=link["id"])
    shown = w("shown", time=clock(link["shown_at"], ZONE)) if link["shown_at"] else w("never_shown")
    made = w("made_by", who=link["made_by"], at=clock(link["made_at"], ZONE))
    here = ""
    if installing.only_here(address):
        parts = urlsplit(address)
        here = f"<p>{escape(text(language(), 'inspector.install.only_here', address=f'{parts.scheme}://{parts.netloc}'))}</p>"
    st.html(
        f"<div class='ld-panel ld-install' data-display='{link['id']}'>{installing.qr(address)}<div>"
        f"<b>{escape(name)}</b><p class='ld-note'>{escape(shown)} · {escape(made)}</p>"
        f"<a class='ld-key-link' data-open='{link['id']}' href='{escape(address)}' target='_blank' rel='noopener'>"
        f"{escape(w('open'))} ↗</a>{here}</div></div>"
    )
    if st.session_state.get(REVOKING) != link["id"]:
        if st.button(w("revoke"), key=f"display_revoke_{link['id']}", icon=":material/block:", width="stretch"):
            st.session_state[REVOKING] = link["id"]
            st.rerun()
        return
    st.warning(w("revoke_sure"))
    with st.container(horizontal=True, gap="small"):
        if st.button(w("revoke_yes"), key="display_revoke_yes", type="primary", width="stretch"):
            st.session_state.pop(REVOKING)
            try:
                session.field().revoke_display(link["site"], link["id"])
            except (ApiError, ApiUnreachableError) as error:
                failed(error)
                return
            st.toast(w("revoked"), icon=":material/check_circle:")
            st.rerun()
        if st.button(w("cancel"), key="display_revoke_no", width="stretch"):
            st.session_state.pop(REVOKING)
            st.rerun()
