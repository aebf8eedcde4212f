"""Workbooks as clerks fill them in."""

import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook


def book(**pages: Iterable[Sequence[object]]) -> bytes:
    """A workbook with these pages, by their titles."""
    made = Workbook()
    made.remove(made.active)
    for title, rows in pages.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(list(row))
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()
