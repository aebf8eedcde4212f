"""The past of the simulated basins: what their devices would have reported, without waiting for it.

Same physics, instruments, noise, people and weather as the live fleet. When the back-fill ends now and leaves its
checkpoint, the fleet goes on from that very water, and samples at the same phase of each minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.model import Registry
from registry.opening import MICROSECONDS_A_MINUTE
from simulators.clock import SECOND_US, sample_instant
from simulators.engine import INDICATOR_ROWS, Engine
from simulators.state import save_checkpoint

CHUNK_ROWS: Final = 200_000
CHECKPOINT_NAME: Final = "physics.npz"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Readings in order of time: arrays of one length. `ts` is µs since the epoch, `value` in the indicator's unit."""

    channel_id: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.channel_id)


def backfill(
    registry: Registry,
    seed: int,
    first: datetime,
    last: datetime,
    period_s: int = 60,
    *,
    folder: Path | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[Chunk]:
    """Readings of every simulated channel with `first` ≤ ts < `last`, in chunks of about `chunk_rows`.

    Parameters
    ----------
    first, last : aware datetimes
    period_s : seconds between a device's samples, a multiple of 60 (the step of the physics)
    folder : ``<data>/simulators``; when given, the water is kept there at the end for the fleet to go on from

    Raises `ValueError` on a period that is not a multiple of 60 s, or an end before the beginning.

    """
    if period_s < 60 or period_s % 60:
        raise ValueError(f"period_s is {period_s}, must be a positive multiple of 60 s, the step of the physics")
    begin, end = _microseconds(first), _microseconds(last)
    if end < begin:
        raise ValueError(f"last {last} is before first {first}")
    engine = Engine.settled(registry, seed, begin // MICROSECONDS_A_MINUTE - 1)
    channels = _Channels(registry, engine, period_s)
    parts: list[Chunk] = []
    rows = 0
    while (minute := engine.minute + 1) * MICROSECONDS_A_MINUTE < end:
        engine.advance(minute)
        part = channels.sample(engine, begin, end)
        rows += len(part)
        parts.append(part)
        if rows >= chunk_rows:
            yield _joined(parts)
            parts, rows = [], 0
    if rows:
        yield _joined(parts)
    if folder is not None:
        save_checkpoint(folder / CHECKPOINT_NAME, engine.checkpoint, engine.names, seed)


class _Channels:
    """Where each channel's value is in an array of readings, and in which minutes its device samples."""

    def __init__(self, registry: Registry, engine: Engine, period_s: int) -> None:
        found = [
            (channel.id, INDICATOR_ROWS[channel.indicator], engine.columns[device.code])
            for device in engine.devices
            for channel in registry.channels_of_device[device.code]
        ]
        table = np.array(found, dtype=np.int64).reshape(-1, 3)
        self._ids = table[:, 0].astype(np.int32)
        self._rows, self._columns = table[:, 1], table[:, 2]
        self._interval = period_s * SECOND_US
        self._minutes = period_s // 60
        phase = engine.phase[self._columns]
        # A device samples in that minute of its period which its phase falls in.
        offset_us = [sample_instant(0, self._interval, float(each)) for each in phase]
        self._offset_us = np.array(offset_us, dtype=np.int64)
        self._offset_minutes = self._offset_us // MICROSECONDS_A_MINUTE

    def sample(self, engine: Engine, begin: int, end: int) -> Chunk:
        number, rest = np.divmod(engine.minute - self._offset_minutes, self._minutes)
        ts = number * self._interval + self._offset_us
        due = (rest == 0) & (ts >= begin) & (ts < end)
        values = engine.readings[self._rows[due], self._columns[due]]
        return Chunk(self._ids[due], ts[due], values)


def _joined(parts: list[Chunk]) -> Chunk:
    """One chunk of several consecutive minutes, in order of time."""
    ts = np.concatenate([part.ts for part in parts])
    order = np.argsort(ts, kind="stable")
    return Chunk(
        channel_id=np.concatenate([part.channel_id for part in parts])[order],
        ts=ts[order],
        value=np.concatenate([part.value for part in parts])[order],
    )


def _microseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return round(at.timestamp() * 1e6)
