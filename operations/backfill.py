"""Writes the past of the simulated sites: from the simulators' physics into the store, as late readings.

Late readings are history: they are stored and journaled, and page nobody. What is there already is left alone:
the back-fill writes what lies before the oldest reading and what is missing after the newest, so that it can be
run again after it was interrupted, and for a longer past.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from operations.demonstration import record_of_demonstration
from operations.errors import OperatorError
from operations.first_start import demonstration_of
from operations.folder import DataFolder
from registry.model import Registry
from simulators.backfill import Chunk, backfill
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, to_us

PROGRESS_EVERY_S: Final = 2.0
GAP_PERIODS: Final = 3
"""Readings are missing at the end when the newest is older than this many periods."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` (included) to `last` (not included)."""

    first: datetime
    last: datetime


def missing(wanted: Span, stored: Span | None, period: timedelta) -> list[Span]:
    """The parts of a wanted span before the oldest and after the newest stored reading, oldest part first."""
    if stored is None:
        return [wanted]
    spans = []
    if wanted.first + period < stored.first:
        spans.append(Span(wanted.first, min(stored.first, wanted.last)))
    if stored.last + GAP_PERIODS * period < wanted.last:
        after = stored.last + timedelta(microseconds=1)
        spans.append(Span(max(after, wanted.first), wanted.last))
    return spans


def fill(dsn: str, folder: DataFolder, *, hours: float, period_s: int, gap: bool, said: Callable[[str], None]) -> int:
    """Write the last `hours` of the demonstration's sites and return the number of readings written.

    With `gap` also what is missing between the newest stored reading and now.

    Leaves the state of the water for the fleet to go on from. Raises `OperatorError` on a folder without a
    demonstration, a past before its sites' registration, or a period the physics cannot step in.
    """
    record = record_of_demonstration(folder)
    now = datetime.now(UTC)
    first = now - timedelta(hours=hours)
    if first < record.registered_at:
        most = (now - record.registered_at).days
        raise OperatorError(f"back-fill of {hours / 24:g} days: the sites are registered for {most} days only")
    if period_s % 60:
        raise OperatorError(f"back-fill period of {period_s} s: must be a multiple of 60 s, the step of the physics")
    registry = demonstration_of(record)
    progress = _Progress(said)
    with connect(dsn, application_name="landun-backfill") as connection:
        stored = _stored(connection, registry)
        for span in missing(Span(first, now), stored, timedelta(seconds=period_s)):
            if stored is not None and span.first >= stored.last and not gap:
                continue
            water = folder.path / "simulators" if span.last == now else None
            for chunk in backfill(registry, record.seed, span.first, span.last, period_s, folder=water):
                _write(connection, chunk)
                progress.add(chunk)
    progress.end()
    return progress.rows


def _stored(connection: Connection, registry: Registry) -> Span | None:
    """From the oldest to the newest stored reading of the demonstration's channels."""
    row = connection.execute(
        "SELECT min(ts), max(ts) FROM unnest(%s::integer[]) AS channel (id), "
        "LATERAL ((SELECT ts FROM reading WHERE channel_id = channel.id ORDER BY ts LIMIT 1) UNION ALL "
        "(SELECT ts FROM reading WHERE channel_id = channel.id ORDER BY ts DESC LIMIT 1)) AS ends",
        (list(registry.channels),),
    ).fetchone()
    connection.rollback()
    return None if row is None or row[0] is None else Span(row[0], row[1])


def _write(connection: Connection, chunk: Chunk) -> None:
    now = datetime.now(UTC)
    write_batch(connection, _readings(chunk, now), messages=(), dead=(), recorded_at=now, mode=WriteMode.COPY)


def _readings(chunk: Chunk, arrived: datetime) -> Readings:
    readings = np.empty(len(chunk), dtype=READING)
    readings["channel_id"] = chunk.channel_id
    readings["ts"] = chunk.ts
    readings["value"] = chunk.value
    readings["arrived"] = to_us(arrived)
    readings["late"] = True
    return readings


class _Progress:
    """Says how far it is, every few seconds and at the end."""

    def __init__(self, said: Callable[[str], None]) -> None:
        self._said = said
        self._began = self._told = time.monotonic()
        self.rows = 0

    def add(self, chunk: Chunk) -> None:
        self.rows += len(chunk)
        if time.monotonic() - self._told > PROGRESS_EVERY_S:
            self._told = time.monotonic()
            until = datetime.fromtimestamp(int(chunk.ts[-1]) / 1e6, UTC)
            self._said(f"history written up to {until:%Y-%m-%d %H:%M} UTC: {self.rows} readings")

    def end(self) -> None:
        self._said(f"history complete: {self.rows} readings in {time.monotonic() - self._began:.1f} s")
