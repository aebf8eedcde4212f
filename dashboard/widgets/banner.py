"""What must be seen on every page: a new high alarm, a part of the platform that is missing."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.formatting import clock, parse
from dashboard.html import badge, chip, escape
from dashboard.language import name_of, t, term
from dashboard.links import address
from dashboard.live_feed import Snapshot
from dashboard.shapes import Alarm
from dashboard.widgets.components import siren
from registry.model import HOME_ZONE

REFRESH_S: Final = 2
NEW_FOR: Final = timedelta(minutes=15)
"""How long an unacknowledged high alarm stays in the banner; after that the alarm list is the place for it."""


@st.fragment(run_every=REFRESH_S)
def banners() -> None:
    """System banner, alarm banner and sound; redraws itself."""
    now = session.feed().wait_first(2.5)
    if now.expired:
        session.end("expired")
        st.rerun()
    if session.me()["role"] == "" and now.unreachable_since is None:
        st.rerun()  # the API is back: ask who this is
    alarms = new_high_alarms(now)
    st.html("".join([*_system(now), *_alarms(alarms)]) or "<div class='ld-nothing'></div>")
    # The id of the newest is what sounds, so that each new alarm sounds once.
    newest = str(max((alarm["id"] for alarm in alarms), default=""))
    with st.container(key="siren-place"):
        siren(newest, muted=not st.session_state.get("sound", True), blocked_text=t("sound.blocked"))


def new_high_alarms(now: Snapshot) -> list[Alarm]:
    """High alarms that are new and that nobody has acknowledged, newest first."""
    horizon = datetime.now(UTC) - NEW_FOR
    found = [
        alarm
        for alarm in now.open_alarms
        if alarm["priority"] == "high"
        and alarm["state"] == "unacknowledged"
        and not alarm.get("muted")
        and parse(alarm.get("worsened_at") or alarm["raised_at"]) > horizon
    ]
    return sorted(found, key=lambda alarm: alarm["raised_at"], reverse=True)


def _system(now: Snapshot) -> list[str]:
    if now.unreachable_since is not None:
        since = clock(datetime.fromtimestamp(now.unreachable_since, UTC).isoformat(), HOME_ZONE)
        minutes = int((time.time() - now.unreachable_since) // 60)
        return [
            f"<div class='ld-banner ld-silent' data-banner='unreachable'><b>{escape(t('banner.unreachable'))}</b>"
            f"<span>{escape(t('banner.unreachable_detail', since=since, minutes=minutes))}</span></div>"
        ]
    found = []
    for component in (now.health or {"components": []})["components"]:
        if component["state"] == "up":
            continue
        key = "banner.missing" if component["state"] == "missing" else "banner.degraded"
        name = term("dashboard.component", component["name"])
        effect = term("dashboard.effect", component["name"]) if component["state"] == "missing" else ""
        since = t("banner.since", since=clock(component["since"], HOME_ZONE)) if component["since"] else ""
        tone = "silent" if component["state"] == "missing" else "pending"
        found.append(
            f"<div class='ld-banner ld-{tone}' data-banner='{escape(component['name'])}'>"
            f"<b>{escape(t(key, name=name))}</b><span>{escape(since)}</span><span>{escape(effect)}</span></div>"
        )
    if now.refused:
        found.append(f"<div class='ld-banner ld-pending'><b>{escape(t('banner.refused'))}</b></div>")
    return found


def _alarms(alarms: list[Alarm]) -> list[str]:
    if not alarms:
        return []
    lines = []
    for alarm in alarms[:2]:
        mark = badge() if alarm["simulated"] else ""
        link = escape(address("alarms", alarm=alarm["id"]))
        lines.append(
            f"<div class='ld-banner ld-high' data-banner='alarm' data-alarm='{alarm['id']}'>"
            f"<b>{escape(t('banner.new_alarm'))}</b>{mark}<span>{escape(name_of(alarm, 'text'))}</span>"
            f"<a class='ld-go' href='{link}' target='_self'>{escape(t('banner.open_alarm'))}</a></div>"
        )
    if len(alarms) > 2:
        more = chip(t("banner.more", count=len(alarms) - 2), "high")
        lines.append(f"<div class='ld-note' data-banner='more'>{more}</div>")
    return lines
