"""How a device speaks: its last message beside what was understood of it, and what its names and numbers mean."""

from fastapi import APIRouter, status

from monitor.api.context import Now, Shared
from monitor.api.devices import NOT_ACCEPTABLE, NOT_FOUND, DeviceInPath, Viewer, editable, visible
from monitor.api.refusals import unacceptable
from monitor.api.registry import Editor
from monitor.api.registry_change import MistakesError, changing, mistake_info, record, save
from monitor.api.schemas import (
    ChannelMapping,
    CommandInfo,
    DeviceMessage,
    InstrumentCommand,
    MisunderstoodField,
    UnderstoodValue,
)
from registry.importing import plan_tables
from registry.indicators import INDICATORS
from registry.model import Channel, Dialect
from registry.sheets import CHANNELS
from registry.tabular import entered
from registry.words import listed
from store import audit, device_commands, queries

router = APIRouter(tags=["devices"])


@router.get("/devices/{code}/last-message", summary="A device's newest message", responses=NOT_FOUND)
def last_message(code: DeviceInPath, now: Now, principal: Viewer, shared: Shared) -> DeviceMessage | None:
    """As it came, with what was understood of it and what was not; null for a device that has not sent any."""
    registry = now.registry
    visible(registry, principal, code)
    channels = {each.id: each for each in registry.channels_of_device[code]}
    with shared.database.connection() as connection:
        found = queries.last_message(connection, code, channels)
    if found is None:
        return None
    payload, text = _shown(found.payload)
    return DeviceMessage(
        received_at=found.received_at,
        topic=found.topic,
        payload=payload,
        text=text,
        understood=[
            UnderstoodValue(
                indicator=channels[each.channel_id].indicator,
                unit=INDICATORS[channels[each.channel_id].indicator].unit,
                ts=each.ts,
                value=each.value,
            )
            for each in found.understood
        ],
        misunderstood=[MisunderstoodField(**each._asdict()) for each in found.misunderstood],
    )


@router.get("/devices/{code}/channels", summary="What a device's names and numbers mean", responses=NOT_FOUND)
def channels(code: DeviceInPath, now: Now, principal: Viewer) -> list[ChannelMapping]:
    """The mapping of each of its channels."""
    visible(now.registry, principal, code)
    return [_mapping(each) for each in now.registry.channels_of_device[code]]


@router.put("/devices/{code}/channels", summary="Change the mapping", responses={**NOT_FOUND, **NOT_ACCEPTABLE})
def map_channels(
    code: DeviceInPath, mappings: list[ChannelMapping], principal: Editor, shared: Shared
) -> list[ChannelMapping]:
    """From now on the device's messages are read by these; an indicator that is new is measured from now on.

    Channels that are not named stay as they are. A mistake in one leaves all as they are.
    """
    with changing(shared) as (connection, registry, now):
        editable(registry, principal, code)
        repeated = {each.indicator for each in mappings if [m.indicator for m in mappings].count(each.indicator) > 1}
        if repeated:
            raise unacceptable("devices.repeated", indicators=listed(sorted(repeated)))
        rows = [
            {"device": code, **each.model_dump(), "names": "、".join(each.names), "unit": each.unit or None}
            for each in mappings
        ]
        plan = plan_tables({CHANNELS.code: entered(CHANNELS, rows)}, registry, {}, now)
        if plan.mistakes:
            raise MistakesError([mistake_info(each) for each in plan.mistakes])
        save(connection, plan, principal, now)
        detail = {each.indicator: each.model_dump(exclude={"indicator"}) for each in mappings}
        record(connection, principal, "device_mapped", f"device:{code}", detail, now)
    return mappings


@router.post(
    "/devices/{code}/commands",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Tell an HJ 212 instrument something",
    responses={**NOT_FOUND, **NOT_ACCEPTABLE},
)
def command(code: DeviceInPath, asked: InstrumentCommand, principal: Editor, shared: Shared) -> dict[str, int]:
    """Set its clock to the platform's (CN 1012) or its reporting interval (CN 1062), once it is connected."""
    if asked.command == "set_interval" and asked.seconds is None:
        raise unacceptable("devices.no_seconds")
    with changing(shared) as (connection, registry, now):
        device = editable(registry, principal, code)
        if device.dialect is not Dialect.HJ212:
            raise unacceptable("devices.no_commands", device=code, dialect=device.dialect)
        parameters = {"seconds": asked.seconds} if asked.command == "set_interval" else {}
        number = device_commands.ask(connection, code, asked.command, parameters, principal.username, now)
        audit.append(connection, principal.username, "device_commanded", f"device:{code}", asked.model_dump(), now)
    return {"id": number}


@router.get("/devices/{code}/commands", summary="An instrument's newest commands", responses=NOT_FOUND)
def commands(code: DeviceInPath, now: Now, principal: Viewer, shared: Shared) -> list[CommandInfo]:
    """With what became of each."""
    visible(now.registry, principal, code)
    with shared.database.connection() as connection:
        return [CommandInfo(**each) for each in device_commands.commands_of(connection, code)]


def _mapping(channel: Channel) -> ChannelMapping:
    return ChannelMapping(
        indicator=channel.indicator,
        names=list(channel.names),
        unit=channel.unit,
        factor=channel.factor,
        offset=channel.offset,
    )


def _shown(payload: bytes) -> tuple[str, bool]:
    """A payload as people read it, and whether it is text."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return payload.hex(" "), False
    return (text, True) if text.isprintable() or text.strip().isprintable() else (payload.hex(" "), False)
