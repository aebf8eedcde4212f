"""Landun's own payload: ``{"ts": ms or RFC 3339, "seq": n, "values": {"ph": 7.31, …}, "flag": "N"}``, or a list."""

from typing import Any, Final

from ingest.decoders.json_text import JsonObject, read_json, read_values
from ingest.decoders.model import NORMAL_FLAG, Decoded, Sample
from ingest.decoders.timestamps import read_timestamp
from ingest.rejection import Reason, shown

_SHAPE: Final = "an object or a list of objects"


def decode(payload: bytes) -> Decoded:
    """Samples and rejections of a payload. A good value is never lost for a bad one beside it."""
    decoded = Decoded()
    content = read_json(payload, _SHAPE, decoded)
    if decoded.rejections:
        return decoded
    if isinstance(content, list):
        if not content:
            decoded.reject(Reason.WRONG_SHAPE, "an empty list; must hold at least one object with ts and values")
        for index, each in enumerate(content):
            decode_sample(each, f"[{index}].", decoded)
    else:
        decode_sample(content, "", decoded)
    return decoded


def decode_sample(content: Any, where: str, into: Decoded) -> None:
    """Add an object's sample, or what is wrong with it; `where` is the prefix of its fields' names."""
    named = where.removesuffix(".") or "payload"
    whole = where.removesuffix(".") or None
    if not isinstance(content, JsonObject):
        into.reject(Reason.WRONG_SHAPE, f"{named} is {shown(content)}; must be an object with ts and values", whole)
        return
    twice = content.repeated & {"ts", "values", "flag"}
    if twice:
        into.reject(Reason.WRONG_SHAPE, f"{named} gives {sorted(twice)} more than once; must be given once", whole)
        return
    ts = _timestamp(content, where, into)
    if type(seq := content.get("seq")) is int:
        into.numbers.append((seq, ts))
    values = _values(content, where, into)
    flag = content.get("flag", NORMAL_FLAG)
    if not isinstance(flag, str):
        into.reject(Reason.WRONG_SHAPE, f"flag is {shown(flag)}; must be a string such as 'N'", f"{where}flag")
        return
    if ts is not None and values:
        into.samples.append(Sample(ts, values, flag, where))


def _timestamp(content: JsonObject, where: str, into: Decoded) -> int | None:
    """The sample's time in us, or None when it is rejected."""
    try:
        return read_timestamp(content.get("ts"))
    except ValueError as error:
        into.reject(Reason.BAD_TIMESTAMP, str(error), f"{where}ts")
        return None


def _values(content: JsonObject, where: str, into: Decoded) -> dict[str, float]:
    values = content.get("values")
    if not isinstance(values, JsonObject) or not values:
        what = "missing" if values is None else "empty" if values == {} else shown(values)
        into.reject(
            Reason.WRONG_SHAPE, f"values is {what}; must be an object of numbers by indicator", f"{where}values"
        )
        return {}
    return read_values(values, where, into)
