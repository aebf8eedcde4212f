"""Documents about cases, as Word files and PDFs, and their templates, which the agency may replace."""

from datetime import timedelta
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from monitor.alarms.wording import sentence
from monitor.api.case_rows import name_of, number_of
from monitor.api.cases import CaseId, visible_case
from monitor.api.context import Context, Now, Shared, requires
from monitor.api.refusals import conflict, not_found, unacceptable
from monitor.api.sampling import judged
from monitor.api.schemas import Error
from monitor.api.schemas.documents import Given, TemplateInfo
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from monitor.documents import DocumentError, names, render_docx, render_pdf, template
from monitor.documents.of_case import OF_CASES, PICTURES, Attached, Measured, Papers, fields_of
from monitor.documents.template_files import LARGEST_BYTES, accept, own_file, remove_own
from registry.catalogue import text
from registry.indicators import INDICATORS
from registry.samples import Comparison
from registry.words import listed
from store import audit, cases, queries
from store.connections import Connection
from store.samples import find_samples
from store.site_files import who_answers

router = APIRouter(tags=["documents"])

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF: Final = "application/pdf"
SAMPLES_AROUND: Final = timedelta(days=60)
"""Manual results this long before now go into a recheck's record."""
SAMPLES_AT_MOST: Final = 30

Officer = Annotated[Principal, Depends(requires(Permission.WORK_CASES))]
Keeper = Annotated[Principal, Depends(requires(Permission.ADMINISTER))]
TemplateName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]*$", description="Template", examples=["closure"])]
_WORD: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    200: {"content": {DOCX: {}}, "description": "A Word file"},
}
_EITHER: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    200: {"content": {DOCX: {}, PDF: {}}, "description": "A Word file or a PDF"},
}
_REPLACED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "No folder for templates is set, or it cannot be written"},
}


@router.get("/documents", summary="The templates of documents")
def templates(shared: Shared, _: Officer) -> list[TemplateInfo]:
    """Those that come with the platform, and whether the agency has put its own in their place."""
    folder = shared.settings.templates
    return [
        TemplateInfo(
            name=name,
            name_zh=text("zh", f"document.name.{name}"),
            name_en=text("en", f"document.name.{name}"),
            own=folder is not None and own_file(name, folder).exists(),
            of_cases=name in OF_CASES,
        )
        for name in sorted(names(), key=lambda name: (name not in OF_CASES, _place(name), name))
    ]


@router.get(
    "/documents/{name}.docx", summary="A template, to be edited in Word", response_class=Response, responses=_WORD
)
def template_file(name: TemplateName, shared: Shared, _: Keeper) -> Response:
    """The agency's own where there is one."""
    try:
        return _attached(template(name, shared.settings.templates), DOCX, f"{name}.docx")
    except DocumentError as error:
        raise not_found(error) from error


@router.put(
    "/documents/{name}.docx",
    status_code=status.HTTP_200_OK,
    summary="Put the agency's own template in place",
    responses=_REPLACED,
    openapi_extra={"requestBody": {"content": {DOCX: {}}, "required": True}},
)
async def replace_template(name: TemplateName, request: Request, shared: Shared, keeper: Keeper) -> TemplateInfo:
    """A Word file whose fields are those of the platform's template, and which can be printed; else 422 says why."""
    folder = _folder(shared)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BYTES:
            raise unacceptable("documents.too_large", most=LARGEST_BYTES)
    try:
        accept(name, bytes(content), folder)
    except DocumentError as error:
        raise unacceptable(error) from error
    except OSError as error:
        raise conflict("documents.unwritable", folder=folder, error=error.strerror) from error
    _note(shared, keeper, "template_replaced", f"document:{name}", {"bytes": len(content)})
    return next(each for each in templates(shared, keeper) if each.name == name)


@router.delete("/documents/{name}.docx", summary="Go back to the platform's template", responses=_REPLACED)
def restore_template(name: TemplateName, shared: Shared, keeper: Keeper) -> TemplateInfo:
    """The agency's file is taken away; 404 where there is none."""
    if name not in names() or not remove_own(name, _folder(shared)):
        raise not_found("documents.not_own", name=name)
    _note(shared, keeper, "template_restored", f"document:{name}", {})
    return next(each for each in templates(shared, keeper) if each.name == name)


