"""Documents of medical waste as PDF, Word file or workbook: register (Art 12), manifest, vehicle card, labels."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import segno
from fastapi import APIRouter, Path, Query, Response

from monitor.api.context import Context, Now, Shared
from monitor.api.refusals import conflict, not_found
from monitor.api.schemas import Error
from monitor.api.sites import NOT_FOUND, SiteInPath
from monitor.api.snapshot import Snapshot
from monitor.api.tables import XLSX_TYPE, Table, xlsx_file
from monitor.api.waste import Reader, Simulated, institution_scope, vehicles_of
from monitor.documents import DocumentError, pdf_of, plain, render_docx, render_pdf, simulated_mark
from monitor.documents.of_waste import BLANK, Words, kg, manifest, register, vehicle_card
from monitor.documents.sheet import Cell, Picture, Sheet
from monitor.documents.sheet import Table as Grid
from registry.catalogue import text
from registry.model import HOME_ZONE
from registry.waste.catalogue import categories
from registry.words import listed
from store.queries import waste as queries
from store.waste_registry import load_waste_registry

router = APIRouter(prefix="/waste", tags=["waste"])

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MOST_ROWS: Final = 20_000
MOST_LABELS: Final = 60
_LABEL_MM: Final = 26.0

Form = Annotated[Literal["pdf", "docx", "xlsx"], Path(description="Kind of file")]
Month = Annotated[str, Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="Local month", examples=["2026-11"])]
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    200: {"content": {PDF: {}, DOCX: {}, XLSX_TYPE: {}}, "description": "The document"},
}
_LABELS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "A bag is not known or not in your scope"},
    200: {"content": {PDF: {}}, "description": "A sheet of labels"},
}


@router.get(
    "/institutions/{code}/register.{form}",
    summary="The register of an institution",
    response_class=Response,
    responses=_FILES,
)
def register_file(code: SiteInPath, form: Form, month: Month, shared: Shared, now: Now, reader: Reader) -> Response:
    """来源、种类、重量或者数量、交接时间、处置方法、最终去向、经办人签名: the fields of 医疗废物管理条例 Art 12."""
    first, last = _month(month)
    with shared.database.connection() as connection:
        scope = institution_scope(connection, now, reader, code)
        rows = queries.collected(connection, code, first, last, MOST_ROWS)
    fields = register(rows, _words(shared, now, scope.registry), code, month)
    return _file(shared, "waste_register", form, fields, simulated=now.registry.sites[code].simulated, about=code)


@router.get(
    "/institutions/{code}/manifest.{form}",
    summary="The monthly manifest of an institution, in two copies",
    response_class=Response,
    responses=_FILES,
)
def manifest_file(code: SiteInPath, form: Form, month: Month, shared: Shared, now: Now, reader: Reader) -> Response:
    """《危险废物转移联单（医疗废物专用）》: a line a day; one copy for the producer, one for the disposer."""
    first, last = _month(month)
    with shared.database.connection() as connection:
        scope = institution_scope(connection, now, reader, code)
        rows = queries.handed_over(connection, first, last, site=code)
    fields = manifest(rows, _words(shared, now, scope.registry), code, month)
    return _file(shared, "waste_manifest", form, fields, simulated=now.registry.sites[code].simulated, about=code)


@router.get(
    "/vehicles/{code}/card.{form}", summary="A vehicle's card of a day", response_class=Response, responses=_FILES
)
def card_file(
    code: Annotated[str, Path(description="Vehicle", examples=["v-01"])],
    form: Form,
    day: Annotated[date, Query(description="Local day", examples=["2026-11-22"])],
    shared: Shared,
    now: Now,
    reader: Reader,
    simulated: Simulated = False,
) -> Response:
    """Every stop of the day with what was loaded, and what the disposer received of it."""
    begins = datetime.combine(day, time(), ZoneInfo(HOME_ZONE))
    with shared.database.connection() as connection:
        registry = load_waste_registry(connection)
        if code not in {each.code for each in vehicles_of(now, reader, registry, simulated=simulated)}:
            raise not_found("waste.no_vehicle", code=code)
        rows = queries.handed_over(connection, begins, begins + timedelta(days=1), vehicle=code)
    fields = vehicle_card(rows, _words(shared, now, registry), code, day)
    return _file(shared, "waste_vehicle_card", form, fields, simulated=simulated, about=code)


@router.get("/labels.pdf", summary="Labels of bags, with QR codes", response_class=Response, responses=_LABELS)
def labels(
    tag: Annotated[list[str], Query(max_length=MOST_LABELS, description="The codes on the bags")],
    shared: Shared,
    now: Now,
    reader: Reader,
    simulated: Simulated = False,
) -> Response:
    """产生单位、产生日期、类别、特别说明 (医疗卫生机构医疗废物管理办法), and the bag's code to scan."""
    with shared.database.connection() as connection:
        rows = {each["tag"]: each for each in queries.labelled(connection, tag, simulated=simulated)}
        registry = load_waste_registry(connection)
    strange = [each for each in tag if each not in rows or not _sees(now, reader, rows[each]["site"])]
    if strange:
        raise not_found("waste.no_tags", tags=listed(map(repr, strange[:5])))
    words = _words(shared, now, registry)
    cells = [_label(rows[each], words) for each in tag]
    pairs = [tuple(cells[place : place + 2]) for place in range(0, len(cells), 2)]
    if len(pairs[-1]) == 1:
        pairs[-1] = (*pairs[-1], Cell((plain(""),)))
    sheet = Sheet("医疗废物标签", (Grid((1.0, 1.0), tuple(pairs)),), mark=simulated_mark() if simulated else None)
    return _attached(pdf_of(sheet, shared.clock()), PDF, "labels.pdf")


