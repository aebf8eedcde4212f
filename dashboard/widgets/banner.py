"""What must be seen on every page: a new high alarm, a part of the platform that is missing."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.formatting import clock, parse
from dashboard.html import badge, escape
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
    role = session.me()["role"]
    if role == "" and now.unreachable_since is None:
        st.rerun()  # the API is back: ask who this is
    alarms = new_high_alarms(now)
    strip = "" if role == "public" else _strip(alarms, known=now.unreachable_since is None)  # who may not see alarms
    st.html("".join([*_system(now), strip]) or "<div class='ld-nothing'></div>")
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


def _strip(alarms: list[Alarm], *, known: bool) -> str:
    """One line of one height, whether there is an alarm or none.

    What a person is about to press doesn't move when an alarm comes. The newest is named, the others are counted.
    `known`: the API answers, so that no alarm means none.
    """
    if not alarms:
        said = escape(t("banner.quiet", minutes=int(NEW_FOR.total_seconds() // 60))) if known else ""
        return f"<div class='ld-banner ld-fixed ld-quiet' data-banner='quiet'><span>{said}</span></div>"
    newest = alarms[0]
    mark = badge() if newest["simulated"] else ""
    words = name_of(newest, "text")
    others = len(alarms) - 1
    more = f"<span class='ld-more' data-banner='more'>{escape(t('banner.more', count=others))}</span>" if others else ""
    link = escape(address("alarms", alarm=newest["id"]))
    return (
        f"<div class='ld-banner ld-fixed ld-high' data-banner='alarm' data-alarm='{newest['id']}'>"
        f"<b>{escape(t('banner.new_alarm'))}</b>{mark}<span title='{escape(words)}'>{escape(words)}</span>"
        f"{more}<a class='ld-go' href='{link}' target='_self'>{escape(t('banner.open_alarm'))}</a></div>"
    )
