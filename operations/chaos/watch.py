"""How long each kill was felt: until a reading published after it was stored and judged."""

import threading
import time
from types import TracebackType
from typing import Final, Self

import numpy as np
import psycopg

from operations.chaos.accounting import Journaled
from store import journal
from store.connections import connect

LOOK_EVERY_S: Final = 0.1
CONSUMER: Final = "monitor"


class Watch:
    """Looks at the monitor's cursor, from a thread of its own, whenever the database answers."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._seen: list[tuple[float, int]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def recoveries(self, kills: list[float], journaled: Journaled) -> list[float | None]:
        """Seconds from each kill (s since the epoch) until a reading published later had been judged; None: never."""
        at = np.array([each for each, _ in self._seen])
        cursor = np.maximum.accumulate(np.array([each for _, each in self._seen], dtype=np.int64))
        newest = np.maximum.accumulate(journaled.newest_ts)
        found: list[float | None] = []
        for kill in kills:
            row = int(np.searchsorted(newest, kill * 1e6))
            seen = int(np.searchsorted(cursor, journaled.ids[row])) if row < len(newest) else len(cursor)
            found.append(float(at[seen]) - kill if seen < len(cursor) else None)
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with connect(self._dsn, autocommit=True, application_name="landun-chaos-watch") as connection:
                    while not self._ending.wait(LOOK_EVERY_S):
                        self._seen.append((time.time(), journal.cursor(connection, CONSUMER)))
            except (psycopg.Error, OSError):
                self._ending.wait(LOOK_EVERY_S)
