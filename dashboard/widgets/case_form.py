"""The form of what can be done about a case now: the fields that the chosen action asks for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import today_in
from dashboard.html import escape, heading
from dashboard.language import language, name_of, term
from dashboard.problems import failed
from dashboard.shapes.cases import CaseAction, CaseFull
from dashboard.widgets.case_words import p

USUAL: Final = {
    "lead": "accept",
    "verifying": "order",
    "work_order": "recheck_passed",
    "guidance": "recheck_passed",
    "rectification": "recheck_passed",
    "feedback": "recheck_passed",
    "rectified": "close",
    "transferred": "file",
    "filed": "close",
    "closed": "note",
}
"""What mostly comes next, and is chosen when the page opens."""
SHOWN_TO_VENUE: Final = frozenset(
    {
        "work_order",
        "guide",
        "order",
        "extend",
        "recheck_passed",
        "recheck_failed",
        "revoke",
        "transfer",
        "file",
        "close",
    }
)
ENDINGS: Final = ("jpg", "jpeg", "png", "webp", "heic", "heif", "pdf", "mp4", "mov", "docx", "xlsx")
_OF_CLOSURE: Final = {
    "officers": {"no_penalty_minor", "no_penalty_first"},
    "minor": {"no_penalty_minor", "no_penalty_first"},
    "harmless": {"no_penalty_minor"},
    "number": {"decided"},
    "recipient": {"referred"},
}
"""Fields of closing that only some reasons ask for."""


def act_form(case: CaseFull) -> None:
    """Choose an action and fill in what it asks for."""
    possible = {each["action"]: each for each in case["actions"] if each["possible"]}
    with st.container(key="panel-case-act", border=True):
        st.html(heading(p("now")))
        if not possible:
            st.html(f"<p class='ld-note'>{escape(p('nothing_now'))}</p>")
            return
        usual = USUAL.get(case["state"], "")
        action = next(iter(possible))
        if len(possible) > 1:
            action = st.pills(
                p("now"), list(possible), default=usual if usual in possible else action, required=True,
                key=f"case_action_{_round(case)}", label_visibility="collapsed",
                format_func=lambda each: term("supervision.action", each),
            ) or action  # fmt: skip
        else:
            st.html(f"<b>{escape(term('supervision.action', action))}</b>")
        _fill_in(case, possible[action])


def _round(case: CaseFull) -> str:
    """In the fields' keys, so that they are empty again after a step."""
    return f"{case['id']}_{len(case['steps'])}"


def _fill_in(case: CaseFull, chosen: CaseAction) -> None:
    action, key = chosen["action"], f"{chosen['action']}_{_round(case)}"
    given: dict[str, Any] = {}
    closure = None
    if chosen["choices"]:
        field = "closure" if action == "close" else "reason"
        closure = given[field] = _choice(chosen, key)
    for name in chosen["asks"]:
        if name in _OF_CLOSURE and action == "close" and closure not in _OF_CLOSURE[name]:
            continue
        if draw := _FIELDS.get(name):
            given[name] = draw(case, action, key)
    for_venue = action == "attach" and st.checkbox(p("share"), key=f"case_share_{key}")
    if action == "attach":
        given["text"] = st.text_input(p("caption"), key=f"case_text_{key}", max_chars=500)
    label = term("supervision.action", action)
    if st.button(label, key=f"case_do_{key}", type="primary", icon=":material/check:"):
        _send(case, action, given, for_venue=for_venue)


def _choice(chosen: CaseAction, key: str) -> str | None:
    """A reason; those that are not possible now are named with why."""
    table = "supervision.closure" if chosen["action"] == "close" else "supervision.transfer"
    possible = [each["value"] for each in chosen["choices"] if each["possible"]]
    picked = st.selectbox(
        p("reason"), possible, index=None, key=f"case_choice_{key}", format_func=lambda each: term(table, each)
    )
    barred = [each for each in chosen["choices"] if not each["possible"]]
    lines = "".join(
        f"<li>{escape(term(table, each['value']))}：{escape(str(each[f'why_not_{language()}']))}</li>"  # type: ignore[literal-required]
        for each in barred
    )
    if lines:
        st.html(f"<details class='ld-note'><summary>{escape(p('reasons_barred'))}</summary><ul>{lines}</ul></details>")
    return picked


