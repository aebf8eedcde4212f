"""SenML (RFC 8428) in JSON and CBOR: base fields, relative times, sums.

A record's name is its base name and name joined, its value, sum and time are base plus own. A time below 2**28 s is
relative to now (RFC 8428 §4.5.3), so to the arrival. A sum (`s`) is a quantity of its own and is named
``<name>.sum``. Booleans are 1 and 0; texts and data are no readings.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import cbor2

from ingest.decoders.json_text import finite, read_json
from ingest.decoders.model import Decoded, Sample
from ingest.rejection import Reason, shown

VERSION: Final = 10
FIRST_ABSOLUTE_S: Final = 2**28
"""RFC 8428 §4.5.3: smaller times are relative to the current time."""

_LAST_ABSOLUTE_S: Final = 253_402_300_800  # the year 10000
_SHAPE: Final = 'a SenML pack: [{"n": "ph", "u": "pH", "v": 7.4, "t": 1768443300}]'
_LABELS: Final[Mapping[int, str]] = {
    -6: "bs",
    -5: "bv",
    -4: "bu",
    -3: "bt",
    -2: "bn",
    -1: "bver",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""CBOR's integer labels (RFC 8428 table 4)."""

_TEXTS: Final = ("bn", "bu", "n", "u")
_NUMBERS: Final = ("bt", "bv", "bs", "v", "s", "t", "ut")
_VALUES: Final = ("v", "vs", "vb", "vd")


@dataclass(slots=True)
class _Base:
    """The base fields in force, which hold from the record that sets them on."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float | None = None
    sum: float | None = None


def decode_json(payload: bytes, arrived: int) -> Decoded:
    """Samples and rejections of a pack in JSON that arrived at `arrived` (us)."""
    decoded = Decoded()
    content = read_json(payload, _SHAPE, decoded)
    if not decoded.rejections:
        _decode_pack(content, arrived, decoded)
    return decoded


def decode_cbor(payload: bytes, arrived: int) -> Decoded:
    """Samples and rejections of a pack in CBOR that arrived at `arrived` (us)."""
    decoded = Decoded()
    stream = io.BytesIO(payload)
    try:
        content = cbor2.CBORDecoder(stream, read_size=1).decode()
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError, MemoryError, TypeError) as error:
        decoded.reject(Reason.MALFORMED_CBOR, f"{shown(str(error))}; must be one CBOR item, {_SHAPE}")
        return decoded
    if stream.tell() != len(payload):
        extra = len(payload) - stream.tell()
        decoded.reject(Reason.MALFORMED_CBOR, f"{extra} bytes after the pack; must be one CBOR item")
        return decoded
    if isinstance(content, list):
        content = [_named(each) for each in content]
    _decode_pack(content, arrived, decoded)
    return decoded


def _named(record: object) -> object:
    """A CBOR record with its integer labels by their names."""
    if not isinstance(record, Mapping):
        return record
    return {_LABELS.get(label, label) if type(label) is int else label: value for label, value in record.items()}


def _decode_pack(content: Any, arrived: int, into: Decoded) -> None:
    if not isinstance(content, list) or not content:
        into.reject(Reason.WRONG_SHAPE, f"payload is {shown(content)}; must be {_SHAPE}")
        return
    base = _Base()
    samples: dict[int | None, Sample] = {}
    for index, record in enumerate(content):
        at = f"[{index}]"
        wrong = _wrong_record(record, at)
        if wrong is not None:
            into.reject(Reason.WRONG_SHAPE, wrong, at)
            if isinstance(record, Mapping) and any(key in record for key in ("bn", "bt", "bu", "bv", "bs", "bver")):
                # What follows would be named or dated by a base that was not understood.
                into.reject(Reason.WRONG_SHAPE, f"records after {at} depend on its base fields; not read", at)
                break
            continue
        _set_base(base, record)
        _read_record(base, record, at, arrived, samples, into)
    into.samples += [sample for sample in samples.values() if sample.values]
    if not into.samples and not into.rejections:
        into.reject(Reason.WRONG_SHAPE, "no record with a value; must have at least one")


def _wrong_record(record: Any, at: str) -> str | None:
    """What is wrong with a record's fields, whatever they mean."""
    if not isinstance(record, Mapping):
        return f"{at} is {shown(record)}; must be a SenML record"
    repeated = getattr(record, "repeated", None)
    if repeated:
        return f"{at} gives {sorted(repeated)} more than once; must be given once"
    wrong = next(filter(None, (_wrong_field(key, value, at) for key, value in record.items())), None)
    if wrong is not None:
        return wrong
    version = record.get("bver", VERSION)
    if type(version) is not int or not 0 < version <= VERSION:
        return f"{at}.bver is {shown(version)}; must be at most {VERSION}"
    given = [key for key in _VALUES if key in record]
    if len(given) > 1:
        return f"{at} gives {given}; must be one value"
    return None


