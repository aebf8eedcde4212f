"""Evidence packages: made by one person, audited by another; and the anchors, open to everybody."""

from importlib.resources import files
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Response, status
from fastapi.responses import PlainTextResponse

from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.devices import DeviceInPath, visible
from monitor.api.refusals import Refusal, conflict, not_found, unacceptable
from monitor.api.registry import Editor
from monitor.api.schemas import Error
from monitor.api.schemas.evidence import AnchorInfo, Audit, NewPackage, NewReview, PackageInfo, ReviewInfo
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from monitor.evidence.package import AuditError, Maker, audited, draft, file_of
from monitor.evidence.scope import UnknownSubjectError, subject_of
from store import anchors, audit, evidence
from store.connections import Connection
from store.evidence import Package

router = APIRouter(tags=["evidence"])

ZIP: Final = "application/zip"
PDF: Final = "application/pdf"
LARGEST_BYTES: Final = 256 * 1024 * 1024
"""A package larger than this is refused: it would not fit where it is kept."""

Exporter = Annotated[Principal, Depends(requires(Permission.EXPORT_EVIDENCE))]
PackageId = Annotated[int, Path(description="Package", ge=1, examples=[3])]
SubjectName = Annotated[str, Query(pattern="^(alarm|case)$", description="alarm or case")]


def _file(kind: str, what: str) -> dict[int | str, dict[str, Any]]:
    return {**NOT_FOUND, 200: {"content": {kind: {}}, "description": what}}


@router.post("/evidence", status_code=status.HTTP_201_CREATED, summary="Make an evidence package", responses=NOT_FOUND)
def make(asked: NewPackage, shared: Shared, now: Now, exporter: Exporter) -> PackageInfo:
    """A draft about an alarm or a case: a second person audits it before it is evidence.

    The journal is anchored first, so that all of its rows are covered.
    """
    at = shared.clock()
    with shared.database.connection() as connection:
        try:
            subject = subject_of(connection, asked.subject, asked.subject_id)
        except UnknownSubjectError as error:
            raise not_found(f"evidence.gone.{asked.subject}", number=asked.subject_id) from error
        _in_scope(now, exporter, subject.site, asked.subject, asked.subject_id)
        anchors.make(connection, at, "export")
        content = draft(connection, subject, now.registry, _maker(exporter), asked.purpose, at)
        if len(content) > LARGEST_BYTES:
            raise unacceptable("evidence.too_large", bytes=len(content), most=LARGEST_BYTES)
        with connection.transaction():
            number = evidence.add_package(
                connection,
                subject=asked.subject,
                subject_id=asked.subject_id,
                site=subject.site,
                simulated=subject.simulated,
                purpose=asked.purpose,
                at=at,
                by=exporter.username,
                content=content,
            )
            _note(connection, exporter, "evidence_made", number, {"about": f"{asked.subject}:{asked.subject_id}"}, at)
            found = _found(connection, number, now, exporter)
    return _info(found, shared, exporter)


@router.get("/evidence", summary="The evidence packages about an alarm or a case")
def packages(
    subject: SubjectName,
    subject_id: Annotated[int, Query(ge=0, le=2**63 - 1, description="The alarm or the case")],
    shared: Shared,
    now: Now,
    exporter: Exporter,
) -> list[PackageInfo]:
    """Newest first; only those of sites in scope."""
    with shared.database.connection() as connection:
        found = evidence.packages_of(connection, subject, subject_id)
    return [
        _info(each, shared, exporter)
        for each in found
        if (site := now.registry.sites.get(each.site)) is not None and exporter.sees(site)
    ]


@router.get("/evidence/{package_id}", summary="An evidence package", responses=NOT_FOUND)
def package(package_id: PackageId, shared: Shared, now: Now, exporter: Exporter) -> PackageInfo:
    """Who made it, who audited it, and where its hash is published."""
    with shared.database.connection() as connection:
        return _info(_found(connection, package_id, now, exporter), shared, exporter)


