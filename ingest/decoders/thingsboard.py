"""ThingsBoard's device and gateway payloads, on Landun's topics.

Device: ``{"ph": 7.4}``, ``[{…}, …]`` or ``{"ts": ms, "values": {…}}``; without ``ts`` the arrival counts, as it does
there. Gateway: ``{"device": [{"ts": ms, "values": {…}}, …], …}``. ThingsBoard's own topics carry no identity (its
broker takes that from the credential), so the payloads come on ``landun/v1/…/telemetry``, or through a bridge that
mounts them there. Source: thingsboard.io, MQTT device API and gateway API (telemetry upload).
"""

from typing import Any, Final

from ingest.decoders.json_text import JsonObject, read_json, read_values
from ingest.decoders.model import Decoded, Sample
from ingest.decoders.timestamps import read_milliseconds
from ingest.rejection import Reason, shown

_DEVICE_SHAPE: Final = 'an object of numbers, {"ts": ms, "values": {…}}, or a list of these'
_GATEWAY_SHAPE: Final = 'an object of lists by device: {"device": [{"ts": ms, "values": {…}}]}'


def decode_device(payload: bytes) -> Decoded:
    """Samples and rejections of a device's telemetry upload."""
    decoded = Decoded()
    content = read_json(payload, _DEVICE_SHAPE, decoded)
    if decoded.rejections:
        return decoded
    if isinstance(content, list):
        if not content:
            decoded.reject(Reason.WRONG_SHAPE, f"an empty list; must be {_DEVICE_SHAPE}")
        for index, each in enumerate(content):
            _decode_sample(each, f"[{index}].", None, decoded)
    else:
        _decode_sample(content, "", None, decoded)
    return decoded


def decode_gateway(payload: bytes) -> Decoded:
    """Samples and rejections of a gateway's telemetry upload; each sample names the device it is of."""
    decoded = Decoded()
    content = read_json(payload, _GATEWAY_SHAPE, decoded)
    if decoded.rejections:
        return decoded
    if not isinstance(content, JsonObject) or not content:
        decoded.reject(Reason.WRONG_SHAPE, f"payload is {shown(content)}; must be {_GATEWAY_SHAPE}")
        return decoded
    for device, samples in content.items():
        if device in content.repeated:
            decoded.reject(Reason.WRONG_SHAPE, f"{device} is given more than once; must be given once", device)
        elif not isinstance(samples, list) or not samples:
            decoded.reject(Reason.WRONG_SHAPE, f"{device} is {shown(samples)}; must be a list of samples", device)
        else:
            for index, each in enumerate(samples):
                _decode_sample(each, f"{device}[{index}].", device, decoded)
    return decoded


def _decode_sample(content: Any, where: str, device: str | None, into: Decoded) -> None:
    named = where.removesuffix(".") or "payload"
    if not isinstance(content, JsonObject) or not content:
        into.reject(Reason.WRONG_SHAPE, f"{named} is {shown(content)}; must be an object of numbers by name", named)
        return
    ts: int | None = None
    values: Any = content
    if "ts" in content:
        try:
            ts = read_milliseconds(content["ts"])
        except ValueError as error:
            into.reject(Reason.BAD_TIMESTAMP, str(error), f"{where}ts")
            return
        values = content.get("values")
        if not isinstance(values, JsonObject) or not values or content.repeated:
            what = f"{sorted(content.repeated)} given twice" if content.repeated else shown(values)
            into.reject(Reason.WRONG_SHAPE, f"values is {what}; must be an object of numbers by name", f"{where}values")
            return
    good = read_values(values, where, into)
    if good:
        into.samples.append(Sample(ts, good, where=where, device=device))
