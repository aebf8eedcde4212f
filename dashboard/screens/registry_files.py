"""Importing the registry from a file, with a look first, and taking it away as one."""

import hashlib
from collections.abc import Sequence
from typing import Final, cast

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.html import chip_cell, escape, heading, title
from dashboard.keeping import refused, w
from dashboard.keeping_client import ImportReport
from dashboard.language import language, t
from dashboard.shapes import Mistake
from dashboard.widgets.components import table
from registry.exporting import SHEET_OF

REPORT: Final = "import_report"
HEIGHT: Final = 430


def show() -> None:
    """Draw the page."""
    st.html(title(t("nav.registry"), sub=w("import.sub")))
    if not session.may_control():
        st.info(w("import.forbidden"))
        return
    left, right = st.columns([0.62, 0.38], gap="medium")
    with left, st.container(border=True, key="panel-import"):
        st.html(heading(w("import.title")))
        file = st.file_uploader(w("import.choose"), type=["xlsx", "csv"], key="import_file")
        st.html(f"<p class='ld-note'>{escape(w('import.rule'))}</p>")
    with right, st.container(border=True, key="panel-files"):
        _files()
    if file is None:
        st.session_state.pop(REPORT, None)
        return
    content = file.getvalue()
    report = _report(file.name, content, "dry_run")
    if report is not None:
        _decide(file.name, content, report)
        _counts(report)
        _mistakes(report["mistakes"])


def _files() -> None:
    st.html(heading(w("import.files")))
    csv = "".join(_link(f"{sheet}.csv", f"{sheet_title(sheet)} CSV") for sheet in SHEET_OF)
    st.html(
        f"<div class='ld-links'>{_link('template.xlsx', w('import.template'))}</div>"
        f"<p class='ld-note'>{escape(w('import.template_note'))}</p>"
        f"<div class='ld-links'>{_link('registry.xlsx', w('import.export'))}{csv}</div>"
        f"<p class='ld-note'>{escape(w('import.export_note'))}</p>"
    )


def sheet_title(sheet: str) -> str:
    """What a sheet of the workbook is called."""
    return SHEET_OF[sheet].title(language())


def _link(name: str, label: str) -> str:
    return f"<a href='/export/registry/{name}' download target='_self' data-export='{name}'>{escape(label)}</a>"


def _report(name: str, content: bytes, mode: str) -> ImportReport | None:
    """What the file holds; asked once a file, since every run of the page comes by here."""
    key = hashlib.sha256(name.encode() + content).hexdigest()
    known = cast("tuple[str, ImportReport] | None", st.session_state.get(REPORT))
    if mode == "dry_run" and known is not None and known[0] == key:
        return known[1]
    try:
        report = session.keeping().import_registry(name, content, mode)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return None
    st.session_state[REPORT] = key, report
    return report


def _decide(name: str, content: bytes, report: ImportReport) -> None:
    mistakes = len(report["mistakes"])
    good = sum(each["new"] + each["changed"] for each in report["counts"])
    held = sum(each["held"] for each in report["counts"])
    if report["imported"]:
        st.success(w("import.done", rows=good), icon=":material/check_circle:")
        return
    if good == 0 and not mistakes:
        st.info(w("import.nothing"))
        return
    if mistakes:
        st.warning(w("import.found", mistakes=mistakes, good=good, held=held), icon=":material/rule:")
    else:
        st.info(w("import.all_good", good=good), icon=":material/check_circle:")
    with st.container(horizontal=True, gap="small"):
        if mistakes:
            if good and st.button(w("import.take_good", rows=good), key="import_good", type="primary"):
                _import(name, content, "good_rows")
            st.html(f"<span class='ld-note'>{escape(w('import.or_none'))}</span>")
        elif st.button(w("import.take_all", rows=good), key="import_all", type="primary"):
            _import(name, content, "all_or_none")


def _import(name: str, content: bytes, mode: str) -> None:
    if _report(name, content, mode) is not None:
        st.rerun()


def _counts(report: ImportReport) -> None:
    columns = [
        {"label": w("import.sheet")},
        *({"label": w(f"import.{each}"), "align": "right"} for each in ("rows", "new", "changed", "same")),
        {"label": w("import.held"), "align": "right"},
        {"label": w("import.faulty"), "align": "right"},
    ]
    rows = [
        {
            "id": each["sheet"],
            "cells": [
                sheet_title(each["sheet"]),
                *(str(each[name]) for name in ("rows", "new", "changed", "same", "held")),
                chip_cell(str(each["faulty"]), "high") if each["faulty"] else "0",
            ],
        }
        for each in report["counts"]
    ]
    table("import-counts", {"columns": columns, "rows": rows, "clickable": False})


def _mistakes(mistakes: Sequence[Mistake]) -> None:
    if not mistakes:
        return
    suffix = language()
    st.html(heading(w("import.mistakes", count=len(mistakes))))
    columns = [
        {"label": w("import.sheet")},
        {"label": w("import.row"), "align": "right"},
        {"label": w("import.column")},
        {"label": w("import.value"), "clip": True},
        {"label": w("import.problem"), "wrap": True},
    ]
    rows = [
        {
            "id": str(place),
            "cells": [
                each["sheet_zh"] if suffix == "zh" else each["sheet_en"],
                str(each["row"] or "–"),
                (each["column_zh"] if suffix == "zh" else each["column_en"]) or "–",
                each["value"] or "–",
                each["problem_zh"] if suffix == "zh" else each["problem_en"],
            ],
        }
        for place, each in enumerate(mistakes)
    ]
    table("import-mistakes", {"columns": columns, "rows": rows, "clickable": False, "height": HEIGHT})
