"""The rows that cross the boundary of the store: readings as a numpy dtype, original messages, dead letters.

Times in arrays are int64 microseconds since the Unix epoch, UTC ("us"), which is what `timestamptz` keeps.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

READING: Final = np.dtype([("channel_id", "<i4"), ("ts", "<i8"), ("value", "<f8"), ("arrived", "<i8"), ("late", "?")])
"""One reading, packed little-endian, 29 bytes: device time and arrival time in us; `late` never pages."""

Readings = NDArray[Any]
"""An array of dtype `READING`, shape (n,)."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """An original MQTT message, kept in the journal as evidence. `arrived` in us."""

    topic: str
    payload: bytes
    arrived: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be stored as a reading: the raw bytes, the reason code and what was wrong in words."""

    received_at: datetime
    topic: str
    payload: bytes
    reason: str
    detail: str
    site: str | None = None
    device: str | None = None
    field: str | None = None


def to_us(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly (no floats)."""
    if at.tzinfo is None:
        raise ValueError(f"time {at} has no zone; an aware datetime is needed")
    return (at - EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The aware UTC datetime of microseconds since the epoch, exactly (no floats)."""
    return EPOCH + timedelta(microseconds=us)


def empty_readings() -> Readings:
    """An array of no readings."""
    return np.empty(0, dtype=READING)
