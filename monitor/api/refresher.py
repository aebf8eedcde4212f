"""Asks the database twice a second what is new, so that requests needn't.

One connection, one thread at a time. What it finds becomes a new `Snapshot` for requests and `News` for the live
feed. While the database is away the last snapshot stands, and the refresher goes on asking.
"""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import psycopg

from monitor.api import people
from monitor.api.alarm_rows import alarm_of
from monitor.api.database import SILENT_S, Database, DatabaseMissingError
from monitor.api.encoding import latest_json
from monitor.api.facts import Facts
from monitor.api.feed import AlarmItem, ChannelItem, InboxItem
from monitor.api.figures import Transmission
from monitor.api.sampling import longest_days, site_states
from monitor.api.schemas import AlarmCounts, AlarmFrame
from monitor.api.schemas.live import NotificationFrame
from monitor.api.schemas.notifications import Notification
from monitor.api.schemas.samples import SampleSummary
from monitor.api.scope import Principal
from monitor.api.snapshot import Snapshot
from registry.limits import SiteRule
from registry.model import Registry
from store import connections, journal, notifications, queries
from store.connections import Connection
from store.queries.latest import LatestValue
from store.registry_follower import RegistryFollower
from store.registry_rows import load_registry
from store.samples import newest_change, newest_samples
from store.site_limits import load_rules

log = logging.getLogger(__name__)

PERIOD_S: Final = 0.5
REBUILD: Final = timedelta(seconds=1)
"""Time alone changes a snapshot (opening hours, silence), so it is made anew this often without any news."""
ANSWER_LIMIT: Final = timedelta(seconds=SILENT_S)
REGISTRY_S: Final = 10.0
RULES_S: Final = 5.0
SAMPLES_S: Final = 5.0
MEASURE_S: Final = 5.0
STATUS_TIMEOUT_S: Final = 0.5
TRANSMISSION_SHARE: Final = 50.0
"""The transmission rate is asked for so seldom that the database spends at most 1/50 of its time on it."""
CONSUMER: Final = "monitor"
"""The monitor's name among the consumers of the journal."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life of a service: how old it was when read, and when it was read."""

    age: timedelta
    read_at: datetime
    detail: Mapping[str, object]

    def age_at(self, now: datetime) -> timedelta:
        """How old it is by now."""
        return self.age + (now - self.read_at)


@dataclass(frozen=True, slots=True)
class News:
    """What the live feed should pass on."""

    values: tuple[ChannelItem, ...] = ()
    alarms: tuple[AlarmItem, ...] = ()
    inbox: tuple[InboxItem, ...] = ()

    def and_then(self, later: "News") -> "News":
        """Both, in order."""
        return News(self.values + later.values, self.alarms + later.alarms, self.inbox + later.inbox)


@dataclass
class _Known:
    """What was read of the database over one connection."""

    registry: Registry
    registry_digest: str
    latest: dict[int, LatestValue] = field(default_factory=dict)
    revision: int = 0
    event_id: int = 0
    messages: frozenset[int] = frozenset()
    open_alarms: dict[str, AlarmCounts] = field(default_factory=dict)
    transmission: dict[str, Transmission] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    rules: dict[str, tuple[SiteRule, ...]] = field(default_factory=dict)
    samples: dict[str, SampleSummary] = field(default_factory=dict)
    samples_as_of: object = None
    connected: frozenset[str] = frozenset()


