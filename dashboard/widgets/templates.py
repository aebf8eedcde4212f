"""Templates of documents: taken home, edited in Word, put back; and the anchors that are published."""

from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.evidence_client import Template
from dashboard.formatting import full_time
from dashboard.html import chip, escape, heading
from dashboard.language import name_of
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.case_documents import w
from dashboard.widgets.evidence import w as e

ANCHORS: Final = 10


def templates_panel() -> None:
    """Draw the panel."""
    try:
        templates = session.evidence().templates()
        anchors = session.evidence().anchors(ANCHORS)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    left, right = st.columns([0.55, 0.45], gap="medium")
    with left, st.container(border=True, key="panel-templates"):
        st.html(heading(w("templates")) + f"<p class='ld-note'>{escape(w('templates_lead'))}</p>")
        st.html(f"<ul class='ld-files'>{''.join(_line(each) for each in templates)}</ul>")
        _replace(templates)
    with right, st.container(border=True, key="panel-anchors"):
        st.html(heading(e("anchors")) + f"<p class='ld-note'>{escape(e('anchors_lead'))}</p>")
        rows = "".join(
            f"<li><b>{each['number']}</b> {full_time(each['made_at'], ZONE)} <span class='ld-note'>"
            f"{escape(e('up_to', row=each['journal_id']))} · {escape(each['digest'][:24])}…</span></li>"
            for each in anchors
        )
        st.html(f"<ul class='ld-list'>{rows}</ul>")
        st.html(
            "<div class='ld-links'>"
            f"<a href='/export/anchors.jsonl' download target='_self'>{escape(e('anchors_file'))}</a>"
            f"<a href='/export/verify.py' download target='_self'>{escape(e('checker'))}</a></div>"
        )


def _line(template: Template) -> str:
    own = chip(w("own"), "ok") if template["own"] else ""
    link = f"/export/documents/{template['name']}.docx"
    return f"<li><a href='{escape(link)}' download target='_self'>{escape(name_of(template))}.docx</a> {own}</li>"


def _replace(templates: list[Template]) -> None:
    known = {each["name"]: each for each in templates}
    name = st.selectbox(w("which"), list(known), format_func=lambda each: name_of(known[each]), key="template_name")
    file = st.file_uploader(w("file"), type=["docx"], key="template_file")
    with st.container(horizontal=True):
        put = st.button(w("put"), type="primary", disabled=file is None, key="template_put")
        back = st.button(w("back"), disabled=not known[name]["own"], key="template_back")
    try:
        if put and file is not None:
            session.evidence().replace_template(name, file.getvalue())
        elif back:
            session.evidence().restore_template(name)
        else:
            return
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.rerun()
