"""The monitor service: journal → fold → alarms, states and cursor, in one transaction a step.

A step that fails is forgotten: the folded state is dropped and built again from the last snapshot and the
journal rows up to the cursor. So whether a commit came through or not, and wherever the process was killed, an
alarm is written exactly once.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from monitor import carrying, latest, output
from monitor.aggregation import aggregating
from monitor.alarms.book import Changes
from monitor.engine import Engine
from monitor.figures import MonitorCollector
from monitor.housekeeping import Retention, keep_house, publish
from monitor.memory import keep_freed_memory
from monitor.supervision.book import raise_priorities
from monitor.supervision.leads import open_leads
from monitor.waste.rules import Tolerances
from registry.canary import with_canary
from registry.model import Registry
from store import journal
from store.alarm_settings import load_alarm_settings
from store.announcements import load_announcements
from store.backoff import Backoff
from store.connections import Connection, connect, take_place
from store.exposition import Exposition, program_version
from store.journal import Entry
from store.queries import heartbeats, write_heartbeat
from store.records import to_us
from store.registry_rows import load_registry
from store.site_limits import load_rules
from store.waste_registry import load_waste_registry
from store.waste_tolerances import load_tolerance_settings

CONSUMER: Final = "monitor"
LOCK_MONITOR: Final = 0x4C44_4D4F
"""Session advisory lock: a second monitor waits until the first is gone."""

ROWS_A_STEP: Final = 200_000

HEARTBEAT_LIMIT: Final = timedelta(seconds=15)
"""What a service said longer ago says nothing about now."""

# Of several workers the one that was heard last of all counts: what it reads may be what is missing.
_INGEST_HEARTBEAT: Final = """
SELECT min(at), bool_and(detail ->> 'broker' = 'connected'), max((detail ->> 'connected_since')::bigint)
FROM heartbeat WHERE service LIKE 'ingest%'
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """Where the database is, the periods of what the monitor does (seconds), where figures are served (host:port).

    `anchors` is the folder into which anchors of the journal are written for others to copy.
    """

    database_url: str
    poll_s: float = 0.1
    latest_s: float = 1.0
    heartbeat_s: float = 5.0
    snapshot_s: float = 30.0
    tick_s: float = 10.0
    tick_simulated_s: float = 2.0
    housekeeping_s: float = 3_600.0
    leads_s: float = 60.0
    aggregates_s: float = 60.0
    retention: Retention = field(default_factory=Retention)
    metrics: str | None = None
    anchors: Path | None = None


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Every:
    """Something to do every so often, by a clock that may also be set back."""

    def __init__(self, seconds: float) -> None:
        self.period = timedelta(seconds=seconds)
        self._last: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Whether it is time again."""
        return self._last is None or not timedelta(0) <= now - self._last < self.period

    def done(self, now: datetime) -> None:
        """Count from `now`."""
        self._last = now


class Monitor:
    """One monitor over one connection. Raises `psycopg.Error` when the database fails: then make another."""

    def __init__(
        self,
        connection: Connection,
        settings: MonitorSettings,
        clock: Clock = utc_now,
        figures: MonitorCollector | None = None,
    ) -> None:
        self.figures = figures or MonitorCollector()
        self.connection = connection
        self.settings = settings
        self.clock = clock
        self.cursor = journal.cursor(connection, CONSUMER)
        self._merge = Every(settings.latest_s)
        self._heartbeat = Every(settings.heartbeat_s)
        self._snapshot = Every(settings.snapshot_s)
        self._reload = Every(settings.tick_s)
        self._house = Every(settings.housekeeping_s)
        self._leads = Every(settings.leads_s)
        self._ticked: datetime | None = None
        self._unregistered = 0
        self._limit = 32
        self._changes = Changes()
        self.engine = self._restored()

    def _restored(self) -> Engine:
        """The state as of the cursor: the snapshot, and what came after it folded again without its output."""
        registry = with_canary(load_registry(self.connection))
        # Without a snapshot the journal is folded from its first row: under the rules of that moment.
        engine, at = first_engine(self.connection, registry, journal.first_id(self.connection) - 1), 0
        snapshot = journal.load_snapshot(self.connection, CONSUMER)
        if snapshot is not None:
            try:
                engine, at = carrying.load(snapshot[1], registry, load_waste_registry(self.connection)), snapshot[0]
            except carrying.SnapshotError as error:
                _log.warning("%s; folding the journal from its beginning instead", error)
        while at < self.cursor:
            entries = [each for each in self._read(at) if each.id <= self.cursor]
            if not entries:
                break
            engine.fold(entries, Changes())
            at = entries[-1].id
        carrying.end_orphans(engine, self._changes, self.cursor, to_us(self.clock()))
        self._unregistered = engine.unregistered
        latest.touch_all(engine)
        _log.info("at journal row %d with %d open alarms", self.cursor, engine.book.open_count)
        return engine

    def step(self) -> bool:
        """Do what is due; return whether there may be more to read at once."""
        now = self.clock()
        if self._tick_due(now):
            self._tick(now)
        entries = self._read(self.cursor)
        if entries:
            self._advance(entries, now)
        elif latest.pending(self.engine) and self._merge.due(now):
            self._commit(now)
        if self._heartbeat.due(now):
            self._beat(now)
        if self._leads.due(now):
            open_leads(self.connection, self.engine.layout.registry, now)
            raise_priorities(self.connection, now)
            self._leads.done(now)
        if not entries and self._house.due(now):
            keep_house(self.connection, now, self.settings.retention)
            self._publish()
            self._house.done(now)
        return bool(entries)

    def _publish(self) -> None:
        if self.settings.anchors is None:
            return
        try:
            publish(self.connection, self.settings.anchors)
        except OSError as error:
            _log.error("anchors not written to %s: %s", self.settings.anchors, error.strerror)

    def finish(self) -> None:
        """Write what is merged once in a while, so that a clean end leaves nothing to do again."""
        self._merge, self._snapshot = Every(0), Every(0)
        self._commit(self.clock())

    def _read(self, after: int) -> list[Entry]:
        """The next rows of the journal, as many as hold a step's worth of readings."""
        entries = journal.read_after(self.connection, after, self._limit)
        rows = sum(entry.rows for entry in entries)
        if rows > ROWS_A_STEP:
            self._limit = max(1, self._limit // 2)
        elif rows < ROWS_A_STEP // 4:
            self._limit = min(512, self._limit * 2)
        return entries

    def _advance(self, entries: Sequence[Entry], now: datetime) -> None:
        for piece in _pieces(entries):
            self.engine.fold(piece, self._changes)
            if _changes_registry(piece[-1]):
                self._adopt_registry(piece[-1].id, to_us(piece[-1].recorded_at))
        self.cursor = entries[-1].id
        if self.engine.unregistered > self._unregistered and self._reload.due(now):
            _log.warning("readings of channels that are not registered: reading the registry again")
            self._reload.done(now)
            self._adopt_registry(self.cursor, to_us(now))
        self._unregistered = self.engine.unregistered
        self._commit(now)

    def _adopt_registry(self, journal_id: int, now: int) -> None:
        self.engine = carrying.with_registry(
            self.engine, with_canary(load_registry(self.connection)), load_waste_registry(self.connection)
        )
        carrying.end_orphans(self.engine, self._changes, journal_id, now)
        # Folding again from before this row would be under another registry.
        self._snapshot = Every(self.settings.snapshot_s)
        _log.info("registry read: %d channels", len(self.engine.layout.channels))

    def _commit(self, now: datetime) -> None:
        with self.connection.transaction():
            output.write(self.connection, self._changes)
            if self._merge.due(now):
                latest.merge(self.connection, self.engine, self.cursor)
                self._merge.done(now)
            if self._snapshot.due(now):
                journal.save_snapshot(self.connection, CONSUMER, self.cursor, carrying.dump(self.engine), now)
                self._snapshot.done(now)
            journal.move_cursor(self.connection, CONSUMER, self.cursor, now)
        self._changes = Changes()

    def _tick_due(self, now: datetime) -> bool:
        period = self.settings.tick_s if self.engine.speed <= 1 else self.settings.tick_simulated_s
        return self._ticked is None or not timedelta(0) <= now - self._ticked < timedelta(seconds=period)

    def _tick(self, now: datetime) -> None:
        """Journal what time it is and until when ingest listened: what has not come by then, was not sent."""
        listened, since = self._ingest_listened()
        body = {
            "now": to_us(now),
            "listened": None if listened is None else to_us(min(listened, now)),
            "since": since,
            **self._platform(),
        }
        with self.connection.transaction():
            journal.append_event(self.connection, "tick", body, now)
        self._ticked = now

    def _ingest_listened(self) -> tuple[datetime | None, int | None]:
        """Until when ingest is known to have listened to the broker, None if it does not; and since when (us)."""
        row = self.connection.execute(_INGEST_HEARTBEAT).fetchone()
        at, connected, since = row or (None, None, None)
        return at if connected else None, since

    def _platform(self) -> dict[str, float]:
        """What ingest and the canary say about themselves, as far as they have said it lately."""
        said: dict[str, float] = {}
        for service, age, detail in heartbeats(self.connection):
            if age > HEARTBEAT_LIMIT:
                continue
            if service.startswith("ingest"):
                said["imbalance"] = said.get("imbalance", 0) + abs(int(detail.get("imbalance", 0)))
            elif service == "canary":
                said["canary"] = float(detail["silent_s"])
        return said

    def _beat(self, now: datetime) -> None:
        last = journal.last_id(self.connection)
        detail = {
            "version": program_version(),
            "cursor": self.cursor,
            "last_id": last,
            "lag": last - self.cursor,
            "open_alarms": self.engine.book.open_count,
            "channels": len(self.engine.layout.channels),
            "silent_devices": int(self.engine.silence.silent.sum()),
            "speed": self.engine.speed,
            "unreadable": self.engine.unreadable,
            "unregistered": self.engine.unregistered,
        }
        self.figures.detail = detail
        write_heartbeat(self.connection, CONSUMER, now, detail)
        self._heartbeat.done(now)


def first_engine(connection: Connection, registry: Registry, as_of: int) -> Engine:
    """An engine that has seen nothing, under what people had set right after a journal row.

    That is rules, alarm settings, tolerances of waste and announcements.
    """
    settings = load_alarm_settings(connection, as_of=as_of)
    engine = Engine(registry, load_rules(connection, as_of=as_of), settings, load_waste_registry(connection))
    for setting in load_tolerance_settings(connection, as_of=as_of)[-1:]:
        engine.waste.start_with(Tolerances.from_json(setting.tolerances))
    for each in load_announcements(connection, as_of=as_of):
        engine.book.muting.announce(each)
    engine.follow_announcements()
    return engine


def _changes_registry(entry: Entry) -> bool:
    return entry.kind == "config" and b'"registry"' in entry.body


def _pieces(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut after every row that changes the registry."""
    start = 0
    for index, entry in enumerate(entries, start=1):
        if _changes_registry(entry) or index == len(entries):
            yield entries[start:index]
            start = index


def serve(
    settings: MonitorSettings,
    stopping: threading.Event,
    clock: Clock = utc_now,
    figures: MonitorCollector | None = None,
) -> None:
    """Run until `stopping` is set, over outages of the database."""
    backoff = Backoff(first_s=0.4, most_s=10.0)
    while not stopping.is_set():
        try:
            with connect(settings.database_url, autocommit=True, application_name="landun-monitor") as connection:
                if not take_place(connection, LOCK_MONITOR):
                    _log.warning("another monitor is running on this database; waiting for it to end")
                    stopping.wait(1.0)
                    continue
                with aggregating(settings.database_url, clock, period_s=settings.aggregates_s):
                    monitor = Monitor(connection, settings, clock, figures)
                    while not stopping.is_set():
                        if not monitor.step():
                            backoff.reset()
                            stopping.wait(settings.poll_s)
                    monitor.finish()
        except (psycopg.Error, OSError) as error:
            delay = backoff.next()
            reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
            _log.warning("database failed: %s; trying again in %.1f s", reason, delay)
            stopping.wait(delay)


def run(settings: MonitorSettings) -> None:
    """Run the monitor until SIGTERM or SIGINT, then end within 5 s."""
    keep_freed_memory()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    figures = MonitorCollector()
    with Exposition(settings.metrics, [figures], lambda: figures.detail):
        serve(settings, stopping, figures=figures)
    _log.info("ended")
