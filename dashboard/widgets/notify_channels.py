"""How I am told: language, quiet hours, channels, a test of each, my duties."""

from datetime import time
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock
from dashboard.html import chip, escape, heading
from dashboard.language import county_name, language, term
from dashboard.notify_client import Channel, Duty, Mine, Wishes
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.notify_words import w

OWN_KINDS: Final = ("email", "sms", "wecom", "dingtalk", "feishu")
SECRET_KINDS: Final = frozenset({"dingtalk", "webhook"})
PRIORITIES: Final = ("high", "medium", "low")
ZONES: Final = ("Asia/Shanghai", "Asia/Urumqi")
TESTED: Final = "notify_tested"
REFRESH_S: Final = 1


def mine() -> None:
    """Draw what is mine."""
    try:
        found = session.notify().mine()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    left, right = st.columns([0.6, 0.4], gap="medium")
    with left:
        _channels(found)
    with right:
        with st.container(border=True, key="panel-wishes"):
            _wishes(found["wishes"])
        st.html(heading(w("duties")))
        st.html("".join(map(_duty, found["duties"])) or f"<p class='ld-note'>{escape(w('duties_none'))}</p>")


def _duty(duty: Duty) -> str:
    county = county_name(duty["county"]) if duty["county"] else w("roster_all")
    said = (
        f"{clock(duty['since'], ZONE)} – {clock(duty['until'], ZONE)} · {term('notify.role', duty['role'])} · {county}"
    )
    return f"<p class='ld-note'>{escape(said)}</p>"


def _wishes(wishes: Wishes) -> None:
    st.html(heading(w("quiet")))
    chosen = st.segmented_control(
        w("language"), ("zh", "en"), default=wishes["language"], key="notify_language", required=True,
        format_func=lambda code: {"zh": "中文", "en": "English"}[code],
    )  # fmt: skip
    zones = ZONES if wishes["zone"] in ZONES else (*ZONES, wishes["zone"])
    zone = st.selectbox(w("zone"), zones, index=zones.index(wishes["zone"]), key="notify_zone")
    keeps = st.toggle(w("quiet_on"), value=wishes["quiet_from"] is not None, key="notify_quiet")
    begin, end = wishes["quiet_from"] or "22:00", wishes["quiet_to"] or "07:00"
    first, second = st.columns(2, gap="small")
    with first:
        since = st.time_input(w("quiet_from"), value=time.fromisoformat(begin), key="notify_from", disabled=not keeps)
    with second:
        until = st.time_input(w("quiet_to"), value=time.fromisoformat(end), key="notify_to", disabled=not keeps)
    broken = st.multiselect(
        w("quiet_broken_by"), PRIORITIES, default=wishes["quiet_broken_by"], key="notify_broken", disabled=not keeps,
        format_func=lambda each: term("alarm.priority", each),
    )  # fmt: skip
    st.html(f"<p class='ld-note'>{escape(w('quiet_note'))}</p>")
    if st.button(w("save"), key="notify_wishes_save", type="primary"):
        asked: dict[str, object] = {
            "language": chosen,
            "zone": zone,
            "quiet_from": since.isoformat() if keeps and since else None,
            "quiet_to": until.isoformat() if keeps and until else None,
            "quiet_broken_by": broken,
        }
        try:
            session.notify().set_wishes(asked)
        except (ApiError, ApiUnreachableError) as error:
            failed(error)
        else:
            st.toast(w("saved"), icon=":material/check_circle:")


def _channels(found: Mine) -> None:
    st.html(heading(w("channels")))
    if not found["channels"]:
        st.html(f"<p class='ld-note'>{escape(w('channels_none'))}</p>")
    ready = {"email": found["email_ready"], "sms": found["sms_ready"]}
    for each in found["channels"]:
        channel_card(each, ready=ready.get(each["kind"], True))
    with st.expander(w("channel_add"), expanded=not found["channels"]):
        channel_form(OWN_KINDS, shared=False)


