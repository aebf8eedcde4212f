"""Events of custody and positions within the transaction of a batch: rows, then their journal rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from store import journal, partitions
from store.connections import Connection
from store.journal_body import encode_messages
from store.records import Message
from store.waste_body import PositionRow, encode, pack_positions, pack_waste
from store.waste_rows import Outcome, StoredScan, insert_positions, insert_scans


@dataclass(frozen=True, slots=True)
class Custody:
    """What a batch holds of custody: events and fixes, and the original messages that brought either."""

    scans: Sequence[StoredScan] = ()
    scan_messages: Sequence[Message] = ()
    fixes: Sequence[PositionRow] = ()
    fix_messages: Sequence[Message] = ()


@dataclass(frozen=True, slots=True)
class CustodyResult:
    """What became of it: of the events, and of the fixes."""

    scans: Outcome = field(default_factory=Outcome)
    fixes: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A row that is packed and waits for the journal's lock."""

    kind: str
    body: bytes
    rows: int
    raw: bytes | None


def ensure_for(connection: Connection, custody: Custody) -> None:
    """Make the partitions that these rows need."""
    for table, times in (
        ("waste_event", [each.row.ts for each in custody.scans]),
        ("position", [each.ts for each in custody.fixes]),
    ):
        partitions.ensure_for(connection, np.array(times, dtype=np.int64), table)


def insert(connection: Connection, custody: Custody, batch: int) -> CustodyResult:
    """Insert what is new. Does not commit."""
    return CustodyResult(
        insert_scans(connection, custody.scans, batch), insert_positions(connection, custody.fixes, batch)
    )


def pack(custody: Custody, result: CustodyResult) -> list[JournalRow]:
    """The journal rows of what was new; none without any."""
    rows: list[JournalRow] = []
    if result.scans.new:
        body = encode(pack_waste(custody.scans[number].row for number in result.scans.new))
        rows.append(JournalRow("waste", body, len(result.scans.new), _raw(custody.scan_messages)))
    if result.fixes.new:
        body = encode(pack_positions(custody.fixes[number] for number in result.fixes.new))
        rows.append(JournalRow("position", body, len(result.fixes.new), _raw(custody.fix_messages)))
    return rows


def append(connection: Connection, rows: Sequence[JournalRow], recorded_at: datetime, batch: int) -> int | None:
    """Append the journal rows; the id of the last, None without any."""
    appended = None
    for row in rows:
        appended = journal.append(
            connection, row.kind, row.body, rows=row.rows, recorded_at=recorded_at, raw=row.raw, batch=batch
        )
    return appended


def _raw(messages: Sequence[Message]) -> bytes | None:
    return encode_messages(messages) if messages else None
