"""Cases: lists by deadline, boards, figures, one case, its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Response

from monitor.api.case_rows import book_of, detail_of, info_of, name_of, party_of, sees
from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.refusals import check_zone, not_found, parameter
from monitor.api.schemas.cases import (
    BoardLine,
    CaseBoard,
    CaseDetail,
    CaseFigures,
    CasePage,
    ClosureCount,
    OfficerInfo,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, check_county
from monitor.supervision.case import CaseState, Party, Source
from registry.catalogue import text
from registry.counties import COUNTIES
from store import cases as rows
from store.connections import Connection
from store.queries import cases as queries
from store.queries.cases import Book

router = APIRouter(prefix="/cases", tags=["cases"])

SOON: Final = timedelta(days=3)
"""What ends within it is due soon [design]."""
OFFICER_ROLES: Final = frozenset({"inspector", "centre"})

Reader = Annotated[Principal, Depends(requires(Permission.READ_CASES))]
Officer = Annotated[Principal, Depends(requires(Permission.WORK_CASES))]
CaseId = Annotated[int, Path(description="Case", ge=1, examples=[12])]
Simulated = Annotated[bool | None, Query(description="Only the demonstration's book, or only the live one")]
County = Annotated[str | None, Query(description="Only this county", examples=["320602"])]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are wanted, within the scope of the person who asks."""

    book: Book
    conditions: Mapping[str, Any]


def wanted(
    shared: Shared,
    now: Now,
    reader: Reader,
    open_: Annotated[bool | None, Query(alias="open", description="Only open ones, or only closed ones")] = None,
    state: Annotated[list[CaseState] | None, Query(description="Only these states")] = None,
    site: Annotated[str | None, Query(description="Only this site")] = None,
    county: County = None,
    officer: Annotated[str | None, Query(description="Only this officer's, as first or second")] = None,
    source: Annotated[Source | None, Query(description="Only leads of this source")] = None,
    overdue: Annotated[bool, Query(description="Only those whose clock has ended")] = False,
    alarm: Annotated[int | None, Query(description="Only the case that this warning is in")] = None,
    simulated: Simulated = None,
) -> Filter:
    """The filter of a list or a file."""
    book = book_of(reader, simulated=simulated, counties=_counties(reader, county))
    if site is not None:
        visible_site(now, reader, site)
        book = book._replace(site=site)
    if party_of(reader) is Party.VENUE:
        officer = source = None  # what it is not told, it cannot find by asking either
    return Filter(
        book,
        {
            "open": True if overdue else open_,
            "states": state,
            "officer": officer,
            "source": source,
            "overdue_at": shared.clock() if overdue else None,
            "alarm": alarm,
        },
    )


Wanted = Annotated[Filter, Depends(wanted)]


