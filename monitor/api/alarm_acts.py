"""Putting alarms away for a time, back, and letting latched ones go; and that somebody is on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from monitor.alarms.acts import LONGEST_OUT_OF_SERVICE, LONGEST_SHELF, LONGEST_SHELF_OF_LEAD
from monitor.alarms.telling import tell_put_away
from monitor.api.alarms import AlarmId, comment_of, detail_of, record_action, state_words
from monitor.api.context import Now, Shared, requires
from monitor.api.refusals import Refusal, check_zone, conflict, unacceptable
from monitor.api.schemas import Acknowledgement, ActionPending, AlarmDetail, Error
from monitor.api.schemas.alarm_acts import OutOfService, Shelf
from monitor.api.schemas.common import IsaState
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND
from monitor.api.snapshot import Snapshot
from registry.words import moment
from store.connections import Connection
from store.records import to_us

router = APIRouter(prefix="/alarms/{alarm_id}", tags=["alarms"])

Actor = Annotated[Principal, Depends(requires(Permission.ACT_ON_ALARMS))]
_ACTED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    202: {"model": ActionPending, "description": "Recorded; the monitor is away and will apply it when it is back"},
    409: {"model": Error, "description": "The alarm is not in a state in which this makes sense"},
}


@router.post("/shelve", response_model=AlarmDetail, summary="Shelve an alarm", responses=_ACTED)
def shelve(alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, wanted: Shelf) -> Response | AlarmDetail:
    """Nobody is told of it until then; its history goes on. A legal lead is never shelved silently.

    At most 8 h for priority high and for every legal lead, 24 h for medium, 72 h for low (design defaults). Of a
    legal lead the section head is told at once, it stays in every list and figure, and its deadlines run on.
    """
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.state == "normal" or alarm.historic:
        raise _conflict("nothing_to_shelve", alarm_id, alarm.state)
    longest = LONGEST_SHELF_OF_LEAD if alarm.legal_lead else LONGEST_SHELF[alarm.priority]
    until = _until(wanted.until, shared.clock(), longest, _zone(now, alarm))
    said = {"once": wanted.once, "text": wanted.reason.strip()}
    shown = {"until": until.isoformat(), "once": wanted.once, "reason": said["text"], "legal_lead": alarm.legal_lead}
    tell = _teller(now, alarm, "shelve", actor, until, wanted.reason)
    return record_action(shared, now, actor, alarm_id, "shelve", {**said, "until": to_us(until)}, shown, tell)


@router.post("/unshelve", response_model=AlarmDetail, summary="Take an alarm off the shelf", responses=_ACTED)
def unshelve(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: Acknowledgement | None = None
) -> Response | AlarmDetail:
    """While its condition is still there it asks to be acknowledged again."""
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.shelved_until is None:
        raise _conflict("not_shelved", alarm_id, alarm.isa_state)
    return record_action(shared, now, actor, alarm_id, "unshelve", {"text": comment_of(said)})


@router.post("/out-of-service", response_model=AlarmDetail, summary="Take an alarm out of service", responses=_ACTED)
def out_of_service(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, wanted: OutOfService
) -> Response | AlarmDetail:
    """For repair, at most 30 days at a time (design default); with `whole_device` all alarms of its device."""
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.state == "normal" or alarm.historic:
        raise _conflict("nothing_to_stop", alarm_id, alarm.state)
    if wanted.whole_device and alarm.device is None:
        raise _conflict("no_device", alarm_id, alarm.state)
    until = _until(wanted.until, shared.clock(), LONGEST_OUT_OF_SERVICE, _zone(now, alarm))
    reason = wanted.reason.strip()
    device = {"device": alarm.device} if wanted.whole_device else {}
    shown = {"until": until.isoformat(), "reason": reason, "legal_lead": alarm.legal_lead, **device}
    said = {"until": to_us(until), "text": reason, **device}
    tell = _teller(now, alarm, "out_of_service", actor, until, reason)
    return record_action(shared, now, actor, alarm_id, "out_of_service", said, shown, tell)


@router.post("/in-service", response_model=AlarmDetail, summary="Put an alarm back into service", responses=_ACTED)
def in_service(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: Acknowledgement | None = None
) -> Response | AlarmDetail:
    """With its device, if that was taken out; while its condition is still there it asks to be acknowledged again."""
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.out_of_service_until is None:
        raise _conflict("in_service", alarm_id, alarm.isa_state)
    return record_action(shared, now, actor, alarm_id, "in_service", {"text": comment_of(said)})


@router.post("/on-the-way", response_model=AlarmDetail, summary="Say that one is on the way", responses=_ACTED)
def on_the_way(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: Acknowledgement | None = None
) -> Response | AlarmDetail:
    """Others see who goes there and since when."""
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.state == "normal":
        raise _conflict("over", alarm_id, alarm.state)
    return record_action(shared, now, actor, alarm_id, "on_the_way", {"text": comment_of(said)})


@router.post("/reset", response_model=AlarmDetail, summary="Reset a latched alarm", responses=_ACTED)
def reset(
    alarm_id: AlarmId, shared: Shared, now: Now, actor: Actor, said: Acknowledgement | None = None
) -> Response | AlarmDetail:
    """A latched alarm stays after its condition ended until a person has seen to it and resets it."""
    alarm = _alarm(shared, now, actor, alarm_id)
    if alarm.state != "latched":
        raise _conflict("not_latched", alarm_id, alarm.state)
    return record_action(shared, now, actor, alarm_id, "reset", {"text": comment_of(said)})


def _teller(
    now: Snapshot, alarm: AlarmDetail, act: str, actor: Principal, until: datetime, reason: str
) -> Callable[[Connection, datetime], object] | None:
    """What tells the section heads that a legal lead is put away; None where it is none."""
    if not alarm.legal_lead:
        return None
    said = {**alarm.model_dump(exclude={"events", "rationale"}), "reason": reason.strip()}
    zone = _zone(now, alarm)
    return lambda connection, at: tell_put_away(connection, said, zone, act, actor.username, until, at)


def _alarm(shared: Shared, now: Now, actor: Principal, alarm_id: int) -> AlarmDetail:
    with shared.database.connection() as connection:
        return detail_of(connection, now, actor, alarm_id)


def _zone(now: Snapshot, alarm: AlarmDetail) -> str:
    return now.registry.sites[alarm.site].zone


def _until(until: datetime, now: datetime, longest: timedelta, zone: str) -> datetime:
    check_zone("until", until)
    if not now < until <= now + longest + timedelta(minutes=1):
        raise unacceptable("alarm_acts.until", at=moment(until, zone), hours=longest.total_seconds() / 3600)
    return until.astimezone(UTC)


def _conflict(why: str, alarm_id: int, state: IsaState) -> Refusal:
    return conflict(f"alarm_acts.{why}", number=alarm_id, state=state_words(state))
