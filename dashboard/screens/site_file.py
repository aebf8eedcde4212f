"""一户一档 and 一人一档: a venue's file in parts, to print and to add to, and the people who answer for it."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import today_in
from dashboard.html import badge, escape, heading, title
from dashboard.language import language, name_of, t, term
from dashboard.problems import failed
from dashboard.site_file_client import FilePart
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.draw_forms import done
from dashboard.widgets.site_choice import choose_site
from registry.catalogue import text

ROLES = ("legal", "hygiene", "water")
KINDS = ("health", "training")
LONG = 24
"""Characters from which a column's texts are broken into lines."""

WRONG = "×"
"""Begins a line of a self-inspection that was not in order."""


def p(key: str, /, **fields: object) -> str:
    """A string of the page."""
    return text(language(), f"site_file.page.{key}", **fields)


def c(key: str) -> str:
    """The name of a column."""
    return term("site_file.column", key)


def show() -> None:
    """Draw the page."""
    chosen = choose_site()
    if chosen is None:
        return
    code = chosen["code"]
    try:
        parts = session.site_files().file_page(code, language())
        st.html(title(f"{p('title')} · {name_of(chosen)}", after=badge() if chosen["simulated"] else ""))
        st.download_button(
            p("print"),
            partial(session.site_files().file_pdf, code, language()),
            file_name=f"{code}.pdf",
            mime="application/pdf",
            icon=":material/print:",
            key="site_file_print",
        )
        left, right = st.columns(2, gap="medium")
        for place, part in enumerate(parts):
            with (left, right)[place % 2]:
                _part(code, place, part)
        _enter(code)
        if session.may_act():
            _people(code)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)


def _part(code: str, place: int, part: FilePart) -> None:
    st.html(heading(part["title"]))
    if not part["rows"]:
        st.html(f"<p class='ld-note'>{escape(part['text'])}</p>")
        return
    heads, *rows = part["rows"]
    data = {
        "columns": [
            {"label": head, "wrap": any(len(row[place]) > LONG for row in rows if place < len(row))}
            for place, head in enumerate(heads)
        ],
        "rows": [{"id": f"{number}", "cells": list(row), "tone": "", "href": ""} for number, row in enumerate(rows)],
        "clickable": False,
        "empty": "",
    }
    table(f"site-file-{code}-{place}", data)


def _today() -> date:
    return today_in(ZONE)


def _enter(code: str) -> None:
    forms = {"inspection": _inspection}
    if session.may_act():
        forms = {"licence": _licence, "responsible": _responsible, "commitment": _commitment, **forms}
    for name, form in forms.items():
        with st.expander(p(f"add_{name}"), icon=":material/add_circle:"), st.form(f"file_{name}", border=False):
            path, entry = form(code)
            if st.form_submit_button(p("save"), type="primary") and entry is not None:
                done(partial(session.site_files().enter, path, entry))


def _licence(code: str) -> tuple[str, Mapping[str, object] | None]:
    left, middle, right = st.columns(3)
    kind, number = left.text_input(c("kind"), value="公共场所卫生许可证"), middle.text_input(c("number"))
    authority = right.text_input(c("authority"))
    issued = left.date_input(c("issued_on"), value=_today(), format="YYYY-MM-DD")
    until = middle.date_input(c("valid_until"), value=_today() + timedelta(days=4 * 365), format="YYYY-MM-DD")
    entry = {
        "kind": kind,
        "number": number,
        "authority": authority,
        "issued_on": f"{issued}",
        "valid_until": f"{until}",
    }
    return f"/sites/{code}/licences", entry if kind and number and authority else None


def _responsible(code: str) -> tuple[str, Mapping[str, object] | None]:
    left, middle, right = st.columns(3)
    name, phone = left.text_input(c("name")), middle.text_input(c("phone"))
    role = right.selectbox(c("role"), ROLES, format_func=lambda each: term("site_file.role", each))
    since = left.date_input(c("since"), value=_today(), format="YYYY-MM-DD")
    known = middle.text_input(p("known_person"))
    entry: dict[str, object] = {"role": role, "since": f"{since}"}
    entry |= {"person": int(known)} if known.isdigit() else {"name": name, "phone": phone}
    return f"/sites/{code}/responsible", entry if name or known.isdigit() else None


