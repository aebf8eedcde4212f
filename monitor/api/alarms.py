"""Alarms: listing them, exporting them, and what people do about them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Response, status
from fastapi.responses import JSONResponse, StreamingResponse

from monitor.alarms.states import WAITING
from monitor.api.alarm_rows import alarm_of
from monitor.api.alarm_rules import rationale_of
from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.refresher import CONSUMER
from monitor.api.refusals import check_zone, conflict, forbidden, not_found, parameter
from monitor.api.schemas import (
    Acknowledgement,
    ActionPending,
    Alarm,
    AlarmDetail,
    AlarmEvent,
    AlarmPage,
    AlarmState,
    Comment,
    Error,
    Priority,
)
from monitor.api.schemas.common import IsaState
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, check_county
from monitor.api.snapshot import Snapshot
from monitor.api.tables import XLSX_TYPE, Cell, Table, csv_file, xlsx_file
from registry.catalogue import text
from registry.counties import COUNTIES
from registry.words import Words
from store import audit, journal, queries
from store.alarm_settings import load_alarm_settings
from store.connections import Connection
from store.records import to_us

router = APIRouter(prefix="/alarms", tags=["alarms"])
files = APIRouter(tags=["alarms"])

EXPORTED: Final = 100_000
APPLIED_WITHIN_S: Final = 2.0
"""How long an action waits for the monitor to apply it before it is answered with 202."""
ASKED_EVERY_S: Final = 0.05

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
Actor = Annotated[Principal, Depends(requires(Permission.ACT_ON_ALARMS))]
Answerer = Annotated[Principal, Depends(requires(Permission.ACT_ON_ALARMS, Permission.ANSWER_AS_VENUE))]
"""Who may act, and a venue within its own work."""
AlarmId = Annotated[int, Path(description="Alarm", examples=[532_676_608])]
_ACTED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    202: {"model": ActionPending, "description": "Recorded; the monitor is away and will apply it when it is back"},
    409: {"model": Error, "description": "The alarm is not in a state in which this makes sense"},
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alarms are wanted, within the scope of the person who asks."""

    sites: tuple[str, ...] | None
    conditions: Mapping[str, Any]


def wanted(
    now: Now,
    reader: Reader,
    open_: Annotated[bool | None, Query(alias="open", description="Whether the condition is active")] = None,
    state: Annotated[list[AlarmState] | None, Query(description="Only these ISA-18.2 states")] = None,
    priority: Annotated[list[Priority] | None, Query(description="Only these priorities")] = None,
    site: Annotated[str | None, Query(description="Only this site")] = None,
    county: Annotated[str | None, Query(description="Only this county")] = None,
    simulated: Annotated[bool | None, Query(description="Only simulated sites, or only live ones")] = None,
    audience: Annotated[
        Literal["inspector", "venue"] | None, Query(description="Only the inspectors' work, or only the venues'")
    ] = None,
    muted: Annotated[
        bool | None, Query(description="Only what is shelved, suppressed or out of service; or not")
    ] = None,
    historic: Annotated[bool | None, Query(description="Only what was found in late data; or not")] = None,
    first: Annotated[datetime | None, Query(alias="from", description="Raised at or after")] = None,
    last: Annotated[datetime | None, Query(alias="to", description="Raised before")] = None,
) -> Filter:
    """The filter of a list or a file."""
    check_county(county)
    if site is not None:
        visible_site(now, reader, site)
    whole = reader.role != "venue" and not reader.counties and county is None and site is None
    sites = (
        None
        if whole
        else tuple(
            each.site.code
            for each in now.in_scope(reader)
            if county in {None, each.site.county} and site in {None, each.site.code}
        )
    )
    return Filter(
        sites,
        {
            "open": open_,
            "states": state,
            "priorities": priority,
            "simulated": simulated,
            "audience": audience,
            "muted": muted,
            "historic": historic,
            "first": _aware("from", first),
            "last": _aware("to", last),
        },
    )


Wanted = Annotated[Filter, Depends(wanted)]


