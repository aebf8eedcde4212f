"""The application: its parts, its life, and how errors are told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException as StarletteHTTPException

from monitor.api import (
    administration,
    alarm_acts,
    alarm_figures,
    alarm_rules,
    alarms,
    announcements,
    auth,
    back_tests,
    case_acts,
    case_files,
    cases,
    comparisons,
    credit,
    dead_letters,
    detector,
    device_speech,
    devices,
    disclosure,
    displays,
    documents,
    draws,
    evidence,
    health,
    lead_rules,
    limits,
    live,
    notification_settings,
    notifications,
    office_hours,
    published,
    readings,
    registry,
    samples,
    simulators,
    site_file,
    sites,
    waste,
    waste_documents,
    waste_tolerances,
)
from monitor.api.context import PREFIX, Context
from monitor.api.control import Control, RefusedError, SimulatorsMissingError
from monitor.api.database import Database, DatabaseMissingError
from monitor.api.fleet import FleetWatch
from monitor.api.people import BusyError
from monitor.api.refresher import MEASURE_S, PERIOD_S, Refresher
from monitor.api.refusals import Refusal, of_validation
from monitor.api.registry_change import MistakesError
from monitor.api.schemas import Error, HealthFrame, LiveFrame
from monitor.api.settings import VERSION, ApiSettings
from registry.words import Words

log = logging.getLogger(__name__)

HEALTH_FRAME_S: Final = 15.0
"""The live feed tells the health when it changes, and at least this often."""

_TAGS: Final = [
    {"name": "health", "description": "How the platform is doing; open to everybody."},
    {"name": "people", "description": "Signing in."},
    {"name": "sites", "description": "Sites, channels and their newest values and states, from memory."},
    {
        "name": "limits",
        "description": "The rules in force at a site, with clause, certainty and history; setting its own.",
    },
    {"name": "samples", "description": "Manual results: laboratory samples and quick tests, judged like readings."},
    {"name": "readings", "description": "Readings over time, for charts and files."},
    {"name": "alarms", "description": "Warnings (预警) by ISA-18.2, with what people do about them."},
    {"name": "cases", "description": "Leads (线索) and what is done about them, until they are closed."},
    {"name": "documents", "description": "Documents about cases, and their templates."},
    {"name": "evidence", "description": "Evidence packages, audited by a second person; published anchors."},
    {"name": "credit", "description": "A site's class, A to D, with the sum that leads to it, and the weights."},
    {"name": "draws", "description": "Double random (双随机): draws that anybody can repeat, and their inspections."},
    {"name": "disclosure", "description": "What the public may see (公示): values, results, votes; and deciding it."},
    {"name": "site files", "description": "一户一档, 一人一档: everything kept of a venue and who answers for it."},
    {"name": "waste", "description": "Medical waste: bags in each state, the balance, vehicles, a bag's whole life."},
    {"name": "detector", "description": "What the detector makes of alarms, feedback, its budget, tests on history."},
    {"name": "notifications", "description": "Who is told of alarms: inbox, channels, routes, roster, the log."},
    {"name": "dead letters", "description": "What could not be stored, and why."},
    {"name": "registry", "description": "What is registered, as files, and importing it."},
    {"name": "devices", "description": "Devices, their credentials and calibrations."},
    {"name": "displays", "description": "Public displays (公示屏): a venue's values for the people in its hall."},
    {"name": "administration", "description": "People, the audit log, and the demonstration."},
    {"name": "simulators", "description": "The simulated fleet and its ground truth."},
    {"name": "live", "description": "The WebSocket feed."},
]
_DESCRIPTION: Final = f"""
Landun 蓝盾 watches public-health venues from a distance. On-line data is a lead for supervision, not proof.

* Sign in with `POST {PREFIX}/auth/token` and send `Authorization: Bearer <token>`.
* Times are RFC 3339 in UTC; every figure's unit is in its description or beside it.
* Figures of simulated sites and of live ones are never mixed.
* **Live feed**: WebSocket `{PREFIX}/live?token=<token>`, JSON text frames `hello`, `latest`, `alarm`,
  `notification` (to the person who listens), `health`: see `LiveFrame`. After `hello` come all present values. Values
  conflate by channel; a viewer that does not keep up is closed with 1013, one whose token ends with 1008.