# ---------------------------------------------------------------------- the fields
def _text(_: CaseFull, action: str, key: str) -> str:
    name = f"say_{action}"
    label = p(name) if action in {"order", "guide", "work_order", "feedback", "close"} else p("say")
    if action in SHOWN_TO_VENUE:
        label += p("venue_reads")
    return st.text_area(label, key=f"case_text_{key}", max_chars=4000, height=100).strip()


def _due(case: CaseFull, _: str, key: str) -> str | None:
    today = today_in(case["zone"])
    day = st.date_input(p("last_day_set"), value=None, min_value=today, key=f"case_due_{key}", format="YYYY-MM-DD")
    return None if day is None else day.isoformat()


def _officers(case: CaseFull, action: str, key: str) -> list[str]:
    try:
        known = {each["username"]: each["name"] for each in session.cases().officers(case["county"])}
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return []
    usual = [each for each in (case["officer"], case["second_officer"]) if each in known]
    label = p("officer") if action == "assign" else p("on_site")
    return st.multiselect(
        label, list(known), default=usual, key=f"case_officers_{key}", format_func=lambda each: known[each],
        max_selections=2, help=None if action == "assign" else p("two"),
    )  # fmt: skip


def _line(label: str) -> Callable[[CaseFull, str, str], str]:
    def draw(_: CaseFull, __: str, key: str) -> str:
        return st.text_input(p(label), key=f"case_{label}_{key}", max_chars=200).strip()

    return draw


def _tick(label: str) -> Callable[[CaseFull, str, str], bool]:
    def draw(_: CaseFull, __: str, key: str) -> bool:
        return st.checkbox(p(label), key=f"case_{label}_{key}")

    return draw


def _files(_: CaseFull, __: str, key: str) -> list[tuple[str, bytes]]:
    given = st.file_uploader(
        p("files_given"), type=list(ENDINGS), accept_multiple_files=True, key=f"case_files_{key}", help=p("files_help")
    )
    return [(each.name, each.getvalue()) for each in given]


def _into(case: CaseFull, _: str, key: str) -> int | None:
    try:
        found = session.cases().cases(site=case["site"], open="true", limit=50)["items"]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return None
    others = {each["id"]: f"{each['number']} {each['subject']}" for each in found if each["id"] != case["id"]}
    if not others:
        st.info(p("no_other"))
    return st.selectbox(
        p("into"), list(others), index=None, key=f"case_into_{key}", format_func=lambda each: others[each]
    )


def _alarms(case: CaseFull, _: str, key: str) -> list[int]:
    since = datetime.fromtimestamp(datetime.fromisoformat(case["opened_at"]).timestamp() - 7 * 86_400, UTC)
    try:
        found = session.client().alarms(site=case["site"], from_=since.isoformat(), limit=100)["items"]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return []
    inside = {each["id"] for each in case["alarms"]}
    others = {each["id"]: name_of(each, "text") for each in found if each["id"] not in inside}
    return st.multiselect(p("alarms"), list(others), key=f"case_alarms_{key}", format_func=lambda each: others[each])


_FIELDS: Final[dict[str, Callable[[CaseFull, str, str], Any]]] = {
    "text": _text,
    "due": _due,
    "officers": _officers,
    "number": _line("letter"),
    "recipient": _line("recipient"),
    "minor": _tick("minor"),
    "harmless": _tick("harmless"),
    "into": _into,
    "alarms": _alarms,
    "files": _files,
}


def _send(case: CaseFull, action: str, given: dict[str, Any], *, for_venue: bool) -> None:
    api, files = session.cases(), given.pop("files", [])
    try:
        if action == "feedback":
            api.feedback(case["id"], given["text"], files)
        elif action == "attach":
            api.attach(case["id"], given["text"], files, for_venue=for_venue)
        else:
            api.step(case["id"], {"action": action, **{name: each for name, each in given.items() if each is not None}})
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state["case_said"] = p("done", action=term("supervision.action", action))
    st.rerun()
