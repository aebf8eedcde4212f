"""The registry as files: a template to fill in, what is registered, and importing with a dry run."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Form, Path, Response, UploadFile

from monitor.api.context import Now, Shared, SignedIn, requires
from monitor.api.refusals import unacceptable
from monitor.api.registry_change import changing, record, report_of, require_scope, save
from monitor.api.schemas import Error, ImportReport
from monitor.api.scope import Permission, Principal
from registry.exporting import table, template, workbook
from registry.importing import plan_import
from registry.model import Registry
from registry.tabular import LARGEST_FILE_BYTES, TableError
from registry.waste.model import WasteRegistry, within
from store import upkeep
from store.connections import Connection
from store.waste_registry import load_waste_registry

router = APIRouter(tags=["registry"])

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
Editor = Annotated[Principal, Depends(requires(Permission.EDIT_REGISTRY))]
_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {XLSX: {}}, "description": "A workbook"}}
_TABLE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}, "description": "A table"}}
_NO_TABLE: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Error, "description": "The file is not a table of ours; the sentence says which would be"}
}

SheetInPath = Annotated[
    Literal[
        "site",
        "sampling_point",
        "device",
        "channel",
        "waste_party",
        "waste_ward",
        "waste_handler",
        "waste_receiver",
        "waste_vehicle",
        "waste_container",
        "waste_route",
        "waste_fence",
    ],
    Path(description="Which sheet of the workbook"),
]
Mode = Literal["dry_run", "good_rows", "all_or_none"]


@router.get("/registry/template.xlsx", summary="An empty workbook to fill in", response_class=Response, responses=_FILE)
def template_file(_: SignedIn) -> Response:
    """Sheets for venues, sampling points, devices, channels and what medical waste needs; one explains every column."""
    return _download(template(), XLSX, "landun-registry-template.xlsx")


@router.get("/registry.xlsx", summary="What is registered, as a workbook", response_class=Response, responses=_FILE)
def registry_file(principal: Editor, now: Now, shared: Shared) -> Response:
    """Importing it again changes nothing. Simulated sites are left out."""
    scope = in_scope(now.registry, principal)
    with shared.database.connection() as connection:
        calibrations = upkeep.calibrations(connection)
        waste = _waste_in_scope(connection, scope, principal)
    return _download(workbook(scope, calibrations, waste), XLSX, "landun-registry.xlsx")


@router.get("/registry/{sheet}.csv", summary="One kind of entry as CSV", response_class=Response, responses=_TABLE)
def registry_table(sheet: SheetInPath, principal: Editor, now: Now, shared: Shared) -> Response:
    """One of the workbook's sheets."""
    scope = in_scope(now.registry, principal)
    with shared.database.connection() as connection:
        calibrations = upkeep.calibrations(connection)
        waste = _waste_in_scope(connection, scope, principal)
    return _download(table(sheet, scope, calibrations, waste), CSV, f"landun-{sheet}.csv")


@router.post("/registry/import", summary="Import the registry from CSV or XLSX", responses=_NO_TABLE)
def import_file(
    file: UploadFile,
    principal: Editor,
    shared: Shared,
    mode: Annotated[Mode, Form(description="Look only; take the good rows; or all rows or none")] = "dry_run",
) -> ImportReport:
    """Every mistake with its sheet, row, column and value, in plain words.

    A row whose code is registered changes that entry; an empty cell or missing column leaves what is registered, and
    what the file does not name stays. With `good_rows` the faulty rows are left out; with `all_or_none` nothing is
    imported while there is any mistake.
    """
    content = file.file.read(LARGEST_FILE_BYTES + 1)
    name = file.filename or ""
    with changing(shared) as (connection, registry, now):
        try:
            waste = load_waste_registry(connection)
            plan = plan_import(name, content, registry, upkeep.calibrations(connection), now, waste)
        except TableError as error:
            raise unacceptable(error) from error
        require_scope(principal, plan, registry, waste)
        wanted = mode == "good_rows" or (mode == "all_or_none" and not plan.mistakes)
        imported = wanted and not plan.empty
        if imported:
            save(connection, plan, principal, now)
            detail = {
                "file": name,
                "mode": mode,
                "mistakes": len(plan.mistakes),
                **{sheet: {"new": count.new, "changed": count.changed} for sheet, count in plan.counts.items()},
            }
            record(connection, principal, "registry_imported", f"file:{name}", detail, now)
    return report_of(plan, imported=imported)


def in_scope(registry: Registry, principal: Principal) -> Registry:
    """The part of the registry that a person sees."""
    sites = {code: site for code, site in registry.sites.items() if principal.sees(site)}
    devices = {code: device for code, device in registry.devices.items() if device.site in sites}
    return Registry.of(
        sites.values(),
        (point for point in registry.sampling_points.values() if point.site in sites),
        devices.values(),
        (channel for channel in registry.channels.values() if channel.device in devices),
    )


def _waste_in_scope(connection: Connection, scope: Registry, principal: Principal) -> WasteRegistry:
    """What is registered of medical waste in the counties of a person; what is nobody's only for all counties."""
    return within(load_waste_registry(connection), scope.sites, also_nobodys=not principal.counties)


def _download(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
