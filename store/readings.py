"""The write path: one batch of readings, its dead letters and its journal rows in one transaction.

`WriteMode.COPY` is fast and refuses a batch with a key that is already stored (`psycopg.errors.UniqueViolation`,
nothing written); the caller then takes the same batch through `WriteMode.ON_CONFLICT`, where the same key with
the same value is a duplicate, counted, and with another value a conflict, a dead letter. Only what is new
reaches the journal.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.pq import TransactionStatus

from store import journal, partitions
from store.connections import Connection, binary_row, scalar
from store.copy_format import (
    COPY_HEADER,
    COPY_TRAILER,
    decode_float8_array,
    decode_int4_array,
    decode_timestamptz_array,
    encode_copy,
    float8_array,
    int4_array,
    timestamptz_array,
)
from store.dead_letters import insert_dead_letters, journal_dead
from store.errors import Remedy, remedy
from store.journal_body import encode_messages, encode_readings
from store.records import DeadLetter, Message, Readings, from_us

__all__ = [
    "CommitUnknownError",
    "ConflictLetter",
    "WriteMode",
    "WriteResult",
    "encode_copy",
    "rejected_rows",
    "write_batch",
]

_COPY: Final = "COPY reading (channel_id, ts, value, batch) FROM STDIN (FORMAT BINARY)"
_INSERT: Final = """
WITH inserted AS (
    INSERT INTO reading (channel_id, ts, value, batch)
    SELECT channel_id, ts, value, %s::bigint
    FROM unnest(%s::integer[], %s::timestamptz[], %s::float8[]) AS new (channel_id, ts, value)
    ON CONFLICT DO NOTHING
    RETURNING channel_id, ts
)
SELECT array_agg(channel_id), array_agg(ts) FROM inserted
"""
# LATERAL with LIMIT: one index probe a key, whatever the planner thinks of the table's size.
_STORED: Final = """
SELECT array_agg(wanted.channel_id), array_agg(wanted.ts), array_agg(stored.value)
FROM unnest(%s::integer[], %s::timestamptz[]) AS wanted (channel_id, ts),
     LATERAL (SELECT value FROM reading
              WHERE reading.channel_id = wanted.channel_id AND reading.ts = wanted.ts LIMIT 1) AS stored
"""

_log = logging.getLogger(__name__)

ConflictLetter = Callable[[int, float], DeadLetter]
"""Makes the dead letter of a conflicting row from its index in the batch and the value that is stored."""


class WriteMode(StrEnum):
    """How readings are written: optimistic, or tolerant of what is already there."""

    COPY = "copy"
    ON_CONFLICT = "on_conflict"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of a batch of n readings.

    `written` and `conflicts` are masks of shape (n,); what is in neither was a duplicate. `journal_id` is the row
    of kind ``readings``, None if nothing was new; `dead_journal_id` that of kind ``dead``, None without any.
    """

    batch: int
    journal_id: int | None
    dead_journal_id: int | None
    written: NDArray[np.bool_]
    duplicates: int
    conflicts: NDArray[np.bool_]


class CommitUnknownError(psycopg.OperationalError):
    """COMMIT was sent and its answer never came.

    Ask `journal.holds_batch(connection, error.result.batch)` on a new connection: if true, `result` is what
    happened; if false, write the batch again.
    """

    def __init__(self, message: str, result: WriteResult) -> None:
        super().__init__(message)
        self.result = result


def write_batch(
    connection: Connection,
    readings: Readings,
    *,
    messages: Sequence[Message],
    dead: Sequence[DeadLetter],
    recorded_at: datetime,
    mode: WriteMode,
    conflict_letter: ConflictLetter | None = None,
) -> WriteResult:
    """Write readings, dead letters and journal rows in one transaction and commit it.

    Parameters
    ----------
    connection : idle; autocommit or not
    readings : dtype `READING`, shape (n,); n may be 0
    messages : the original messages, kept with the journal row as evidence
    dead : dead letters of the same messages
    recorded_at : what the journal rows and conflict letters are dated with
    conflict_letter : makes the dead letter of a conflicting row; by default one without topic and payload

    Raises
    ------
    psycopg.errors.UniqueViolation : in mode COPY, a key is stored already or comes twice; nothing was written
    CommitUnknownError : the connection broke while committing
    psycopg.Error : anything else, nothing was written; `store.errors.remedy` says what to do

    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError(f"write_batch commits by itself: the connection is {connection.info.transaction_status.name}")
    partitions.ensure_for(connection, readings["ts"])
    result: WriteResult | None = None
    try:
        with connection.transaction():
            result = _write(connection, readings, messages, dead, recorded_at, mode, conflict_letter)
    except psycopg.Error as error:
        if result is None:
            raise
        raise CommitUnknownError(f"the answer to COMMIT was lost: {error}", result) from error
    if result.journal_id is not None:
        _look_ahead(connection, result.journal_id)
    return result


def _look_ahead(connection: Connection, journal_id: int) -> None:
    """Make the journal's next partition in time. The batch is committed: nothing here may say that it is not."""
    try:
        partitions.ensure_journal_for(connection, journal_id)
    except psycopg.Error as error:
        _log.warning("the journal's next partition is not made yet: %s", error)


