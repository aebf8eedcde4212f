"""The state and calibration of a site's instruments: what decides whether an alarm is believed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, today_in
from dashboard.html import chip, escape
from dashboard.keeping import w as keeping_word
from dashboard.keeping_client import Device
from dashboard.language import indicator, language, term
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.field import w

NEXT: Final = timedelta(days=30)
"""A membrane probe is checked at least once a month by its makers' manuals (design default)."""
TONE: Final = {"online": "ok", "offline": "silent", "never": "plain", "revoked": "high"}


def venue_word(key: str) -> str:
    """A string of the venue's page."""
    return term("venue.page", key)


def instruments(devices: Sequence[Device], first: str | None = None) -> str:
    """The instruments as a list; that of the sampling point `first` comes first."""
    if not devices:
        return f"<p class='ld-note'>{escape(w('no_instruments'))}</p>"
    ordered = sorted(devices, key=lambda each: (each["sampling_point"] != first, each["code"]))
    return f"<ul class='ld-rows'>{''.join(_line(each) for each in ordered)}</ul>"


def _line(device: Device) -> str:
    zh = language() == "zh"
    state = chip(keeping_word(f"devices.state_{device['state']}"), TONE.get(device["state"], "plain"))
    measures = ("、" if zh else ", ").join(indicator(each) for each in device["indicators"])
    tone, said = calibration_of(device)
    point = device["point_zh" if zh else "point_en"]
    return (
        f"<li><b>{escape(point)}</b> {state} {chip(said, tone)}"
        f"<span class='ld-soft'>{escape(w('last_seen', time=clock(device['last_seen'], ZONE)))} · "
        f"{escape(device['code'])}</span><span class='ld-soft'>{escape(measures)}</span></li>"
    )


def calibration_of(device: Device) -> tuple[str, str]:
    """The tone and the words for how an instrument stands with its calibration."""
    on, due = device["calibrated_on"], device["calibration_due"]
    if on is None:
        return "pending", w("never_calibrated")
    if due is None:
        return "plain", w("calibrated_no_due", on=on)
    today = today_in(ZONE).isoformat()
    return ("high", w("overdue", due=due)) if due < today else ("ok", w("calibrated", on=on, due=due))


def calibration_form(devices: Sequence[Device]) -> None:
    """A calibration that was made; the next is due in a month unless somebody knows better."""
    with st.expander(venue_word("calibrate"), icon=":material/tune:"), st.form("calibrate", border=False):
        by_code = {each["code"]: each for each in devices}
        point = "point_zh" if language() == "zh" else "point_en"
        names = {code: f"{each[point]} · {code}" for code, each in by_code.items()}  # type: ignore[literal-required]
        code = st.selectbox(venue_word("calibrated_device"), list(by_code), format_func=lambda each: names[each])
        today = today_in(ZONE)
        on = st.date_input(venue_word("calibrated_on"), today, max_value=today, format="YYYY-MM-DD")
        due = st.date_input(venue_word("calibration_due"), today + NEXT, min_value=today, format="YYYY-MM-DD")
        note = st.text_input(venue_word("calibration_note"), max_chars=200)
        if not st.form_submit_button(venue_word("calibrate"), width="stretch", key="calibrate_save"):
            return
    try:
        session.field().calibrate(code, on.isoformat(), due.isoformat(), note.strip())
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.toast(venue_word("calibration_saved"), icon=":material/check_circle:")
    st.rerun()
