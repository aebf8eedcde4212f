"""One case: where it stands, what was done, what can be done now and why the rest cannot."""

from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import full_time
from dashboard.html import badge, chip, escape, heading, title
from dashboard.language import county_name, language, name_of, t, term
from dashboard.links import address
from dashboard.look import PRIORITY_TONE
from dashboard.problems import failed
from dashboard.shapes.cases import CaseFile, CaseFull, CaseStep
from dashboard.widgets.alarm_table import alarm_table
from dashboard.widgets.case_documents import documents_panel
from dashboard.widgets.case_form import act_form
from dashboard.widgets.case_words import last_day, left, p, state_chip, w
from dashboard.widgets.components import table
from dashboard.widgets.evidence import evidence_panel

SHOWN_AS_PICTURE: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
SAID: Final = "case_said"


def show_case(number: int) -> None:
    """Draw the page of a case."""
    back = escape(address("cases"))
    st.html(f"<div class='ld-links'><a class='ld-go' href='{back}' target='_self'>← {escape(p('back'))}</a></div>")
    try:
        case = session.cases().case(number)
    except ApiError as error:
        if error.status == 404:
            st.info(p("gone", number=number))
            return
        failed(error)
        return
    except ApiUnreachableError as error:
        failed(error)
        return
    mark = f" {badge()}" if case["simulated"] else ""
    st.html(title(p("case", number=case["number"]), sub=name_of(case, "site_name"), after=state_chip(case) + mark))
    if said := st.session_state.pop(SAID, None):
        st.toast(said)
    wide, narrow = st.columns([0.58, 0.42], gap="small")
    with wide:
        st.html(_facts_panel(case))
        st.html(heading(p("history")) + f"<ul class='ld-timeline'>{_history(case)}</ul>")
        _files(case)
        _alarms(case)
    with narrow:
        act_form(case)
        documents_panel(case["id"])
        evidence_panel("case", case["id"])
        _why_not(case)
        _links(case)
    st.html(f"<p class='ld-note'>{escape(t('disclaimer'))}</p>")


def _facts_panel(case: CaseFull) -> str:
    facts = "".join(f"<span><b>{escape(label)}</b>{escape(value)}</span>" for label, value in _facts(case) if value)
    asked, subject = case["requirement"], _subject(case)
    quote = f"<blockquote>{escape(asked or subject)}</blockquote>"
    over = f"<p>{escape(subject)}</p>" if asked and subject else ""
    # The agency's own order of urgency is nothing that a venue is told.
    priority = chip(term("alarm.priority", case["priority"]), PRIORITY_TONE[case["priority"]]) if case["source"] else ""
    clock = _clock(case)
    note = f"<p class='ld-note'>{escape(clock)}</p>" if clock else ""
    return (
        f"<div class='ld-panel ld-detail' data-case='{case['id']}' data-state='{escape(case['state'])}'>"
        f"<div>{priority}</div>{over}{quote}<div class='ld-facts'>{facts}</div>{note}</div>"
    )


def _subject(case: CaseFull) -> str:
    """What the case is about: as it was written, but a warning's own sentence in the reader's language."""
    subject = case["subject"] or ""
    if subject and language() == "en":
        return next((each["text_en"] for each in case["alarms"] if each["text_zh"].startswith(subject)), subject)
    return subject


def _facts(case: CaseFull) -> list[tuple[str, str]]:
    zone = case["zone"]
    source = term("supervision.source", case["source"]) if case["source"] else ""
    people = " · ".join(filter(None, (case["officer_name"], case["second_officer_name"])))
    return [
        (p("source"), f"{source} {case['source_ref'] or ''}".strip()),
        (p("opened_at"), full_time(case["opened_at"], zone) if case["source"] else ""),
        (p("county"), county_name(case["county"])),
        (p("officer"), people if case["source"] else ""),
        (p("measure"), term("supervision.measure", case["measure"]) if case["measure"] else ""),
        (p("measure_due"), last_day(case["measure_due_at"], zone)),
        (p("corrected_at"), full_time(case["corrected_at"], zone) if case["corrected_at"] else ""),
        (p("extended"), str(case["extended"]) if case["extended"] else ""),
        (p("closed_at"), full_time(case["closed_at"], zone) if case["closed_at"] else ""),
        (p("closure"), term("supervision.closure", case["closure"]) if case["closure"] else ""),
    ]


