"""The commit log between ingest and the monitor: one row a transaction, in commit order, chained by hash.

**Order.** `append` takes a transaction-scoped advisory lock as a statement of its own and then inserts newest
id + 1. The lock ends with the transaction, so the next appender sees the row or the rollback, never a gap: id
order is commit order, and a consumer's cursor is one number. It must be the last work before COMMIT, or
writers wait for one another.

**Chain.** ``hash = sha256(prev_hash ‖ id ‖ content)``, where ``content`` digests every other column. Changing any
byte of any row, removing a row from the middle or swapping two is found by `verify`.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from store.connections import Connection, scalar
from store.journal_body import decode_messages, decode_readings
from store.records import Message, Readings, to_us

LOCK_JOURNAL: Final = 0x4C44_4A4C
FIRST_PREV_HASH: Final = bytes(32)
"""What the first row's `prev_hash` is."""

_APPEND: Final = """
WITH newest AS (SELECT id, hash FROM journal ORDER BY id DESC LIMIT 1),
     previous AS (SELECT coalesce(max(id), 0) AS id, coalesce((SELECT hash FROM newest), %(first)b) AS hash FROM newest)
INSERT INTO journal (id, kind, recorded_at, rows, batch, body, raw, prev_hash, hash)
SELECT id + 1, %(kind)s, %(recorded_at)s, %(rows)s, %(batch)s, %(body)b, %(raw)b, hash,
       sha256(hash || int8send(id + 1) || %(content)b)
FROM previous
RETURNING id
"""


class Entry(NamedTuple):
    """A row of the journal. Read `body` and `raw` with `readings_of`, `event_of` and `messages_of`."""

    id: int
    kind: str
    recorded_at: datetime
    rows: int
    batch: int | None
    body: bytes
    raw: bytes | None
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found: how many rows it checked, and the first that does not fit, with the reason."""

    ok: bool
    checked: int
    first_bad_id: int | None
    why: str


def lock(connection: Connection) -> None:
    """Wait for the journal's lock, which ends with the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_JOURNAL,))


def append(
    connection: Connection,
    kind: str,
    body: bytes,
    *,
    rows: int,
    recorded_at: datetime,
    raw: bytes | None = None,
    batch: int | None = None,
) -> int:
    """Append a row and return its id. Must be the last statement before COMMIT (more appends may follow it)."""
    content = content_digest(kind, to_us(recorded_at), rows, batch, body, raw)
    lock(connection)
    appended = scalar(
        connection,
        _APPEND,
        {
            "first": FIRST_PREV_HASH,
            "kind": kind,
            "recorded_at": recorded_at,
            "rows": rows,
            "batch": batch,
            "body": body,
            "raw": raw,
            "content": content,
        },
    )
    return int(appended)


def append_event(
    connection: Connection, kind: str, payload: Any, recorded_at: datetime, *, batch: int | None = None
) -> int:
    """Append a row whose body is canonical JSON (sorted keys, no spaces, UTF-8) and return its id.

    `payload` is a mapping, or for kind ``dead`` a list of them. Raises `ValueError` on NaN or infinity.
    """
    body = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    rows = len(payload) if isinstance(payload, Sequence) else 1
    # A lone surrogate can come from a device's JSON and has no UTF-8 form.
    return append(
        connection, kind, body.encode("utf-8", "backslashreplace"), rows=rows, recorded_at=recorded_at, batch=batch
    )


def content_digest(kind: str, recorded_us: int, rows: int, batch: int | None, body: bytes, raw: bytes | None) -> bytes:
    """SHA-256 over every column but the id and the hashes, each with its length, so that no two rows share one."""
    name = kind.encode()
    head = struct.pack(
        f">H{len(name)}sqq?q?", len(name), name, recorded_us, rows, batch is not None, batch or 0, raw is not None
    )
    return hashlib.sha256(head + hashlib.sha256(body).digest() + hashlib.sha256(raw or b"").digest()).digest()


