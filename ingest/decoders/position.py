"""Positions: ``{"ts": …, "lat": …, "lon": …, "speed_kmh": …, "heading": …}`` in WGS-84, or a list (docs/waste.md)."""

import math
from typing import Final

from ingest.decoders.json_text import JsonObject, read_number, read_objects
from ingest.decoders.model import Decoded, Fix
from ingest.decoders.timestamps import read_timestamp
from ingest.rejection import Reason, shown

FASTEST_KMH: Final = 300.0
_SHAPE: Final = "an object or a list of objects"
_BOUNDS: Final = {
    "lat": (-90.0, 90.0),
    "lon": (-180.0, 180.0),
    "speed_kmh": (0.0, FASTEST_KMH),
    "heading": (0.0, 360.0),
}
_REQUIRED: Final = ("lat", "lon")
_UNITS: Final = {"lat": "degrees", "lon": "degrees", "speed_kmh": "km/h", "heading": "degrees"}


def decode(payload: bytes) -> Decoded:
    """Fixes and rejections of a payload."""
    decoded = Decoded()
    for content, where in read_objects(payload, _SHAPE, "ts, lat and lon", decoded):
        decode_fix(content, where, decoded)
    return decoded


def decode_fix(content: JsonObject, where: str, into: Decoded) -> None:
    """Add an object's fix, or what is wrong with it; a fix is kept whole or not at all."""
    before = len(into.rejections)
    for name in sorted(content.repeated & {"ts", *_BOUNDS}):
        into.reject(Reason.WRONG_SHAPE, f"{where}{name} is given more than once; must be given once", where + name)
    ts = 0
    try:
        ts = read_timestamp(content.get("ts"))
    except ValueError as error:
        into.reject(Reason.BAD_TIMESTAMP, str(error), f"{where}ts")
    values = {name: _value(content, name, where, into) for name in _BOUNDS}
    if type(seq := content.get("seq")) is int:
        into.numbers.append((seq, ts or None))
    if len(into.rejections) == before:
        into.fixes.append(Fix(ts, values["lat"], values["lon"], values["speed_kmh"], values["heading"], where))


def _value(content: JsonObject, name: str, where: str, into: Decoded) -> float:
    """A field as a number within its bounds; NaN for an optional one that is not given."""
    at = where + name
    lo, hi = _BOUNDS[name]
    right = f"must be a number of {_UNITS[name]} from {lo:g} to {hi:g}"
    if content.get(name) is None:
        if name in _REQUIRED:
            into.reject(Reason.WRONG_SHAPE, f"{at} is missing; {right}", at)
        return math.nan
    number = read_number(content[name], at, into)
    if number is None:
        return math.nan
    if not lo <= number <= hi:
        into.reject(Reason.WRONG_SHAPE, f"{at} is {shown(content[name])}; {right}", at)
    return number
