"""Devices: what is known of each, adding one, its credential, calibrations, and fields it sends that nobody knows."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import bcrypt
from fastapi import APIRouter, Depends, Path, status

from monitor.api.alarms import Reader
from monitor.api.context import Now, Shared, requires, visible_site
from monitor.api.refusals import Refusal, conflict, not_found, unacceptable
from monitor.api.registry import Editor
from monitor.api.registry_change import MistakesError, changing, mistake_info, record, require_scope, save
from monitor.api.schemas import (
    Adoption,
    CalibrationInfo,
    CalibrationRequest,
    DeviceCredential,
    DeviceFull,
    DeviceRow,
    DeviceState,
    Error,
    Gap,
    NewDevice,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import SiteInPath
from monitor.layout import MIN_SILENCE_S
from registry.catalogue import indicator_name
from registry.credentials import HJ212_PW_CHARACTERS
from registry.importing import Plan, plan_tables
from registry.indicators import INDICATORS
from registry.model import Channel, Device, Dialect, Registry
from registry.scenarios import scenarios
from registry.sheets import CHANNELS, DEVICES, POINTS, SITES
from registry.tabular import entered
from registry.topics import telemetry_topic
from registry.words import Words, listed
from store import queries, upkeep
from store.connections import Connection
from store.registry_rows import save_channels

router = APIRouter(tags=["devices"])

PASSWORD_BYTES: Final = 24
"""192 bits: a password that is never typed needs no stretching, so bcrypt's is at its least."""

PW_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody confuses, for an instrument's PW that is typed on a keypad."""

LOOKED_BACK: Final = timedelta(hours=24)
LETTERS_LOOKED_AT: Final = 200
_PREFIX: Final = re.compile(r"^(.*\]\.|params\.|values\.)")
"""Where in a payload a field stood, e.g. ``[2].``; what follows is what the device calls it."""
NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Error, "description": "Not registered, or not in your scope"}
}
NOT_ACCEPTABLE: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Error, "description": "Registered already"},
    422: {"model": Error, "description": "A field is not acceptable; `mistakes` names each"},
}
DeviceInPath = Annotated[str, Path(description="Device code", examples=["nt-cc-201-b1"])]
Calibrator = Annotated[Principal, Depends(requires(Permission.ENTER_CALIBRATIONS))]
Viewer = Annotated[Principal, Depends(requires(Permission.SEE_DEVICES))]


@router.get("/devices", summary="All devices in scope")
def devices(now: Now, principal: Viewer, shared: Shared) -> list[DeviceRow]:
    """Each with when it was last seen, its firmware, its credential's state and its calibration."""
    with shared.database.connection() as connection:
        kept = {row["code"]: row for row in upkeep.devices(connection)}
    at = shared.clock()
    return [
        DeviceRow(**_row(now.registry, device, kept[device.code], at))
        for device in now.registry.devices.values()
        if device.code in kept and principal.sees(now.registry.sites[device.site])
    ]


@router.get("/sites/{code}/devices", summary="The devices of a site", responses=NOT_FOUND)
def site_devices(code: SiteInPath, now: Now, reader: Reader, shared: Shared) -> list[DeviceRow]:
    """The state and calibration of a site's instruments: what whoever reads its alarms must know."""
    visible_site(now, reader, code)
    with shared.database.connection() as connection:
        kept = {row["code"]: row for row in upkeep.devices(connection, code)}
    at = shared.clock()
    return [
        DeviceRow(**_row(now.registry, device, kept[device.code], at))
        for device in now.registry.devices_of_site[code]
        if device.code in kept
    ]


