"""The notifier service: outbox → decisions → deliveries, by one process.

It is woken by new rows of the outbox, by what it holds coming due, and at least every few seconds, since duty, hours
and settings change by themselves. All that it must not forget is in the database.
"""

import logging
import signal
import threading
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg

from monitor.notify.courier import Courier
from monitor.notify.model import Decided
from monitor.notify.senders import Gateway
from monitor.notify.sending import run_pass
from monitor.service import Clock, Every, utc_now
from store import notifications, outbox
from store.backoff import Backoff
from store.channel_secrets import reseal, unreadable
from store.connections import Connection, connect, take_place
from store.exposition import program_version
from store.queries import write_heartbeat
from store.registry_follower import RegistryFollower
from store.sealing import Seal

SERVICE: Final = "notify"
LOCK_NOTIFY: Final = 0x4C44_4E4F
"""Session advisory lock: a second notifier waits until the first is gone."""

RESTS: Final = 3
"""A pass is followed by so many times its own duration without another."""
LONGEST_REST: Final = timedelta(seconds=10)

_log = logging.getLogger(__name__)


class NotifySettings(NamedTuple):
    """Where the database is, where links in messages lead, the broker for topics; periods in seconds.

    `seal` opens the secrets of channels.
    """

    database_url: str
    dashboard_url: str = ""
    mqtt_url: str = ""
    poll_s: float = 0.25
    pass_s: float = 5.0
    heartbeat_s: float = 5.0
    housekeeping_s: float = 3_600.0
    look_s: float = 60.0
    seal: Seal = Seal()


class Notifier:
    """One notifier over one connection. Raises `psycopg.Error` when the database fails: then make another."""

    def __init__(
        self, connection: Connection, settings: NotifySettings, courier: Courier, clock: Clock = utc_now
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.clock = clock
        self._courier = courier
        self._follower = RegistryFollower()
        self._registry = self._follower.load(connection)
        self._pass = Every(settings.pass_s)
        self._heartbeat = Every(settings.heartbeat_s)
        self._house = Every(settings.housekeeping_s)
        self._look = Every(settings.look_s)
        self._unreadable: list[str] = []
        self._seen = -1
        self._wake: datetime | None = None
        self._rest_until: datetime | None = None
        self.nobody = 0

    def step(self) -> bool:
        """Do what is due; return whether there may be more to do at once."""
        now = self.clock()
        if self._due(now):
            self._decide(now)
        busy = self._courier.step(self.connection, now)
        if self._look.due(now):
            self._look_at_secrets()
            self._look.done(now)
        if self._heartbeat.due(now):
            self._beat(now)
        if self._house.due(now):
            outbox.prune(self.connection, now)
            notifications.prune(self.connection, now)
            self._house.done(now)
        return busy > 0

    def _due(self, now: datetime) -> bool:
        if self._rest_until is not None and now < self._rest_until <= now + LONGEST_REST:
            return False
        newest = outbox.newest(self.connection)
        if newest != self._seen:
            self._seen = newest
            return True
        return self._pass.due(now) or (self._wake is not None and now >= self._wake)

    def _decide(self, now: datetime) -> Decided:
        if self._follower.changed(self.connection):
            self._registry = self._follower.load(self.connection)
        decided = run_pass(self.connection, self._registry, now, self.settings.dashboard_url)
        self._wake = min((each.until for each in decided.held if each.until is not None), default=None)
        nobody = sum(each.why == "nobody" for each in decided.held)
        if nobody and nobody != self.nobody:
            _log.error("%d groups of alarms have nobody to be told to: see the routes and the roster", nobody)
        self.nobody = nobody
        self._pass.done(now)
        # With ten thousand alarms on, a pass takes a second: then they keep a distance that leaves the core to others.
        done = self.clock()
        self._rest_until = done + min(RESTS * max(timedelta(), done - now), LONGEST_REST)
        return decided

    def _look_at_secrets(self) -> None:
        """Know whose secrets cannot be read before a message waits for them."""
        found = unreadable(self.connection, self.settings.seal)
        if found != self._unreadable and found:
            _log.error("secrets cannot be read of: %s; messages wait for the key `notify-key`", ", ".join(found))
        self._unreadable = found

    def _beat(self, now: datetime) -> None:
        detail = {
            "version": program_version(),
            "undecided": outbox.waiting(self.connection),
            "nobody": self.nobody,
            "unreadable": self._unreadable,
            **notifications.waiting(self.connection, now),
        }
        write_heartbeat(self.connection, SERVICE, now, detail)
        self._heartbeat.done(now)


def serve(settings: NotifySettings, stopping: threading.Event, clock: Clock = utc_now) -> None:
    """Run until `stopping` is set, over outages of the database. What is out is kept over them."""
    backoff = Backoff(first_s=0.4, most_s=10.0)
    courier = Courier(default_gateways=gateways_of(settings), seal=settings.seal)
    while not stopping.is_set():
        try:
            with connect(settings.database_url, autocommit=True, application_name="landun-notify") as connection:
                if not take_place(connection, LOCK_NOTIFY):
                    _log.warning("another notifier is running on this database; waiting for it to end")
                    stopping.wait(1.0)
                    continue
                if sealed := reseal(connection, settings.seal):
                    _log.info(
                        "sealed secrets of %d channels and gateways, which lay open or under an older key", sealed
                    )
                notifier = Notifier(connection, settings, courier, clock)
                while not stopping.is_set():
                    busy = notifier.step()
                    backoff.reset()
                    stopping.wait(settings.poll_s / 5 if busy else settings.poll_s)
                courier.finish(connection, clock())
        except (psycopg.Error, OSError) as error:
            delay = backoff.next()
            reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
            _log.warning("database failed: %s; trying again in %.1f s", reason, delay)
            stopping.wait(delay)


def gateways_of(settings: NotifySettings) -> dict[str, Gateway]:
    """Gateways that are there without anybody setting them: the broker, by its address with credential."""
    if not settings.mqtt_url:
        return {}
    return {"mqtt": Gateway(settings.mqtt_url)}


def run(settings: NotifySettings) -> None:
    """Run the notifier until SIGTERM or SIGINT, then end within the time that a delivery may take."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    serve(settings, stopping)
    _log.info("ended")
