"""Tests of changed rules on stored history, over the API."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, status

from monitor.api.alarm_rows import words_of
from monitor.api.back_test_runs import Running, TooManyError, kill, run
from monitor.api.context import Context, Now, Shared, requires, visible_site
from monitor.api.refusals import not_found, refused, unacceptable
from monitor.api.schemas import BackTest, BackTestAlarm, BackTestRequest, Error
from monitor.api.scope import Permission, Principal
from monitor.api.snapshot import Snapshot
from monitor.backtest import LONGEST
from registry.words import moment
from store import audit

router = APIRouter(prefix="/back-tests", tags=["detector"])

_GONE: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Error, "description": "No such back-test of yours"}}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "A site is not registered or not in your scope"},
    429: {"model": Error, "description": "As many as may run at once are running"},
}
Tuner = Annotated[Principal, Depends(requires(Permission.TUNE_DETECTOR))]
Number = Annotated[str, Path(description="`id` of the back-test", pattern=r"^[0-9a-f]{16}$")]


@router.post("", status_code=status.HTTP_201_CREATED, summary="Test changed rules on history", responses=_REFUSED)
async def start(asked: BackTestRequest, shared: Shared, now: Now, tuner: Tuner) -> BackTest:
    """Judge the stored readings of some sites again: with other limits or delays, or another budget of the detector."""
    for site in asked.sites:
        visible_site(now, tuner, site)
    if not asked.first < asked.last:
        raise unacceptable("back_tests.backwards", first=moment(asked.first), last=moment(asked.last))
    if asked.last - asked.first > LONGEST:
        raise unacceptable("back_tests.long", days=LONGEST.days)
    if not asked.changes and asked.per_site_week is None:
        raise unacceptable("back_tests.no_change")
    try:
        number, running = shared.back_tests.add(tuner.username)
    except TooManyError as error:
        raise refused(status.HTTP_429_TOO_MANY_REQUESTS, error) from error
    request = asked.model_dump(mode="json")
    await asyncio.to_thread(_note, shared, tuner, request)
    running.task = asyncio.create_task(run(running, request, shared.settings.database_url))
    return _told(number, running, now)


@router.get("/{number}", summary="How far a back-test is", responses=_GONE)
async def progress(number: Number, shared: Shared, now: Now, tuner: Tuner) -> BackTest:
    """Its progress, and when it is done the alarms that there would have been."""
    return _told(number, _of(shared, number, tuner), now)


@router.delete("/{number}", summary="Stop a back-test", responses=_GONE)
async def stop(number: Number, shared: Shared, now: Now, tuner: Tuner) -> BackTest:
    """End it; what was found so far is not shown."""
    running = _of(shared, number, tuner)
    if running.state == "running":
        running.state = "cancelled"
        kill(running)
    return _told(number, running, now)


def _of(shared: Context, number: str, tuner: Principal) -> Running:
    try:
        return shared.back_tests.of(number, tuner.username)
    except KeyError as error:
        raise not_found("back_tests.unknown", number=number) from error


def _note(shared: Context, tuner: Principal, request: dict[str, Any]) -> None:
    with shared.database.connection() as connection, connection.transaction():
        audit.append(connection, tuner.username, "back_test", "detector", request, shared.clock())


def _told(number: str, running: Running, now: Snapshot) -> BackTest:
    return BackTest(
        id=number,
        state=running.state,
        share=running.share,
        readings=running.readings,
        detail=None if running.detail is None else running.detail.en,
        detail_zh=None if running.detail is None else running.detail.zh,
        found=running.found,
        as_set=running.as_set,
        alarms=[_alarm(row, now) for row in running.alarms] if running.state == "done" else [],
    )


def _alarm(row: dict[str, Any], now: Snapshot) -> BackTestAlarm:
    times = {name: row[name] and datetime.fromisoformat(row[name]) for name in ("since", "raised_at", "returned_at")}
    whole = {**dict.fromkeys(("acknowledged_at", "acknowledged_by")), **row, **times}
    said = whole | words_of(whole, now.registry)
    return BackTestAlarm(**{name: said[name] for name in BackTestAlarm.model_fields})
