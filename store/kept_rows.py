"""Rows of the journal with their links, from the journal or, past its retention, from what was kept for evidence."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from store.connections import Connection
from store.journal import Entry


class Link(NamedTuple):
    """A row of the journal by what its hash is made of: its content as digests. `raw_sha256` None: it has none."""

    id: int
    kind: str
    recorded_at: datetime
    rows: int
    batch: int | None
    body_sha256: bytes
    raw_sha256: bytes | None
    prev_hash: bytes
    hash: bytes


_ENTRY: Final = "id, kind, recorded_at, rows, batch, body, raw, prev_hash, hash"
_ENTRIES: Final = f"""
SELECT {_ENTRY} FROM journal WHERE id = ANY(%(ids)s)
UNION ALL
SELECT {_ENTRY} FROM journal_kept AS kept WHERE id = ANY(%(ids)s) AND body IS NOT NULL
    AND NOT EXISTS (SELECT FROM journal WHERE journal.id = kept.id)
ORDER BY id
"""  # noqa: S608 -- constants
_LINKS: Final = """
SELECT id, kind, recorded_at, rows, batch, sha256(body), sha256(raw), prev_hash, hash
FROM journal WHERE id BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT id, kind, recorded_at, rows, batch, body_sha256, raw_sha256, prev_hash, hash
FROM journal_kept AS kept WHERE id BETWEEN %(first)s AND %(last)s
    AND NOT EXISTS (SELECT FROM journal WHERE journal.id = kept.id)
ORDER BY id
"""
_OF_BATCHES: Final = """
SELECT id, batch FROM journal WHERE batch = ANY(%(batches)s)
UNION SELECT id, batch FROM journal_kept WHERE batch = ANY(%(batches)s) AND body IS NOT NULL
ORDER BY 1
"""
# A link becomes a whole row when its content is needed; a whole row stays one.
_KEEP: Final = """
INSERT INTO journal_kept (id, kind, recorded_at, rows, batch, body, raw, body_sha256, raw_sha256, prev_hash, hash)
SELECT id, kind, recorded_at, rows, batch, CASE WHEN id = ANY(%(whole)s) THEN body END,
       CASE WHEN id = ANY(%(whole)s) THEN raw END, sha256(body), sha256(raw), prev_hash, hash
FROM journal WHERE id = ANY(%(ids)s)
ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body, raw = EXCLUDED.raw
    WHERE journal_kept.body IS NULL AND EXCLUDED.body IS NOT NULL
"""


def entries(connection: Connection, ids: Iterable[int]) -> list[Entry]:
    """The rows of these ids that are still there, whole, in order of their ids."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(_ENTRIES, {"ids": sorted(set(ids))})
        return [Entry(*row) for row in cursor]


def links(connection: Connection, first: int, last: int) -> list[Link]:
    """The rows of ids `first` to `last` (both included) that are still there, as links, in order of their ids."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(_LINKS, {"first": first, "last": last})
        return [Link(*row) for row in cursor]


def of_batches(connection: Connection, batches: Sequence[int]) -> dict[int, int]:
    """The rows that brought these batches, as far as they are still there: id → batch. A batch may have several."""
    rows = connection.execute(_OF_BATCHES, {"batches": list(batches)}).fetchall()
    return {int(number): int(batch) for number, batch in rows}


def keep(connection: Connection, whole: Iterable[int], linked: Iterable[int]) -> None:
    """Keep rows past the journal's retention: some whole, others as links. Does not commit."""
    wanted = sorted(set(whole))
    ids = sorted(set(linked).union(wanted))
    connection.execute(_KEEP, {"whole": wanted, "ids": ids})
