"""Register, manifest, vehicle card and labels: to be filled by the API and saved."""

from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.formatting import today_in
from dashboard.html import escape
from dashboard.language import language, name_of, term
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.waste_tables import p
from registry.catalogue import text

KINDS: Final = ("register", "manifest", "card", "labels")
FORMS: Final = ("pdf", "xlsx", "docx")
TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def d(key: str, /, **fields: object) -> str:
    """A string about the documents."""
    return text(language(), f"waste_page.document.{key}", **fields)


def documents(query: dict[str, Any]) -> None:
    """Choose a document and what it is about."""
    st.html(f"<p class='ld-note'>{escape(d('lead'))}</p>")
    kind = st.segmented_control(d("kind"), KINDS, default="register", key="waste_kind", required=True, format_func=d)
    path, asked, name = _about(kind or "register", query)
    if not path:
        return
    forms = ("pdf",) if kind == "labels" else FORMS
    with st.container(horizontal=True):
        for form in forms:
            st.download_button(
                d("save", name=form.upper()),
                partial(session.waste().waste_document, f"{path}.{form}", **asked),
                file_name=f"{name}.{form}",
                mime=TYPES[form],
                icon=":material/download:",
                key=f"waste_save_{form}_{name}",
            )


def _about(kind: str, query: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """The path of a document without its ending, what is asked, and the file's name; no path: nothing is chosen."""
    today = today_in(ZONE)
    if kind == "labels":
        codes = st.text_area(d("codes"), key="waste_labels").split()
        return "labels" if codes else "", {"tag": codes, "simulated": query["simulated"]}, "labels"
    if kind == "card":
        known = {each["code"]: each["plate"] for each in session.waste().vehicles(simulated=query["simulated"])}
        code = st.selectbox(p("vehicle"), list(known), format_func=lambda each: known[each], key="waste_card")
        day = st.date_input(p("day"), value=today, format="YYYY-MM-DD", key="waste_card_day")
        asked = {"day": f"{day}", "simulated": query["simulated"]}
        return f"vehicles/{code}/card" if code else "", asked, f"{known.get(code or '', '')}-{day}"
    names = {each["site"]: name_of(each, "site_name") for each in session.waste().institutions(**query)}
    code = st.selectbox(p("site"), list(names), format_func=lambda each: names[each], key="waste_document_site")
    month = st.selectbox(term("disclosure.public", "month"), _months(today), key="waste_month", width=160)
    return f"institutions/{code}/{kind}" if code else "", {"month": month}, f"{kind}-{code}-{month}"


def _months(today: date) -> list[str]:
    found = [today.replace(day=1)]
    while len(found) < 12:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return [f"{each:%Y-%m}" for each in found]
