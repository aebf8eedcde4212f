"""Who is told of alarms: my channels and quiet hours, a dry run, the log, and what the monitoring centre sets."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time, rfc3339
from dashboard.html import badge_cell, chip_cell, escape, heading, priority_cell, title
from dashboard.language import language, name_of, t, term
from dashboard.notify_client import Delivery, DryRun, DryRunBeside, DryStep
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.notify_channels import mine
from dashboard.widgets.notify_office import said
from dashboard.widgets.notify_roster import roster
from dashboard.widgets.notify_routes import routes
from dashboard.widgets.notify_shared import receivers
from dashboard.widgets.notify_words import KINDS, w
from registry.wall_clock import zone_offset

REFRESH_S: Final = 3
ROWS: Final = 200
ASKED: Final = "dry_run_asked"
STATE_TONE: Final = {"sent": "ok", "waiting": "pending", "failed": "high", "obsolete": "closed"}
PRIORITIES: Final = ("high", "medium", "low")


def show() -> None:
    """Draw the page."""
    st.html(title(w("title"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    views: dict[str, Callable[[], None]] = {"mine": mine}
    if session.may_act():
        views |= {"dry_run": _dry_run, "log": _log, "roster": roster, "routes": routes}
    if session.may_control():
        views["receivers"] = receivers
    view = st.segmented_control(
        w("view"), list(views), key="notify_view", default="mine", required=True, format_func=w,
        label_visibility="collapsed",
    )  # fmt: skip
    views[view or "mine"]()


# ---------------------------------------------------------------------- the dry run
def _dry_run() -> None:
    st.html(f"<p class='ld-note'>{escape(w('dry_intro'))}</p>")
    sites = {each["code"]: each for each in session.feed().wait_first(4).sites}
    with st.container(border=True, key="panel-dry-run"):
        columns = st.columns([0.34, 0.14, 0.18, 0.16, 0.18], gap="small", vertical_alignment="bottom")
        with columns[0]:
            site = st.selectbox(
                w("dry_site"), list(sites), key="dry_site", format_func=lambda code: f"{name_of(sites[code])} · {code}"
            )
        with columns[1]:
            priority = st.selectbox(
                w("dry_priority"), PRIORITIES, key="dry_priority", format_func=lambda each: term("alarm.priority", each)
            )
        with columns[2]:
            kind = st.selectbox(w("dry_kind"), KINDS, key="dry_kind", format_func=lambda each: term("alarm.kind", each))
        with columns[3]:
            audience = st.selectbox(
                w("dry_audience"), ("inspector", "venue"), key="dry_audience",
                format_func=lambda each: w(f"audience_{each}"),
            )  # fmt: skip
        with columns[4]:
            at = st.datetime_input(w("dry_at"), value=None, key="dry_at", format="YYYY-MM-DD")
        if st.button(w("dry_run_button"), key="dry_run_ask", type="primary", icon=":material/help:") and site:
            moment = at.replace(tzinfo=ZoneInfo(ZONE)) if at else datetime.now(UTC)
            st.session_state[ASKED] = {
                "site": site, "priority": priority, "kind": kind, "audience": audience, "at": rfc3339(moment),
            }  # fmt: skip
    if (asked := st.session_state.get(ASKED)) is None:
        return
    try:
        _plan(session.notify().dry_run(asked))
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


def _plan(found: DryRun) -> None:
    if found["outcome"]:
        st.warning(
            w("dry_nobody", outcome=term("notify.outcome", found["outcome"])), icon=":material/notifications_off:"
        )
    counting = said(found["office"]) if found["office"] else w("office_none")
    st.html(f"<p class='ld-note'>{escape(counting)}</p>")
    if found["route"] is not None:
        _course("dry_route", found)
    for each in found["beside"]:
        # Where no person of the venue signs in there is nobody to tell, and nothing to say.
        if any(step["told"] for step in each["steps"]):
            _course("dry_beside", each)


def _course(said: str, found: DryRun | DryRunBeside) -> None:
    """The steps of a route, under its name."""
    route = found["route_zh"] if language() == "zh" else found["route_en"]
    st.html(heading(w(said, route=route, seconds=found["group_wait_s"])))
    columns = [
        {"label": w("dry_step")},
        {"label": w("dry_when")},
        {"label": w("dry_who")},
        {"label": w("dry_by")},
        {"label": w("dry_channels"), "wrap": True},
    ]
    rows = [row for number, step in enumerate(found["steps"], start=1) for row in _step(number, step)]
    table(f"dry-run-{found['route']}", {"columns": columns, "rows": rows, "clickable": False})


def _step(number: int, step: DryStep) -> list[dict[str, Any]]:
    named = f"{number} · {term('notify.role', step['role'])}"
    when = full_time(step["at"], ZONE) if step["at"] else w("dry_never")
    if not step["told"]:
        return [{"id": f"{number}", "cells": [named, when, chip_cell(w("dry_absent"), "closed"), "–", "–"]}]
    separator = "、" if language() == "zh" else ", "
    return [
        {
            "id": f"{number}-{each['name']}-{place}",
            "cells": [
                named,
                when,
                each["name"],
                term("notify.by", each["by"]),
                separator.join(_drop(drop) for drop in each["drops"]),
            ],
        }
        for place, each in enumerate(step["told"])
    ]


def _drop(drop: Any) -> str:
    name = drop["channel"] or term("notify.kind", drop["kind"])
    if drop["quiet_until"] is None:
        return str(name)
    return w("dry_until", channel=name, at=clock(drop["quiet_until"], ZONE))


# ---------------------------------------------------------------------- the log
def _log() -> None:
    with st.container(horizontal=True, gap="small"):
        state = st.selectbox(
            w("log_state"), ("", *STATE_TONE), key="notify_log_state",
            format_func=lambda each: term("notify.state", each) if each else w("log_all"),
        )  # fmt: skip
        reasons = (
            "new",
            "more",
            "worse",
            "repeat",
            "resolved",
            "escalated",
            "handover",
            "undelivered",
            "test",
            "case",
            "put_away",
        )
        reason = st.selectbox(
            w("log_reason"), ("", *reasons), key="notify_log_reason",
            format_func=lambda each: term("notify.reason", each) if each else w("log_all"),
        )  # fmt: skip
    st.fragment(_log_table, run_every=REFRESH_S)(state, reason)


def _log_table(state: str, reason: str) -> None:
    try:
        total, items = session.notify().log(state=state, reason=reason, limit=ROWS)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(f"<div class='ld-note'>{escape(w('log_of', shown=len(items), total=total))}</div>")
    columns = [
        {"label": w("log_at")},
        {"label": ""},
        {"label": t("column.priority")},
        {"label": w("log_reason")},
        {"label": w("log_who")},
        {"label": w("log_channel")},
        {"label": w("log_state"), "wrap": True},
        {"label": w("log_title"), "wrap": True},
    ]
    rows = [{"id": str(each["id"]), "cells": _delivery(each)} for each in items]
    table("notify-log", {"columns": columns, "rows": rows, "clickable": False, "empty": w("log_none"), "height": 520})


def _delivery(each: Delivery) -> list[Any]:
    return [
        clock(each["at"], ZONE),
        badge_cell() if each["simulated"] else "",
        priority_cell(each["priority"]),
        term("notify.reason", each["reason"]),
        each["person_name"] or each["person"] or term("notify.message", "shared"),
        each["channel"] or term("notify.kind", each["kind"]),
        {**chip_cell(_state(each), STATE_TONE.get(each["state"], "plain"))},
        {"text": each["title"], "title": each["body"]},
    ]


def _state(each: Delivery) -> str:
    said = term("notify.state", each["state"])
    if each["problem"]:
        said += f" · {term('notify.problem', each['problem'])} {each['problem_detail'] or ''}".rstrip()
    if each["state"] == "waiting" and each["next_at"]:
        said += f" · {w('log_next', at=clock(each['next_at'], ZONE))}"
    return said