@router.get("/devices/{code}", summary="A device with its history", responses=NOT_FOUND)
def device(code: DeviceInPath, now: Now, principal: Viewer, shared: Shared) -> DeviceFull:
    """Its silences of the last 24 h, its calibrations, and fields of its payload that are no channel."""
    registry = now.registry
    found = visible(registry, principal, code)
    at = shared.clock()
    longest = max(3 * found.period_s, 1)
    with shared.database.connection() as connection:
        kept = {row["code"]: row for row in upkeep.devices(connection)}.get(code)
        if kept is None:
            raise _unknown(code)
        gaps = upkeep.gaps(connection, code, at - LOOKED_BACK, at, longest)
        calibrations = upkeep.calibrations_of(connection, code)
        # From the database: whoever has just adopted a field must see it at once.
        names = upkeep.names(connection, code)
        fields = _unknown_fields(connection, names, code, at - LOOKED_BACK)
    return DeviceFull(
        **{**_row(registry, found, kept, at), "indicators": list(names)},
        topic=telemetry_topic(registry.sites[found.site].county, found),
        generation=kept["generation"] or 0,
        names=names,
        gaps=[Gap(start=start, end=end) for start, end in gaps],
        calibrations=[CalibrationInfo(**each) for each in calibrations],
        unknown_fields=fields,
    )


@router.post("/devices", status_code=status.HTTP_201_CREATED, summary="Add a device", responses=NOT_ACCEPTABLE)
def add_device(new: NewDevice, principal: Editor, shared: Shared) -> DeviceCredential:
    """Register a device, with its site and sampling point where they are given, and give it a credential.

    The broker lets it in within a second or so. The password is in this answer and nowhere else.
    """
    with changing(shared) as (connection, registry, now):
        if new.code in registry.devices:
            raise conflict("devices.registered", device=new.code)
        plan = _planned(new, registry, now)
        require_scope(principal, plan, registry)
        save(connection, plan, principal, now)
        password = _new_password(connection, plan.devices[new.code], principal, now)
        detail = {"site": new.site, "sampling_point": new.sampling_point, "indicators": new.indicators}
        record(connection, principal, "device_added", f"device:{new.code}", detail, now)
        site = plan.sites.get(new.site) or registry.sites[new.site]
        device = plan.devices[new.code]
    return _credential(shared, device, password, telemetry_topic(site.county, device))


@router.post("/devices/{code}/credential", summary="Give a device a new credential", responses=NOT_FOUND)
def rotate(code: DeviceInPath, principal: Editor, shared: Shared) -> DeviceCredential:
    """The former password is void within a second or so, and its connection ends."""
    with changing(shared) as (connection, registry, now):
        found = editable(registry, principal, code)
        password = _new_password(connection, found, principal, now)
        record(connection, principal, "device_credential_issued", f"device:{code}", {}, now, what="credentials")
    return _credential(shared, found, password, telemetry_topic(registry.sites[found.site].county, found))


@router.delete("/devices/{code}/credential", summary="Revoke", responses=NOT_FOUND)
def revoke(code: DeviceInPath, principal: Editor, shared: Shared) -> dict[str, str]:
    """Admit the device no more: the broker ends its connection within a second or so. Its history stays."""
    with changing(shared) as (connection, registry, now):
        editable(registry, principal, code)
        if upkeep.revoke_credential(connection, code, principal.username, now):
            record(connection, principal, "device_revoked", f"device:{code}", {}, now, what="credentials")
    return {"device": code, "credential": "revoked"}


@router.post(
    "/devices/{code}/calibrations",
    status_code=status.HTTP_201_CREATED,
    summary="Enter a calibration",
    responses=NOT_FOUND,
)
def calibrate(code: DeviceInPath, asked: CalibrationRequest, principal: Calibrator, shared: Shared) -> CalibrationInfo:
    """A calibration that was made, and when the next is due; who entered it, venue or inspector, stays with it."""
    if asked.due_on is not None and asked.due_on <= asked.calibrated_on:
        raise unacceptable("devices.due_before", due=asked.due_on, on=asked.calibrated_on)
    with changing(shared) as (connection, registry, now):
        site = registry.sites[visible(registry, principal, code).site]
        if asked.calibrated_on > now.astimezone(ZoneInfo(site.zone)).date():
            raise unacceptable("devices.calibrated_later", on=asked.calibrated_on)
        upkeep.calibrate(connection, code, asked.calibrated_on, asked.due_on, asked.note, principal.username, now)
        detail = {"on": asked.calibrated_on.isoformat(), "due": asked.due_on.isoformat() if asked.due_on else None}
        record(connection, principal, "device_calibrated", f"device:{code}", detail, now, what="calibration")
    return CalibrationInfo(**asked.model_dump(), entered_by=principal.username, entered_at=now)


