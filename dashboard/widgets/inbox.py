"""The messages that alarms send to the person who is signed in: how many, the newest, all of them."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.field_client import Notification
from dashboard.formatting import clock
from dashboard.html import badge, chip, escape
from dashboard.language import language, term
from dashboard.links import address
from dashboard.look import PRIORITY_TONE
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import text

REFRESH_S: Final = 2
HOMES: Final = ("inspector", "venue")
"""Roles with a page of their own, which shows the alarm; everybody else reads it among all alarms."""


def w(key: str, /, **fields: object) -> str:
    """A string of the inbox."""
    return text(language(), f"inspector.inbox.{key}", **fields)


@st.fragment(run_every=REFRESH_S)
def bell() -> None:
    """How many messages are unread, in the side bar; the way to them."""
    unread = session.feed().read().inbox["unread"]
    said = w("bell", count=unread)
    link = escape(address("inbox"))
    st.html(
        f"<a class='ld-bell ld-go' data-unread='{unread}' href='{link}' target='_self'>{escape(said)}</a>"
        if unread
        else "<div class='ld-nothing'></div>"
    )


@st.fragment(run_every=REFRESH_S)
def newest() -> None:
    """The newest unread message in a line that leads to all of them; nothing where there is none."""
    inbox = session.feed().read().inbox
    if not inbox["items"]:
        st.html("<div class='ld-nothing'></div>")
        return
    first = inbox["items"][0]
    st.html(
        f"<a class='ld-strip ld-go' data-unread='{inbox['unread']}' href='{escape(address('inbox'))}' target='_self'>"
        f"<b>{escape(w('bell', count=inbox['unread']))} ›</b>"
        f"<span>{escape(clock(first['at'], ZONE))} {escape(first['title'])}</span></a>"
    )


def read_of_alarm(number: int) -> None:
    """Opening an alarm reads what was sent about it."""
    told = [each["id"] for each in session.feed().read().inbox["items"] if number in each["alarms"]]
    if told:
        mark(told)


def messages(items: Sequence[Notification]) -> None:
    """Messages below one another."""
    for message in items:
        _message(message)


def _message(message: Notification) -> None:
    with st.container(key=f"message-{message['id']}", gap="small"):
        st.html(_drawn(message))
        unread = message["read_at"] is None
        if unread and st.button(w("read"), key=f"read-{message['id']}", icon=":material/done:", width="stretch"):
            mark([message["id"]])
            st.rerun(scope="fragment")


def _drawn(message: Notification) -> str:
    """The message with the reason of its sending; a tap leads to its alarm."""
    mark_ = badge() if message["simulated"] else ""
    reason = chip(term("notify.reason", message["reason"]), "plain")
    priority = chip(term("alarm.priority", message["priority"]), PRIORITY_TONE[message["priority"]])
    # The message leads to its alarm itself: an address is for those who read it elsewhere.
    body = "<br>".join(escape(line) for line in message["body"].splitlines() if "://" not in line)
    unread = "unread" if message["read_at"] is None else "read"
    inner = (
        f"<header>{priority}{reason} {mark_}<time>{escape(clock(message['at'], ZONE))}</time></header>"
        f"<h2>{escape(message['title'])}</h2><p>{body}</p>"
    )
    data = f"data-message='{message['id']}' data-read='{unread}'"
    if case := message["why"].get("case"):
        link = escape(address("cases", case=case))
        return f"<a class='ld-tap ld-message ld-{unread} ld-go' {data} href='{link}' target='_self'>{inner}</a>"
    if not message["alarms"]:
        return f"<div class='ld-tap ld-message ld-{unread}' {data}>{inner}</div>"
    role = session.me()["role"]
    page = role if role in HOMES else "alarms"
    link = escape(address(page, alarm=message["alarms"][0]))
    return f"<a class='ld-tap ld-message ld-{unread} ld-go' {data} href='{link}' target='_self'>{inner}</a>"


def mark(numbers: Sequence[int] | None) -> None:
    """Mark messages as read, all for None."""
    try:
        session.field().mark_read(numbers)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    now = session.feed().read()
    gone = {each["id"] for each in now.inbox["items"]} if numbers is None else set(numbers)
    left = [each for each in now.inbox["items"] if each["id"] not in gone]
    now.inbox = {"unread": 0 if numbers is None else max(0, now.inbox["unread"] - len(gone)), "items": left}
    session.feed().poll_soon()
