"""The monitor's job that keeps the aggregates: beside the fold, over a connection of its own.

Judging must not wait for it: a back-fill of years is computed at leisure, at most half of the time.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import psycopg

from store.aggregates import Keeper
from store.backoff import Backoff
from store.connections import connect

COMPRESS_EVERY: Final = timedelta(hours=1)
LONGEST_PAUSE_S: Final = 1.0
PATIENCE_S: Final = 2.0
"""How long the end waits for a pass to end; then the pass is left to be cut off."""

_log = logging.getLogger(__name__)


@contextmanager
def aggregating(database_url: str, clock: Callable[[], datetime], *, period_s: float) -> Iterator[None]:
    """Keep the aggregates in the background until the end, over outages of the database.

    `period_s` is how often to look for what is new: a bucket is at most about that much behind its readings.
    """
    stopping = threading.Event()
    job = _Aggregation(database_url, stopping, clock, period_s=period_s)
    job.start()
    try:
        yield
    finally:
        stopping.set()
        job.join(PATIENCE_S)


class _Aggregation(threading.Thread):
    """A daemon thread: what it has not committed when the process ends is taken in at the next start."""

    def __init__(
        self, database_url: str, stopping: threading.Event, clock: Callable[[], datetime], *, period_s: float
    ) -> None:
        super().__init__(name="aggregation", daemon=True)
        self._database_url = database_url
        self._stopping = stopping
        self._clock = clock
        self._period_s = period_s
        self._compressed: datetime | None = None

    def run(self) -> None:
        """Keep on keeping."""
        backoff = Backoff(first_s=1.0, most_s=60.0)
        while not self._stopping.is_set():
            try:
                with connect(self._database_url, autocommit=True, application_name="landun-aggregates") as connection:
                    keeper = Keeper(connection)
                    while not self._stopping.is_set():
                        self._pass(keeper)
                        backoff.reset()
            except (psycopg.Error, OSError) as error:
                delay = backoff.next()
                reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
                _log.warning("aggregates are not kept now: %s; trying again in %.0f s", reason, delay)
                self._stopping.wait(delay)

    def _pass(self, keeper: Keeper) -> None:
        begun = time.monotonic()
        if keeper.step(self._clock()):
            self._stopping.wait(min(time.monotonic() - begun, LONGEST_PAUSE_S))
            return
        now = self._clock()
        if self._compressed is None or not timedelta(0) <= now - self._compressed < COMPRESS_EVERY:
            for name in keeper.compress(now):
                _log.info("aggregates in %s compressed", name)
            self._compressed = now
        self._stopping.wait(self._period_s)
