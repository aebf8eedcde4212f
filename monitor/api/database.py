"""The API's way to the database: quick to say that it is away, and back by itself."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from store import connections
from store.connections import Connection

log = logging.getLogger(__name__)

WAIT_S: Final = 3.0
"""Longest wait for a connection while the server answers: a busy moment is not a missing database."""

SILENT_S: Final = 5.0
"""Without an answer to the refresher for this long the database counts as missing, even if it refuses nothing."""
CLOSE_S: Final = 1.0


class DatabaseMissingError(Exception):
    """The database cannot be reached; the request may be repeated later."""


class Database:
    """A pool that requests borrow from, and whether the database answers.

    The refresher, which asks the database twice a second on a connection of its own, calls `found` and
    `lost`. While the database is away requests fail at once instead of each waiting for the pool.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = Lock()
        self._pool: ConnectionPool[Connection] | None = None
        self._closed = False
        self._heard = -SILENT_S

    def found(self) -> None:
        """The database answers: open a pool.

        A new one, since the old one's attempts to reconnect back off to a minute.
        """
        self._heard = time.monotonic()
        with self._lock:
            if self._pool is None and not self._closed:
                self._pool = connections.pool(self._dsn, timeout=WAIT_S, application_name="landun-api")

    def lost(self) -> None:
        """The database does not answer: give the pool up."""
        with self._lock:
            old, self._pool = self._pool, None
        if old is not None:
            old.close(timeout=CLOSE_S)

    def close(self) -> None:
        """Give the pool up for good."""
        self._closed = True
        self.lost()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """An autocommit connection. Raises `DatabaseMissingError`, at once when the server is known to be away."""
        pool = self._pool
        # A server that hangs refuses nothing: each request sent to it would be one more that waits.
        if pool is None or time.monotonic() - self._heard > SILENT_S:
            raise DatabaseMissingError
        try:
            with pool.connection(timeout=WAIT_S) as connection:
                yield connection
        except (PoolTimeout, PoolClosed, psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("database does not answer: %s", str(error).strip() or type(error).__name__)
            raise DatabaseMissingError from error