@router.get(
    "/cases/{case_id}/documents/{name}.{form}",
    summary="A document about a case",
    response_class=Response,
    responses=_EITHER,
)
def of_case(
    case_id: CaseId,
    name: TemplateName,
    form: Annotated[Literal["docx", "pdf"], Path(description="Word file or PDF")],
    given: Annotated[Given, Query()],
    shared: Shared,
    now: Now,
    officer: Officer,
) -> Response:
    """Filled in from the case as it stands; the Word file may be edited before it is signed. Marked if simulated."""
    if name not in OF_CASES:
        raise not_found("documents.not_of_cases", name=name, known=listed(OF_CASES))
    at = shared.clock()
    with shared.database.connection() as connection:
        row = visible_case(connection, case_id, officer)
        papers = _papers(connection, row, shared, now)
    render = render_docx if form == "docx" else render_pdf
    try:
        made = render(
            name,
            fields_of(name, papers, given.model_dump(), at),
            at=at,
            simulated=row["simulated"],
            folder=shared.settings.templates,
        )
    except DocumentError as error:
        raise unacceptable(error) from error
    _note(shared, officer, "document_made", f"case:{case_id}", {"document": name, "as": form})
    simulated = "SIMULATED-" if row["simulated"] else ""
    return _attached(made, DOCX if form == "docx" else PDF, f"landun-{simulated}{name}-{papers.number}.{form}")


def _papers(connection: Connection, row: dict[str, Any], shared: Context, now: Snapshot) -> Papers:
    site = now.registry.sites.get(row["site"])
    number = int(row["id"])
    alarms = [queries.alarm(connection, each) for each in cases.alarms_of_case(connection, number)]
    points = now.registry.sampling_points
    responsible, phone = who_answers(connection, row["site"])

    def place(alarm: dict[str, Any]) -> str:
        point = points.get((alarm["site"], alarm["sampling_point"] or ""))
        return point.name_zh if point else alarm["sampling_point"] or ""

    return Papers(
        number=number_of(row),
        case=row,
        events=cases.case_events(connection, number),
        alarms=[(each, sentence("zh", each, now.registry), place(each)) for each in alarms if each is not None],
        files=list(_files(connection, number)),
        measured=_measured(connection, row["site"], shared, now),
        site_name=site.name_zh if site else row["site"],
        agency=shared.settings.agency,
        responsible=responsible,
        phone=phone,
        name_of=lambda username: name_of(username, shared) or "",
    )


def _files(connection: Connection, number: int) -> list[Attached]:
    found = []
    for each in cases.files_of_case(connection, number):
        read = cases.read_file(connection, number, each.id) if each.media_type in PICTURES else None
        found.append(Attached(each.name, each.bytes, each.sha256, each.event_id, read[1] if read else None))
    return found


def _measured(connection: Connection, site: str, shared: Context, now: Snapshot) -> list[Measured]:
    """Manual results of late, newest first, with the limits that they are judged by."""
    since = shared.clock() - SAMPLES_AROUND
    _, entered = find_samples(connection, sites=[site], first=since, limit=SAMPLES_AT_MOST, offset=0)
    samples = [each.sample for each in entered]
    found = []
    for sample, verdict in zip(samples, judged(samples, now.registry, now.facts.rules), strict=True):
        point = now.registry.sampling_points.get((sample.site, sample.sampling_point))
        known = INDICATORS.get(sample.indicator)
        sign = "" if sample.comparison is Comparison.EQUAL else f"{sample.comparison.value} "
        found.append(
            Measured(
                place=point.name_zh if point else sample.sampling_point,
                indicator=known.name_zh if known else sample.indicator,
                value=f"{sign}{sample.value:g} {known.unit if known else ''}".strip(),
                limit=verdict.limit.interval() if verdict.limit else "—",
                method=f"{text('zh', f'sample.kind.{sample.kind.value}')} {sample.note or sample.laboratory}".strip(),
            )
        )
    return found


def _place(name: str) -> int:
    """Where a document comes in the life of a case."""
    return OF_CASES.index(name) if name in OF_CASES else 0


def _folder(shared: Context) -> FilePath:
    if shared.settings.templates is None:
        raise conflict("documents.no_folder")
    return shared.settings.templates


def _note(shared: Context, actor: Principal, action: str, subject: str, detail: dict[str, Any]) -> None:
    with shared.database.connection() as connection, connection.transaction():
        audit.append(connection, actor.username, action, subject, detail, shared.clock())


def _attached(content: bytes, kind: str, name: str) -> Response:
    return Response(
        content,
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )
