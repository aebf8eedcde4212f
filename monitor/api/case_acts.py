"""What people do about cases: opening one, each step of the workflow, feedback and files."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Form, UploadFile, status

from monitor.api.alarm_rows import alarm_of
from monitor.api.case_rows import detail_of, party_of
from monitor.api.cases import OFFICER_ROLES, CaseId, Officer, Reader, visible_case
from monitor.api.context import Context, Now, Shared, visible_site
from monitor.api.refusals import conflict, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.cases import MOST_TEXT, CaseAct, CaseDetail, NewCase
from monitor.api.scope import Principal
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from monitor.supervision import book
from monitor.supervision.attachments import LARGEST_BYTES, MOST_FILES, Attachment, AttachmentError, taken
from monitor.supervision.case import PRIORITIES, Act, Action
from monitor.supervision.conditions import ActRefusedError
from monitor.supervision.machine import Opening
from store import demonstration, queries
from store.cases import cases_of_alarms
from store.connections import Connection

router = APIRouter(prefix="/cases", tags=["cases"])

_STEPPED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "A condition is not met: the sentence names each, in both languages"},
}
T = TypeVar("T")


@router.post("", status_code=status.HTTP_201_CREATED, summary="Open a case from a lead", responses=_STEPPED)
def open_case(given: NewCase, shared: Shared, now: Now, officer: Officer) -> CaseDetail:
    """From a warning, an inspection, a sample, a complaint or a transfer; of a site on line or off line alike.

    409 where a warning is in a case already, with that case's number.
    """
    site = visible_site(now, officer, given.site)
    with shared.database.connection() as connection:
        alarms = _alarms(connection, given.alarms, site.code)
        subject, priority = given.subject.strip(), given.priority
        if alarms:
            subject = subject or alarm_of(alarms[0], now.registry).text_zh
            priority = min((each["priority"] for each in alarms), key=PRIORITIES.index)
        # Of the demonstration's sites some are off line, and as invented as the simulated ones.
        invented = site.simulated or site.code in demonstration.sites(connection)
        opening = Opening(
            site.code, site.county, site.zone, invented, given.source, subject, priority, given.source_ref.strip()
        )
        act = Act(
            Action.OPEN,
            shared.clock(),
            officer.username,
            party_of(officer),
            text=given.text,
            alarms=tuple(each["id"] for each in alarms),
        )
        number = _stepping(connection, lambda: book.open_case(connection, opening, act))
        return detail_of(connection, visible_case(connection, number, officer), shared, now, officer)


@router.post("/{case_id}/act", summary="Take a step", responses=_STEPPED)
def step(case_id: CaseId, given: CaseAct, shared: Shared, now: Now, officer: Officer) -> CaseDetail:
    """One step of the workflow. 409 where a condition is not met, naming all of them; nothing has changed then."""
    with shared.database.connection() as connection:
        row = visible_case(connection, case_id, officer)
        _check_officers(shared, given.officers, row["county"])
        if given.into is not None:
            visible_case(connection, given.into, officer)
        _alarms(connection, given.alarms, row["site"])
        act = Act(
            Action(given.action),
            shared.clock(),
            officer.username,
            party_of(officer),
            text=given.text,
            due=given.due,
            officers=tuple(given.officers),
            closure=given.closure,
            reason=given.reason,
            number=given.number.strip(),
            recipient=given.recipient.strip(),
            minor=given.minor,
            harmless=given.harmless,
            into=given.into,
            alarms=tuple(given.alarms),
        )
        _stepping(connection, lambda: book.take_step(connection, case_id, act))
        return detail_of(connection, visible_case(connection, case_id, officer), shared, now, officer)


@router.post("/{case_id}/feedback", summary="Report what was corrected", responses=_STEPPED)
def feedback(
    case_id: CaseId,
    shared: Shared,
    now: Now,
    reader: Reader,
    text: Annotated[str, Form(max_length=MOST_TEXT, description="What was done")] = "",
    files: Annotated[list[UploadFile], Form(description="Photos, records: at most 9, each at most 10 MB")] = [],  # noqa: B006
) -> CaseDetail:
    """By the venue, or by an officer on its behalf. Files: JPEG, PNG, WebP, HEIC, PDF, MP4, DOCX, XLSX."""
    return _with_files(case_id, Action.FEEDBACK, text, files, shared, now, reader, for_venue=True)


@router.post("/{case_id}/files", summary="Attach files to a case", responses=_STEPPED)
def attach(
    case_id: CaseId,
    shared: Shared,
    now: Now,
    officer: Officer,
    files: Annotated[list[UploadFile], Form(description="At most 9, each at most 10 MB")],
    text: Annotated[str, Form(max_length=MOST_TEXT, description="What they show")] = "",
    for_venue: Annotated[bool, Form(description="Show them to the venue too")] = False,
) -> CaseDetail:
    """Photos and papers of an officer. Files: JPEG, PNG, WebP, HEIC, PDF, MP4, DOCX, XLSX."""
    return _with_files(case_id, Action.ATTACH, text, files, shared, now, officer, for_venue=for_venue)


def _with_files(
    case_id: int,
    action: Action,
    text: str,
    files: Sequence[UploadFile],
    shared: Context,
    now: Snapshot,
    person: Principal,
    *,
    for_venue: bool,
) -> CaseDetail:
    given = _taken(files)
    with shared.database.connection() as connection:
        visible_case(connection, case_id, person)
        act = Act(action, shared.clock(), person.username, party_of(person), text=text)
        _stepping(connection, lambda: book.take_step(connection, case_id, act, given, for_venue=for_venue))
        return detail_of(connection, visible_case(connection, case_id, person), shared, now, person)


def _taken(files: Sequence[UploadFile]) -> list[Attachment]:
    if len(files) > MOST_FILES:
        raise unacceptable(AttachmentError.of("supervision.file.many", count=len(files), most=MOST_FILES))
    try:
        # One byte more than is taken: enough to know that it is too much.
        return [taken(each.filename or "", each.file.read(LARGEST_BYTES + 1)) for each in files]
    except AttachmentError as error:
        raise unacceptable(error) from error


def _stepping(connection: Connection, take: Callable[[], T]) -> T:
    """In a transaction of its own, since the audit log's lock is held until it ends."""
    try:
        with connection.transaction():
            return take()
    except (ActRefusedError, book.AlarmTakenError) as error:
        raise conflict(error) from error


def _alarms(connection: Connection, wanted: Sequence[int], site: str) -> list[dict[str, Any]]:
    """The warnings of these numbers, all of one site and in no case; their rows."""
    known = cases_of_alarms(connection, wanted)
    for number, case in known.items():
        raise conflict(book.AlarmTakenError(number, case))
    found = [queries.alarm(connection, number) for number in dict.fromkeys(wanted)]
    for number, row in zip(dict.fromkeys(wanted), found, strict=True):
        if row is None or row["site"] != site:
            raise unacceptable("cases.not_of_site", alarm=number, site=site)
    return [row for row in found if row is not None]


def _check_officers(shared: Context, usernames: Sequence[str], county: str) -> None:
    people = shared.refresher.people or {}
    for username in usernames:
        person = people.get(username)
        if person is None or person.role not in OFFICER_ROLES:
            raise unacceptable("cases.no_officer", username=username)
        if person.counties and county not in person.counties:
            raise unacceptable("cases.not_responsible", username=username, county=county)