@router.get(
    "/evidence/{package_id}/package.zip",
    summary="The package itself",
    response_class=Response,
    responses=_file(ZIP, "The archive; `landun verify` or the verify.py within it checks it"),
)
def archive(package_id: PackageId, shared: Shared, now: Now, exporter: Exporter) -> Response:
    """The archive, byte by byte as it was sealed. Who downloads it is in the audit log."""
    content, found = _content(package_id, shared, now, exporter, "zip")
    return _attached(content, ZIP, f"{_name(found)}.zip")


@router.get(
    "/evidence/{package_id}/report.pdf",
    summary="The package's report",
    response_class=Response,
    responses=_file(PDF, "PDF/A-2b"),
)
def report(package_id: PackageId, shared: Shared, now: Now, exporter: Exporter) -> Response:
    """The report in the package, to be read or printed."""
    content, found = _content(package_id, shared, now, exporter, "pdf")
    return _attached(file_of(content, "evidence.pdf"), PDF, f"{_name(found)}.pdf")


@router.post(
    "/evidence/{package_id}/audit",
    summary="Audit an evidence package",
    responses={**NOT_FOUND, 409: {"model": Error, "description": "You made it yourself, or it was audited already"}},
)
def audit_package(package_id: PackageId, said: Audit, shared: Shared, now: Now, exporter: Exporter) -> PackageInfo:
    """The second person's audit (行政处罚法 Art 41 para 2), sealed into the package and published at once."""
    at = shared.clock()
    with shared.database.connection() as connection:
        with connection.transaction():
            _found(connection, package_id, now, exporter, lock=True)
            content = evidence.content_of(connection, package_id)
            try:
                whole = audited(content, _maker(exporter), at, accepted=said.accepted, note=said.note)
            except AuditError as error:
                raise conflict(error) from error
            evidence.save_audit(
                connection, package_id, whole, exporter.username, at, accepted=said.accepted, note=said.note
            )
            _note(connection, exporter, "evidence_audited", package_id, said.model_dump(), at)
        anchors.make(connection, at, "audit")
        return _info(_found(connection, package_id, now, exporter), shared, exporter)


# ---------------------------------------------------------------------- what is published
@router.get("/anchors", summary="The newest published anchors")
def published(
    shared: Shared, limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many")] = 100
) -> list[AnchorInfo]:
    """Newest first. Open to everybody: an anchor is worth something once others keep copies of it."""
    with shared.database.connection() as connection:
        last = anchors.newest(connection)
        found = anchors.after(connection, max((last.number if last else 0) - limit, 0), limit)
    return [
        AnchorInfo(number=each.number, made_at=each.made_at, journal_id=each.journal_id, digest=each.digest.hex())
        for each in reversed(found)
    ]


@router.get(
    "/anchors.jsonl",
    summary="Published anchors, to be kept elsewhere",
    response_class=PlainTextResponse,
    responses={200: {"content": {"application/jsonl": {}}, "description": "A line an anchor, oldest first"}},
)
def anchor_lines(
    shared: Shared, after: Annotated[int, Query(ge=0, description="Only anchors with a higher number")] = 0
) -> Response:
    """What `verify.py --anchors` reads. Open to everybody; fetch what is new with `after`, a thousand at a time."""
    with shared.database.connection() as connection:
        found = anchors.after(connection, after)
    return Response("".join(f"{each.content}\n" for each in found), media_type="application/jsonl")


@router.get(
    "/verify.py",
    summary="The stand-alone checker of evidence packages",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/x-python": {}}, "description": "Python 3.9, standard library only"}},
)
def checker() -> Response:
    """The program that is in every package, to be had from elsewhere than the package. Open to everybody."""
    content = files("monitor.evidence").joinpath("verify.py").read_bytes()
    return _attached(content, "text/x-python; charset=utf-8", "verify.py")