def _commitment(code: str) -> tuple[str, Mapping[str, object] | None]:
    left, right = st.columns(2)
    by = left.text_input(c("signed_by"))
    on = right.date_input(c("signed_on"), value=_today(), format="YYYY-MM-DD")
    words = st.text_area(c("text"), max_chars=4000)
    return f"/sites/{code}/commitments", {
        "signed_on": f"{on}",
        "signed_by": by,
        "text": words,
    } if by and words else None


def _inspection(code: str) -> tuple[str, Mapping[str, object] | None]:
    left, right = st.columns(2)
    by = left.text_input(c("inspected_by"))
    on = right.date_input(c("inspected_on"), value=_today(), format="YYYY-MM-DD")
    lines = st.text_area(p("items"), placeholder=p("items_hint"), max_chars=4000).splitlines()
    items = [
        {"item": line.lstrip(WRONG).strip(), "in_order": not line.startswith(WRONG)} for line in lines if line.strip()
    ]
    entry = {"inspected_on": f"{on}", "inspected_by": by, "items": items}
    return f"/sites/{code}/self-inspections", entry if by and items else None


def _people(code: str) -> None:
    people = {each["person"]: each["name"] for each in session.site_files().file_of(code)["responsible"]}
    if not people:
        return
    st.html(heading(p("person")))
    number = st.selectbox(
        p("open_person"), list(people), format_func=lambda each: f"{people[each]} (#{each})", key="site_file_person"
    )
    found = session.site_files().person_file(number)
    st.html(f"<p>{escape(found['name'])} · {escape(found['phone'] or '–')}</p>")
    left, right = st.columns(2, gap="medium")
    with left:
        _person_table(
            "sites",
            (t("column.site"), c("role"), c("since"), c("until"), p("cases"), p("orders")),
            [
                [
                    name_of(each, "site_name"),
                    term("site_file.role", each["role"]),
                    each["since"],
                    each["until"] or "–",
                    str(each["cases"]),
                    str(each["orders"]),
                ]
                for each in found["sites"]
            ],
        )
    with right:
        _person_table(
            "certificates",
            (c("kind"), c("number"), c("issued_on"), c("valid_until"), c("state")),
            [
                [
                    f"{term('site_file.kind', each['kind'])} {each['name']}",
                    each["number"] or "–",
                    each["issued_on"],
                    each["valid_until"] or "–",
                    p("valid" if each["valid"] else "expired"),
                ]
                for each in found["certificates"]
            ],
        )
    with st.expander(p("add_certificate"), icon=":material/add_circle:"), st.form("file_certificate", border=False):
        first, second, third = st.columns(3)
        kind = first.selectbox(c("kind"), KINDS, format_func=lambda each: term("site_file.kind", each))
        name, no = second.text_input(c("kind"), key="file_certificate_name"), third.text_input(c("number"))
        issued = first.date_input(c("issued_on"), value=_today(), format="YYYY-MM-DD")
        until = second.date_input(c("valid_until"), value=_today() + timedelta(days=365), format="YYYY-MM-DD")
        entry = {"kind": kind, "name": name, "number": no, "issued_on": f"{issued}", "valid_until": f"{until}"}
        if st.form_submit_button(p("save"), type="primary") and name:
            done(partial(session.site_files().enter, f"/responsible-persons/{number}/certificates", entry))


def _person_table(name: str, heads: tuple[str, ...], rows: list[list[str]]) -> None:
    data: dict[str, Any] = {
        "columns": [{"label": head} for head in heads],
        "rows": [{"id": f"{number}", "cells": row, "tone": "", "href": ""} for number, row in enumerate(rows)],
        "clickable": False,
        "empty": p("nothing"),
    }
    st.html(f"<b>{escape(p('sites_answered' if name == 'sites' else 'certificates'))}</b>")
    table(f"person-{name}", data)
