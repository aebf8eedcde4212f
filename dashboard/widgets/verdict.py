"""What the detector makes of an alarm, its picture, and what a person answers; a site's sensitivity."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time
from dashboard.html import chip, escape, heading
from dashboard.language import name_of, term
from dashboard.problems import failed
from dashboard.shapes import Alarm, FeedbackGiven, Sensitivity
from dashboard.widgets.picture import picture_chart
from registry.wall_clock import zone_offset

POINTS: Final = 300


def words(key: str, **fields: object) -> str:
    """A string of the verdict's pages."""
    return term("verdict.page", key, **fields)


def verdict_panel(alarm: Alarm, zone: str) -> str:
    """The verdict as HTML: what, how sure, since when, which tests, what to do. Empty without one."""
    if not alarm["verdict"]:
        return ""
    evidence = alarm["evidence"]
    tests = [term("verdict.test", test) for test in (evidence["tests"] if evidence else [])]
    facts = [
        (words("since"), full_time(evidence["since"], zone) if evidence else "–"),
        (words("tests"), " · ".join(tests) or "–"),
        (words("audience"), term("verdict.audience", alarm["audience"])),
    ]
    same_as = evidence["same_as"] if evidence else None
    if same_as:
        facts.append((words("same_as"), f"{same_as['site']} · {same_as['sampling_point']}"))
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    sure = chip(words("sure", sure=f"{(alarm['sureness'] or 0) * 100:.0f}"), "plain")
    tone = "pending" if alarm["audience"] == "venue" else "medium"
    name = chip(name_of(alarm, "verdict_name"), tone)
    advice = name_of(alarm, "advice")
    return (
        f"<div class='ld-panel' data-verdict='{escape(alarm['verdict'])}'><div>{name} {sure}</div>"
        f"<p>{escape(term('verdict.says', alarm['verdict']))}</p>"
        f"<div class='ld-facts'>{listed}</div>"
        f"<p class='ld-note'><b>{escape(words('advice'))}</b> {escape(advice)}</p></div>"
    )


def picture(alarm: Alarm) -> None:
    """Draw the alarm beside everything else at its place."""
    api = session.client()
    try:
        drawn = api.picture(alarm["id"])
        channels = [each["channel_id"] for each in drawn["channels"]]
        series = {each["channel_id"]: each for each in api.readings(channels, drawn["first"], drawn["last"], POINTS)}
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    if not drawn["channels"]:
        return
    option, height = picture_chart(drawn, series)
    st.html(heading(words("picture")))
    st.echarts_chart(option, height=height, theme=None, key=f"picture-{alarm['id']}", alt=words("picture"))
    zone = f"{drawn['zone']} {zone_offset(drawn['zone'])}"
    st.html(f"<p class='ld-note'>{escape(words('picture_legend', zone=zone))}</p>")


def feedback(alarm: Alarm, act: Callable[[Any], None]) -> None:
    """Ask whether the verdict was right, or show the answer with its undo; `act` runs a call and redraws."""
    standing = _standing(alarm)
    st.html(f"<b>{escape(words('feedback'))}</b> <span class='ld-note'>{escape(words('feedback_note'))}</span>")
    with st.container(horizontal=True, gap="small", key=f"feedback-{alarm['id']}"):
        if standing is None:
            if st.button(words("true"), key=f"true-{alarm['id']}", icon=":material/check:"):
                act(lambda: session.client().give_feedback(alarm["id"], "true"))
            if st.button(words("false"), key=f"false-{alarm['id']}", icon=":material/close:"):
                act(lambda: session.client().give_feedback(alarm["id"], "false"))
            return
        number, answer, actor = standing
        st.html(chip(words(f"answered_{answer}", actor=actor), "ok" if answer == "true" else "pending"))
        if st.button(words("undo"), key=f"undo-{number}", icon=":material/undo:"):
            act(lambda: session.client().undo_feedback(alarm["id"], number))


def _standing(alarm: Alarm) -> tuple[int, str, str] | None:
    """(journal row, answer, who) of the answer that stands."""
    found: dict[int, tuple[int, str, str]] = {}
    for event in alarm.get("events", []):
        detail = event["detail"] or {}
        if event["event"] == "feedback":
            found[event["journal_id"]] = (event["journal_id"], detail["answer"], event["actor"] or "")
        elif event["event"] == "feedback_undone":
            found.pop(detail["undoes"], None)
    return next(iter(found.values()), None)


def sensitivity_panel(code: str, zone: str) -> None:
    """A site's sensitivity and its feedback, each answer with its undo."""
    try:
        found = session.client().sensitivity(code)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.html(heading(words("sensitivity")) + _sensitivity(found))
    for given in found["feedback"]:
        _given(given, zone)


def _sensitivity(found: Sensitivity) -> str:
    facts = [
        (words("site_budget"), words("per_week", value=f"{found['site_budget']:.3g}")),
        (words("budget"), words("per_week", value=f"{found['budget']:.3g}")),
        (words("threshold"), f"×{found['threshold']:.2f}"),
    ]
    listed = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in facts)
    note = words("history") if found["feedback"] else words("no_feedback")
    return f"<div class='ld-panel ld-facts' data-sensitivity='1'>{listed}</div><p class='ld-note'>{escape(note)}</p>"


def _given(given: FeedbackGiven, zone: str) -> None:
    undone = given["undone_at"]
    tone = "plain" if undone else ("ok" if given["answer"] == "true" else "pending")
    parts = [
        f"<time>{full_time(given['at'], zone)}</time>",
        chip(words(f"answered_{given['answer']}", actor=given["actor"] or ""), tone),
        f"<span>{escape(name_of(given, 'verdict_name'))}</span>",
    ]
    if given["comment"]:
        parts.append(f"<span class='ld-soft'>“{escape(given['comment'])}”</span>")
    if undone:
        said = words("undone", actor=given["undone_by"] or "", at=full_time(undone, zone))
        parts.append(f"<span class='ld-note'>{escape(said)}</span>")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f"<div class='ld-facts'>{' '.join(parts)}</div>")
        if not undone and session.may_act() and st.button(words("undo"), key=f"undo-site-{given['id']}"):
            try:
                session.client().undo_feedback(given["alarm_id"], given["id"])
            except (ApiError, ApiUnreachableError) as error:
                failed(error)
                return
            st.rerun()