# ---------------------------------------------------------------------- reviews of devices
@router.get("/devices/{code}/reviews", summary="A device's reviews by Art 41", responses=NOT_FOUND)
def reviews(code: DeviceInPath, shared: Shared, now: Now, exporter: Exporter) -> list[ReviewInfo]:
    """Newest first."""
    visible(now.registry, exporter, code)
    with shared.database.connection() as connection:
        return [ReviewInfo(**each) for each in evidence.reviews_of(connection, code)]


@router.post(
    "/devices/{code}/reviews",
    status_code=status.HTTP_201_CREATED,
    summary="Enter a review of a device",
    responses=NOT_FOUND,
)
def review(code: DeviceInPath, said: NewReview, shared: Shared, now: Now, editor: Editor) -> ReviewInfo:
    """Legal and technical review, siting, mark and publication (行政处罚法 Art 41). One entered late says so."""
    device = visible(now.registry, editor, code)
    at = shared.clock()
    if said.reviewed_on > at.astimezone(ZoneInfo(now.registry.sites[device.site].zone)).date():
        raise unacceptable("evidence.reviewed_later", on=said.reviewed_on)
    fields = said.model_dump()
    on = fields.pop("reviewed_on")
    with shared.database.connection() as connection, connection.transaction():
        number = evidence.add_review(connection, code, on, **fields, by=editor.username, at=at)
        detail = {**said.model_dump(mode="json"), "id": number}
        audit.append(connection, editor.username, "device_reviewed", f"device:{code}", detail, at)
    return ReviewInfo(**said.model_dump(), id=number, device=code, entered_by=editor.username, entered_at=at)


# ---------------------------------------------------------------------- plumbing
def _content(number: int, shared: Context, now: Snapshot, exporter: Principal, form: str) -> tuple[bytes, Package]:
    with shared.database.connection() as connection, connection.transaction():
        found = _found(connection, number, now, exporter)
        _note(connection, exporter, "evidence_downloaded", number, {"as": form, "sha256": found.sha256}, shared.clock())
        return evidence.content_of(connection, number), found


def _found(connection: Connection, number: int, now: Snapshot, exporter: Principal, *, lock: bool = False) -> Package:
    found = evidence.find_package(connection, number, lock=lock)
    if found is None:
        raise not_found("evidence.gone.package", number=number)
    _in_scope(now, exporter, found.site, "package", number)
    return found


def _in_scope(now: Snapshot, exporter: Principal, site: str, what: str, number: int) -> None:
    """404 alike for what does not exist and what is out of scope."""
    try:
        visible_site(now, exporter, site)
    except Refusal as error:
        raise not_found(f"evidence.gone.{what}", number=number) from error


def _note(
    connection: Connection, exporter: Principal, action: str, number: int, detail: dict[str, Any], at: Any
) -> None:
    audit.append(connection, exporter.username, action, f"evidence:{number}", detail, at)


def _maker(principal: Principal) -> Maker:
    return Maker(principal.username, principal.name)


def _name(found: Package) -> str:
    simulated = "SIMULATED-" if found.simulated else ""
    state = "" if found.accepted else "-draft" if found.accepted is None else "-rejected"
    return f"landun-{simulated}evidence-{found.subject}-{found.subject_id}-{found.id}{state}"


def _attached(content: bytes, kind: str, name: str) -> Response:
    return Response(
        content,
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


def _info(found: Package, shared: Context, reader: Principal) -> PackageInfo:
    people = shared.refresher.people or {}

    def name(username: str | None) -> str | None:
        known = people.get(username or "")
        return known.name if known else username

    return PackageInfo(
        **{field: getattr(found, field) for field in PackageInfo.model_fields if field in Package._fields},
        state="draft" if found.accepted is None else "accepted" if found.accepted else "rejected",
        made_by_name=name(found.made_by) or "",
        audited_by_name=name(found.audited_by),
        may_audit=found.accepted is None and found.made_by != reader.username,
    )
