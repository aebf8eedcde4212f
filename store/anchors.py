"""Anchors: the journal's hash at a moment, published, so that nobody can write its past anew afterwards.

An anchor names the newest row and its hash, the hash of every 256th row since the anchor before (so that proof of
one row needs no more than 255 others), the audit log's newest hash, and the SHA-256 of the evidence packages made
since. It carries the digest of the anchor before. Its content is canonical JSON; its digest is the SHA-256 of that.
What makes it worth something is that copies of it are elsewhere: see docs/supervision.md.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from store.connections import Connection
from store.journal import FIRST_PREV_HASH, first_id

LOCK_ANCHOR: Final = 0x4C44_4157
CHECKPOINT_ROWS: Final = 256
FORMAT: Final = "landun-anchor/1"
_COLUMNS: Final = "number, made_at, journal_id, content, digest"


class Anchor(NamedTuple):
    """A published anchor. It covers the journal's rows up to `journal_id`."""

    number: int
    made_at: datetime
    journal_id: int
    content: str
    digest: bytes

    @property
    def said(self) -> dict[str, Any]:
        """What its content says."""
        return dict(json.loads(self.content))


def make(connection: Connection, now: datetime, reason: str) -> Anchor:
    """Anchor the journal as it is now. Commits its own transaction (a savepoint if one is open)."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_ANCHOR,))
        before = newest(connection)
        number = before.number + 1 if before else 1
        since = before.journal_id if before else first_id(connection) - 1
        head = connection.execute("SELECT id, hash FROM journal ORDER BY id DESC LIMIT 1").fetchone()
        last, digest = (int(head[0]), bytes(head[1])) if head else (0, FIRST_PREV_HASH)
        said = {
            "format": FORMAT,
            "number": number,
            "made_at": now.astimezone(UTC).isoformat(timespec="microseconds"),
            "reason": reason,
            "previous": (before.digest if before else FIRST_PREV_HASH).hex(),
            "journal": {
                "after": since,
                "to": last,
                "hash": digest.hex(),
                "checkpoints": _checkpoints(connection, since, last),
            },
            "audit": _audit_head(connection),
            "packages": _packages(connection, number),
        }
        content = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        made = Anchor(number, now, last, content, hashlib.sha256(content.encode()).digest())
        connection.execute(
            f"INSERT INTO anchor ({_COLUMNS}) VALUES (%s, %s, %s, %s, %b)",  # noqa: S608 -- constants
            made,
        )
    return made


def newest(connection: Connection) -> Anchor | None:
    """The newest anchor, None before the first."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM anchor ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608
    return _anchor(row) if row else None


def find(connection: Connection, number: int) -> Anchor | None:
    """One anchor."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM anchor WHERE number = %s", (number,)).fetchone()  # noqa: S608
    return _anchor(row) if row else None


def after(connection: Connection, number: int, limit: int = 1_000) -> list[Anchor]:
    """Up to `limit` anchors with a number > `number`, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM anchor WHERE number > %s ORDER BY number LIMIT %s",  # noqa: S608 -- constants
        (number, limit),
    ).fetchall()
    return [_anchor(row) for row in rows]


def covering(connection: Connection, journal_id: int) -> Anchor | None:
    """The first anchor that covers a row of the journal, None where none does yet."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM anchor WHERE journal_id >= %s ORDER BY number LIMIT 1",  # noqa: S608 -- constants
        (journal_id,),
    ).fetchone()
    return _anchor(row) if row else None


def differing(connection: Connection) -> list[Anchor]:
    """The anchors that the journal, where it still has the row, no longer agrees with: its past was written anew."""
    rows = connection.execute(
        "SELECT anchor.number, anchor.made_at, anchor.journal_id, anchor.content, anchor.digest "
        "FROM anchor JOIN journal ON journal.id = anchor.journal_id "
        "WHERE encode(journal.hash, 'hex') <> anchor.content::jsonb -> 'journal' ->> 'hash' ORDER BY anchor.number"
    ).fetchall()
    return [_anchor(row) for row in rows]


def _checkpoints(connection: Connection, since: int, last: int) -> list[list[Any]]:
    first = (since // CHECKPOINT_ROWS + 1) * CHECKPOINT_ROWS
    rows = connection.execute(
        "SELECT journal.id, encode(journal.hash, 'hex') FROM generate_series(%s::bigint, %s::bigint, %s) AS each(id) "
        "JOIN journal ON journal.id = each.id ORDER BY journal.id",
        (first, last - 1, CHECKPOINT_ROWS),
    ).fetchall()
    return [[int(row[0]), row[1]] for row in rows]


def _audit_head(connection: Connection) -> dict[str, Any]:
    row = connection.execute("SELECT id, encode(hash, 'hex') FROM audit_log ORDER BY id DESC LIMIT 1").fetchone()
    return {"to": int(row[0]), "hash": row[1]} if row else {"to": 0, "hash": FIRST_PREV_HASH.hex()}


def _packages(connection: Connection, number: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        "UPDATE evidence_package SET anchor = %s WHERE anchor IS NULL RETURNING id, sha256", (number,)
    ).fetchall()
    return [{"id": int(row[0]), "sha256": row[1]} for row in sorted(rows)]


def _anchor(row: Sequence[Any]) -> Anchor:
    number, made_at, journal_id, content, digest = row
    return Anchor(int(number), made_at, int(journal_id), content, bytes(digest))
