"""The ingest service: session → assembly → late rule → writer → acknowledgement, in one thread beside paho's."""

import gc
import logging
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg

from ingest.assembly import assemble
from ingest.commit_order import CommitOrder
from ingest.decoders import sparkplug
from ingest.decoders.sparkplug import Node
from ingest.delivery import Assembled, Delivery
from ingest.directory import Directory
from ingest.figures import IngestCollector, Reconciliation
from ingest.inlets import Inlets
from ingest.lateness import LateRule
from ingest.neighbours import check_overlap
from ingest.rejection import Reason
from ingest.sequences import SequenceWatch
from ingest.session import ACK_WAIT_S, WHOLE_TREE, BrokerAddress, Session
from ingest.subtrees import Subtree
from ingest.writer import Load, StoppingError, Writer
from registry.model import Registry
from registry.waste.model import WasteRegistry
from store import journal
from store.connections import Connection
from store.exposition import Exposition, program_version
from store.queries import forget_heartbeat, newest_ts, write_heartbeat
from store.records import Readings, to_us
from store.registry_follower import RegistryFollower
from store.sequences import add_gaps
from store.waste_registry import load_waste_registry

HEARTBEAT_S: Final = 5.0
FOLLOW_S: Final = 0.4
"""How often the journal is asked for a change of the registry."""

UNKNOWN_ASKS_S: Final = 2.0
"""At most how often an unknown device makes ingest read the registry again."""

REBIRTH_ASKS_S: Final = 5.0
"""At most how often a Sparkplug node is asked to declare itself again."""

RECONCILE_S: Final = 1.0
"""How often the figures are held against each other."""

DRAINED_AFTER_S: Final = 2.0
"""A drained session has given nothing for this long after what may come again has come."""

_IDLE_S: Final = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """What ingest needs to know.

    `batch_messages` and `batch_window_s` close a batch; `outage_s` is how long the database may be away before
    ingest leaves the broker; `hold_s` is how long a resumed session's deliveries are held to be put in order; `metrics`
    is the address (``host:port``) that figures are served on; `subtree` is this worker's part of the topic tree;
    with `drain` it ends, session and all, once nothing comes any more: another division of the tree takes over.
    `hj212` and `jt808` are where HJ 212 instruments and JT/T 808 terminals connect, `device_master` is what their
    passwords derive from; the worker that reads the rest of the tree has these and polls the controllers.
    """

    database_url: str
    mqtt_url: str
    batch_messages: int = 5_000
    batch_window_s: float = 0.1
    outage_s: float = 30.0
    hold_s: float = ACK_WAIT_S + 1.0
    metrics: str | None = None
    subtree: Subtree = WHOLE_TREE
    drain: bool = False
    hj212: tuple[str, int] | None = None
    jt808: tuple[str, int] | None = None
    device_master: str | None = None


