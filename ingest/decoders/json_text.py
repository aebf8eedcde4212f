"""JSON as every JSON dialect reads it: strictly, remembering repeated keys, with numbers that fit a reading."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from ingest.decoders.model import Decoded
from ingest.rejection import Reason, shown

_LONGEST_INTEGER: Final = 309


class JsonObject(dict[str, Any]):
    """A JSON object that remembers the keys it was given more than once: which value was meant is anybody's guess."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: frozenset[str] = frozenset()
        if len(self) != len(pairs):
            seen: set[str] = set()
            self.repeated = frozenset(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def read_json(payload: bytes, shape: str, into: Decoded) -> Any:
    """The payload's JSON; None, and a rejection saying what `shape` it must have, where it is none."""
    try:
        return _parse(payload.decode("utf-8"))
    except RecursionError:
        into.reject(Reason.MALFORMED_JSON, f"nested too deeply; must be {shape}")
    except ValueError as error:
        into.reject(Reason.MALFORMED_JSON, f"{error}; must be JSON in UTF-8")
    return None


def read_objects(payload: bytes, shape: str, holding: str, into: Decoded) -> Iterator[tuple[JsonObject, str]]:
    """The objects of a payload that is one or a list of them, each with the prefix of its fields' names.

    A rejection says that they must be objects with `holding`, where something is none.
    """
    content = _read_plain(payload)
    if content is None:
        content = read_json(payload, shape, into)
        if into.rejections:
            return
    listed = content if isinstance(content, list) else [content]
    if not listed:
        into.reject(Reason.WRONG_SHAPE, f"an empty list; must hold at least one object with {holding}")
    for index, each in enumerate(listed):
        where = f"[{index}]." if isinstance(content, list) else ""
        if isinstance(each, JsonObject):
            yield each, where
            continue
        named = where.removesuffix(".")
        detail = f"{named or 'payload'} is {shown(each)}; must be an object with {holding}"
        into.reject(Reason.WRONG_SHAPE, detail, named or None)


def _read_plain(payload: bytes) -> Any:
    """What `read_json` gives for a payload of flat objects, in a tenth of its time; None where it is not certain."""
    try:
        content = orjson.loads(payload)
    except (ValueError, RecursionError):
        return None
    listed = content if type(content) is list else [content]
    if not all(type(each) is dict for each in listed):
        return None
    # Every colon belongs to a key: so no key came twice, and no string hides a colon.
    if payload.count(b":") != sum(map(len, listed)):
        return None
    objects = [JsonObject(tuple(each.items())) for each in listed]
    return objects if type(content) is list else objects[0]


def read_values(content: JsonObject, where: str, into: Decoded) -> dict[str, float]:
    """The numbers of an object by their names; every other member is a rejection of its own."""
    good: dict[str, float] = {}
    for name, value in content.items():
        at = f"{where}{name}"
        if name in content.repeated:
            into.reject(Reason.WRONG_SHAPE, f"{at} is given more than once; must be given once", at)
            continue
        number = read_number(value, at, into)
        if number is not None:
            good[name] = number
    return good


def read_number(value: object, at: str, into: Decoded) -> float | None:
    """A JSON number as a reading's value; None, and a rejection, for anything else."""
    if type(value) is not int and type(value) is not float:
        into.reject(Reason.NOT_A_NUMBER, f"{at} is {shown(value)}; must be a number", at)
        return None
    number = finite(value)
    if number is None:
        into.reject(Reason.NOT_FINITE, f"{at} is {shown(value)}; must be a finite number", at)
    return number


def finite(value: int | float) -> float | None:
    """The number as a float; None when it is not finite or too large to be one."""
    try:
        number = float(value)
    except OverflowError:
        return None
    # Adding zero turns -0.0 into 0.0, so that equal readings have equal bytes.
    return number + 0.0 if math.isfinite(number) else None


def _integer(digits: str) -> int | float:
    """An integer; infinity where it is beyond any float (and where Python would refuse to read it)."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


_parse: Final = json.JSONDecoder(object_pairs_hook=JsonObject, parse_int=_integer).decode
