"""Follows the registry in the database, and has done what follows from a change of it outside the database."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

import psycopg

from operations.errors import OperatorError
from store.backoff import Backoff
from store.connections import Connection, connect
from store.registry_follower import RegistryFollower

EVERY_S: Final = 0.4

Action = Callable[[Connection], object]
_log = logging.getLogger(__name__)


class RegistryWatch:
    """A thread that calls `actions` after each change, again until they succeed. It waits for `begin`.

    An action that is called without need must do nothing: after an outage each is called once.
    """

    def __init__(self, dsn: str, actions: Sequence[Action]) -> None:
        self._dsn = dsn
        self._actions = actions
        self._begun = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registry-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def begin(self) -> None:
        """Follow from now on; called when the broker runs and devices have been let in."""
        self._begun.set()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._begun.set()
        self._thread.join(timeout=10)

    def run(self, closing: threading.Event) -> None:
        """Follow in this thread until `closing` is set, at once."""
        self._closing = closing
        self._begun.set()
        self._run()

    def _run(self) -> None:
        self._begun.wait()
        backoff = Backoff(first_s=0.5, most_s=10.0)
        while not self._closing.is_set():
            try:
                self._follow(backoff)
            except (psycopg.Error, OSError, OperatorError) as error:
                delay = backoff.next()
                reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
                _log.warning("change of the registry not followed: %s; trying again in %.1f s", reason, delay)
                self._closing.wait(delay)

    def _follow(self, backoff: Backoff) -> None:
        with connect(self._dsn, autocommit=True, application_name="landun-keeper") as connection:
            follower, due = RegistryFollower(), True
            follower.changed(connection)
            while not self._closing.is_set():
                if due or follower.changed(connection):
                    due = True
                    for action in self._actions:
                        action(connection)
                    due = False
                    backoff.reset()
                self._closing.wait(EVERY_S)
