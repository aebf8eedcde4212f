"""The documents of a case: what a person adds to them, and links to each as a Word file and as a PDF."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import escape
from dashboard.language import language, name_of
from dashboard.problems import failed
from registry.catalogue import text

FIELDS: Final = (
    "number", "address", "responsible", "phone", "place", "contact", "certificate_1", "certificate_2", "to",
)  # fmt: skip


def w(key: str, /, **fields: object) -> str:
    """A string about documents."""
    return text(language(), f"document.page.{key}", **fields)


@st.fragment
def documents_panel(case: int) -> None:
    """Draw the panel; nothing for who does not work cases."""
    if not session.may_act():
        return
    try:
        templates = [each for each in session.evidence().templates() if each["of_cases"]]
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    with st.expander(w("title"), icon=":material/description:", key="case-documents"):
        st.html(f"<p class='ld-note'>{escape(w('lead'))}</p>")
        columns = st.columns(3, gap="small")
        given = {
            name: columns[place % 3].text_input(w(f"field_{name}"), key=f"document-{case}-{name}", max_chars=100)
            for place, name in enumerate(FIELDS)
        }
        asked = urlencode({name: value.strip() for name, value in given.items() if value.strip()})
        st.html(
            "".join(
                f"<div class='ld-links'>{_link(case, each['name'], 'docx', asked)}"
                f"{_link(case, each['name'], 'pdf', asked)} {escape(name_of(each))}</div>"
                for each in templates
            )
        )


def _link(case: int, name: str, form: str, asked: str) -> str:
    where = f"/export/cases/{case}/documents/{name}.{form}" + (f"?{asked}" if asked else "")
    return f"<a href='{escape(where)}' download target='_self' data-document='{name}.{form}'>{escape(w(form))}</a>"
