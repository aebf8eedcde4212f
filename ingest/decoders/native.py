"""Landun's own payload: ``{"ts": ms or RFC 3339, "seq": n, "values": {"ph": 7.31, …}, "flag": "N"}``, or a list.

Pure and total: any bytes give samples and rejections, never an exception. The decoder knows no device; what
may be measured where is `ingest.validation`'s business.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from ingest.rejection import Reason, Rejection, shown

NORMAL_FLAG: Final = "N"

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS_OF_YEAR_1: Final = -62_135_596_800_000
_MS_OF_YEAR_10000: Final = 253_402_300_800_000
_RIGHT_TIMESTAMP: Final = "must be milliseconds since 1970 as an integer, or an RFC 3339 time with its zone"


@dataclass(slots=True)
class Sample:
    """The good values of one instant, `ts` in us.

    `where` is the prefix of its fields' names: ``"[3]."`` in a list payload, else ``""``.
    """

    ts: int
    values: dict[str, float]
    flag: str = NORMAL_FLAG
    where: str = ""


@dataclass(slots=True)
class Decoded:
    """What a payload holds: samples in the payload's order, and what is wrong with it."""

    samples: list[Sample] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def reject(self, reason: Reason, detail: str, at: str | None = None) -> None:
        """Note something wrong; `at` is the field at fault."""
        self.rejections.append(Rejection(reason, detail, at))


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys it was given more than once: which value was meant is anybody's guess."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: frozenset[str] = frozenset()
        if len(self) != len(pairs):
            seen: set[str] = set()
            self.repeated = frozenset(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def decode(payload: bytes) -> Decoded:
    """Samples and rejections of a payload. A good value is never lost for a bad one beside it."""
    decoded = Decoded()
    try:
        content = _parse(payload)
    except RecursionError:
        decoded.reject(Reason.MALFORMED_JSON, "nested too deeply; must be an object or a list of objects")
        return decoded
    except ValueError as error:
        decoded.reject(Reason.MALFORMED_JSON, f"{error}; must be JSON in UTF-8")
        return decoded
    if isinstance(content, list):
        if not content:
            decoded.reject(Reason.WRONG_SHAPE, "an empty list; must hold at least one object with ts and values")
        for index, each in enumerate(content):
            _decode_sample(each, f"[{index}].", decoded)
    else:
        _decode_sample(content, "", decoded)
    return decoded


def _parse(payload: bytes) -> Any:
    text = payload.decode("utf-8")
    return json.loads(text, object_pairs_hook=_Object, parse_int=_integer)


def _integer(digits: str) -> int | float:
    """An integer; infinity where it is beyond any float (and where Python would refuse to read it)."""
    return int(digits) if len(digits) <= 309 else float(digits)


def _decode_sample(content: Any, where: str, into: Decoded) -> None:
    named = where.removesuffix(".") or "payload"
    whole = where.removesuffix(".") or None
    if not isinstance(content, _Object):
        into.reject(Reason.WRONG_SHAPE, f"{named} is {shown(content)}; must be an object with ts and values", whole)
        return
    twice = content.repeated & {"ts", "values", "flag"}
    if twice:
        into.reject(Reason.WRONG_SHAPE, f"{named} gives {sorted(twice)} more than once; must be given once", whole)
        return
    ts = _timestamp(content, where, into)
    values = _values(content, where, into)
    flag = content.get("flag", NORMAL_FLAG)
    if not isinstance(flag, str):
        into.reject(Reason.WRONG_SHAPE, f"flag is {shown(flag)}; must be a string such as 'N'", f"{where}flag")
        return
    if ts is not None and values:
        into.samples.append(Sample(ts, values, flag, where))


def _timestamp(content: _Object, where: str, into: Decoded) -> int | None:
    """The sample's time in us, or None when it is rejected."""
    try:
        return parse_timestamp(content.get("ts"))
    except ValueError as error:
        into.reject(Reason.BAD_TIMESTAMP, str(error), f"{where}ts")
        return None


def parse_timestamp(ts: object) -> int:
    """A payload's ``ts`` in us. Raises `ValueError` saying what would be right."""
    if type(ts) is int:
        if not _MS_OF_YEAR_1 <= ts < _MS_OF_YEAR_10000:
            raise ValueError(f"ts is {shown(ts)} ms, outside the years 1 to 9999; {_RIGHT_TIMESTAMP}")
        return ts * 1000
    if not isinstance(ts, str) or not _RFC3339.match(ts):
        _bad_timestamp(ts)
    try:
        # Python reads at most microseconds.
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", ts.upper().replace(" ", "T"))).astimezone(UTC)
    except (ValueError, OverflowError):  # no such date, or beyond the calendar once its offset is applied
        _bad_timestamp(ts)
    return (at - _EPOCH) // timedelta(microseconds=1)


def _bad_timestamp(ts: object) -> NoReturn:
    raise ValueError(f"ts is {'missing' if ts is None else shown(ts)}; {_RIGHT_TIMESTAMP}") from None


def _values(content: _Object, where: str, into: Decoded) -> dict[str, float]:
    values = content.get("values")
    if not isinstance(values, _Object) or not values:
        what = "missing" if values is None else "empty" if values == {} else shown(values)
        into.reject(
            Reason.WRONG_SHAPE, f"values is {what}; must be an object of numbers by indicator", f"{where}values"
        )
        return {}
    good: dict[str, float] = {}
    for name, value in values.items():
        at = f"{where}{name}"
        if name in values.repeated:
            into.reject(Reason.WRONG_SHAPE, f"{at} is given more than once; must be given once", at)
        elif type(value) is not int and type(value) is not float:
            into.reject(Reason.NOT_A_NUMBER, f"{at} is {shown(value)}; must be a number", at)
        elif (number := _as_float(value)) is None:
            into.reject(Reason.NOT_FINITE, f"{at} is {shown(value)}; must be a finite number", at)
        else:
            good[name] = number
    return good


def _as_float(value: int | float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    # Adding zero turns -0.0 into 0.0, so that equal readings have equal bytes.
    return number + 0.0 if math.isfinite(number) else None
