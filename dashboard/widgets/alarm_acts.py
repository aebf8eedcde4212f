"""What lies over an alarm and why it is raised, and what a person may do about it besides acknowledging."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.formatting import full_time
from dashboard.html import chip, escape
from dashboard.language import language, term
from dashboard.shapes import Alarm
from dashboard.widgets.alarm_table import ZONE

LEAST_REASON: Final = 4
LONGEST_H: Final = {"high": 8, "medium": 24, "low": 72}
LONGEST_LEAD_H: Final = 8
LONGEST_OUT_H: Final = 720
SEVERITY_TONE: Final = {"warning": "low", "alarm": "medium", "serious": "high"}
PARTS: Final = ("cause", "consequence", "response", "basis")

Act = Callable[[Callable[[], bool]], None]


def w(key: str, /, **fields: object) -> str:
    """A string about acts on alarms."""
    return term("alarm.act", key, **fields)


def marks(alarm: Alarm) -> str:
    """Chips that say how bad it is and what it is: severity, legal lead, historic finding."""
    severity = alarm.get("severity", "warning")
    found = [chip(term("alarm.severity", severity), SEVERITY_TONE[severity])] if alarm["kind"] == "limit" else []
    flags = (name for name in ("legal_lead", "historic") if alarm.get(name))
    return "".join([*found, *(chip(term("alarm.fact", name), "plain") for name in flags)])


def facts(alarm: Alarm) -> list[tuple[str, str]]:
    """What lies over the alarm, with who and why."""
    found = []
    if until := alarm.get("shelved_until"):
        said = f"{full_time(until, ZONE)} · {alarm.get('shelved_by')}：{alarm.get('shelve_reason')}"
        found.append((term("alarm.fact", "shelved"), said))
    if by := alarm.get("suppressed_by"):
        kind, _, number = by.partition(":")
        known = "announcement" if kind == "announcement" else "offline"
        found.append((term("alarm.fact", "suppressed"), term("alarm.suppressor", known, number=number)))
    if until := alarm.get("out_of_service_until"):
        said = f"{full_time(until, ZONE)} · {alarm.get('out_of_service_by')}：{alarm.get('out_of_service_reason')}"
        found.append((term("alarm.fact", "out_of_service"), said))
    if at := alarm.get("on_the_way_at"):
        found.append((term("alarm.fact", "on_the_way"), f"{alarm.get('on_the_way_by')} {full_time(at, ZONE)}"))
    if alarm.get("occurrence", 1) > 1:
        found.append((term("alarm.fact", "occurrence"), str(alarm.get("occurrence"))))
    return found


def rationale(alarm: Alarm) -> str:
    """The rationalisation record of the alarm's rule as HTML; empty where it has none."""
    record = alarm.get("rationale")
    if not record:
        return ""
    within = term("alarm.rationale", "respond_within", time=span_text(record["respond_within_s"]))
    lines = "".join(
        f"<span><b>{escape(term('alarm.rationale', part))}</b>{escape(record[part][language()])}</span>"
        for part in PARTS
    )
    return (
        f"<div class='ld-panel ld-why'><div><b>{escape(term('alarm.rationale', 'title'))}</b> "
        f"<span class='ld-note'>{escape(within)}</span></div><div class='ld-facts'>{lines}</div></div>"
    )


def span_text(seconds: float) -> str:
    """A span of time in minutes or hours, as people say it."""
    unit, n = ("minutes", seconds / 60) if seconds < 2 * 3600 else ("hours", seconds / 3600)
    return term("alarm.rationale", unit, n=f"{n:.0f}" if n >= 10 or n == int(n) else f"{n:.1f}")


def more_acts(alarm: Alarm, act: Act) -> None:
    """Buttons and the form of what else may be done in the alarm's state; `act` makes the call and tells."""
    over = alarm["state"] == "normal"
    simple = {
        "on-the-way": not over and not alarm.get("on_the_way_at"),
        "reset": alarm["state"] == "latched",
        "unshelve": alarm.get("shelved_until") is not None,
        "in-service": alarm.get("out_of_service_until") is not None,
    }
    offered = [name for name, allowed in simple.items() if allowed]
    if offered:
        with st.container(horizontal=True):
            for name in offered:
                if st.button(w(name.replace("-", "_")), key=f"{name}-{alarm['id']}"):
                    act(lambda name=name: session.alarms().act(alarm["id"], name))  # type: ignore[misc]
    if not over and not alarm.get("historic"):
        with st.expander(w("put_away"), key=f"away-{alarm['id']}"):
            _put_away(alarm, act)


def _put_away(alarm: Alarm, act: Act) -> None:
    kind = st.segmented_control(
        w("put_away"),
        ("shelve", "out-of-service"),
        default="shelve",
        key=f"away-kind-{alarm['id']}",
        format_func=lambda each: w(each.replace("-", "_")),
        label_visibility="collapsed",
        required=True,
    )
    shelving = kind == "shelve"
    longest = LONGEST_OUT_H
    if shelving:
        longest = LONGEST_LEAD_H if alarm.get("legal_lead") else LONGEST_H[alarm["priority"]]
    if shelving and alarm.get("legal_lead"):
        st.warning(w("legal_lead"))
    with st.form(f"away-form-{alarm['id']}-{kind}", border=False):
        hours = st.number_input(w("hours"), 1, longest, min(4, longest), key=f"away-hours-{alarm['id']}-{kind}")
        option = st.checkbox(w("once" if shelving else "whole_device"), key=f"away-option-{alarm['id']}-{kind}")
        reason = st.text_input(w("reason"), max_chars=500, key=f"away-reason-{alarm['id']}-{kind}").strip()
        st.html(f"<p class='ld-note'>{escape(w('longest'))}</p>")
        sent = st.form_submit_button(w("shelve" if shelving else "out_of_service"))
    if not sent:
        return
    if len(reason) < LEAST_REASON:
        st.warning(w("reason_short"))
        return
    until = datetime.now(UTC) + timedelta(hours=float(hours))
    options: dict[str, Any] = {"once": option} if shelving else {"whole_device": option}
    act(lambda: session.alarms().put_away(alarm["id"], str(kind), until, reason, options))
