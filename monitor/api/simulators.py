"""The simulated fleet: its control, passed through with permissions, an audit trail and the ground truth kept."""

import asyncio
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Path, Query, status

from monitor.api.context import Context, Shared, requires
from monitor.api.control import RefusedError, SimulatorsMissingError
from monitor.api.schemas import (
    ActiveFault,
    Error,
    FaultKind,
    FaultRequest,
    Fleet,
    FleetCommand,
    SiteSelection,
    Speed,
    Truth,
)
from monitor.api.scope import Permission, Principal
from store import audit, queries

_MISSING: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Error, "description": "The simulators do not answer"}
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    **_MISSING,
    404: {"model": Error, "description": "No such site, sampling point or fault"},
    422: {"model": Error, "description": "The control refused the value"},
}
router = APIRouter(prefix="/simulators", tags=["simulators"])
Viewer = Annotated[Principal, Depends(requires(Permission.SEE_SIMULATORS))]
Operator = Annotated[Principal, Depends(requires(Permission.COMMAND_SIMULATORS))]


@router.get("", summary="The fleet", responses=_MISSING)
async def fleet(shared: Shared, principal: Viewer) -> Fleet:
    """Every simulated site in scope: connection, counts, active faults and the true values of the physics."""
    found = Fleet.model_validate(await shared.control.get("/fleet"))
    snapshot = shared.refresher.snapshot
    sites = snapshot.registry.sites if snapshot else {}
    found.sites = [each for each in found.sites if each.code not in sites or principal.sees(sites[each.code])]
    return found


@router.post("/start", summary="Start sites", responses=_REFUSED)
async def start(selection: SiteSelection, shared: Shared, operator: Operator) -> FleetCommand:
    """Let the named sites, or all, publish again."""
    return FleetCommand.model_validate(
        await _command(shared, operator, "start", "/start", selection.model_dump(exclude_none=True))
    )


@router.post("/stop", summary="Stop sites", responses=_REFUSED)
async def stop(selection: SiteSelection, shared: Shared, operator: Operator) -> FleetCommand:
    """Disconnect the named sites, or all, as if switched off."""
    return FleetCommand.model_validate(
        await _command(shared, operator, "stop", "/stop", selection.model_dump(exclude_none=True))
    )


@router.post("/speed", summary="Set the speed of the physics", responses=_REFUSED)
async def speed(wanted: Speed, shared: Shared, operator: Operator) -> FleetCommand:
    """Timestamps stay wall clock; the monitor divides the delays of simulated sites by the same factor."""
    return FleetCommand.model_validate(await _command(shared, operator, "speed", "/speed", wanted.model_dump()))


@router.post("/faults", status_code=status.HTTP_201_CREATED, summary="Inject a fault", responses=_REFUSED)
async def inject(wanted: FaultRequest, shared: Shared, operator: Operator) -> ActiveFault:
    """Make something go wrong in a simulated basin; the truth is kept to be compared with the alarms."""
    answer = await _command(shared, operator, "inject", "/faults", wanted.model_dump(exclude_none=True))
    return ActiveFault.model_validate(answer)


@router.get("/kinds", summary="Kinds of fault", responses=_MISSING)
async def kinds(shared: Shared, _principal: Viewer) -> list[FaultKind]:
    """Every fault that can be injected, with the range and the unit of its size."""
    return [FaultKind.model_validate(each) for each in await shared.control.get("/kinds")]


@router.delete("/faults/{fault_id}", summary="End a fault", responses=_REFUSED)
async def end(
    fault_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]+$")], shared: Shared, operator: Operator
) -> ActiveFault:
    """Repair what was broken."""
    return ActiveFault.model_validate(await _command(shared, operator, "end_fault", f"/faults/{fault_id}", None))


@router.get("/truth", summary="Ground truth")
def truth(
    shared: Shared,
    principal: Viewer,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[Truth]:
    """Every fault that was ever injected in the sites in scope, newest first."""
    snapshot = shared.refresher.snapshot
    sites = snapshot.registry.sites if snapshot else {}
    with shared.database.connection() as connection:
        rows = queries.truth(connection, limit)
    return [Truth.model_validate(row) for row in rows if row["site"] not in sites or principal.sees(sites[row["site"]])]


async def _command(
    shared: Context, operator: Principal, action: str, path: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    """Note who commands what, command it, and read back truth and speed. Without `body` it is a DELETE.

    The note comes first: what cannot be noted is not done.
    """
    subject, detail = f"simulators:{path}", body or {}
    await asyncio.to_thread(_note, shared, operator, action, subject, detail)
    try:
        answer = await (shared.control.delete(path) if body is None else shared.control.post(path, body))
    except (RefusedError, SimulatorsMissingError) as error:
        await asyncio.to_thread(_note, shared, operator, f"{action}_failed", subject, {"why": str(error)})
        raise
    await shared.fleet.poll()
    return cast(dict[str, Any], answer)


def _note(shared: Context, operator: Principal, action: str, subject: str, detail: dict[str, Any]) -> None:
    with shared.database.connection() as connection, connection.transaction():
        audit.append(connection, operator.username, f"simulators_{action}", subject, detail, shared.clock())


def status_of(error: RefusedError) -> int:
    """Our status for the control's refusal: its own where it is about the request, else 502."""
    known = {status.HTTP_404_NOT_FOUND, status.HTTP_409_CONFLICT, status.HTTP_422_UNPROCESSABLE_CONTENT}
    return error.status if error.status in known else status.HTTP_502_BAD_GATEWAY