"""
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Error, "description": "Not signed in"},
    403: {"model": Error, "description": "Your role does not allow it"},
    422: {"model": Error, "description": "A parameter is not acceptable"},
    503: {"model": Error, "description": "The database or another part is missing; try again later"},
}


def create_app(
    settings: ApiSettings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    control_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The API over a database and, where there are any, simulators. It starts whether or not the database is there."""
    database = Database(settings.database_url)
    control = Control(settings.simulators_url, control_transport)
    context = Context(
        settings=settings,
        clock=clock,
        database=database,
        refresher=Refresher(settings.database_url, database, clock, settings.ingest_status_url),
        control=control,
        fleet=FleetWatch(control, database, clock),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(each) for each in (_keep_fresh(context), _keep_measuring(context), context.fleet.run())
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await control.close()
            await context.back_tests.close()
            await asyncio.to_thread(_close, context)

    app = FastAPI(
        title="Landun 蓝盾",
        version=VERSION,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.context = context
    app.include_router(health.router)
    for router in (
        auth.router,
        sites.router,
        limits.router,
        samples.router,
        comparisons.router,
        readings.router,
        alarms.files,
        detector.router,
        back_tests.router,
        alarms.router,
        alarm_acts.router,
        announcements.router,
        alarm_rules.router,
        alarm_figures.router,
        case_files.router,
        cases.router,
        case_acts.router,
        lead_rules.router,
        credit.router,
        draws.router,
        disclosure.router,
        site_file.router,
        published.router,
        notifications.router,
        notification_settings.router,
        office_hours.router,
        dead_letters.router,
        registry.router,
        devices.router,
        device_speech.router,
        displays.router,
        evidence.router,
        documents.router,
        administration.router,
        waste.router,
        waste_documents.router,
        waste_tolerances.router,
        simulators.router,
        live.router,
    ):
        app.include_router(router, prefix=PREFIX, responses=_ERRORS)
    _tell_errors(app)
    _describe_frames(app)
    return app


async def _keep_fresh(context: Context) -> None:
    """Refresh and feed the viewers until cancelled."""
    loop = asyncio.get_running_loop()
    told, told_at = None, 0.0
    while True:
        began = loop.time()
        try:
            news = await asyncio.to_thread(context.refresher.refresh)
            now = health.health_of(context)
            state = [(component.name, component.state) for component in now.components]
            frame = None
            if state != told or began - told_at >= HEALTH_FRAME_S:
                told, told_at = state, began
                frame = HealthFrame(health=now).model_dump_json().encode()
            if (snapshot := context.refresher.snapshot) is not None:
                context.hub.publish(news.values, news.alarms, frame, snapshot.registry, news.inbox)
        except Exception:
            # Whatever one round met, the next must still come: this task is what everybody looks through.
            log.exception("refreshing failed; trying again")
        await asyncio.sleep(max(0.05, PERIOD_S - (loop.time() - began)))


async def _keep_measuring(context: Context) -> None:
    """Measure until cancelled."""
    while True:
        pause = MEASURE_S
        try:
            await asyncio.to_thread(context.refresher.measure)
        except DatabaseMissingError:
            pause = PERIOD_S
        except Exception:
            log.exception("measuring failed; trying again")
        await asyncio.sleep(pause)


def _close(context: Context) -> None:
    with suppress(Exception):
        context.refresher.close()
    context.database.close()


_SOON: Final = {"Retry-After": "5"}
_FRAMEWORK: Final = {
    status.HTTP_404_NOT_FOUND: "refusal.no_route",
    status.HTTP_405_METHOD_NOT_ALLOWED: "refusal.no_method",
}
"""What Starlette refuses by itself; the rest of it, such as a body cut off, is said in English."""


def _tell_errors(app: FastAPI) -> None:
    """Every error in one shape: ``{"detail": "…", "detail_zh": "…"}``."""

    @app.exception_handler(Refusal)
    async def refusal(_: Request, error: Refusal) -> Response:
        return _refuse(error.status_code, error.words, error.headers)

    @app.exception_handler(StarletteHTTPException)
    async def of_the_framework(_: Request, error: StarletteHTTPException) -> Response:
        key = _FRAMEWORK.get(error.status_code)
        words = Words.of(key) if key else Words(error.detail, error.detail)
        return _refuse(error.status_code, words, error.headers)

    @app.exception_handler(DatabaseMissingError)
    async def database_missing(_: Request, __: DatabaseMissingError) -> Response:
        return _refuse(status.HTTP_503_SERVICE_UNAVAILABLE, Words.of("refusal.database_missing"), _SOON)

    @app.exception_handler(MistakesError)
    async def mistaken(_: Request, error: MistakesError) -> Response:
        mistakes = [each.model_dump() for each in error.mistakes]
        return _refuse(status.HTTP_422_UNPROCESSABLE_CONTENT, error.words, mistakes=mistakes)

    @app.exception_handler(BusyError)
    async def busy(_: Request, __: BusyError) -> Response:
        return _refuse(status.HTTP_503_SERVICE_UNAVAILABLE, Words.of("refusal.too_many_sign_in"), _SOON)

    @app.exception_handler(SimulatorsMissingError)
    async def simulators_missing(_: Request, error: SimulatorsMissingError) -> Response:
        return _refuse(status.HTTP_503_SERVICE_UNAVAILABLE, error.words, _SOON)

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return _refuse(simulators.status_of(error), error.words)

    @app.exception_handler(RequestValidationError)
    async def not_acceptable(_: Request, error: RequestValidationError) -> Response:
        return _refuse(status.HTTP_422_UNPROCESSABLE_CONTENT, of_validation(error.errors()))


def _describe_frames(app: FastAPI) -> None:
    """Add the live feed's frames to the document, which OpenAPI has no operation for."""
    document = app.openapi()
    frames = TypeAdapter(LiveFrame).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    known = document["components"]["schemas"]
    for name, schema in frames.pop("$defs").items():
        known.setdefault(name, schema)
    known["LiveFrame"] = frames


def _refuse(code: int, words: Words, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    return JSONResponse({"detail": words.en, "detail_zh": words.zh, **more}, code, headers)
