"""What ingest has done since it started, in figures that reconcile."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Messages: ``committed + dead_messages + silent`` is what has been dealt with; the rest is in flight.

    `dead` counts dead letters by reason (a message may give several and still bring readings). `readings`,
    `duplicate`, `conflict` and `late` count readings.
    """

    committed: int = 0
    dead_messages: int = 0
    silent: int = 0
    readings: int = 0
    duplicate: int = 0
    conflict: int = 0
    late: int = 0
    batches: int = 0
    dead: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        """Messages that ended as committed, dead or silent."""
        return self.committed + self.dead_messages + self.silent

    def as_detail(self, received: int) -> dict[str, object]:
        """The figures as a heartbeat carries them; `received` is what the session has received."""
        return {
            "received": received,
            "committed": self.committed,
            "dead_messages": self.dead_messages,
            "silent": self.silent,
            "in_flight": received - self.settled,
            "readings": self.readings,
            "duplicate": self.duplicate,
            "conflict": self.conflict,
            "late": self.late,
            "batches": self.batches,
            "dead": dict(self.dead),
        }