def chain_hash(prev_hash: bytes, entry_id: int, content: bytes) -> bytes:
    """The hash of a row from its predecessor's hash, its id and its content digest."""
    return hashlib.sha256(prev_hash + struct.pack(">q", entry_id) + content).digest()


def read_after(connection: Connection, after: int, limit: int, *, with_raw: bool = False) -> list[Entry]:
    """Up to `limit` rows with id > `after`, in id order. `raw` is None unless asked for."""
    raw = "raw" if with_raw else "NULL::bytea"
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            f"SELECT id, kind, recorded_at, rows, batch, body, {raw}, prev_hash, hash "  # noqa: S608 -- constants
            "FROM journal WHERE id > %s ORDER BY id LIMIT %s",
            (after, limit),
        )
        return [Entry(*row) for row in cursor]


def entry_of_batch(connection: Connection, batch: int) -> Entry | None:
    """The row of kind ``readings`` that brought a batch, with its messages; None once it is no longer kept."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "SELECT id, kind, recorded_at, rows, batch, body, raw, prev_hash, hash "
            "FROM journal WHERE batch = %s AND kind = 'readings'",
            (batch,),
        )
        row = cursor.fetchone()
    return Entry(*row) if row else None


def readings_of(entry: Entry) -> Readings:
    """The readings of a row of kind ``readings``. Raises `ValueError` on another kind."""
    if entry.kind != "readings":
        raise ValueError(f"journal row {entry.id} is of kind {entry.kind!r}, only 'readings' holds readings")
    return decode_readings(entry.body)


def event_of(entry: Entry) -> Any:
    """The JSON of a row: a dict, for kind ``dead`` a list of dicts. Raises `ValueError` on kind ``readings``."""
    if entry.kind == "readings":
        raise ValueError(f"journal row {entry.id} is of kind 'readings' and holds no JSON event")
    return json.loads(entry.body)


def messages_of(entry: Entry) -> list[Message]:
    """The original messages of a row read with ``with_raw=True``; empty if it has none (back-fill)."""
    return [] if entry.raw is None else decode_messages(entry.raw)


def last_id(connection: Connection) -> int:
    """The id of the newest row, 0 if there is none."""
    row = connection.execute("SELECT id FROM journal ORDER BY id DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def first_id(connection: Connection) -> int:
    """The id of the oldest row that is kept, 1 if there is none."""
    row = connection.execute("SELECT id FROM journal ORDER BY id LIMIT 1").fetchone()
    return int(row[0]) if row else 1


def holds_batch(connection: Connection, batch: int) -> bool:
    """Whether the transaction of a batch was committed, asked after its COMMIT's answer was lost.

    Waits for the journal's lock: a transaction still committing holds it, so the answer is final.
    """
    with connection.transaction():
        lock(connection)
        return connection.execute("SELECT 1 FROM journal WHERE batch = %s LIMIT 1", (batch,)).fetchone() is not None


def first_needed(connection: Connection, since: datetime) -> int:
    """The oldest id still needed: recorded at or after `since`, or not yet taken in by every consumer.

    A consumer that keeps snapshots has taken in what its snapshot holds, another what its cursor has passed; without
    any snapshot all of it is needed. By bisection over ids, which are in order of time; there is no index on the time
    of a log.
    """
    row = connection.execute(
        "SELECT min(journal_id), "
        "(SELECT min(journal_id) FROM journal_cursor WHERE consumer NOT IN (SELECT consumer FROM journal_snapshot)) "
        "FROM journal_snapshot"
    ).fetchone()
    snapshot, cursor = row or (None, None)
    taken_in = -1 if snapshot is None else snapshot if cursor is None else min(snapshot, cursor)
    low, high = 0, last_id(connection) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT recorded_at FROM journal WHERE id >= %s ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if found is not None and found[0] < since:
            low = middle + 1
        else:
            high = middle
    return min(low, taken_in + 1)


def verify(connection: Connection, first: int = 1, last: int | None = None, *, chunk: int = 500) -> Verification:
    """Recompute the chain over ids `first` to `last` (both included; None: the newest) and report the first bad row.

    Rows that retention has dropped from the front are not missed; the first row that is left is trusted to name
    its predecessor's hash. Rows cut off the end are found only where a consumer's cursor has passed them.
    """
    end = last_id(connection) if last is None else last
    checked, expected_id, previous = 0, None, FIRST_PREV_HASH if first <= 1 else _hash_of(connection, first - 1)
    after = first - 1
    while after < end:
        entries = [entry for entry in read_after(connection, after, chunk, with_raw=True) if entry.id <= end]
        if not entries:
            break
        for entry in entries:
            why = _fault_of(entry, expected_id, previous)
            if why:
                return Verification(False, checked, entry.id, why)
            checked, expected_id, previous = checked + 1, entry.id + 1, entry.hash
        after = entries[-1].id
    return _verify_end(connection, end, after, checked) if last is None else _verify_reach(end, after, checked)


def _fault_of(entry: Entry, expected_id: int | None, previous: bytes | None) -> str:
    if expected_id is not None and entry.id != expected_id:
        return f"row {expected_id} is missing"
    if previous is not None and entry.prev_hash != previous and (expected_id is not None or entry.id == 1):
        return "prev_hash is not the hash of the row before"
    content = content_digest(entry.kind, to_us(entry.recorded_at), entry.rows, entry.batch, entry.body, entry.raw)
    if chain_hash(entry.prev_hash, entry.id, content) != entry.hash:
        return "hash does not match the row's content"
    return ""


def _verify_reach(end: int, reached: int, checked: int) -> Verification:
    if reached < end:
        return Verification(False, checked, reached + 1, f"row {reached + 1} is missing")
    return Verification(True, checked, None, "")


def _verify_end(connection: Connection, end: int, reached: int, checked: int) -> Verification:
    row = connection.execute(
        "SELECT consumer, journal_id FROM journal_cursor WHERE journal_id > %s ORDER BY journal_id DESC LIMIT 1", (end,)
    ).fetchone()
    if row is not None:
        return Verification(False, checked, end + 1, f"consumer {row[0]} has read row {row[1]}, the newest is {end}")
    return _verify_reach(end, reached, checked)


def _hash_of(connection: Connection, entry_id: int) -> bytes | None:
    row = connection.execute("SELECT hash FROM journal WHERE id = %s", (entry_id,)).fetchone()
    return bytes(row[0]) if row else None


def cursor(connection: Connection, consumer: str) -> int:
    """The id of the last row a consumer has dealt with, 0 if it has not begun."""
    row = connection.execute("SELECT journal_id FROM journal_cursor WHERE consumer = %s", (consumer,)).fetchone()
    return int(row[0]) if row else 0


def move_cursor(connection: Connection, consumer: str, journal_id: int, at: datetime) -> None:
    """Move a consumer's cursor; call it in the same transaction as what the consumer wrote."""
    connection.execute(
        "INSERT INTO journal_cursor (consumer, journal_id, moved_at) VALUES (%s, %s, %s) "
        "ON CONFLICT (consumer) DO UPDATE SET journal_id = EXCLUDED.journal_id, moved_at = EXCLUDED.moved_at",
        (consumer, journal_id, at),
    )


def save_snapshot(connection: Connection, consumer: str, journal_id: int, state: bytes, at: datetime) -> None:
    """Keep a consumer's folded state as of a journal id, replacing the one before."""
    connection.execute(
        "INSERT INTO journal_snapshot (consumer, journal_id, state, saved_at) VALUES (%s, %s, %b, %s) "
        "ON CONFLICT (consumer) DO UPDATE "
        "SET journal_id = EXCLUDED.journal_id, state = EXCLUDED.state, saved_at = EXCLUDED.saved_at",
        (consumer, journal_id, state, at),
    )


def load_snapshot(connection: Connection, consumer: str) -> tuple[int, bytes] | None:
    """A consumer's newest snapshot as (journal id, state), None if it has none."""
    row = connection.execute(
        "SELECT journal_id, state FROM journal_snapshot WHERE consumer = %s", (consumer,)
    ).fetchone()
    return (int(row[0]), bytes(row[1])) if row else None
