"""Announcing closure, stopped circulation, calibration and maintenance, and ending them ahead of time."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.field_client import Announcement
from dashboard.formatting import clock, rfc3339
from dashboard.html import chip, escape, heading
from dashboard.language import language, name_of
from dashboard.problems import failed
from dashboard.shapes import SiteDetail
from registry.announcements import LONGEST, AnnouncementKind
from registry.catalogue import text

SAID: Final = "announce_said"
ROUND: Final = "announce_round"
LEAST_REASON: Final = 4
LENGTHS: Final = tuple(timedelta(minutes=each) for each in (30, 60, 120, 240, 480, 1440, 3 * 1440, 7 * 1440, 30 * 1440))
USUAL: Final = {
    AnnouncementKind.CLOSED: timedelta(days=1),
    AnnouncementKind.CIRCULATION_OFF: timedelta(hours=1),
    AnnouncementKind.CALIBRATION: timedelta(hours=1),
    AnnouncementKind.MAINTENANCE: timedelta(hours=4),
}
"""What is offered first."""
TONE: Final = {"coming": "plain", "on": "advice", "hold_off": "pending", "over": "plain"}


def w(key: str, /, **fields: object) -> str:
    """A string about announcements."""
    return text(language(), f"venue.announce.{key}", **fields)


def announcements(site: SiteDetail) -> None:
    """What is announced already, and the form."""
    st.html(heading(w("title")) + f"<p class='ld-say'>{escape(w('lead'))}</p>")
    if said := st.session_state.pop(SAID, None):
        st.success(said)
    try:
        standing = session.field().announcements(site["code"])
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    for each in standing:
        _standing(each, site)
    with st.container(border=True, key="panel-announce"):
        _form(site)


def _standing(announcement: Announcement, site: SiteDetail) -> None:
    zone = site["zone"]
    span = w("from_to", since=clock(announcement["starts_at"], zone), until=clock(announcement["ends_at"], zone))
    state = chip(w(f"state.{announcement['state']}"), TONE[announcement["state"]])
    who = w("by", who=announcement["announced_by"], reason=announcement["reason"])
    st.html(
        f"<ul class='ld-rows' data-announcement='{announcement['id']}' data-state='{announcement['state']}'>"
        f"<li><b>{escape(w('kind.' + announcement['kind']))}</b> · {escape(_place(announcement, site))} {state}"
        f"<span class='ld-soft'>{escape(span)}</span><span class='ld-soft'>{escape(who)}</span></li></ul>"
    )
    if announcement["state"] in ("coming", "on") and st.button(
        w("end"), key=f"announce_end_{announcement['id']}", icon=":material/stop_circle:", width="stretch"
    ):
        try:
            session.field().withdraw_announcement(announcement["id"], w("end_reason"))
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
            return
        st.session_state[SAID] = w("ended")
        st.rerun()


def _place(announcement: Announcement, site: SiteDetail) -> str:
    points = {point["code"]: name_of(point) for point in site["sampling_points"]}
    code = announcement["sampling_point"]
    return w("everywhere") if code is None else points.get(code, code)


def _form(site: SiteDetail) -> None:
    turn = st.session_state.get(ROUND, 0)  # in the fields' keys, so that the form is new once it is sent
    kind = AnnouncementKind(
        st.segmented_control(
            w("what"), [each.value for each in AnnouncementKind], default=AnnouncementKind.CLOSED.value,
            key=f"announce_kind_{turn}", format_func=lambda each: w(f"kind.{each}"), required=True, width="stretch",
        )
        or AnnouncementKind.CLOSED
    )  # fmt: skip
    st.html(f"<p class='ld-note'>{escape(w(f'means.{kind}'))}</p>")
    points = {"": w("everywhere"), **{point["code"]: name_of(point) for point in site["sampling_points"]}}
    point = ""
    if len(points) > 2:
        point = st.selectbox(w("where"), list(points), format_func=lambda each: points[each], key=f"announce_at_{turn}")
    starts = _starts(site["zone"], turn)
    allowed = [each for each in LENGTHS if each <= LONGEST[kind]]
    length = st.selectbox(
        w("how_long"), allowed, index=allowed.index(USUAL[kind]), format_func=_length, key=f"announce_for_{kind}_{turn}"
    )
    reason = st.text_input(w("reason"), value=w(f"usual.{kind}"), max_chars=200, key=f"announce_why_{kind}_{turn}")
    if st.button(w("send"), type="primary", icon=":material/campaign:", key="announce_send", width="stretch"):
        _send(site, kind, point or None, starts, length, reason.strip())


def _starts(zone: str, turn: int) -> datetime | None:
    """When it begins; None: now."""
    when = st.segmented_control(
        w("when"), ("now", "later"), default="now", key=f"announce_when_{turn}", format_func=w, required=True,
        width="stretch",
    )  # fmt: skip
    if when != "later":
        return None
    now = datetime.now(ZoneInfo(zone))
    day_at, time_at = st.columns(2, gap="small")
    day = day_at.date_input(
        w("day"), value=now.date(), min_value=now.date(), key=f"announce_day_{turn}", format="YYYY-MM-DD"
    )
    at = time_at.time_input(
        w("time"), value=(now + timedelta(hours=1)).time().replace(minute=0, second=0, microsecond=0),
        key=f"announce_time_{turn}",
    )  # fmt: skip
    return datetime.combine(day, at, ZoneInfo(zone))


def _length(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes == 1440:
        return w("one_day")
    if minutes < 60:
        return w("minutes", count=minutes)
    return w("hours", count=minutes // 60) if minutes < 1440 else w("days", count=minutes // 1440)


def _send(
    site: SiteDetail, kind: AnnouncementKind, point: str | None, starts: datetime | None, length: timedelta, reason: str
) -> None:
    if len(reason) < LEAST_REASON:
        st.error(w("reason_short"))
        return
    begins = starts or datetime.now(ZoneInfo(site["zone"]))
    ends = begins + length
    announcement = {
        "site": site["code"],
        "sampling_point": point,
        "kind": kind.value,
        "from": rfc3339(starts) if starts else None,
        "to": rfc3339(ends),
        "reason": reason,
    }
    try:
        session.field().announce(announcement)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    since, until = (f"{each.astimezone(ZoneInfo(site['zone'])):%m-%d %H:%M}" for each in (begins, ends))
    st.session_state[SAID] = w("sent", what=w(f"kind.{kind}"), since=since, until=until)
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    session.feed().poll_soon()
    st.rerun()