class Refresher:
    """Keeps the snapshot fresh. `refresh` blocks and is called from one thread at a time; the rest is read anywhere."""

    def __init__(
        self, dsn: str, database: Database, clock: Callable[[], datetime], ingest_status_url: str | None = None
    ) -> None:
        self._dsn = dsn
        self._ingest_status_url = ingest_status_url
        self._database = database
        self._clock = clock
        self._connection: Connection | None = None
        self._known: _Known | None = None
        self._done: dict[str, datetime] = {}
        self._follower = RegistryFollower()
        self._transmission_took = 0.0
        self._untold = News()
        """Read, and not passed on yet: a question after it may have failed."""
        self.snapshot: Snapshot | None = None
        self.people: dict[str, Principal] | None = None
        self.heartbeats: Mapping[str, Heartbeat] = {}
        self.last_journal_id: int | None = None
        self.monitor_lag: int | None = None
        self.answered_at: datetime | None = None
        self.problem = "not asked yet"
        self.database_versions: Mapping[str, str] = {}
        self.ingest_said: Mapping[str, object] | None = None

    def items(self) -> Iterable[ChannelItem]:
        """Every channel's newest value for a new viewer of the live feed."""
        return [] if self.snapshot is None else [_item(row) for row in self.snapshot.facts.latest.values()]

    def refresh(self) -> News:
        """Ask once. Never raises for a database that is away or not migrated; `problem` then says what is wrong."""
        if self._ingest_status_url is not None and self._due("ingest", 1, self._clock()):
            self.ingest_said = ask_status(self._ingest_status_url)
        try:
            self._ask()
        except (psycopg.Error, OSError) as error:
            self._lose(error)
            return News()
        self.answered_at, self.problem = self._clock(), ""
        self._database.found()
        news, self._untold = self._untold, News()
        self._rebuild(force=bool(news.values or news.alarms))
        return news

    def measure(self) -> None:
        """Figures over many rows, asked on a connection of the pool: they may take seconds and nobody waits for them.

        Raises `DatabaseMissingError`, `psycopg.Error`.
        """
        known, now = self._known, self._clock()
        if known is None:
            raise DatabaseMissingError
        with self._database.connection() as connection:
            known.dead_letters = queries.dead_letter_counts(connection, now - timedelta(days=1))
            if self._due("transmission", TRANSMISSION_SHARE * self._transmission_took, now):
                began = time.monotonic()
                known.transmission = {
                    site: Transmission(received, due)
                    for site, received, due in queries.transmission(connection, now - timedelta(hours=1), now)
                }
                self._transmission_took = time.monotonic() - began

    def answering(self, now: datetime) -> bool:
        """Whether the database answers: neither refused the last question nor left it open for long."""
        return not self.problem and self.answered_at is not None and now - self.answered_at <= ANSWER_LIMIT

    def know(self, principal: Principal) -> None:
        """Take note of somebody who signed in just now, before people are read again."""
        if self.people is not None:
            self.people = {**self.people, principal.username: principal}

    def hasten(self) -> None:
        """Read what people enter at the next refresh: this process changed it."""
        for what in ("registry", "people", "rules", "samples"):
            self._done.pop(what, None)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lose(self, error: Exception) -> None:
        problem = (str(error).strip() or type(error).__name__).splitlines()[0]
        if problem != self.problem:
            log.warning("database: %s", problem)
        self.problem = problem
        self._database.lost()
        try:
            self.close()
        except psycopg.Error:
            self._connection = None

    def _ask(self) -> None:
        """Read what is new. Raises `psycopg.Error`, `OSError`; what was read by then stays untold."""
        if self._connection is None:
            self._connection = connections.connect(self._dsn, autocommit=True, application_name="landun-api-refresher")
            self._done.clear()
            self.database_versions = connections.server_versions(self._connection)
        connection = self._connection
        known = self._known = self._known or self._first(connection)
        self._seldom(connection, known)
        for news in (self._new_values, self._new_alarms, self._new_messages):
            self._untold = self._untold.and_then(news(connection, known))

    def _first(self, connection: Connection) -> _Known:
        return _Known(
            registry=load_registry(connection),
            registry_digest=queries.registry_digest(connection),
            event_id=queries.last_alarm_event(connection),
            messages=notifications.inbox_news(connection, frozenset())[1],
        )

    def _new_values(self, connection: Connection, known: _Known) -> News:
        """Changed rows: those at or after the newest revision seen, since a revision may be merged in two steps."""
        changed = []
        for now in queries.latest_since(connection, known.revision):
            if known.latest.get(now.channel_id) != now:
                known.latest[now.channel_id] = now
                changed.append(_item(now))
            known.revision = max(known.revision, now.revision)
        return News(values=tuple(changed))

    def _new_alarms(self, connection: Connection, known: _Known) -> News:
        last, rows = queries.alarms_changed_since(connection, known.event_id)
        if last == known.event_id and self._done.get("open alarms"):
            return News()
        self._done["open alarms"] = self._clock()
        known.open_alarms = {}
        for site, priority, count in queries.open_alarm_counts(connection):
            counts = known.open_alarms.setdefault(site, AlarmCounts())
            setattr(counts, priority, count)
        known.event_id = last
        return News(
            alarms=tuple(
                AlarmItem(row["site"], AlarmFrame(alarm=alarm_of(row, known.registry)).model_dump_json().encode())
                for row in rows
            )
        )

    def _new_messages(self, connection: Connection, known: _Known) -> News:
        """What came into people's inboxes since the last time."""
        rows, known.messages = notifications.inbox_news(connection, known.messages)
        return News(
            inbox=tuple(
                InboxItem(
                    row["person"],
                    NotificationFrame(
                        notification=Notification(**{name: row[name] for name in Notification.model_fields})
                    )
                    .model_dump_json()
                    .encode(),
                )
                for row in rows
            )
        )

    def _seldom(self, connection: Connection, known: _Known) -> None:
        """What needn't be asked every time."""
        now = self._clock()
        if self._due("heartbeats", 1, now):
            self.heartbeats = {
                service: Heartbeat(age, now, detail) for service, age, detail in queries.heartbeats(connection)
            }
            self.last_journal_id = journal.last_id(connection)
            self.monitor_lag = max(0, self.last_journal_id - journal.cursor(connection, CONSUMER))
        if self._due("connected", 5, now):
            known.connected = queries.connected_devices(connection)
        if self._due("people", 5, now):
            self.people = people.load(connection)
        if self._due("rules", RULES_S, now):
            known.rules = {}
            for rule in load_rules(connection):
                known.rules[rule.site] = (*known.rules.get(rule.site, ()), rule)
        if self._due("samples", SAMPLES_S, now):
            self._judge_samples(connection, known, now)
        if self._follower.changed(connection) or self._due("registry", REGISTRY_S, now):
            self._done["registry"] = now
            digest = queries.registry_digest(connection)
            if digest != known.registry_digest:
                known.registry, known.registry_digest = load_registry(connection), digest

    def _judge_samples(self, connection: Connection, known: _Known, now: datetime) -> None:
        """What manual results say, if any came or was withdrawn, or what they are judged by changed."""
        as_of = (newest_change(connection), known.registry_digest, known.rules, now.replace(second=0, microsecond=0))
        if as_of == known.samples_as_of:
            return
        newest = newest_samples(connection, now - timedelta(days=longest_days()))
        states = site_states(newest, known.registry, known.rules, now)
        known.samples_as_of = as_of
        known.samples = {
            site: SampleSummary(state=state.value, taken_at=taken_at, results=results, suspected=suspected)
            for site, (state, taken_at, results, suspected) in states.items()
        }

    def _speed(self, known: _Known) -> float | None:
        """The speed that the monitor judges simulated sites by, as it said last; None without simulated sites."""
        if not known.registry.any_simulated:
            return None
        heartbeat = self.heartbeats.get(CONSUMER)
        speed = heartbeat.detail.get("speed") if heartbeat else None
        return float(speed) if isinstance(speed, int | float) else 1.0

    def _due(self, what: str, seconds: float, now: datetime) -> bool:
        done = self._done.get(what)
        if done is not None and now - done < timedelta(seconds=seconds):
            return False
        self._done[what] = now
        return True

    def _rebuild(self, *, force: bool) -> None:
        now = self._clock()
        known = self._known
        if known is None or not (force or self.snapshot is None or now - self.snapshot.at >= REBUILD):
            return
        facts = Facts(
            registry=known.registry,
            latest=dict(known.latest),
            open_alarms=known.open_alarms,
            transmission=known.transmission,
            dead_letters=known.dead_letters,
            speed=self._speed(known),
            rules=known.rules,
            samples=known.samples,
            connected=known.connected,
        )
        self.snapshot = Snapshot.of(facts, now, self.snapshot)


def _item(row: LatestValue) -> ChannelItem:
    return ChannelItem(row.channel_id, latest_json(row))


def ask_status(url: str) -> Mapping[str, object] | None:
    """What a service says of itself, None where it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=STATUS_TIMEOUT_S) as answer:  # noqa: S310 - the operator's own address
            told: Mapping[str, object] = json.load(answer)
    except (OSError, ValueError):
        return None
    return told
