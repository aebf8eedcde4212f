"""Cases as they are answered: from their rows, with names, and to a venue only what concerns it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.api.alarm_rows import alarm_of
from monitor.api.context import Context
from monitor.api.schemas.cases import (
    CaseAction,
    CaseChoice,
    CaseDetail,
    CaseFile,
    CaseInfo,
    CaseStep,
    ClockInfo,
)
from monitor.api.scope import Permission, Principal
from monitor.api.snapshot import Snapshot
from monitor.supervision.book import facts_of
from monitor.supervision.case import VENUE_SEES, Party
from monitor.supervision.clocks import CLOCKS
from monitor.supervision.conditions import ASKS, Refusal
from monitor.supervision.outlook import Outlook, outlook
from monitor.supervision.rows import act_of, case_of
from registry.catalogue import Language
from store import cases, queries
from store.cases import StoredFile
from store.connections import Connection
from store.queries.cases import Book

_NOT_FOR_VENUES = (
    "source", "subject", "officer", "officer_name", "second_officer", "second_officer_name", "source_ref", "opened_by",
)  # fmt: skip
PLATFORM = "platform"


def party_of(principal: Principal) -> Party:
    """In which capacity somebody acts on cases."""
    if principal.may(Permission.DIRECT_CASES):
        return Party.DIRECTOR
    return Party.OFFICER if principal.may(Permission.WORK_CASES) else Party.VENUE


def book_of(principal: Principal, *, simulated: bool | None = None, counties: tuple[str, ...] = ()) -> Book:
    """The cases that somebody sees: of their counties, or, for a venue, its own of which it was told."""
    if party_of(principal) is Party.VENUE:
        return Book(simulated=simulated, site=principal.site or "", told=True)
    return Book(simulated=simulated, counties=counties or principal.counties)


def sees(principal: Principal, row: Mapping[str, Any]) -> bool:
    """Whether a case (its row) is one that somebody sees."""
    if party_of(principal) is Party.VENUE:
        return row["site"] == principal.site and row["told_at"] is not None
    return not principal.counties or row["county"] in principal.counties


def number_of(row: Mapping[str, Any]) -> str:
    """How people call a case: the year it was opened in, and its id."""
    opened: datetime = row["opened_at"]
    return f"{opened.astimezone(ZoneInfo(row['zone'])).year}-{row['id']:06d}"


def info_of(row: Mapping[str, Any], shared: Context, now: Snapshot, reader: Principal) -> CaseInfo:
    """A case as a line of a list."""
    return CaseInfo(**_fields(row, shared, now, reader))


def detail_of(
    connection: Connection, row: Mapping[str, Any], shared: Context, now: Snapshot, reader: Principal
) -> CaseDetail:
    """A case with all that its page shows."""
    at, venue = shared.clock(), party_of(reader) is Party.VENUE
    case, number = case_of(row), int(row["id"])
    files = [each for each in cases.files_of_case(connection, number) if each.for_venue or not venue]
    alarms = [queries.alarm(connection, each) for each in cases.alarms_of_case(connection, number)]
    acts = outlook(case, party_of(reader), at, facts_of(connection, case))
    return CaseDetail(
        **_fields(row, shared, now, reader),
        source_ref=None if venue else row["source_ref"],
        opened_by=None if venue else row["opened_by"],
        clock_info=_clock_of(row),
        steps=list(_steps(cases.case_events(connection, number), files, row, shared, reader)),
        alarms=[alarm_of(each, now.registry) for each in alarms if each is not None],
        files=[_file(each, reader) for each in files],
        actions=[_action(each) for each in acts if each.possible or not venue],
    )


def name_of(username: str | None, shared: Context) -> str | None:
    """The name of a person; their username where nobody has it any more."""
    person = (shared.refresher.people or {}).get(username or "")
    return person.name if person else username


def _fields(row: Mapping[str, Any], shared: Context, now: Snapshot, reader: Principal) -> dict[str, Any]:
    at, site = shared.clock(), now.registry.sites.get(row["site"])
    today = at.astimezone(ZoneInfo(row["zone"])).date()
    fields = {name: row[name] for name in CaseInfo.model_fields if name in row}
    fields |= {
        "number": number_of(row),
        "site_name_zh": site.name_zh if site else row["site"],
        "site_name_en": site.name_en if site else row["site"],
        "officer_name": name_of(row["officer"], shared),
        "second_officer_name": name_of(row["second_officer"], shared),
        "days_left": None if row["due_day"] is None else (row["due_day"] - today).days,
        "overdue": row["due_at"] is not None and at >= row["due_at"],
    }
    if party_of(reader) is Party.VENUE:
        fields |= {name: None for name in _NOT_FOR_VENUES if name in fields}
    return fields


def _clock_of(row: Mapping[str, Any]) -> ClockInfo | None:
    if row["clock"] is None:
        return None
    known = CLOCKS.get(row["clock"])
    return ClockInfo(
        clock=row["clock"],
        started=row["clock_from"],
        days=row["clock_days"],
        unit=known.unit if known else None,
        sure=known.sure if known else None,
        source=known.source if known else "",
    )


def _steps(
    events: Sequence[Mapping[str, Any]],
    files: Sequence[StoredFile],
    row: Mapping[str, Any],
    shared: Context,
    reader: Principal,
) -> Iterable[CaseStep]:
    venue = party_of(reader) is Party.VENUE
    for event in events:
        act = act_of(event)
        if venue and (act.action not in VENUE_SEES or act.at < row["told_at"]):
            continue
        hidden = venue and event["actor"] != reader.username
        yield CaseStep(
            id=event["id"],
            at=act.at,
            action=act.action,
            state=event["state"],
            actor=None if hidden else event["actor"],
            actor_name=None if hidden else name_of(event["actor"], shared),
            text=act.text,
            due=act.due,
            officers=[name_of(each, shared) or each for each in act.officers],
            closure=act.closure,
            reason=act.reason,
            letter=act.number,
            recipient=act.recipient,
            other=act.into,
            priority=act.priority or None,  # type: ignore[arg-type]  # one of PRIORITIES
            files=[_file(each, reader) for each in files if each.event_id == event["id"]],
        )


def _file(stored: StoredFile, reader: Principal) -> CaseFile:
    hidden = party_of(reader) is Party.VENUE and stored.added_by != reader.username
    return CaseFile(
        id=stored.id,
        name=stored.name,
        media_type=stored.media_type,
        bytes=stored.bytes,
        sha256=stored.sha256,
        for_venue=stored.for_venue,
        added_at=stored.added_at,
        added_by=None if hidden else stored.added_by,
    )


def _action(each: Outlook) -> CaseAction:
    return CaseAction(
        action=each.action,
        possible=each.possible,
        why_not_zh=_why("zh", each.against),
        why_not_en=_why("en", each.against),
        asks=list(ASKS[each.action]),
        choices=[
            CaseChoice(
                value=choice.value,
                possible=not choice.against,
                why_not_zh=_why("zh", choice.against),
                why_not_en=_why("en", choice.against),
            )
            for choice in each.choices
        ],
    )


def _why(language: Language, against: Iterable[Refusal]) -> str:
    return " ".join(each.words.in_(language) for each in against)
