"""The list of cases as a file, as it hangs on the wall (挂图作战)."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from monitor.api.alarms import both
from monitor.api.case_rows import info_of
from monitor.api.cases import Officer, Wanted
from monitor.api.context import Context, Now, Shared
from monitor.api.schemas.cases import CaseInfo
from monitor.api.scope import Principal
from monitor.api.snapshot import Snapshot
from monitor.api.tables import XLSX_TYPE, Cell, Table, csv_file, xlsx_file
from registry.counties import COUNTIES
from store.queries.cases import find_cases

router = APIRouter(tags=["cases"])

EXPORTED: Final = 100_000
_COLUMNS: Final = (
    "number", "state", "overdue", "site", "county", "source", "subject", "officer", "requirement", "due", "remaining",
    "closed_at", "closure",
)  # fmt: skip


@router.get(
    "/cases.csv",
    summary="Cases as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "UTF-8 with byte-order mark"}},
)
def cases_csv(shared: Shared, now: Now, reader: Officer, which: Wanted) -> StreamingResponse:
    """The same cases as the list, in its order; simulated ones are marked."""
    return csv_file(_table(shared, now, reader, which))


@router.get(
    "/cases.xlsx",
    summary="Cases as XLSX",
    response_class=StreamingResponse,
    responses={200: {"content": {XLSX_TYPE: {}}, "description": "A workbook"}},
)
def cases_xlsx(shared: Shared, now: Now, reader: Officer, which: Wanted) -> StreamingResponse:
    """The same cases as the list, in its order; simulated ones are marked."""
    return xlsx_file(_table(shared, now, reader, which))


def _table(shared: Context, now: Snapshot, reader: Principal, which: Wanted) -> Table:
    with shared.database.connection() as connection:
        _, rows = find_cases(connection, which.book, limit=EXPORTED, **which.conditions)
    return Table(
        name="landun-cases",
        title=both("supervision.page.title"),
        notes=[both("export.note")],
        headers=[both("export.source"), *(both(f"supervision.page.{name}") for name in _COLUMNS)],
        rows=(_row(info_of(row, shared, now, reader)) for row in rows),
    )


def _row(case: CaseInfo) -> list[Cell]:
    county = COUNTIES.get(case.county)
    cells: dict[str, Cell] = {
        "number": case.number,
        "state": both(f"supervision.state.{case.state.value}"),
        "overdue": both("supervision.state.overdue") if case.overdue else "",
        "site": f"{case.site_name_zh} {case.site_name_en}",
        "county": county.name_zh if county else case.county,
        "source": both(f"supervision.source.{case.source.value}") if case.source else "",
        "subject": case.subject,
        "officer": " · ".join(filter(None, (case.officer_name, case.second_officer_name))),
        "requirement": case.requirement,
        "due": case.due_day.isoformat() if case.due_day else None,
        "remaining": case.days_left,
        "closed_at": case.closed_at.isoformat(timespec="minutes") if case.closed_at else None,
        "closure": both(f"supervision.closure.{case.closure.value}") if case.closure else "",
    }
    return [
        both("export.simulated" if case.simulated else "supervision.page.live"),
        *(cells[name] for name in _COLUMNS),
    ]
