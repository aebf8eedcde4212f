"""The state and calibration of a site's instruments: what decides whether an alarm is believed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dashboard.formatting import clock
from dashboard.html import chip, escape
from dashboard.keeping import w as keeping_word
from dashboard.keeping_client import Device
from dashboard.language import indicator, language
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.field import w

TONE = {"online": "ok", "offline": "silent", "never": "plain", "revoked": "high"}


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
    today = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date().isoformat()
    return ("high", w("overdue", due=due)) if due < today else ("ok", w("calibrated", on=on, due=due))
