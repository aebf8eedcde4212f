"""The control of the fleet: HTTP on loopback, for `monitor.api` to pass on to those who may command."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from simulators.clock import FASTEST_SPEED, SLOWEST_SPEED
from simulators.errors import ConflictError, NotAllowedError, UnknownError
from simulators.every_fault import Kind
from simulators.fleet import Fleet
from simulators.view import fault_view, faults_view, fleet_view, kinds_view

LONGEST_FAULT_MINUTES: Final = 30 * 24 * 60
_STATUS: Final[dict[type[Exception], int]] = {
    UnknownError: 404,
    ConflictError: 409,
    NotAllowedError: 422,
    TimeoutError: 503,
    CancelledError: 503,
}


class SiteSelection(BaseModel):
    """Which sites; all of them if absent."""

    model_config = ConfigDict(extra="forbid")
    sites: list[str] | None = None


class Speed(BaseModel):
    """How many times as fast as the wall clock the physics runs."""

    model_config = ConfigDict(extra="forbid")
    speed: Annotated[float, Field(ge=SLOWEST_SPEED, le=FASTEST_SPEED, allow_inf_nan=False)]


class FaultRequest(BaseModel):
    """A fault for a basin, a store, an institution or a vehicle; `sampling_point` may be a device's code as well.

    `minutes` are minutes of the physics; without them it lasts until it is ended, or as long as its kind does.
    `size` is in the unit of its kind (see ``/kinds``).
    """

    model_config = ConfigDict(extra="forbid")
    site: str
    sampling_point: str
    fault: Kind
    minutes: Annotated[float, Field(gt=0, le=LONGEST_FAULT_MINUTES, allow_inf_nan=False)] | None = None
    size: Annotated[float, Field(allow_inf_nan=False)] | None = None


def control_app(fleet: Fleet, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> FastAPI:
    """The HTTP application. `hosts` are the Host headers it answers to, so that no web page can reach it by a name."""
    app = FastAPI(title="Landun simulators", openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    for error, status in _STATUS.items():
        app.add_exception_handler(error, _refusal(status))
    app.add_exception_handler(RequestValidationError, _invalid)

    @app.get("/fleet")
    def fleet_state() -> dict[str, Any]:
        return fleet.call(lambda: fleet_view(fleet))

    @app.get("/faults")
    def faults() -> list[dict[str, Any]]:
        return fleet.call(lambda: faults_view(fleet))

    @app.get("/kinds")
    def kinds() -> list[dict[str, Any]]:
        return kinds_view()

    @app.post("/start")
    def start(selection: SiteSelection | None = None) -> dict[str, Any]:
        sites = selection.sites if selection else None
        return _done(fleet, lambda: fleet.start_sites(sites))

    @app.post("/stop")
    def stop(selection: SiteSelection | None = None) -> dict[str, Any]:
        sites = selection.sites if selection else None
        return _done(fleet, lambda: fleet.stop_sites(sites))

    @app.post("/speed")
    def speed(wanted: Speed) -> dict[str, Any]:
        return _done(fleet, lambda: fleet.set_speed(wanted.speed))

    @app.post("/faults", status_code=201)
    def inject(wanted: FaultRequest) -> dict[str, Any]:
        return fleet.call(
            lambda: fault_view(
                fleet,
                fleet.inject(wanted.site, wanted.sampling_point, wanted.fault.value, wanted.minutes, wanted.size),
            )
        )

    @app.delete("/faults/{fault_id}")
    def end(fault_id: str) -> dict[str, Any]:
        return fleet.call(lambda: fault_view(fleet, fleet.end_fault(fault_id)))

    return app


def _done(fleet: Fleet, command: Callable[[], None]) -> dict[str, Any]:
    """Carry a command out, and the fleet's state after it in short."""

    def carry_out() -> dict[str, Any]:
        command()
        return {
            "running": fleet.paused_reason is None,
            "paused_reason": fleet.paused_reason,
            "speed": fleet.clock.speed,
            "stopped": sorted(fleet.stopped),
        }

    return fleet.call(carry_out)


def _refusal(status: int) -> Any:
    def answer(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error) or "the fleet did not answer in time"}, status)

    return answer


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Field, value and what would be right, in one line each."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [
        f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['input']!r}: {each['msg']}" for each in problems
    ]
    return JSONResponse({"detail": "; ".join(lines)}, 422)
