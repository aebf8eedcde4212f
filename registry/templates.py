"""Tables for people to fill in, and what is registered in the same shape: what `registry.tabular` reads back."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from registry.catalogue import LANGUAGES, text
from registry.tabular import Sheet, header_of
from registry.words import Words

_FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r")
_HEADER_FILL: Final = PatternFill("solid", fgColor="DCE6F2")


def to_xlsx(sheets: Sequence[tuple[Sheet, Iterable[Mapping[str, object]]]], *, examples: bool = False) -> bytes:
    """A workbook with a sheet each and one that explains every column; with `examples`, a first row to be replaced."""
    book = Workbook()
    book.remove(book.active)
    for sheet, rows in sheets:
        page = book.create_sheet(f"{sheet.title('zh')} {sheet.title('en')}"[:31])
        for place, column in enumerate(sheet.columns, start=1):
            head = page.cell(1, place, header_of(sheet, column) + (" *" if column.required else ""))
            head.font, head.fill, head.alignment = Font(bold=True), _HEADER_FILL, Alignment(wrap_text=True)
            page.column_dimensions[get_column_letter(place)].width = 20
        page.freeze_panes = "A2"
        lines = [_example(sheet)] if examples else []
        for number, row in enumerate([*lines, *rows], start=2):
            for place, column in enumerate(sheet.columns, start=1):
                _write(page.cell(number, place), row.get(column.code))
    _explain(book.create_sheet("说明 Help"), [sheet for sheet, _ in sheets])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def to_csv(sheet: Sheet, rows: Iterable[Mapping[str, object]]) -> bytes:
    """One sheet as CSV, with the mark by which spreadsheets know UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([header_of(sheet, column) for column in sheet.columns])
    for row in rows:
        writer.writerow([_unarmed(row.get(column.code)) for column in sheet.columns])
    return buffer.getvalue().encode("utf-8-sig")


def _example(sheet: Sheet) -> dict[str, object]:
    return {column.code: ("# " if place == 0 else "") + column.example for place, column in enumerate(sheet.columns)}


def _write(cell: Any, value: object) -> None:
    if isinstance(value, str):
        cell.value = value
        cell.data_type = "s"  # text that begins with '=' stays text
    elif isinstance(value, datetime):
        cell.value = value.replace(tzinfo=None)
    elif value is not None:
        cell.value = value


def _unarmed(value: object) -> object:
    """Text that a spreadsheet would take for a formula, marked as text; `plain` takes the mark off again."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_MARKS) else value


def _explain(page: Any, sheets: Sequence[Sheet]) -> None:
    page.append([text(language, "tabular.help_note") for language in LANGUAGES])
    page.append([])
    heads = ("tabular.help_sheet", "tabular.help_column", "tabular.help_required", "tabular.help_example")
    page.append([Words.of(each).zh + " " + Words.of(each).en for each in heads] + ["说明", "Explanation"])
    for cell in page[3]:
        cell.font, cell.fill = Font(bold=True), _HEADER_FILL
    for sheet in sheets:
        for column in sheet.columns:
            required = Words.of("tabular.yes" if column.required else "tabular.no")
            line = [
                f"{sheet.title('zh')} {sheet.title('en')}",
                header_of(sheet, column),
                f"{required.zh} {required.en}",
            ]
            line += [column.example, *(text(each, f"{sheet.words}.{column.code}.help") for each in LANGUAGES)]
            page.append(line)
            for cell in page[page.max_row]:
                cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
                cell.alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABCDEF", (24, 30, 12, 28, 60, 60), strict=True):
        page.column_dimensions[letter].width = width