def channel_card(channel: Channel, *, ready: bool = True) -> None:
    """A channel with its test and its end."""
    number = channel["id"]
    with st.container(border=True, key=f"channel-{number}"):
        state = chip(w("on") if channel["enabled"] else w("off"), "ok" if channel["enabled"] else "closed")
        marks = chip(w("channel_demonstration"), "pending") if channel["demonstration"] else ""
        marks += chip(w("unreadable"), "high") if channel["unreadable"] else ""
        kind = term("notify.kind", channel["kind"])
        wanted = " ".join(term("alarm.priority", each) for each in channel["priorities"])
        st.html(
            f"<b>{escape(channel['name'])}</b> {state} {marks}"
            f"<div class='ld-note'>{escape(kind)} · {escape(channel['target'])} · {escape(wanted)}</div>"
        )
        if channel["unreadable"]:
            st.html(f"<div class='ld-note'>{escape(w('unreadable_more'))}</div>")
        if not ready:
            st.html(f"<div class='ld-note'>{escape(w('no_gateway', kind=kind))}</div>")
        with st.container(horizontal=True, gap="small"):
            if st.button(w("test"), key=f"channel_test_{number}", icon=":material/send:"):
                _test(number)
            if st.button(w("delete"), key=f"channel_delete_{number}", icon=":material/delete:"):
                _delete(number)
        if (tested := st.session_state.get(TESTED, {}).get(number)) is not None:
            st.fragment(_tested, run_every=REFRESH_S)(tested)


def _test(number: int) -> None:
    try:
        message = session.notify().test_channel(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.session_state[TESTED] = {**st.session_state.get(TESTED, {}), number: message}


def _tested(message: int) -> None:
    """What became of a test, from the log."""
    if not session.may_act():
        st.info(w("test_waiting"))
        return
    try:
        _, items = session.notify().log(notification=message)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    found = items[0] if items else None
    if found is None or (found["state"] == "waiting" and not found["problem"]):
        st.info(w("test_waiting"))
    elif found["state"] == "sent":
        st.success(w("test_sent", at=clock(found["sent_at"], ZONE)))
    else:
        problem = term("notify.problem", found["problem"] or "")
        st.error(w("test_failed", problem=problem, detail=found["problem_detail"] or ""))


def _delete(number: int) -> None:
    try:
        session.notify().delete_channel(number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("deleted"))
        st.rerun()


def channel_form(kinds: tuple[str, ...], *, shared: bool) -> None:
    """The form of a new channel."""
    place = "shared" if shared else "own"
    kind = st.selectbox(
        w("channel_kind"), kinds, key=f"channel_kind_{place}", format_func=lambda each: term("notify.kind", each)
    )
    # What is typed is taken all at once, so that nothing of it is lost between two fields.
    with st.form(f"channel_form_{place}", border=False):
        name = st.text_input(w("channel_name"), key=f"channel_name_{place}")
        target = st.text_input(w("channel_target"), key=f"channel_target_{place}", placeholder=w(f"target_{kind}"))
        secret = ""
        if kind in SECRET_KINDS:
            secret = st.text_input(w("channel_secret"), key=f"channel_secret_{place}", type="password")
        priorities = st.multiselect(
            w("channel_priorities"), PRIORITIES, default=PRIORITIES, key=f"channel_priorities_{place}",
            format_func=lambda each: term("alarm.priority", each),
        )  # fmt: skip
        demonstration = st.toggle(w("channel_demonstration"), key=f"channel_demonstration_{place}")
        if not st.form_submit_button(w("add"), key=f"channel_add_{place}", type="primary", icon=":material/add:"):
            return
    asked = {
        "name": name,
        "kind": kind,
        "target": target,
        "secret": secret or None,
        "priorities": priorities,
        "demonstration": demonstration,
        "shared": shared,
        "language": language(),
    }
    try:
        session.notify().add_channel(asked)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
    else:
        st.toast(w("saved"), icon=":material/check_circle:")
        st.rerun()
