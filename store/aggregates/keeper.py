"""Keeps the aggregates up with the journal: what a committed batch touched is computed anew, and nothing else.

The keeper is a consumer of the journal like the monitor, a little behind it: it goes only as far as the monitor has
come, because a reading's judgement is written when the monitor passes it. Its cursor moves with the buckets it wrote.
"""

import json
import logging
import zlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from store import journal
from store.aggregates import continuous, tables
from store.connections import Connection
from store.journal import Entry

CONSUMER: Final = "aggregates"
LOCK_AGGREGATES: Final = 0x4C44_4147
"""Advisory lock held while buckets are written: what one keeper reads and writes, no other does meanwhile."""

ROWS_A_STEP: Final = 200_000
ENTRIES_A_STEP: Final = 512
REBUILD: Final = "aggregates"
"""``{"what": "aggregates"}`` in a `config` row asks for everything to be computed anew."""

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the aggregates of one database over an autocommit connection of its own.

    `leader` is the consumer it stays behind; None to go to the journal's end.
    """

    def __init__(self, connection: Connection, *, leader: str | None = "monitor") -> None:
        if not connection.autocommit:
            raise ValueError("the keeper commits by itself: it needs an autocommit connection")
        self.connection = connection
        self.leader = leader
        self.continuous = continuous.in_use(connection)

    def step(self, now: datetime) -> bool:
        """Take the next part of the journal in; return whether there is more. `now` dates the cursor."""
        ensure_zones(self.connection)
        if not built(self.connection):
            self._build(now, self._end())
            return True
        entries = self._next()
        if not entries:
            return False
        if _asks_rebuild(entries[-1]):
            self._take(entries[:-1], entries[-1].id - 1, now)
            self._build(now, entries[-1].id)
        else:
            self._take(entries, entries[-1].id, now)
        return True

    def compress(self, now: datetime) -> list[str]:
        """Compress what of the aggregates has come to rest, where that is possible; the names of the chunks."""
        return continuous.compress(self.connection, now) if self.continuous else []

    def _end(self) -> int:
        return journal.last_id(self.connection) if self.leader is None else journal.cursor(self.connection, self.leader)

    def _next(self) -> list[Entry]:
        """The next rows up to a step's worth of readings, or to one that asks for everything."""
        found: list[Entry] = []
        end, rows = self._end(), 0
        for entry in journal.read_after(self.connection, journal.cursor(self.connection, CONSUMER), ENTRIES_A_STEP):
            if entry.id > end or (found and rows + entry.rows > ROWS_A_STEP):
                break
            found.append(entry)
            rows += entry.rows
            if _asks_rebuild(entry):
                break
        return found

    def _build(self, now: datetime, upto: int) -> None:
        """Everything from the readings, however many; what is journaled meanwhile is taken in afterwards."""
        _log.info("aggregates are computed from all readings")
        if self.continuous:
            continuous.refresh_all(self.connection)
        else:
            for until in tables.build(self.connection):
                _log.info("aggregates are computed up to %s", until.date())
        journal.move_cursor(self.connection, CONSUMER, upto, now)

    def _take(self, entries: Sequence[Entry], upto: int, now: datetime) -> None:
        channel_ids, ts = _touched(entries)
        if self.continuous:
            continuous.refresh(self.connection, ts)
            journal.move_cursor(self.connection, CONSUMER, upto, now)
            return
        with self.connection.transaction():
            # Before anything is read: two keepers that overlap for a moment must not write what the other made old.
            self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_AGGREGATES,))
            tables.recompute(self.connection, channel_ids, ts)
            journal.move_cursor(self.connection, CONSUMER, upto, now)


def _touched(entries: Sequence[Entry]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Channels and times (us) whose buckets these rows change. Readings that can't be read are passed over, logged."""
    channels: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)]
    times: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    for entry in entries:
        try:
            if entry.kind == "readings":
                readings = journal.readings_of(entry)
                channels.append(readings["channel_id"])
                times.append(readings["ts"])
            elif entry.kind == "config" and _what(entry) == "correction":
                body = journal.event_of(entry)
                channels.append(np.array([body["channel_id"]], dtype=np.int32))
                times.append(np.array([body["ts"]], dtype=np.int64))
        except (ValueError, KeyError, TypeError, OverflowError, zlib.error) as error:
            _log.error("journal row %d of kind %s passed over, unreadable: %r", entry.id, entry.kind, error)
    return np.concatenate(channels), np.concatenate(times)


def _what(entry: Entry) -> Any:
    try:
        body = json.loads(entry.body)
    except ValueError:
        return None
    return body.get("what") if isinstance(body, dict) else None


def _asks_rebuild(entry: Entry) -> bool:
    return entry.kind == "config" and _what(entry) == REBUILD


def built(connection: Connection) -> bool:
    """Whether the aggregates have been computed once, so that they may be asked."""
    row = connection.execute("SELECT 1 FROM journal_cursor WHERE consumer = %s", (CONSUMER,)).fetchone()
    return row is not None


def ensure_zones(connection: Connection) -> None:
    """Make what the zones in use need, and have it computed, where continuous aggregates are in use."""
    if not continuous.in_use(connection):
        return
    new = continuous.ensure_zones(connection)
    if new and built(connection):
        _log.info("new time zones: %s", ", ".join(new))
        continuous.refresh_all(connection)


def forget(connection: Connection, channels: Collection[int], now: datetime) -> None:
    """Delete the buckets of channels whose readings were deleted; call it when that is committed.

    Continuous aggregates can't be deleted from: the keeper refreshes them, since TimescaleDB knows what was deleted.
    """
    if not channels:
        return
    with connection.transaction():
        if continuous.in_use(connection):
            ask_rebuild(connection, now)
            return
        # Whoever computes them now may still see the readings; whoever comes after finds none.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_AGGREGATES,))
        tables.forget(connection, channels)


def ask_rebuild(connection: Connection, now: datetime) -> int:
    """Ask, through the journal, for every bucket to be computed anew; the id of the row that asks.

    Needed after rows were deleted behind the journal's back, or when a site's time zone was changed.
    """
    return journal.append_event(connection, "config", {"what": REBUILD}, now)
