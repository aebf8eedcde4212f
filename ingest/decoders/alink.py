"""Alibaba Cloud's Alink property post: ``{"id", "params": {"PH": {"value": 7.4, "time": ms}, "T": 27.1}, "method"}``.

Parameters are plain values or ``{value, time}``; a plain value has no time, so its arrival counts.
Source: help.aliyun.com, device properties, events and services (``thing.event.property.post``).
"""

from typing import Final

from ingest.decoders.json_text import JsonObject, read_json, read_number
from ingest.decoders.model import Decoded, Sample
from ingest.decoders.timestamps import read_milliseconds
from ingest.rejection import Reason, shown

METHOD: Final = "thing.event.property.post"
_SHAPE: Final = '{"id": "1", "params": {"name": {"value": 7.4, "time": ms}}, "method": "thing.event.property.post"}'


def decode(payload: bytes) -> Decoded:
    """Samples (one for each instant) and rejections of a property post."""
    decoded = Decoded()
    content = read_json(payload, _SHAPE, decoded)
    if decoded.rejections:
        return decoded
    if not isinstance(content, JsonObject) or content.repeated:
        decoded.reject(Reason.WRONG_SHAPE, f"payload is {shown(content)}; must be {_SHAPE}")
        return decoded
    method = content.get("method", METHOD)
    if method != METHOD:
        decoded.reject(Reason.WRONG_SHAPE, f"method is {shown(method)}; must be {METHOD!r}", "method")
        return decoded
    params = content.get("params")
    if not isinstance(params, JsonObject) or not params:
        decoded.reject(Reason.WRONG_SHAPE, f"params is {shown(params)}; must be an object of values", "params")
        return decoded
    _decode_params(params, decoded)
    return decoded


def _decode_params(params: JsonObject, into: Decoded) -> None:
    by_time: dict[int | None, dict[str, float]] = {}
    for name, given in params.items():
        at = f"params.{name}"
        if name in params.repeated:
            into.reject(Reason.WRONG_SHAPE, f"{at} is given more than once; must be given once", at)
            continue
        ts: int | None = None
        value = given
        if isinstance(given, JsonObject):
            value = given.get("value")
            if "time" in given:
                try:
                    ts = read_milliseconds(given["time"], "time")
                except ValueError as error:
                    into.reject(Reason.BAD_TIMESTAMP, str(error), f"{at}.time")
                    continue
        number = read_number(value, at, into)
        if number is not None:
            by_time.setdefault(ts, {})[name] = number
    into.samples += [Sample(ts, values, where="params.") for ts, values in by_time.items()]