@router.post("/devices/{code}/adopt", summary="Say which indicator an unknown field is", responses=NOT_FOUND)
def adopt(code: DeviceInPath, asked: Adoption, principal: Editor, shared: Shared) -> list[str]:
    """From now on the field is stored as a reading of that indicator; a channel is added where there is none.

    Returns the names by which the device may call the indicator.
    """
    if asked.indicator not in INDICATORS:
        raise unacceptable("devices.no_indicator", value=asked.indicator, known=listed(INDICATORS))
    with changing(shared) as (connection, registry, now):
        editable(registry, principal, code)
        own = {each.indicator: each for each in registry.channels_of_device[code]}
        for channel in own.values():
            if asked.field in (channel.indicator, *channel.names):
                named = Words(indicator_name("zh", channel.indicator), channel.indicator)
                raise conflict("devices.name_taken", device=code, field=asked.field, indicator=named)
        known = own.get(asked.indicator) or Channel(0, code, asked.indicator)
        # Where the field is the indicator's own code, a channel of that name is all there is to add.
        names = known.names if asked.field == asked.indicator else (*known.names, asked.field)
        save_channels(connection, [replace(known, names=names)])
        detail = {"field": asked.field, "indicator": asked.indicator}
        record(connection, principal, "field_adopted", f"device:{code}", detail, now)
    return [asked.indicator, *names]


def _planned(new: NewDevice, registry: Registry, now: datetime) -> Plan:
    """What the entries of the form would change; 422 with every mistake where one is not acceptable."""
    if not new.indicators and not any(
        each.code == new.kind and not each.indicators
        for scenario in scenarios().values()
        for each in scenario.device_kinds.values()
    ):
        raise unacceptable(f"devices.{'nothing_of_kind' if new.kind else 'nothing_measured'}", kind=new.kind)
    row = {"code": new.code, "site": new.site, "sampling_point": new.sampling_point, "kind": new.kind}
    spoken = {"dialect": new.dialect, "gateway": new.gateway, "identity": new.identity, "address": new.address}
    tables = {
        DEVICES.code: entered(DEVICES, [{**row, **spoken, "period_s": new.period_s}]),
        CHANNELS.code: entered(CHANNELS, [{"device": new.code, "indicator": each} for each in new.indicators]),
    }
    if new.site_entry is not None:
        tables[SITES.code] = entered(SITES, [{**new.site_entry, "code": new.site}])
    elif new.site in registry.sites and not registry.devices_of_site[new.site]:
        # The first device of a venue that was known by manual results only: from now on it is on line.
        tables[SITES.code] = entered(SITES, [_as_online(registry, new.site)])
    if new.point_entry is not None:
        entry = {**new.point_entry, "site": new.site, "code": new.sampling_point}
        tables[POINTS.code] = entered(POINTS, [entry])
    plan = plan_tables(tables, registry, {}, now)
    if plan.mistakes:
        raise MistakesError([mistake_info(each) for each in plan.mistakes])
    return plan


def _as_online(registry: Registry, code: str) -> Mapping[str, object]:
    site = registry.sites[code]
    return {
        "code": code,
        "name_zh": site.name_zh,
        "county": site.county,
        "lon": site.lon,
        "lat": site.lat,
        "status": "live",
    }


