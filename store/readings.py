"""The write path: one batch of readings, events of custody, dead letters and journal rows in one transaction.

`WriteMode.COPY` is fast and refuses a batch with a key that is already stored (`psycopg.errors.UniqueViolation`,
nothing written); the caller then takes the same batch through `WriteMode.ON_CONFLICT`, where the same key with
the same value is a duplicate, counted, and with another value a conflict, a dead letter. Only what is new
reaches the journal.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.pq import TransactionStatus

from store import custody, journal, partitions
from store.connections import Connection, scalar
from store.copy_format import encode_copy
from store.custody import Custody, CustodyResult
from store.dead_letters import insert_dead_letters, journal_dead
from store.errors import Remedy, remedy
from store.journal_body import encode_messages, encode_readings
from store.reading_table import copy_rows, find_conflicts, insert_new
from store.records import DeadLetter, Message, Readings, from_us

__all__ = [
    "NO_CUSTODY",
    "CommitUnknownError",
    "ConflictLetter",
    "CustodyLetter",
    "Settle",
    "WriteMode",
    "WriteResult",
    "encode_copy",
    "rejected_rows",
    "write_batch",
]

NO_CUSTODY: Final = Custody()
"""A batch of readings alone."""

_log = logging.getLogger(__name__)

ConflictLetter = Callable[[int, float], DeadLetter]
"""Makes the dead letter of a conflicting row from its index in the batch and the value that is stored."""

CustodyLetter = Callable[[str, int, str], DeadLetter]
"""Makes the dead letter of an event (``waste``) or a fix (``position``) by its index and what is stored there."""

Settle = Callable[[Connection, Readings], None]
"""Changes the new readings of a batch just before they are journaled."""


class WriteMode(StrEnum):
    """How readings are written: optimistic, or tolerant of what is already there."""

    COPY = "copy"
    ON_CONFLICT = "on_conflict"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of a batch of n readings.

    `written` and `conflicts` are masks of shape (n,); what is in neither was a duplicate. `journal_id` is the row
    of kind ``readings``, None if nothing was new; `dead_journal_id` that of kind ``dead``, None without any; `newest`
    the last of all. `custody` says what became of events of custody and positions.
    """

    batch: int
    journal_id: int | None
    dead_journal_id: int | None
    written: NDArray[np.bool_]
    duplicates: int
    conflicts: NDArray[np.bool_]
    custody: CustodyResult = field(default_factory=CustodyResult)
    newest: int | None = None


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
    settle: Settle | None = None,
    chain: Custody = NO_CUSTODY,
    custody_letter: CustodyLetter | None = None,
) -> WriteResult:
    """Write readings, events of custody, dead letters and journal rows in one transaction and commit it.

    Parameters
    ----------
    connection : idle; autocommit or not
    readings : dtype `READING`, shape (n,); n may be 0
    messages : the original messages, kept with the journal row as evidence
    dead : dead letters of the same messages
    recorded_at : what the journal rows and conflict letters are dated with
    conflict_letter : makes the dead letter of a conflicting row; by default one without topic and payload
    settle : says the last of the new readings, in place, under the journal's lock: what came before them is known
    chain : events of custody and positions; what is there already is told apart in either mode
    custody_letter : makes the dead letter of a conflicting event or fix; by default one without topic and payload

    Raises
    ------
    psycopg.errors.UniqueViolation : in mode COPY, a key is stored already or comes twice; nothing was written
    CommitUnknownError : the connection broke while committing
    psycopg.Error : anything else, nothing was written; `store.errors.remedy` says what to do

    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError(f"write_batch commits by itself: the connection is {connection.info.transaction_status.name}")
    partitions.ensure_for(connection, readings["ts"])
    custody.ensure_for(connection, chain)
    result: WriteResult | None = None
    try:
        with connection.transaction():
            batch = _Batch(readings, messages, dead, recorded_at, chain)
            result = _write(connection, batch, mode, conflict_letter, custody_letter, settle)
    except psycopg.Error as error:
        if result is None:
            raise
        raise CommitUnknownError(f"the answer to COMMIT was lost: {error}", result) from error
    if result.newest is not None:
        _look_ahead(connection, result.newest)
    return result


def _look_ahead(connection: Connection, journal_id: int) -> None:
    """Make the journal's next partition in time. The batch is committed: nothing here may say that it is not."""
    try:
        partitions.ensure_journal_for(connection, journal_id)
    except psycopg.Error as error:
        _log.warning("the journal's next partition is not made yet: %s", error)