@router.get("", summary="Alarms, newest first")
def alarms(
    shared: Shared,
    now: Now,
    which: Wanted,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> AlarmPage:
    """Alarms of the sites in scope, each with its text; `total` counts all pages."""
    with shared.database.connection() as connection:
        total, rows = queries.alarms(connection, which.sites, limit=limit, offset=offset, **which.conditions)
    return AlarmPage(total=total, items=[alarm_of(row, now.registry) for row in rows])


@files.get(
    "/alarms.csv",
    summary="Alarms as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "UTF-8 with byte-order mark"}},
)
def alarms_csv(shared: Shared, now: Now, which: Wanted) -> StreamingResponse:
    """The same alarms as the list, with a note on what on-line data is; times in each site's zone."""
    return csv_file(_table(shared, now, which))


@files.get(
    "/alarms.xlsx",
    summary="Alarms as XLSX",
    response_class=StreamingResponse,
    responses={200: {"content": {XLSX_TYPE: {}}, "description": "A workbook"}},
)
def alarms_xlsx(shared: Shared, now: Now, which: Wanted) -> StreamingResponse:
    """The same alarms as the list, with a note on what on-line data is; times in each site's zone."""
    return xlsx_file(_table(shared, now, which))


@router.get("/{alarm_id}", summary="An alarm with its history", responses=NOT_FOUND)
def alarm(alarm_id: AlarmId, shared: Shared, now: Now, reader: Reader) -> AlarmDetail:
    """Every transition and comment, oldest first."""
    with shared.database.connection() as connection:
        return detail_of(connection, now, reader, alarm_id)


@router.post("/{alarm_id}/acknowledge", response_model=AlarmDetail, summary="Acknowledge an alarm", responses=_ACTED)
def acknowledge(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Answerer, said: Acknowledgement | None = None
) -> Response | AlarmDetail:
    """Take note of an alarm; a venue may of those that are its own work. 200 once the monitor applied it, else 202."""
    with shared.database.connection() as connection:
        found = detail_of(connection, now, actor, alarm_id)
    if not actor.may(Permission.ACT_ON_ALARMS) and found.audience != "venue":
        raise forbidden("alarms.inspectors", number=alarm_id)
    if found.state not in WAITING:
        told = {"number": alarm_id, "state": state_words(found.state), "by": found.acknowledged_by}
        raise conflict(f"alarms.acknowledged{'_by' if found.acknowledged_by else ''}", **told)
    return record_action(shared, now, actor, alarm_id, "acknowledge", {"text": comment_of(said)})


@router.post("/{alarm_id}/comment", response_model=AlarmDetail, summary="Comment on an alarm", responses=_ACTED)
def comment(alarm_id: AlarmId, shared: Shared, now: Now, actor: Answerer, said: Comment) -> Response | AlarmDetail:
    """Add a remark to the alarm's history. 200 with the alarm once the monitor applied it, else 202."""
    with shared.database.connection() as connection:
        detail_of(connection, now, actor, alarm_id)
    return record_action(shared, now, actor, alarm_id, "comment", {"text": said.text})


def state_words(state: IsaState) -> Words:
    """A state as a sentence names it: in words, in English by its code."""
    return Words(text("zh", f"alarm.state.{state}"), state)


def comment_of(said: Acknowledgement | None) -> str:
    """What somebody says with an act on an alarm, empty for nothing."""
    return (said.comment if said else None) or ""


def record_action(
    shared: Context,
    now: Snapshot,
    actor: Principal,
    alarm_id: int,
    what: str,
    said: Mapping[str, Any],
    audited: Mapping[str, Any] | None = None,
    tell: Callable[[Connection, datetime], object] | None = None,
) -> Response | AlarmDetail:
    """Audit and journal what a person does about an alarm, and wait a moment for the monitor to apply it.

    `audited` is what the audit log says of it, by default what the journal does; `tell` tells others of it in the same
    transaction.
    """
    at = shared.clock()
    payload = {"what": what, "alarm": alarm_id, "actor": actor.username, "at": to_us(at), **said}
    with shared.database.connection() as connection, connection.transaction():
        detail = dict(said if audited is None else audited)
        audit.append(connection, actor.username, what, f"alarm:{alarm_id}", detail, at)
        if tell is not None:
            tell(connection, at)
        journal_id = journal.append_event(connection, "action", payload, at)
    if _applied(shared, journal_id):
        with shared.database.connection() as connection:
            return detail_of(connection, now, actor, alarm_id)
    pending = ActionPending(journal_id=journal_id, detail="recorded; the monitor has not applied it yet")
    return JSONResponse(pending.model_dump(), status.HTTP_202_ACCEPTED)


def _applied(shared: Context, journal_id: int) -> bool:
    """Wait for the monitor to pass a journal row."""
    deadline = time.monotonic() + APPLIED_WITHIN_S
    while time.monotonic() < deadline:
        with shared.database.connection() as connection:
            if journal.cursor(connection, CONSUMER) >= journal_id:
                return True
        time.sleep(ASKED_EVERY_S)
    return False


def detail_of(connection: Connection, now: Snapshot, reader: Principal, alarm_id: int) -> AlarmDetail:
    """An alarm with its history; 404 if it is not in scope."""
    row = queries.alarm(connection, alarm_id)
    site = now.registry.sites.get(row["site"]) if row else None
    if row is None or site is None or not reader.sees(site):
        raise not_found("alarms.unknown", number=alarm_id)
    return AlarmDetail(
        **alarm_of(row, now.registry).model_dump(),
        events=[AlarmEvent.model_validate(event) for event in queries.alarm_events(connection, alarm_id)],
        rationale=rationale_of(row, load_alarm_settings(connection, site=row["site"])),
    )


def _aware(name: str, at: datetime | None) -> datetime | None:
    check_zone(parameter(name), at)
    return at


_COLUMNS: Final = (
    "id", "source", "county", "site", "sampling_point", "indicator", "priority", "state", "since", "raised_at",
    "returned_at", "acknowledged_at", "acknowledged_by", "value", "extreme", "unit", "clause", "text",
)  # fmt: skip
_SHARED_NAMES: Final = frozenset({"source", "sampling_point"})


def _table(shared: Context, now: Snapshot, which: Filter) -> Table:
    with shared.database.connection() as connection:
        _, rows = queries.alarms(connection, which.sites, limit=EXPORTED, offset=0, **which.conditions)
    return Table(
        name="landun-alarms",
        title=text("zh", "export.alarms"),
        notes=[text("zh", "export.note"), text("en", "export.note")],
        headers=[both(f"export.{name}" if name in _SHARED_NAMES else f"export.alarm.{name}") for name in _COLUMNS],
        rows=(_row(alarm_of(row, now.registry), now) for row in rows),
    )


def _row(each: Alarm, now: Snapshot) -> list[Cell]:
    site = now.registry.sites.get(each.site)
    zone = ZoneInfo(site.zone if site else "UTC")

    def local(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).isoformat(sep=" ", timespec="seconds")

    cells: dict[str, Cell] = {
        **each.model_dump(include={"id", "unit", "clause", "value", "extreme", "acknowledged_by"}),
        "source": both("export.simulated" if each.simulated else "export.instrument"),
        "county": COUNTIES[each.county].name_zh if each.county in COUNTIES else each.county,
        "site": f"{each.site_name_zh} {each.site_name_en}",
        "sampling_point": each.sampling_point_name_zh,
        "indicator": each.indicator_name_zh,
        "priority": text("zh", f"export.priority.{each.priority}"),
        "state": text("zh", f"export.state.{each.state}"),
        "since": local(each.since),
        "raised_at": local(each.raised_at),
        "returned_at": local(each.returned_at),
        "acknowledged_at": local(each.acknowledged_at),
        "text": each.text_zh,
    }
    return [cells[name] for name in _COLUMNS]


def both(key: str) -> str:
    """A text of the catalogue in Chinese and English, for files that readers of both open."""
    return f"{text('zh', key)} {text('en', key)}"
