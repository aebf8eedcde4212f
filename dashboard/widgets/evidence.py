"""Evidence packages about an alarm or a case: those that there are, making one, auditing another person's."""

from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.evidence_client import Package
from dashboard.formatting import full_time
from dashboard.html import badge, chip, escape
from dashboard.language import language
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import text

TONE: Final = {"draft": "pending", "accepted": "ok", "rejected": "high"}
SAID: Final = "evidence_said"


def w(key: str, /, **fields: object) -> str:
    """A string about evidence."""
    return text(language(), f"evidence.page.{key}", **fields)


@st.fragment
def evidence_panel(subject: str, number: int) -> None:
    """Draw the panel; nothing for who may not export evidence."""
    if not session.may_act():
        return
    try:
        packages = session.evidence().packages(subject, number)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    with st.expander(w("title", count=len(packages)), icon=":material/inventory_2:", key=f"evidence-{subject}"):
        if said := st.session_state.pop(SAID, None):
            st.success(said)
        st.html(f"<p class='ld-note'>{escape(w('lead'))}</p>")
        for each in packages:
            st.html(_described(each))
            if each["may_audit"]:
                _audit(each)
        with st.form(f"evidence-make-{subject}-{number}", clear_on_submit=True, border=False):
            purpose = st.text_input(w("purpose"), placeholder=w("purpose_hint"), max_chars=500)
            if st.form_submit_button(w("make"), icon=":material/inventory_2:", key=f"evidence-make-button-{subject}"):
                _make(subject, number, purpose.strip())


def _described(package: Package) -> str:
    state = chip(w(package["state"]), TONE[package["state"]])
    mark = badge() if package["simulated"] else ""
    lines = [w("made", who=package["made_by_name"], at=full_time(package["made_at"], ZONE))]
    if package["audited_at"]:
        lines.append(w("audited", who=package["audited_by_name"], at=full_time(package["audited_at"], ZONE)))
    if package["audit_note"]:
        lines.append(f"“{package['audit_note']}”")
    anchor = w("published", anchor=package["anchor"]) if package["anchor"] else w("not_published")
    lines.append(f"SHA-256 {package['sha256'][:16]}… · {anchor}")
    links = "".join(
        f"<a href='/export/evidence/{package['id']}/{name}' download target='_self' data-evidence='{escape(name)}'>"
        f"{escape(label)}</a>"
        for name, label in (("package.zip", w("zip", mb=f"{package['bytes'] / 1e6:.1f}")), ("report.pdf", w("pdf")))
    )
    return (
        f"<div class='ld-panel' data-package='{package['id']}' data-state='{escape(package['state'])}'>"
        f"<div>{state} {mark} {escape(package['purpose'])}</div>"
        f"<p class='ld-note'>{'<br>'.join(map(escape, lines))}</p>"
        f"<div class='ld-links'>{links}</div></div>"
    )


def _audit(package: Package) -> None:
    with st.form(f"evidence-audit-{package['id']}", border=True):
        note = st.text_input(w("audit_note"), placeholder=w("audit_hint"), max_chars=1000)
        with st.container(horizontal=True):
            accepted = st.form_submit_button(w("accept"), type="primary", key=f"evidence-accept-{package['id']}")
            rejected = st.form_submit_button(w("reject"), key=f"evidence-reject-{package['id']}")
    if (accepted or rejected) and len(note.strip()) < 2:
        st.warning(w("audit_needs_note"))
    elif accepted or rejected:
        _do(
            lambda: session.evidence().audit_package(package["id"], note.strip(), accepted=accepted),
            w("done_accepted" if accepted else "done_rejected"),
        )


def _make(subject: str, number: int, purpose: str) -> None:
    if len(purpose) < 2:
        st.warning(w("needs_purpose"))
        return
    with st.spinner(w("making")):
        _do(lambda: session.evidence().make_package(subject, number, purpose), w("done_made"))


def _do(call: Callable[[], Any], said: str) -> None:
    try:
        call()
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.session_state[SAID] = said
    st.rerun(scope="fragment")
