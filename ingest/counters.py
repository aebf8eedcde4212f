"""What ingest has done since it started, in figures that reconcile."""

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client import Histogram

from store.errors import Trouble
from store.exposition import histogram

_MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(slots=True)
class Counters:
    """Messages: ``committed + dead_messages + silent`` is what has been dealt with; the rest is in flight.

    `dead` counts dead letters by reason (a message may give several and still bring readings). `readings`,
    `duplicate`, `conflict` and `late` count readings. `missing` are messages that the numbering of devices shows to
    be lost on the way. `scans` and `fixes` count events of custody and positions; `duplicate` and `conflict` count
    those as well. `trouble` is why nothing can be written at the moment, `trouble_said` the server's own words.
    """

    committed: int = 0
    dead_messages: int = 0
    silent: int = 0
    readings: int = 0
    duplicate: int = 0
    conflict: int = 0
    late: int = 0
    scans: int = 0
    fixes: int = 0
    batches: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    trouble: Trouble | None = None
    trouble_said: str = ""
    batch_messages: Histogram = field(
        default_factory=lambda: histogram("landun_batch_messages", "Messages a batch", _MESSAGES)
    )
    commit_seconds: Histogram = field(
        default_factory=lambda: histogram("landun_commit_seconds", "Seconds from a batch's first attempt to its commit")
    )

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
            "scans": self.scans,
            "fixes": self.fixes,
            "batches": self.batches,
            "dead": dict(self.dead),
            "missing": self.missing,
            "trouble": self.trouble,
            "trouble_said": self.trouble_said,
        }
