"""Compares every value that was published with what is stored and journaled."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operations.bench.workload import Workload
from store import journal
from store.connections import Connection
from store.copy_format import COPY_HEADER, COPY_TRAILER, POSTGRES_EPOCH_US

JOURNAL_CHUNK: Final = 200

_STORED: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("n1", ">i4"),
        ("channel_id", ">i4"),
        ("n2", ">i4"),
        ("ts", ">i8"),
        ("n3", ">i4"),
        ("value", ">f8"),
    ]
)
_EARLIEST_US: Final = int(time.time() - 86_400) * 1_000_000
_ROW: Final = np.dtype([("channel_id", "<i4"), ("ts", "<i8"), ("value", "<f8")])


@dataclass(frozen=True, slots=True)
class Audit:
    """Readings: published and not stored; stored or journaled more than once; stored with another value; not published.

    `late` counts journaled readings marked late; `chain_intact` says that the journal's hashes fit.
    """

    lost: int
    duplicates: int
    corrupt: int
    unexpected: int
    late: int
    chain_intact: bool

    def figures(self) -> dict[str, int | bool]:
        """The findings as figures of a benchmark."""
        return asdict(self)


def audit(connection: Connection, published: Sequence[Workload]) -> Audit:
    """Compare table and journal with the workloads, reading by reading."""
    expected = _by_key(np.concatenate([_rows(each) for each in published]))
    stored = _by_key(_stored(connection))
    journaled, late = _journaled(connection)
    once, copies = _distinct(stored), _distinct(_by_key(journaled))
    here = np.isin(_keys(expected), _keys(once))
    known = np.isin(_keys(once), _keys(expected))
    corrupt = int((expected["value"][here] != once["value"][known]).sum())
    return Audit(
        lost=int((~here).sum()),
        duplicates=len(stored) - len(once) + len(journaled) - len(copies),
        corrupt=corrupt,
        unexpected=int((~known).sum()) + abs(len(copies) - len(once)),
        late=late,
        chain_intact=journal.verify(connection).ok,
    )


def _rows(workload: Workload) -> NDArray[np.void]:
    rows = np.empty(workload.readings, dtype=_ROW)
    rows["channel_id"], rows["ts"], rows["value"] = workload.rows()
    return rows


def _stored(connection: Connection) -> NDArray[np.void]:
    """Every row of `reading`, read by binary COPY."""
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT channel_id, ts, value FROM reading) TO STDOUT (FORMAT BINARY)") as copy,
    ):
        data = b"".join(copy)
    raw = np.frombuffer(data[len(COPY_HEADER) : -len(COPY_TRAILER)], dtype=_STORED)
    rows = np.empty(len(raw), dtype=_ROW)
    rows["channel_id"], rows["ts"], rows["value"] = raw["channel_id"], raw["ts"] + POSTGRES_EPOCH_US, raw["value"]
    return rows


def _journaled(connection: Connection) -> tuple[NDArray[np.void], int]:
    """Every reading of the journal, and how many are marked late."""
    parts = [np.empty(0, dtype=_ROW)]
    late = after = 0
    while entries := journal.read_after(connection, after, JOURNAL_CHUNK):
        for entry in entries:
            if entry.kind == "readings":
                readings = journal.readings_of(entry)
                late += int(readings["late"].sum())
                parts.append(readings[["channel_id", "ts", "value"]].astype(_ROW))
        after = entries[-1].id
    return np.concatenate(parts), late


def _by_key(rows: NDArray[np.void]) -> NDArray[np.void]:
    return rows[np.lexsort((rows["ts"], rows["channel_id"]))]


def _distinct(rows: NDArray[np.void]) -> NDArray[np.void]:
    """The first of each run of rows with one key; `rows` are in the order of their keys."""
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = (np.diff(rows["channel_id"]) != 0) | (np.diff(rows["ts"]) != 0)
    return rows[first]


def _keys(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Channel and time as one number: the channel above 44 bits of time, which are 203 days after `_EARLIEST_US`."""
    return np.asarray((rows["channel_id"].astype(np.int64) << 44) + (rows["ts"] - _EARLIEST_US))
