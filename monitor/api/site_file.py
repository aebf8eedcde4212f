"""一户一档 and 一人一档: reading a file, printing it on a page, entering what belongs in it."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Response, status

from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.credit import assessments, credit_info, weights_in_force
from monitor.api.places import Place, limited
from monitor.api.refusals import conflict, not_found, unacceptable
from monitor.api.sampling import judged
from monitor.api.schemas import Error
from monitor.api.schemas.site_file import (
    AlarmsOfMonth,
    AnsweredFor,
    CaseOnFile,
    Certificate,
    Commitment,
    ComplianceOfMonth,
    DeviceOnFile,
    Entered,
    FilePart,
    LastDay,
    Licence,
    NewCertificate,
    NewCommitment,
    NewLicence,
    NewResponsible,
    NewSelfInspection,
    PersonFile,
    Responsible,
    SamplesOfMonth,
    SelfInspection,
    SiteFile,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath
from monitor.api.snapshot import Snapshot
from monitor.documents import grid, heading, pdf_of, plain, simulated_mark
from monitor.documents.sheet import Sheet
from monitor.supervision.site_page import parts_of
from registry.catalogue import Language, text
from registry.model import HOME_ZONE, Site
from registry.samples import SampleState
from store import audit, site_files
from store.connections import Connection
from store.draws import add_commitment, commitments_of, withdraw_commitment
from store.records import to_us
from store.samples import find_samples

router = APIRouter(tags=["site files"])

BACK: Final = timedelta(days=400)
"""How far back alarms, samples and compliance go: a year, and the month it began in."""

Reader = Annotated[Principal, Depends(requires(Permission.READ_CREDIT))]
Officer = Annotated[Principal, Depends(requires(Permission.WORK_CASES))]
Enterer = Annotated[Principal, Depends(requires(Permission.WORK_CASES, Permission.ANSWER_AS_VENUE))]
PersonId = Annotated[int, Path(ge=1, description="Responsible person")]
EntryInPath = Annotated[int, Path(ge=1, description="Entry")]
_ENTERED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "It stands there already"},
}


@router.get("/sites/{code}/file", summary="A venue's file", responses=NOT_FOUND)
def site_file(code: SiteInPath, shared: Shared, now: Now, reader: Reader) -> SiteFile:
    """Licence, people, instruments, promises, warnings, cases, results, compliance by month. A venue sees its own."""
    site = visible_site(now, reader, code)
    return _file(shared, now, site, reader)


@router.get(
    "/sites/{code}/file.pdf",
    summary="A venue's file to print",
    response_class=Response,
    responses={**NOT_FOUND, 200: {"content": {"application/pdf": {}}, "description": "A PDF"}},
)
def printed(
    code: SiteInPath,
    shared: Shared,
    now: Now,
    reader: Reader,
    lang: Annotated[Language, Query(description="Language of the page")] = "zh",
) -> Response:
    """The same on a page or two, with the moment it was made."""
    site = visible_site(now, reader, code)
    parts = parts_of(lang, _file(shared, now, site, reader).model_dump(), site.zone)
    at = shared.clock()
    whole = f"{text(lang, 'site_file.page.title')} · {site.name_zh if lang == 'zh' else site.name_en}"
    made = f"{at.astimezone(ZoneInfo(site.zone)):%Y-%m-%d %H:%M}"
    blocks: list[Any] = [heading(whole, 1), plain(f"{site.code} · {text(lang, 'site_file.page.made', time=made)}")]
    for title, lines in parts:
        blocks.append(heading(title))
        blocks.append(plain(lines) if isinstance(lines, str) else grid(lines, [1.0] * len(lines[0])))
    sheet = Sheet(
        title=whole,
        blocks=tuple(blocks),
        mark=simulated_mark() if site.simulated else None,
    )
    name = quote(f"{text(lang, 'site_file.page.title')}-{site.code}.pdf")
    return Response(
        pdf_of(sheet, at),
        media_type="application/pdf",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


@router.get("/sites/{code}/file/page", summary="A venue's file in words", responses=NOT_FOUND)
def page(
    code: SiteInPath,
    shared: Shared,
    now: Now,
    reader: Reader,
    lang: Annotated[Language, Query(description="Language of the page")] = "zh",
) -> list[FilePart]:
    """The parts of the printed page, each a table of texts or a sentence."""
    site = visible_site(now, reader, code)
    parts = parts_of(lang, _file(shared, now, site, reader).model_dump(), site.zone)
    return [
        FilePart(title=title, rows=[] if isinstance(told, str) else told, text=told if isinstance(told, str) else "")
        for title, told in parts
    ]


def _file(shared: Context, now: Snapshot, site: Site, reader: Principal) -> SiteFile:
    at = shared.clock()
    today = at.astimezone(ZoneInfo(site.zone)).date()
    first = at - BACK
    with shared.database.connection() as connection:
        record = site_files.site_record(connection, site.code, site.zone, first)
        promises = commitments_of(connection, site.code)
        samples = _samples(connection, now, site, first, at)
        number, in_force = weights_in_force(connection)
        found = assessments(connection, now, in_force, [site], at)[site.code]
    venue = reader.role == "venue"
    judged_here = _limited(now, site, first, at)
    return SiteFile(
        site=site.code,
        at=at,
        simulated=site.simulated,
        licences=[
            Licence(**_own(each, Licence), days_left=(each["valid_until"] - today).days) for each in record["licences"]
        ],
        responsible=[Responsible(**each) for each in record["responsible"]],
        devices=[
            DeviceOnFile(**each, overdue=each["calibrated_on"] is None or (each["due_on"] or today) < today)
            for each in record["devices"]
        ],
        commitments=[Commitment(**_own(each, Commitment)) for each in promises],
        alarms=[AlarmsOfMonth(**each) for each in record["alarms"]],
        # A venue is shown its cases elsewhere, from the first demand on.
        cases=[] if venue else [CaseOnFile(**each) for each in record["cases"]],
        samples=samples,
        self_inspections=[SelfInspection(**_own(each, SelfInspection)) for each in record["self_inspections"]],
        compliance=[
            ComplianceOfMonth(**each, share=1 - each["beyond"] / each["readings"])
            for each in record["compliance"]
            if each["indicator"] in judged_here
        ],
        credit=credit_info(site, found, in_force, number),
    )


def _limited(now: Snapshot, site: Site, first: datetime, last: datetime) -> set[str]:
    """Indicators that had a limit somewhere at a site: of the others no share can be within it."""
    rules = now.facts.rules.get(site.code, ())
    points = (point for (code, _), point in now.registry.sampling_points.items() if code == site.code)
    span = to_us(first), to_us(last)
    return {indicator for point in points for indicator in limited(Place.of(site, point, rules), *span)}


def _own(row: Mapping[str, Any], model: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in model.model_fields}


def _samples(connection: Connection, now: Snapshot, site: Site, first: datetime, at: datetime) -> list[SamplesOfMonth]:
    _, entered = find_samples(connection, sites=[site.code], first=first, last=at, limit=10_000)
    zone = ZoneInfo(site.zone)
    results: Counter[date] = Counter()
    suspected: Counter[date] = Counter()
    for each in judged([each.sample for each in entered], now.registry, now.facts.rules):
        month = each.sample.taken_at.astimezone(zone).date().replace(day=1)
        results[month] += 1
        suspected[month] += each.state is SampleState.SUSPECTED
    return [
        SamplesOfMonth(month=month, results=count, suspected=suspected[month])
        for month, count in sorted(results.items(), reverse=True)
    ]


@router.post(
    "/sites/{code}/licences", status_code=status.HTTP_201_CREATED, summary="Enter a licence", responses=_ENTERED
)
def add_licence(code: SiteInPath, given: NewLicence, shared: Shared, now: Now, officer: Officer) -> Entered:
    """Its number, who gave it, and until when it is valid."""
    visible_site(now, officer, code)
    if given.valid_until <= given.issued_on:
        raise unacceptable("site_file.licence_dates", until=given.valid_until, issued=given.issued_on)
    return _enter(shared, officer, code, "site_licence", {**given.model_dump(), "site": code}, "licence_entered")


@router.post(
    "/sites/{code}/responsible",
    status_code=status.HTTP_201_CREATED,
    summary="Enter who answers for a venue",
    responses=_ENTERED,
)
def add_responsible(code: SiteInPath, given: NewResponsible, shared: Shared, now: Now, officer: Officer) -> Entered:
    """A person that is known already, or a new one by name."""
    visible_site(now, officer, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        person = given.person
        if person is None:
            if not given.name.strip():
                raise unacceptable("site_file.no_name")
            new = {"name": given.name.strip(), "phone": given.phone.strip()}
            person = site_files.add(connection, "responsible_person", new, officer.username, at)
        else:
            _visible_person(connection, now, officer, person)
        row = {"person": person, "site": code, "role": given.role, "since": given.since}
        number = site_files.add(connection, "responsible_for", row, officer.username, at)
        detail = {"person": person, "role": given.role}
        audit.append(connection, officer.username, "responsible_entered", f"site:{code}", detail, at)
    return Entered(id=number)


@router.post("/sites/{code}/responsible/{number}/end", summary="Somebody answers no longer", responses=_ENTERED)
def end_responsible(
    code: SiteInPath,
    number: EntryInPath,
    given: LastDay,
    shared: Shared,
    now: Now,
    officer: Officer,
) -> Entered:
    """With the last day. The entry stays in the file."""
    visible_site(now, officer, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        if not site_files.end_responsibility(connection, code, number, given.until):
            raise not_found("site_file.nobody_answers", site=code, number=number)
        detail = {"entry": number, "until": given.until.isoformat()}
        audit.append(connection, officer.username, "responsible_ended", f"site:{code}", detail, at)
    return Entered(id=number)


@router.post(
    "/sites/{code}/commitments", status_code=status.HTTP_201_CREATED, summary="Enter a promise", responses=_ENTERED
)
def promise(code: SiteInPath, given: NewCommitment, shared: Shared, now: Now, officer: Officer) -> Entered:
    """What the venue signed (信用承诺). It counts in its credit while it is valid."""
    visible_site(now, officer, code)
    if given.valid_until is not None and given.valid_until < given.signed_on:
        raise unacceptable("site_file.promise_dates", until=given.valid_until, signed=given.signed_on)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        row = {**given.model_dump(), "site": code, "entered_by": officer.username, "entered_at": at}
        number = add_commitment(connection, row)
        audit.append(connection, officer.username, "commitment_entered", f"site:{code}", {"entry": number}, at)
    return Entered(id=number)


@router.delete("/sites/{code}/commitments/{number}", summary="Withdraw a promise", responses=_ENTERED)
def withdraw(code: SiteInPath, number: EntryInPath, shared: Shared, now: Now, officer: Officer) -> Entered:
    """It counts no longer; it stays in the file."""
    visible_site(now, officer, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        if not withdraw_commitment(connection, code, number, officer.username, at):
            raise not_found("site_file.no_promise", site=code, number=number)
        audit.append(connection, officer.username, "commitment_withdrawn", f"site:{code}", {"entry": number}, at)
    return Entered(id=number)


@router.post(
    "/sites/{code}/self-inspections",
    status_code=status.HTTP_201_CREATED,
    summary="Enter a self-inspection",
    responses=_ENTERED,
)
def self_inspection(code: SiteInPath, given: NewSelfInspection, shared: Shared, now: Now, enterer: Enterer) -> Entered:
    """What the venue found when it looked itself; by the venue, or for it."""
    site = visible_site(now, enterer, code)
    today = shared.clock().astimezone(ZoneInfo(site.zone)).date()
    if given.inspected_on > today:
        raise unacceptable("site_file.future", day=given.inspected_on, today=today)
    row = {**given.model_dump(), "site": code}
    return _enter(shared, enterer, code, "self_inspection", row, "self_inspection_entered")


@router.get("/responsible-persons/{person}", summary="A responsible person's file", responses=NOT_FOUND)
def person_file(person: PersonId, shared: Shared, now: Now, officer: Officer) -> PersonFile:
    """一人一档: certificates, the venues they answer for, and the cases there in that time."""
    today = shared.clock().astimezone(ZoneInfo(HOME_ZONE)).date()
    with shared.database.connection() as connection:
        found = _visible_person(connection, now, officer, person)
    return PersonFile(
        id=found["id"],
        name=found["name"],
        phone=found["phone"],
        certificates=[
            Certificate(**_own(each, Certificate), valid=each["valid_until"] is None or each["valid_until"] >= today)
            for each in found["certificates"]
        ],
        sites=[
            AnsweredFor(
                **each,
                site_name_zh=now.registry.sites[each["site"]].name_zh,
                site_name_en=now.registry.sites[each["site"]].name_en,
            )
            for each in found["sites"]
        ],
    )


@router.post(
    "/responsible-persons/{person}/certificates",
    status_code=status.HTTP_201_CREATED,
    summary="Enter a certificate of a person",
    responses=_ENTERED,
)
def certificate(person: PersonId, given: NewCertificate, shared: Shared, now: Now, officer: Officer) -> Entered:
    """A health certificate or a training."""
    if given.valid_until is not None and given.valid_until <= given.issued_on:
        raise unacceptable("site_file.licence_dates", until=given.valid_until, issued=given.issued_on)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        _visible_person(connection, now, officer, person)
        row = {**given.model_dump(), "person": person}
        number = site_files.add(connection, "person_certificate", row, officer.username, at)
        subject = f"responsible:{person}"
        audit.append(connection, officer.username, "certificate_entered", subject, {"entry": number}, at)
    return Entered(id=number)


def _visible_person(connection: Connection, now: Snapshot, officer: Principal, person: int) -> dict[str, Any]:
    """A person with those of their sites that are in scope; 404 where none is, so that numbers cannot be probed."""
    found = site_files.person_record(connection, person)
    if found is not None:
        found["sites"] = [
            each
            for each in found["sites"]
            if (site := now.registry.sites.get(each["site"])) is not None and officer.sees(site)
        ]
    if found is None or not found["sites"]:
        raise not_found("site_file.no_person", person=person)
    return found


def _enter(shared: Context, by: Principal, code: str, table: str, row: Mapping[str, Any], action: str) -> Entered:
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        try:
            number = site_files.add(connection, table, row, by.username, at)
        except site_files.EntryKnownError as error:
            raise conflict(error) from error
        audit.append(connection, by.username, action, f"site:{code}", {"entry": number}, at)
    return Entered(id=number)
