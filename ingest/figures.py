"""What ingest says about itself: figures that reconcile, for Prometheus, the heartbeat and the System page.

Every message received is committed, dead, silent (a status) or in flight. The first four are counted where they
happen, the last is what queue and batch hold at the moment, so a message that slips away anywhere shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.counters import Counters
from ingest.inlets import Inlets

CHECKS_TO_BELIEVE: Final = 3
"""A message is counted an instant before it is queued: only a difference that stays is one."""


class Observed(Protocol):
    """What the session tells of itself."""

    paused: int

    @property
    def received(self) -> int:
        """Messages received."""

    @property
    def acknowledged(self) -> int:
        """Messages acknowledged."""

    @property
    def repeated(self) -> int:
        """Messages delivered again while pending."""

    @property
    def connected(self) -> bool:
        """Whether the broker can deliver."""

    @property
    def waiting(self) -> int:
        """Messages received and not taken."""

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them."""


@dataclass(slots=True)
class Reconciliation:
    """Checks ``received = settled + in flight`` from time to time; `imbalance` is the difference that stayed."""

    imbalance: int = 0
    _seen: int = 0
    _times: int = 0

    def check(self, received: int, settled: int, in_flight: int) -> int:
        """The messages unaccounted for: positive are lost sight of, negative counted twice."""
        difference = received - settled - in_flight
        self._times = self._times + 1 if difference == self._seen else 1
        self._seen = difference
        if difference == 0 or self._times >= CHECKS_TO_BELIEVE:
            self.imbalance = difference
        return self.imbalance


class IngestCollector(Collector):
    """The figures as Prometheus metrics, read from the counters when asked: nothing is counted twice for it."""

    def __init__(self, session: Observed, inlets: Inlets, counters: Counters, reconciliation: Reconciliation) -> None:
        self._session = session
        self._inlets = inlets
        self._counters = counters
        self._reconciliation = reconciliation

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        session, counters = self._session, self._counters
        received = session.received + self._inlets.received
        for name, said, value in (
            ("received", "Messages received from broker, instruments and controllers", received),
            ("committed", "Messages committed", counters.committed),
            ("dead", "Messages that came to nothing but dead letters", counters.dead_messages),
            ("silent", "Messages of status, which are no readings", counters.silent),
            ("acknowledged", "Messages acknowledged to the broker", session.acknowledged),
            ("redelivered", "Messages delivered again while pending", session.repeated),
        ):
            yield CounterMetricFamily(f"landun_messages_{name}", said, value)
        yield CounterMetricFamily(
            "landun_read_pauses",
            "Times that nothing more was read from the broker until there was room",
            session.paused,
        )
        readings = CounterMetricFamily("landun_readings", "Readings by what became of them", labels=["outcome"])
        for outcome in ("stored", "duplicate", "conflict", "late"):
            readings.add_metric([outcome], getattr(counters, "readings" if outcome == "stored" else outcome))
        yield readings
        yield CounterMetricFamily("landun_waste_events", "Events of waste's custody stored", counters.scans)
        yield CounterMetricFamily("landun_positions", "Positions of vehicles stored", counters.fixes)
        letters = CounterMetricFamily("landun_dead_letters", "Dead letters by reason", labels=["reason"])
        for reason, count in sorted(counters.dead.items()):
            letters.add_metric([reason], count)
        yield letters
        in_flight = received - counters.settled
        waiting = session.waiting + self._inlets.waiting
        for name, said, gauge in (
            ("messages_in_flight", "Messages received and not settled", in_flight),
            (
                "messages_waiting",
                "Messages received and not taken into a batch",
                waiting,
            ),
            ("lag_seconds", "Age of the oldest message waiting", session.lag_s),
            ("broker_connected", "Whether the broker is connected", float(session.connected)),
            ("accounting_imbalance", "Messages unaccounted for, 0 when all is well", self._reconciliation.imbalance),
            ("sequence_missing", "Messages missing in the numbering of devices", counters.missing),
        ):
            yield GaugeMetricFamily(f"landun_{name}", said, gauge)
        troubles = GaugeMetricFamily("landun_trouble", "Why nothing can be written at the moment", labels=["kind"])
        if counters.trouble is not None:
            troubles.add_metric([counters.trouble], 1)
        yield troubles