class _Pace:
    """Says yes at most once in a while."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time; if so, not again for a while."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True


class Service:
    """One run of ingest, from start to `stopping`."""

    def __init__(self, settings: IngestSettings, stopping: threading.Event) -> None:
        self.settings = settings
        self.stopping = stopping
        self.session = Session(BrokerAddress.parse(settings.mqtt_url), settings.subtree, hold_s=settings.hold_s)
        self.writer = Writer(
            settings.database_url,
            stopping=stopping,
            on_outage=self._leave_broker,
            outage_s=settings.outage_s,
            settle=self._settle if settings.subtree.member else None,
        )
        rest = settings.subtree.rest
        self.inlets = Inlets(
            settings.hj212 if rest else None,
            jt808=settings.jt808 if rest else None,
            polls=rest,
            master=settings.device_master,
        )
        self.reconciliation = Reconciliation()
        self._sequences = SequenceWatch()
        self._nodes: dict[str, Node] = {}
        self._rebirths: dict[str, _Pace] = {}
        self._follower = RegistryFollower()
        self._directory: Directory
        self._late_rule: LateRule
        self._commit_order: CommitOrder
        self._next_heartbeat = 0.0
        self._follow = _Pace(FOLLOW_S)
        self._unknown_asks = _Pace(UNKNOWN_ASKS_S)
        self._reconcile = _Pace(RECONCILE_S)
        self._told_connected = False
        self._busy_at = time.monotonic()

    def run(self) -> None:
        """Work until `stopping` is set. Raises `SubscriptionRefusedError` when the broker will never deliver."""
        counters = self.writer.counters
        figures = IngestCollector(self.session, self.inlets, counters, self.reconciliation)
        try:
            with Exposition(
                self.settings.metrics,
                [figures, counters.batch_messages, counters.commit_seconds],
                self.detail,
            ):
                self.writer.persistently("registry not read; start", self._begin)
                while not self.stopping.is_set() and not self._drained():
                    self._step()
                if not self.stopping.is_set():
                    self._hand_over()
        except StoppingError as error:
            _log.warning("ending: %s; the broker keeps what is not acknowledged", error)
        finally:
            self.inlets.stop()
            self.session.stop()
            self.writer.close()

    def _begin(self) -> None:
        """Read what must be known before the first message. Raises `OverlapError`."""
        connection = self.writer.connection()
        check_overlap(connection, self.settings.subtree)
        registry = self._follower.load(connection)
        self._commit_order = CommitOrder(journal.last_id(connection))
        newest = {channel_id: to_us(ts) for channel_id, ts in newest_ts(connection).items()}
        self._adopt(registry, load_waste_registry(connection), LateRule(registry, newest))
        self.inlets.adopt(self._directory, connection)

    def _step(self) -> None:
        self.session.start()  # at first, and again after an outage of the database
        batch = self.session.take(self.settings.batch_messages, self.settings.batch_window_s, _IDLE_S)
        if batch.deliveries or not self.session.connected:
            self._busy_at = time.monotonic()
        deliveries = batch.deliveries + self.inlets.take(self.settings.batch_messages)
        if deliveries:
            self._process(deliveries, by_time=batch.held)
        self._keep_house()

    def _drained(self) -> bool:
        """Whether a worker that is to end has had all that the broker kept for it."""
        quiet_s = time.monotonic() - self._busy_at
        return self.settings.drain and self.session.connected and quiet_s > self.settings.hold_s + DRAINED_AFTER_S

    def _hand_over(self) -> None:
        self.session.remove()
        forget_heartbeat(self.writer.connection(), self.settings.subtree.service)
        _log.info("drained: %d messages; the session is ended", self.session.received)

    def _process(self, deliveries: Sequence[Delivery], *, by_time: bool) -> None:
        assembled = assemble(deliveries, self._directory, self._nodes, by_time=by_time)
        if self._names_unknown(assembled) and self._unknown_asks.due():
            self._reload()
            assembled = assemble(deliveries, self._directory, self._nodes, by_time=by_time)
        if not self.settings.subtree.member:
            self._late_rule.mark(assembled.readings)
        # What a device itself declares not to be a measurement is kept as history and judged by nobody.
        assembled.readings["late"] |= assembled.flagged | assembled.historical
        self.writer.write(Load(deliveries, assembled, self._directory))
        self.session.ack(deliveries)
        self.inlets.ack(deliveries)
        if not self.settings.subtree.member:  # one of several sees only some of a device's numbers
            self._sequences.note(assembled.numbers)
        self.writer.counters.missing = self._sequences.missing
        self._nodes |= assembled.nodes
        for device, why in assembled.rebirths.items():
            self._ask_rebirth(device, why)

    def _settle(self, connection: Connection, new: Readings) -> None:
        """Where others read the same topics, only the order of commits says what is late."""
        self._commit_order.settle(connection, new, self._late_rule)

    def _ask_rebirth(self, device: str, why: str) -> None:
        """Ask a Sparkplug node to declare itself again, now and then until it does."""
        if self._rebirths.setdefault(device, _Pace(REBIRTH_ASKS_S)).due():
            binding = self._directory.device(device)
            if binding is not None:
                _log.info("device %s: asking for its birth: %s", device, why)
                self.session.publish(sparkplug.command_topic(binding.site.county, device), sparkplug.rebirth_command())

    @staticmethod
    def _names_unknown(assembled: Assembled) -> bool:
        unknown = (Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_INDICATOR, Reason.BAD_TOPIC)
        return any(each.reason in unknown for each in assembled.letters)

    def _reload(self) -> None:
        registry, waste = self.writer.persistently("registry", self._read_registry)
        self.inlets.adopt(Directory(registry, waste), self.writer.connection())
        if registry != self._directory.registry or waste != self._directory.waste:
            _log.info("registry read again: %d devices, %d channels", len(registry.devices), len(registry.channels))
            self._adopt(registry, waste, LateRule(registry, self._late_rule.newest()))

    def _read_registry(self) -> tuple[Registry, WasteRegistry]:
        connection = self.writer.connection()
        return self._follower.load(connection), load_waste_registry(connection)

    def _adopt(self, registry: Registry, waste: WasteRegistry, late_rule: LateRule) -> None:
        self._directory = Directory(registry, waste)
        self._late_rule = late_rule

    def _keep_house(self) -> None:
        """Heartbeat, registry changes, and a look at paho's thread; a database away here is no reason to wait."""
        if self._reconcile.due():
            self.check_accounts()
        try:
            if self._follow.due():
                self.inlets.listen()
                if self._follower.changed(self.writer.connection()):
                    self._reload()
                self.inlets.carry_commands(self._directory, self.writer.connection(), datetime.now(UTC))
            # A change of the connection is told at once: start-up waits for it.
            if time.monotonic() >= self._next_heartbeat or self.session.connected != self._told_connected:
                self._told_connected = self.session.connected
                self._next_heartbeat = time.monotonic() + HEARTBEAT_S
                self._watch_session()
                write_heartbeat(
                    self.writer.connection(), self.settings.subtree.service, datetime.now(UTC), self.detail()
                )
                add_gaps(self.writer.connection(), self._sequences.changes(), datetime.now(UTC))
                self._sequences.told()
                self.writer.note_trouble(None)
        except (psycopg.Error, OSError) as error:
            self.writer.note_trouble(error)
            _log.warning("heartbeat not written: %s", str(error).strip().split("\n", 1)[0])
            self.writer.close()
            self._next_heartbeat = time.monotonic() + 1.0

    def _watch_session(self) -> None:
        if self.session.running and not self.session.alive:
            _log.error("the MQTT thread has ended; starting it again")
            self.session.stop()
            self.session.start()

    def check_accounts(self) -> None:
        """Hold what was received against what became of it; between two batches only the queue is in flight."""
        before = self.reconciliation.imbalance
        received = self.session.received + self.inlets.received
        waiting = self.session.waiting + self.inlets.waiting
        found = self.reconciliation.check(received, self.writer.counters.settled, waiting)
        if found != before:
            say = _log.error if found else _log.info
            say("accounting: %d messages are unaccounted for (received - committed - dead - silent - waiting)", found)

    def detail(self) -> dict[str, object]:
        """How ingest is doing, as heartbeat and ``/status`` carry it."""
        return {
            "counties": list(self.settings.subtree.counties),
            "rest": self.settings.subtree.rest,
            "member": self.settings.subtree.member,
            "broker": "connected" if self.session.connected else "disconnected",
            "connected_since": self.session.connected_since,
            "version": program_version(),
            "waiting": self.session.waiting,
            "lag_s": round(self.session.lag_s, 3),
            "acknowledged": self.session.acknowledged,
            "redelivered": self.session.repeated,
            "paused": self.session.paused,
            "imbalance": self.reconciliation.imbalance,
            **self.inlets.detail(),
            **self.writer.counters.as_detail(self.session.received + self.inlets.received),
        }

    def _leave_broker(self) -> None:
        if self.session.running:
            _log.error(
                "the database has been away for over %g s: leaving the broker, which keeps the messages",
                self.settings.outage_s,
            )
            self.session.stop()


def run(settings: IngestSettings) -> None:
    """Run ingest until SIGTERM or SIGINT, then end within 5 s; what is not acknowledged stays with the broker."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    service = Service(settings, stopping)
    # What is there now stays: the collector need not look through it again for every few thousand letters of a batch,
    # which more than halved the speed on broken input.
    gc.collect()
    gc.freeze()
    service.run()
