"""Tables as CSV and XLSX files, row by row, so that a month of readings never stands in memory."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final

from fastapi.responses import StreamingResponse
from openpyxl import Workbook
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell = str | int | float | datetime | None

CHUNK_BYTES: Final = 64 * 1024
SHEET_ROWS: Final = 1_048_576
"""Rows that a worksheet can hold (Excel specifications and limits)."""
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMULA: Final = re.compile(r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Table:
    """A table for people: `notes` stand above the `headers`; times of `rows` are local to the site."""

    name: str
    title: str
    notes: Sequence[str]
    headers: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def safe_text(text: str) -> str:
    """Text that a spreadsheet will not run as a formula (OWASP, CSV injection), without control characters."""
    clean = _CONTROL.sub("\ufffd", text)
    return f"'{clean}" if _FORMULA.match(clean) else clean


def csv_file(table: Table) -> StreamingResponse:
    """The table as CSV in UTF-8 with a byte-order mark, which Excel needs to read Chinese."""
    return StreamingResponse(
        _csv(table), media_type="text/csv; charset=utf-8", headers=_attachment(f"{table.name}.csv")
    )


def xlsx_file(table: Table) -> StreamingResponse:
    """The table as a workbook; what doesn't fit on one sheet goes on the next."""
    return StreamingResponse(_xlsx(table), media_type=XLSX_TYPE, headers=_attachment(f"{table.name}.xlsx"))


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _csv(table: Table) -> Iterator[bytes]:
    buffer = io.StringIO("\ufeff")
    buffer.seek(1)
    writer = csv.writer(buffer)
    writer.writerows([safe_text(note)] for note in table.notes)
    writer.writerow([safe_text(header) for header in table.headers])
    for row in table.rows:
        writer.writerow([_csv_cell(cell) for cell in row])
        if buffer.tell() >= CHUNK_BYTES:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _csv_cell(cell: Cell) -> str | int | float | None:
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return safe_text(cell) if isinstance(cell, str) else cell


def _xlsx(table: Table) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        _write_workbook(table, file)
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _write_workbook(table: Table, file: IO[bytes]) -> None:
    workbook = Workbook(write_only=True)
    written = SHEET_ROWS
    for row in table.rows:
        if written == SHEET_ROWS:
            sheet = workbook.create_sheet(_sheet_name(table.title, len(workbook.sheetnames)))
            written = _write_head(sheet, table)
        sheet.append([_xlsx_cell(cell) for cell in row])
        written += 1
    if not workbook.sheetnames:
        _write_head(workbook.create_sheet(_sheet_name(table.title, 0)), table)
    workbook.save(file)


def _write_head(sheet: WriteOnlyWorksheet, table: Table) -> int:
    for note in table.notes:
        sheet.append([safe_text(note)])
    sheet.append([safe_text(header) for header in table.headers])
    return len(table.notes) + 1


def _sheet_name(title: str, earlier: int) -> str:
    return title if earlier == 0 else f"{title} {earlier + 1}"


def _xlsx_cell(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)  # a worksheet's times have no zone: the header names it
    return safe_text(cell) if isinstance(cell, str) else cell
