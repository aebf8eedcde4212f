"""A notifier over a real database whose deliveries really go out, with a clock that stands until it is moved."""

import time
from datetime import UTC, datetime, timedelta

from monitor.notify.courier import Courier
from monitor.notify.service import Notifier, NotifySettings
from store.connections import Connection
from store.sealing import Seal
from tests.notify.office import Office

MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""10:00 in Nantong, a working day."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now


class Post:
    """A notifier with a virtual clock over a real database; deliveries really go out."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.clock = Clock()
        self.office = Office(connection)
        self.office.person("wang")
        self.begin(Seal())

    def begin(self, seal: Seal) -> None:
        """Start the notifier, with a key or without."""
        self.settings = NotifySettings(
            "", pass_s=0, heartbeat_s=0, look_s=0, dashboard_url="http://desk:8501", seal=seal
        )
        self.courier = Courier(seal=seal)
        self.notifier = Notifier(self.connection, self.settings, self.courier, self.clock)

    def later(self, **time_passed: float) -> "Post":
        """Time passes, and everything that is due then is done."""
        self.clock.now += timedelta(**time_passed)
        deadline = time.monotonic() + 30
        while self.notifier.step():
            assert time.monotonic() < deadline, "deliveries do not end"
            time.sleep(0.005)
        return self

    def deliveries(self, kind: str) -> list[tuple[str, int, str | None]]:
        """State, attempts and problem of the deliveries of a kind."""
        return self.office.rows(f"SELECT state, attempts, problem FROM delivery WHERE kind = '{kind}' ORDER BY id")  # noqa: S608