def _label(row: Mapping[str, Any], words: Words) -> Cell:
    image = io.BytesIO()
    segno.make(row["tag"], error="q", micro=False).save(image, kind="png", scale=6, border=2)
    known = categories().get(row["category"] or 0)
    ward = words.registry.wards.get((row["site"], row["ward"] or ""))
    lines = (
        f"产生单位：{words.site(row['site'])} {ward.name_zh if ward else ''}",
        f"产生日期：{words.minute(row['collected_at'])}　重量：{kg(row['collected_g'])} kg",
        f"类别：{known.name_zh if known else BLANK}　{known.code if known else ''}",
        f"特别说明：{BLANK}",
        row["tag"],
    )
    return Cell((Picture(image.getvalue(), _LABEL_MM), *(plain(each, align="left") for each in lines)))


def _sees(now: Snapshot, reader: Any, code: str | None) -> bool:
    site = now.registry.sites.get(code or "")
    return site is not None and bool(reader.sees(site))


def _words(shared: Context, now: Snapshot, registry: Any) -> Words:
    def name(code: str) -> str:
        site = now.registry.sites.get(code)
        return site.name_zh if site else code

    return Words(registry, name, ZoneInfo(HOME_ZONE), shared.clock())


def _month(month: str) -> tuple[datetime, datetime]:
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=ZoneInfo(HOME_ZONE))
    return first, (first + timedelta(days=32)).replace(day=1)


def _file(
    shared: Context, name: str, form: Form, fields: Mapping[str, Any], *, simulated: bool, about: str
) -> Response:
    if form == "xlsx":
        return xlsx_file(_table(name, fields, simulated=simulated, about=about))
    render = render_pdf if form == "pdf" else render_docx
    try:
        made = render(name, fields, at=shared.clock(), simulated=simulated, folder=shared.settings.templates)
    except DocumentError as error:
        raise conflict(error) from error
    return _attached(made, PDF if form == "pdf" else DOCX, f"{text('zh', f'document.name.{name}')}-{about}.{form}")


def _table(name: str, fields: Mapping[str, Any], *, simulated: bool, about: str) -> Table:
    """The document's rows as a worksheet: its other fields stand above them."""
    rows: Sequence[Mapping[str, str]] = fields["rows"]
    columns = list(rows[0]) if rows else []
    notes = [
        f"{text('zh', f'waste_page.field.{key}')}：{value}"
        for key, value in fields.items()
        if isinstance(value, str) and key != "made"
    ]
    return Table(
        name=f"{name}-{about}",
        title=text("zh", f"document.name.{name}")[:31],
        notes=[*([simulated_mark()] if simulated else []), *notes],
        headers=[text("zh", f"waste_page.field.{column}") for column in columns],
        rows=[[_cell(column, each[column]) for column in columns] for each in rows],
    )


def _cell(column: str, value: str) -> str | float | int | None:
    if value == BLANK:
        return None
    if column in _NUMBERS:
        return float(value)
    return int(value) if column in _COUNTS else value


_NUMBERS: Final = frozenset({"kg", "infectious", "sharps", "other", "received"})
_COUNTS: Final = frozenset({"pieces", "number"})


def _attached(content: bytes, media: str, name: str) -> Response:
    return Response(
        content,
        media_type=media,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"},
    )