def _row(registry: Registry, device: Device, kept: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    site, point = registry.sites[device.site], registry.sampling_point_of(device)
    revoked = kept["revoked_at"] is not None
    issued = "revoked" if revoked else "issued" if kept["generation"] else "derived"
    return {
        "code": device.code,
        "site": site.code,
        "site_zh": site.name_zh,
        "site_en": site.name_en,
        "county": site.county,
        "simulated": site.simulated,
        "sampling_point": point.code,
        "point_zh": point.name_zh,
        "point_en": point.name_en,
        "kind": device.kind,
        "dialect": str(device.dialect),
        "period_s": device.period_s,
        "indicators": [each.indicator for each in registry.channels_of_device[device.code]],
        "state": _state(device, kept, now, on_events=not registry.channels_of_device[device.code]),
        "last_seen": kept["last_reading"],
        "reported_online": kept["online"],
        "firmware": kept["firmware"],
        "credential": issued,
        "issued_at": kept["issued_at"],
        "revoked_at": kept["revoked_at"],
        "calibrated_on": kept["calibrated_on"],
        "calibration_due": kept["due_on"],
    }


def _state(device: Device, kept: Mapping[str, Any], now: datetime, *, on_events: bool) -> DeviceState:
    """By when it was last heard; one that speaks `on_events` only, such as a scale, by what it says of itself."""
    if kept["revoked_at"] is not None:
        return "revoked"
    if on_events and kept["online"] is not None:
        return "online" if kept["online"] else "offline"
    if kept["last_reading"] is None:
        return "never"
    silence = timedelta(seconds=max(3 * device.period_s, MIN_SILENCE_S))
    return "online" if now - kept["last_reading"] <= silence else "offline"


def _unknown_fields(
    connection: Connection, names: Mapping[str, Sequence[str]], code: str, since: datetime
) -> list[str]:
    known = {name for indicator, further in names.items() for name in (indicator, *further)}
    _, letters = queries.dead_letters(connection, reason="unknown_indicator", device=code, limit=LETTERS_LOOKED_AT)
    recent = [_PREFIX.sub("", each["field"]) for each in letters if each["field"] and each["received_at"] >= since]
    return sorted(set(recent) - known)


def visible(registry: Registry, principal: Principal, code: str) -> Device:
    """A device in the reader's scope. Raises 404."""
    found = registry.devices.get(code)
    if found is None or not principal.sees(registry.sites[found.site]):
        raise _unknown(code)
    return found


def editable(registry: Registry, principal: Principal, code: str) -> Device:
    """A device that may be changed: not a simulated one. Raises 404, 409."""
    found = visible(registry, principal, code)
    if registry.sites[found.site].simulated:
        raise conflict("devices.simulated", device=code)
    return found


def _new_password(connection: Connection, device: Device, principal: Principal, now: datetime) -> str:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    if device.dialect is Dialect.HJ212:
        password = "".join(secrets.choice(PW_ALPHABET) for _ in range(HJ212_PW_CHARACTERS))
    # NATS knows bcrypt by the mark 2a only.
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, b"2a")).decode("ascii")
    upkeep.issue_credential(connection, device.code, hashed, principal.username, now)
    return password


def _credential(shared: Shared, device: Device, password: str, topic: str) -> DeviceCredential:
    apart = {Dialect.HJ212: shared.settings.hj212_url, Dialect.JT808: shared.settings.jt808_url}
    spoken_to = apart.get(device.dialect, shared.settings.devices_url)
    address = urlsplit(spoken_to)
    tls = address.scheme == "mqtts"
    host, port = address.hostname or "localhost", address.port or (8883 if tls else 1883)
    user = f"{quote(device.code, safe='')}:{quote(password, safe='')}"
    return DeviceCredential(
        device=device.code,
        password=password,
        host=host,
        port=port,
        tls=tls,
        topic=topic,
        uri=f"{address.scheme}://{user}@{host}:{port}/{topic}",
    )


def _unknown(code: str) -> Refusal:
    return not_found("devices.gone", device=code)
