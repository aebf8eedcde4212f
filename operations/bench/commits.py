"""Watches the journal: which rows were committed when, as another connection sees it."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operations.bench.workload import Workload
from store import journal
from store.connections import Connection


class Commits:
    """What came into the journal since it was made: rows of a kind, readings by default, and dead letters (`letters`).

    A row's time is when it was first seen: never too early.
    """

    interval_s: Final = 0.004

    def __init__(self, connection: Connection, *, kind: str = "readings") -> None:
        self.rows = 0
        self.letters = 0
        self.last_at = 0.0
        self._connection = connection
        self._kind = kind
        self._first = self._last = journal.last_id(connection)
        self._seen_at: dict[int, float] = {}

    def look(self) -> bool:
        """Take note of new rows; whether there were any."""
        found = self._connection.execute(
            "SELECT id, rows, kind FROM journal WHERE id > %s ORDER BY id", (self._last,)
        ).fetchall()
        now = time.time()
        for entry_id, rows, kind in found:
            self._last = entry_id
            self._seen_at[entry_id] = now
            if kind == self._kind:
                self.rows += rows
            elif kind == "dead":
                self.letters += rows
            self.last_at = now
        return bool(found)

    def latencies_ms(self, workload: Workload, sent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Publish to commit of each committed message of a workload, in ms; by each message's first reading."""
        channels, ts, _ = workload.rows()
        number = {
            key: index
            for index, key in enumerate(zip(channels.tolist(), ts.tolist(), strict=True))
            if index % workload.values == 0
        }
        taken: list[float] = []
        for entry in journal.read_after(self._connection, self._first, 1_000_000):
            if entry.kind != "readings" or entry.id not in self._seen_at:
                continue
            readings = journal.readings_of(entry)
            keys = zip(readings["channel_id"].tolist(), readings["ts"].tolist(), strict=True)
            seen = self._seen_at[entry.id]
            taken += [seen - sent[number[key] // workload.values] for key in keys if key in number]
        return 1_000.0 * np.array(taken or [np.nan])