def _write(
    connection: Connection,
    readings: Readings,
    messages: Sequence[Message],
    dead: Sequence[DeadLetter],
    recorded_at: datetime,
    mode: WriteMode,
    conflict_letter: ConflictLetter | None,
) -> WriteResult:
    batch = int(scalar(connection, "SELECT nextval('batch_number')"))
    letters = list(dead)
    conflicts = np.zeros(len(readings), dtype=np.bool_)
    if mode is WriteMode.COPY:
        _copy(connection, readings, batch)
        written = np.ones(len(readings), dtype=np.bool_)
    else:
        written = _insert(connection, readings, batch)
        conflicts, stored = _find_conflicts(connection, readings, written)
        letters += [
            (conflict_letter or _plain_conflict(readings, recorded_at))(int(i), float(stored[i]))
            for i in np.flatnonzero(conflicts)
        ]
    insert_dead_letters(connection, letters, batch)
    journal_id, dead_id = _journal(connection, readings[written], messages, letters, recorded_at, batch)
    duplicates = len(readings) - int(written.sum()) - int(conflicts.sum())
    return WriteResult(batch, journal_id, dead_id, written, duplicates, conflicts)


def _copy(connection: Connection, readings: Readings, batch: int) -> None:
    if len(readings) == 0:
        return
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(COPY_HEADER + encode_copy(_by_key(readings), batch) + COPY_TRAILER)


def _by_key(readings: Readings) -> Readings:
    """The same rows in the order of the primary key, rows with one key in the order they came.

    Neighbours in the index are then inserted one after the other, which halves the server's work a row on a batch of
    many minutes; and two writers take the same keys in the same order, so they cannot deadlock.
    """
    return readings[np.lexsort((readings["ts"], readings["channel_id"]))]


def _insert(connection: Connection, readings: Readings, batch: int) -> NDArray[np.bool_]:
    """Insert what is new and return its mask; of rows with the same key in one batch the first counts."""
    if len(readings) == 0:
        return np.zeros(0, dtype=np.bool_)
    ordered = _by_key(readings)
    parameters = (
        batch,
        int4_array(ordered["channel_id"]),
        timestamptz_array(ordered["ts"]),
        float8_array(ordered["value"]),
    )
    channel_ids, ts = binary_row(connection, _INSERT, parameters)
    first = np.zeros(len(readings), dtype=np.bool_)
    keys = _keys(readings["channel_id"], readings["ts"])
    first[np.unique(keys, return_index=True)[1]] = True
    return np.asarray(first & np.isin(keys, _keys(decode_int4_array(channel_ids), decode_timestamptz_array(ts))))


def _keys(channel_ids: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.void]:
    """Keys as 12 opaque bytes, shape (n,), so that numpy sorts and compares pairs as one."""
    pairs = np.empty(len(ts), dtype=[("channel_id", ">i4"), ("ts", ">i8")])
    pairs["channel_id"] = channel_ids
    pairs["ts"] = ts
    return pairs.view("V12").reshape(-1)


def _find_conflicts(
    connection: Connection, readings: Readings, written: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of the rows not written differ from what is stored, and the stored values (NaN where not looked up)."""
    conflicts = np.zeros(len(readings), dtype=np.bool_)
    stored = np.full(len(readings), np.nan)
    rest = np.flatnonzero(~written)
    if len(rest) == 0:
        return conflicts, stored
    asked = readings[rest]
    channel_ids, ts, values = binary_row(
        connection, _STORED, (int4_array(asked["channel_id"]), timestamptz_array(asked["ts"]))
    )
    keys = zip(decode_int4_array(channel_ids).tolist(), decode_timestamptz_array(ts).tolist(), strict=True)
    found = dict(zip(keys, decode_float8_array(values).tolist(), strict=True))
    for index, channel_id, at, value in zip(
        rest.tolist(), asked["channel_id"].tolist(), asked["ts"].tolist(), asked["value"].tolist(), strict=True
    ):
        stored[index] = found.get((channel_id, at), value)  # retention dropped it meanwhile: nothing to differ from
        conflicts[index] = stored[index] != value
    return conflicts, stored


def _plain_conflict(readings: Readings, recorded_at: datetime) -> ConflictLetter:
    def letter(index: int, stored: float) -> DeadLetter:
        row = readings[index]
        detail = (
            f"channel {row['channel_id']} at {from_us(int(row['ts'])).isoformat()} came with value {row['value']}, "
            f"but {stored} is stored; a reading is never changed"
        )
        return DeadLetter(recorded_at, "", b"", "conflict", detail)

    return letter


def _journal(
    connection: Connection,
    new: Readings,
    messages: Sequence[Message],
    letters: Sequence[DeadLetter],
    recorded_at: datetime,
    batch: int,
) -> tuple[int | None, int | None]:
    """Append the journal rows. All packing is done before the lock is taken."""
    journal_id = dead_id = None
    if len(new):
        body = encode_readings(new)
        raw = encode_messages(messages) if messages else None
        journal_id = journal.append(
            connection, "readings", body, rows=len(new), recorded_at=recorded_at, raw=raw, batch=batch
        )
    if letters:
        dead_id = journal_dead(connection, letters, recorded_at, batch)
    return journal_id, dead_id


def rejected_rows(connection: Connection, readings: Readings) -> dict[int, str]:
    """The rows the database refuses for their values: index in the batch → the server's message. Writes nothing.

    Bisects by trial inserts that are rolled back. An error that is not about a row's values is raised untouched.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("rejected_rows tries and rolls back: it needs an idle connection")
    rejected: dict[int, str] = {}
    pending = [(0, len(readings))]
    with connection.transaction(force_rollback=True):
        while pending:
            lo, hi = pending.pop()
            message = _refusal(connection, readings[lo:hi])
            if message is None:
                continue
            if hi - lo == 1:
                rejected[lo] = message
            else:
                middle = (lo + hi) // 2
                pending += [(lo, middle), (middle, hi)]
    return dict(sorted(rejected.items()))


def _refusal(connection: Connection, readings: Readings) -> str | None:
    try:
        with connection.transaction():
            _insert(connection, readings, 0)
    except psycopg.Error as error:
        if remedy(error) is not Remedy.DATA:
            raise
        return error.diag.message_primary or str(error)
    return None