@router.get("", summary="Cases; open ones by deadline, the overdue first")
def listed(
    shared: Shared,
    now: Now,
    reader: Reader,
    which: Wanted,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> CasePage:
    """The list to work off (挂图作战, 销号). A venue sees its own, from the first demand on."""
    with shared.database.connection() as connection:
        total, found = queries.find_cases(connection, which.book, limit=limit, offset=offset, **which.conditions)
    return CasePage(total=total, items=[info_of(row, shared, now, reader) for row in found])


@router.get("/board", summary="Open cases by county, officer and state")
def board(shared: Shared, _: Now, reader: Officer, county: County = None, simulated: Simulated = None) -> CaseBoard:
    """How many are open, overdue, and due within three days, and the earliest deadline of each."""
    at = shared.clock()
    book = book_of(reader, simulated=simulated, counties=_counties(reader, county))
    with shared.database.connection() as connection:
        lines = queries.board(connection, book, at, at + SOON)

    def by(column: str, names: Mapping[Any, tuple[str, str]]) -> list[BoardLine]:
        of_column = [_line(line, names) for line in lines if line["by"] == column]
        return sorted(of_column, key=lambda line: (-line.overdue, -line.open, str(line.key)))

    named = {line["key"]: (name_of(line["key"], shared) or "",) * 2 for line in lines if line["by"] == "officer"}
    return CaseBoard(
        total=by("all", {None: ("", "")})[0],
        counties=by("county", {code: (each.name_zh, each.name_en) for code, each in COUNTIES.items()}),
        officers=by("officer", {**named, None: _both("supervision.page.nobody")}),
        states=by("state", {each.value: _both(f"supervision.state.{each.value}") for each in CaseState}),
        soon_days=SOON.days,
    )


@router.get("/figures", summary="What became of cases in a period")
def figures(
    shared: Shared,
    _: Now,
    reader: Officer,
    first: Annotated[
        datetime | None, Query(alias="from", description="From; 30 days before the end if missing")
    ] = None,
    last: Annotated[datetime | None, Query(alias="to", description="To, excluded; now if missing")] = None,
    county: County = None,
    simulated: Annotated[bool, Query(description="Of the demonstration's book instead of the live one")] = False,
) -> CaseFigures:
    """Opened, closed and why, corrections in time, rechecks passed. Live and simulated cases are never mixed."""
    for name, moment in (("from", first), ("to", last)):
        check_zone(parameter(name), moment)
    last = last or shared.clock()
    first = first or last - timedelta(days=30)
    with shared.database.connection() as connection:
        book = book_of(reader, simulated=simulated, counties=_counties(reader, county))
        found = queries.figures(connection, book, first, last)
    due, checks = found["due"], found["rechecks"]
    return CaseFigures(
        first=first,
        last=last,
        opened=found["opened"]["n"],
        closed=found["closed"]["n"],
        closures=[ClosureCount(closure=each["closure"], cases=each["n"]) for each in found["closures"]],
        days_to_close=found["closed"]["days"],
        corrections_due=due["n"],
        corrected_on_time=due["on_time"],
        corrections_extended=due["extended"],
        on_time_share=due["on_time"] / due["n"] if due["n"] else None,
        rechecks=checks["n"],
        rechecks_passed=checks["passed"],
        recheck_pass_share=checks["passed"] / checks["n"] if checks["n"] else None,
    )


@router.get("/officers", summary="Who a case may be assigned to")
def officers(shared: Shared, reader: Officer, county: County = None) -> list[OfficerInfo]:
    """Inspectors and the centre's people whose scope holds the county, by name."""
    check_county(county)
    known = [
        each
        for each in (shared.refresher.people or {}).values()
        if each.role in OFFICER_ROLES and (county is None or not each.counties or county in each.counties)
    ]
    if reader.counties:
        known = [each for each in known if not each.counties or set(each.counties) & set(reader.counties)]
    known.sort(key=lambda each: (each.role, each.name))
    return [
        OfficerInfo(username=each.username, name=each.name, role=each.role, counties=list(each.counties))
        for each in known
    ]


@router.get("/{case_id}", summary="A case with its history and what can be done", responses=NOT_FOUND)
def one(case_id: CaseId, shared: Shared, now: Now, reader: Reader) -> CaseDetail:
    """Each action with whether it is possible now, and if not, why not."""
    with shared.database.connection() as connection:
        return detail_of(connection, visible_case(connection, case_id, reader), shared, now, reader)


@router.get(
    "/{case_id}/files/{file_id}",
    summary="A file of a case",
    response_class=Response,
    responses={**NOT_FOUND, 200: {"content": {"application/octet-stream": {}}, "description": "The file, unaltered"}},
)
def content(
    case_id: CaseId,
    file_id: Annotated[int, Path(description="File", examples=[3])],
    shared: Shared,
    reader: Reader,
) -> Response:
    """As it was given, with its SHA-256 as the ETag. Never run or sniffed by a browser."""
    with shared.database.connection() as connection:
        visible_case(connection, case_id, reader)
        found = rows.read_file(connection, case_id, file_id)
    if found is None or (party_of(reader) is Party.VENUE and not found[0].for_venue):
        raise not_found("cases.no_file", number=case_id, file=file_id)
    stored, held = found
    return Response(
        held,
        media_type=stored.media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stored.name)}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
            "ETag": f'"{stored.sha256}"',
            "Cache-Control": "private, no-store",
        },
    )


def visible_case(connection: Connection, case_id: int, reader: Principal) -> dict[str, Any]:
    """A case's row; 404 where there is none or it is not in scope, so that numbers cannot be probed."""
    row = rows.find_case(connection, case_id)
    if row is None or not sees(reader, row):
        raise not_found("cases.gone", number=case_id)
    return row


def _counties(reader: Principal, county: str | None) -> tuple[str, ...]:
    check_county(county)
    if county is None:
        return reader.counties
    if reader.counties and county not in reader.counties:
        raise not_found("cases.county", county=county)
    return (county,)


def _line(line: Mapping[str, Any], names: Mapping[Any, tuple[str, str]]) -> BoardLine:
    name_zh, name_en = names.get(line["key"], (str(line["key"]),) * 2)
    counts = {name: line[name] for name in ("key", "open", "overdue", "soon", "first_due")}
    return BoardLine(name_zh=name_zh, name_en=name_en, **counts)


def _both(key: str) -> tuple[str, str]:
    return text("zh", key), text("en", key)