class _Batch(NamedTuple):
    readings: Readings
    messages: Sequence[Message]
    dead: Sequence[DeadLetter]
    recorded_at: datetime
    chain: Custody


def _write(
    connection: Connection,
    given: _Batch,
    mode: WriteMode,
    conflict_letter: ConflictLetter | None,
    custody_letter: CustodyLetter | None,
    settle: Settle | None,
) -> WriteResult:
    batch = int(scalar(connection, "SELECT nextval('batch_number')"))
    readings, letters = given.readings, list(given.dead)
    conflicts = np.zeros(len(readings), dtype=np.bool_)
    if mode is WriteMode.COPY:
        copy_rows(connection, readings, batch)
        written = np.ones(len(readings), dtype=np.bool_)
    else:
        written = insert_new(connection, readings, batch)
        conflicts, stored = find_conflicts(connection, readings, written)
        letters += [
            (conflict_letter or _plain_conflict(readings, given.recorded_at))(int(i), float(stored[i]))
            for i in np.flatnonzero(conflicts)
        ]
    chained = custody.insert(connection, given.chain, batch)
    tell = custody_letter or _plain_custody_conflict(given.recorded_at)
    letters += [tell("waste", number, said) for number, said in chained.scans.conflicts.items()]
    letters += [tell("position", number, said) for number, said in chained.fixes.conflicts.items()]
    insert_dead_letters(connection, letters, batch)
    packed = custody.pack(given.chain, chained)
    new = readings[written]
    if settle is not None and len(new):
        journal.lock(connection)
        settle(connection, new)
        readings["late"][written] = new["late"]
    journal_id = _journal(connection, new, given, batch)
    custody_id = custody.append(connection, packed, given.recorded_at, batch)
    dead_id = journal_dead(connection, letters, given.recorded_at, batch) if letters else None
    duplicates = len(readings) - int(written.sum()) - int(conflicts.sum())
    newest = dead_id or custody_id or journal_id
    return WriteResult(batch, journal_id, dead_id, written, duplicates, conflicts, chained, newest)


def _plain_conflict(readings: Readings, recorded_at: datetime) -> ConflictLetter:
    def letter(index: int, stored: float) -> DeadLetter:
        row = readings[index]
        detail = (
            f"channel {row['channel_id']} at {from_us(int(row['ts'])).isoformat()} came with value {row['value']}, "
            f"but {stored} is stored; a reading is never changed"
        )
        return DeadLetter(recorded_at, "", b"", "conflict", detail)

    return letter


def _plain_custody_conflict(recorded_at: datetime) -> CustodyLetter:
    def letter(kind: str, index: int, stored: str) -> DeadLetter:
        detail = f"{kind} {index} differs from what is stored, {stored}; what is stored is never changed"
        return DeadLetter(recorded_at, "", b"", "conflict", detail)

    return letter


def _journal(connection: Connection, new: Readings, given: _Batch, batch: int) -> int | None:
    """Append the row of new readings, None without any. All packing is done before the lock is taken."""
    if len(new) == 0:
        return None
    body = encode_readings(new)
    raw = encode_messages(given.messages) if given.messages else None
    return journal.append(
        connection, "readings", body, rows=len(new), recorded_at=given.recorded_at, raw=raw, batch=batch
    )


def rejected_rows(connection: Connection, readings: Readings) -> dict[int, str]:
    """The readings the database refuses for their values: index in the batch → the server's message."""
    return refused_of(connection, len(readings), lambda lo, hi: insert_new(connection, readings[lo:hi], 0))


def refused_of(connection: Connection, count: int, insert: Callable[[int, int], object]) -> dict[int, str]:
    """Which of `count` rows the database refuses: index → the server's message. Writes nothing.

    Bisects by trial inserts of rows `lo` up to `hi` that are rolled back. An error that is not about a row's values is
    raised untouched.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("refused_of tries and rolls back: it needs an idle connection")
    rejected: dict[int, str] = {}
    pending = [(0, count)]
    with connection.transaction(force_rollback=True):
        while pending:
            lo, hi = pending.pop()
            message = _refusal(connection, lo, hi, insert)
            if message is None:
                continue
            if hi - lo == 1:
                rejected[lo] = message
            else:
                middle = (lo + hi) // 2
                pending += [(lo, middle), (middle, hi)]
    return dict(sorted(rejected.items()))


def _refusal(connection: Connection, lo: int, hi: int, insert: Callable[[int, int], object]) -> str | None:
    try:
        with connection.transaction():
            insert(lo, hi)
    except psycopg.Error as error:
        if remedy(error) is not Remedy.DATA:
            raise
        return error.diag.message_primary or str(error)
    return None