def _clock(case: CaseFull) -> str:
    """The clock that runs, how it was set, and how sure that is."""
    running = case["clock_info"]
    if running is None:
        return ""
    said = p("clock", clock=term("supervision.clock", running["clock"]), due=case["due_day"], left=left(case))
    if running["days"] is not None:
        length = w(f"unit.{running['unit']}", days=running["days"])
        sure = term("supervision.sure", running["sure"])
        said += p("clock_rule", start=running["started"], length=length, sure=f"{running['source']} {sure}".strip())
    if case["due_unpublished"]:
        said += p("unpublished", year=case["due_unpublished"])
    return said


# ---------------------------------------------------------------------- what was done
def _history(case: CaseFull) -> str:
    return "".join(_step(case, each) for each in reversed(case["steps"]))


def _step(case: CaseFull, step: CaseStep) -> str:
    who = escape(step["actor_name"] or "")
    more = [
        p("due_is", due=step["due"]) if step["due"] else "",
        p("officers_are", names="、".join(step["officers"])) if step["officers"] else "",
        term("supervision.closure", step["closure"]) if step["closure"] else "",
        term("supervision.transfer", step["reason"]) if step["reason"] else "",
        step["letter"],
        step["recipient"],
        p("other", number=step["other"]) if step["other"] else "",
        p("priority_is", priority=term("alarm.priority", step["priority"])) if step["priority"] else "",
        "、".join(each["name"] for each in step["files"]),
    ]
    facts = " · ".join(escape(each) for each in more if each)
    words = f"<br>“{escape(step['text'])}”" if step["text"] else ""
    return (
        f"<li data-step='{escape(step['action'])}'><time>{full_time(step['at'], case['zone'])}</time>"
        f"<b>{escape(term('supervision.action', step['action']))}</b> {who}"
        f"{f'<br>{facts}' if facts else ''}{words}</li>"
    )


# ---------------------------------------------------------------------- files and warnings
@st.cache_data(max_entries=48, show_spinner=False)
def _picture(username: str, number: int, file: int, sha256: str) -> bytes:  # noqa: ARG001 -- what it is kept by
    return session.cases().case_file(number, file)


def _files(case: CaseFull) -> None:
    if not case["files"]:
        return
    st.html(heading(p("files")))
    pictures = [each for each in case["files"] if each["media_type"] in SHOWN_AS_PICTURE]
    if pictures:
        with st.container(horizontal=True, gap="small", key="case-pictures"):
            for each in pictures:
                try:
                    shown = _picture(session.me()["username"], case["id"], each["id"], each["sha256"])
                    st.image(shown, caption=each["name"], width=180)
                except (ApiError, ApiUnreachableError) as error:
                    failed(error)
    st.html(f"<ul class='ld-files'>{''.join(_file(case, each) for each in case['files'])}</ul>")


def _file(case: CaseFull, file: CaseFile) -> str:
    size = f"{file['bytes'] / 1000:.0f} kB"
    shared = f" {chip(p('for_venue'), 'plain')}" if file["for_venue"] and case["source"] else ""
    held = f"/export/cases/{case['id']}/files/{file['id']}"
    return (
        f"<li><a href='{held}' download target='_self'>{escape(file['name'])}</a>"
        f" <span class='ld-note'>{size} · SHA-256 {file['sha256'][:16]}…</span>{shared}</li>"
    )


def _alarms(case: CaseFull) -> None:
    if case["alarms"]:
        st.html(heading(p("alarms")))
        table("case-alarms", alarm_table(case["alarms"], lead=True, one_site=True))


# ---------------------------------------------------------------------- what cannot be done
def _why_not(case: CaseFull) -> None:
    """Why the other actions are not possible now."""
    barred = [each for each in case["actions"] if not each["possible"]]
    if not barred:
        return
    with st.expander(p("why_not"), icon=":material/block:"):
        lines = "".join(
            f"<li><b>{escape(term('supervision.action', each['action']))}</b> "
            f"<span class='ld-note'>{escape(_reason(each))}</span></li>"
            for each in barred
        )
        st.html(f"<ul data-why-not='1'>{lines}</ul>")


def _reason(action: Any) -> str:
    return str(action[f"why_not_{language()}"])


def _links(case: CaseFull) -> None:
    link = escape(address("site", site=case["site"]))
    st.html(f"<div class='ld-links'><a class='ld-go' href='{link}' target='_self'>{escape(p('to_site'))}</a></div>")
