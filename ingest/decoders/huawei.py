"""Huawei Cloud IoTDA's property report: ``{"services": [{"service_id", "properties": {…}, "event_time"}]}``.

``event_time`` is UTC written ``yyyyMMddTHHmmssZ``; without it the arrival counts. A gateway's report wraps the same
services in ``{"devices": [{"device_id", "services": […]}]}``.
Source: support.huaweicloud.com, IoTDA MQTT API, device reporting properties and gateway reporting in batch.
"""

from typing import Any, Final

from ingest.decoders.json_text import JsonObject, read_json, read_values
from ingest.decoders.model import Decoded, Sample
from ingest.decoders.timestamps import read_compact_utc
from ingest.rejection import Reason, shown

MOST_SUB_DEVICES: Final = 100
"""The most sub-devices of a gateway's report, by the platform's own rule."""

_SHAPE: Final = '{"services": [{"service_id": "water", "properties": {…}, "event_time": "yyyyMMddTHHmmssZ"}]}'


def decode(payload: bytes) -> Decoded:
    """Samples and rejections of a device's or a gateway's property report."""
    decoded = Decoded()
    content = read_json(payload, _SHAPE, decoded)
    if decoded.rejections:
        return decoded
    if not isinstance(content, JsonObject) or content.repeated:
        decoded.reject(Reason.WRONG_SHAPE, f"payload is {shown(content)}; must be {_SHAPE}")
    elif "devices" in content:
        _decode_devices(content["devices"], decoded)
    else:
        _decode_services(content.get("services"), "", None, decoded)
    return decoded


def _decode_devices(devices: Any, into: Decoded) -> None:
    if not isinstance(devices, list) or not 0 < len(devices) <= MOST_SUB_DEVICES:
        what = f"a list of {len(devices)}" if isinstance(devices, list) else shown(devices)
        into.reject(Reason.WRONG_SHAPE, f"devices is {what}; must be a list of 1 to {MOST_SUB_DEVICES}", "devices")
        return
    for index, each in enumerate(devices):
        at = f"devices[{index}]"
        device = each.get("device_id") if isinstance(each, JsonObject) else None
        if not isinstance(device, str) or not device:
            into.reject(Reason.WRONG_SHAPE, f"{at}.device_id is {shown(device)}; must be text", f"{at}.device_id")
        else:
            _decode_services(each.get("services"), f"{at}.", device, into)


def _decode_services(services: Any, where: str, device: str | None, into: Decoded) -> None:
    if not isinstance(services, list) or not services:
        into.reject(Reason.WRONG_SHAPE, f"{where}services is {shown(services)}; must be a list", f"{where}services")
        return
    for index, each in enumerate(services):
        _decode_service(each, f"{where}services[{index}].", device, into)


def _decode_service(service: Any, where: str, device: str | None, into: Decoded) -> None:
    properties = service.get("properties") if isinstance(service, JsonObject) else None
    if not isinstance(properties, JsonObject) or not properties or service.repeated:
        into.reject(
            Reason.WRONG_SHAPE, f"{where}properties is {shown(properties)}; must be an object", f"{where}properties"
        )
        return
    ts: int | None = None
    if service.get("event_time") is not None:
        try:
            ts = read_compact_utc(service["event_time"], "event_time")
        except ValueError as error:
            into.reject(Reason.BAD_TIMESTAMP, str(error), f"{where}event_time")
            return
    values = read_values(properties, where, into)
    if values:
        into.samples.append(Sample(ts, values, where=where, device=device))
