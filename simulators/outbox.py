"""What a device has sampled and the broker has not acknowledged yet: bounded, in order, nothing sent twice at once."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DEFAULT_CAPACITY: Final = 2_880
"""Samples a device keeps while it is off line: two days at one a minute."""
BATCH: Final = 60
WINDOW: Final = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One record of a device: sequence number, its own time in ms since the epoch, and what it says.

    `values` are by indicator code; of a device that measures nothing they are the fields of its message.
    """

    seq: int
    ts: int
    values: Mapping[str, Any]

    def record(self) -> dict[str, object]:
        """The native payload's object."""
        return {"ts": self.ts, "seq": self.seq, "values": self.values, "flag": "N"}


def payload_of(samples: tuple[Sample, ...]) -> bytes:
    """The native payload: an object for one sample, a list for several."""
    records = [sample.record() for sample in samples]
    return json.dumps(records if len(records) > 1 else records[0], separators=(",", ":")).encode()


class Outbox:
    """Samples of one device on their way to the broker.

    `waiting` samples go out in order, at most `window` messages at a time. When the connection is lost, what was
    not acknowledged waits again, before all else. Beyond `capacity` the oldest waiting sample is dropped.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY, batch: int = BATCH, window: int = WINDOW) -> None:
        self._capacity = capacity
        self._batch = batch
        self._window = window
        self._waiting: deque[Sample] = deque()
        self._in_flight: dict[int, tuple[Sample, ...]] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self._in_flight.values()))

    @property
    def waiting(self) -> int:
        """Number of samples not sent."""
        return len(self._waiting)

    def add(self, sample: Sample) -> None:
        """Take a new sample."""
        self._waiting.append(sample)
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self.dropped += 1

    def take(self) -> tuple[Sample, ...]:
        """The samples of the next message; none while the window is full or nothing waits.

        The caller says `sent` or gives them back by `put_back`.
        """
        if len(self._in_flight) >= self._window:
            return ()
        count = min(self._batch, len(self._waiting))
        return tuple(self._waiting.popleft() for _ in range(count))

    def sent(self, mid: int, samples: tuple[Sample, ...]) -> None:
        """A message with these samples is on its way under a packet id."""
        self._in_flight[mid] = samples

    def put_back(self, samples: tuple[Sample, ...]) -> None:
        """These samples, just taken, were not sent."""
        self._waiting.extendleft(reversed(samples))

    def acknowledged(self, mid: int) -> tuple[Sample, ...]:
        """The samples of a message that the broker acknowledged; none if the id is not of a message of samples."""
        return self._in_flight.pop(mid, ())

    def connection_lost(self) -> None:
        """What was on its way waits again, in its old order."""
        on_their_way = [sample for samples in self._in_flight.values() for sample in samples]
        self._in_flight.clear()
        self._waiting.extendleft(reversed(on_their_way))

    def clear(self) -> None:
        """Forget everything, as a device without power does."""
        self._waiting.clear()
        self._in_flight.clear()