def _wrong_field(key: object, value: object, at: str) -> str | None:
    if not isinstance(key, str):
        return f"{at} has the label {shown(key)}; RFC 8428 knows -6 to 8"
    if key in _TEXTS and not isinstance(value, str):
        return f"{at}.{key} is {shown(value)}; must be text"
    if key in _NUMBERS and _as_number(value) is None:
        return f"{at}.{key} is {shown(value)}; must be a finite number"
    if key.endswith("_"):
        return f"{at}.{key} must be understood, and is not known here"  # RFC 8428 §4.4
    return None


def _set_base(base: _Base, record: Mapping[str, Any]) -> None:
    base.name = record.get("bn", base.name)
    base.unit = record.get("bu", base.unit)
    if "bt" in record:
        base.time = _as_number(record["bt"]) or 0.0
    if "bv" in record:
        base.value = _as_number(record["bv"])
    if "bs" in record:
        base.sum = _as_number(record["bs"])


def _read_record(
    base: _Base,
    record: Mapping[str, Any],
    at: str,
    arrived: int,
    samples: dict[int | None, Sample],
    into: Decoded,
) -> None:
    has_value = any(key in record for key in _VALUES)
    if not has_value and "s" not in record:
        if "n" in record:
            into.reject(Reason.WRONG_SHAPE, f"{at} has no value; must have one of v, vs, vb, vd, s", at)
        return  # a record of base fields alone, as many senders begin with
    name = base.name + record.get("n", "")
    if not name:
        into.reject(Reason.WRONG_SHAPE, f"{at} has no name; must have n, or bn before it", at)
        return
    try:
        ts = _resolve_time(base.time + (_as_number(record.get("t", 0)) or 0.0), arrived)
    except ValueError as error:
        into.reject(Reason.BAD_TIMESTAMP, f"{at}.t {error}", f"{at}.t")
        return
    sample = samples.setdefault(ts, Sample(ts, {}, units={}))
    if has_value:
        value = _resolve_value(base, record, f"{at}.{name}", into)
        if value is not None:
            _add(sample, name, value, record.get("u", base.unit), at, into)
    if "s" in record:
        total = finite((_as_number(record["s"]) or 0.0) + (base.sum or 0.0))
        if total is None:
            into.reject(Reason.NOT_FINITE, f"{at}.s with its base is no finite number", f"{at}.s")
        else:
            _add(sample, f"{name}.sum", total, "", at, into)


def _add(sample: Sample, name: str, value: float, unit: str, at: str, into: Decoded) -> None:
    if name in sample.values:
        into.reject(Reason.WRONG_SHAPE, f"{at}: {name} is given twice for one time; must be given once", at)
        return
    sample.values[name] = value
    if unit:
        sample.units = {**sample.units, name: unit}


def _resolve_value(base: _Base, record: Mapping[str, Any], at: str, into: Decoded) -> float | None:
    if "v" in record:
        value = finite((_as_number(record["v"]) or 0.0) + (base.value or 0.0))
        if value is None:
            into.reject(Reason.NOT_FINITE, f"{at} with its base is no finite number", at)
        return value
    if type(record.get("vb")) is bool:
        return float(record["vb"])
    given = next(record[key] for key in _VALUES if key in record)
    into.reject(Reason.NOT_A_NUMBER, f"{at} is {shown(given)}; must be a number", at)
    return None


def _resolve_time(seconds: float, arrived: int) -> int | None:
    """The time in us; None for now, so that a pack without times is stored by its arrival."""
    if seconds == 0.0:
        return None
    if not -_LAST_ABSOLUTE_S < seconds < _LAST_ABSOLUTE_S:
        raise ValueError(f"is {seconds:g} s; must be seconds since 1970, or relative to now below 2**28")
    us = round(seconds * 1_000_000)
    return us if seconds >= FIRST_ABSOLUTE_S else arrived + us


def _as_number(value: object) -> float | None:
    """A JSON or CBOR number as a finite float; None for anything else."""
    if type(value) is int or type(value) is float:
        return finite(value)
    if isinstance(value, Decimal | Fraction):  # CBOR tags 4, 5 and 30
        try:
            number = float(value)
        except (OverflowError, ValueError):
            return None
        return number + 0.0 if math.isfinite(number) else None
    return None
