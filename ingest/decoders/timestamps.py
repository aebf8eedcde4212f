"""Device times as the dialects write them, to microseconds since 1970 UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ingest.rejection import shown

BEIJING: Final = timezone(timedelta(hours=8))
"""The clock of China's own protocols."""

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_COMPACT_UTC: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\Z", re.ASCII)
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})?\Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS_OF_YEAR_1: Final = -62_135_596_800_000
_MS_OF_YEAR_10000: Final = 253_402_300_800_000
_RIGHT: Final = "must be milliseconds since 1970 as an integer, or an RFC 3339 time with its zone"
_RIGHT_MS: Final = "must be milliseconds since 1970 as an integer"


def read_timestamp(ts: object, name: str = "ts") -> int:
    """Milliseconds or RFC 3339 (with its zone) in us. Raises `ValueError` saying what would be right."""
    if type(ts) is int:
        return read_milliseconds(ts, name)
    if not isinstance(ts, str) or not _RFC3339.match(ts):
        raise _bad(ts, name, _RIGHT)
    try:
        # Python reads at most microseconds.
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", ts.upper().replace(" ", "T"))).astimezone(UTC)
    except (ValueError, OverflowError):  # no such date, or beyond the calendar once its offset is applied
        raise _bad(ts, name, _RIGHT) from None
    return to_us(at)


def read_milliseconds(ts: object, name: str = "ts") -> int:
    """Milliseconds since 1970 in us. Raises `ValueError` saying what would be right."""
    if type(ts) is not int:
        raise _bad(ts, name, _RIGHT_MS)
    if not _MS_OF_YEAR_1 <= ts < _MS_OF_YEAR_10000:
        raise ValueError(f"{name} is {shown(ts)} ms, outside the years 1 to 9999; {_RIGHT}")
    return ts * 1000


def read_compact_utc(ts: object, name: str) -> int:
    """Huawei IoTDA's ``yyyyMMddTHHmmssZ`` in us. Raises `ValueError` saying what would be right."""
    found = _COMPACT_UTC.match(ts) if isinstance(ts, str) else None
    try:
        if found is not None:
            return to_us(datetime(*(int(each) for each in found.groups()), tzinfo=UTC))  # type: ignore[misc,arg-type]
    except ValueError:  # no such date
        pass
    raise _bad(ts, name, "must be a UTC time written yyyyMMddTHHmmssZ")


def read_beijing(ts: str | None, name: str) -> int:
    """HJ 212's ``yyyyMMddHHmmss`` with or without milliseconds, in us; the standard's clock is UTC+8.

    Raises `ValueError` saying what would be right.
    """
    found = _COMPACT.match(ts) if ts else None
    try:
        if found is not None:
            *parts, ms = (int(each or 0) for each in found.groups())
            return to_us(datetime(*parts, ms * 1000, tzinfo=BEIJING))  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError):  # no such date
        pass
    raise _bad(ts, name, "must be a time in UTC+8 written yyyyMMddHHmmss")


def to_us(at: datetime) -> int:
    """An aware time in us."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _bad(ts: object, name: str, right: str) -> ValueError:
    return ValueError(f"{name} is {'missing' if ts is None else shown(ts)}; {right}")
