"""When to try the broker again: one device at a time while it is away, many once it answers."""

import random
from typing import Final

from simulators.clock import SECOND_US

FIRST_DELAY_US: Final = SECOND_US // 4
LONGEST_DELAY_US: Final = 5 * SECOND_US
BURST: Final = 25


class Gate:
    """How many devices may begin to connect now.

    After a failure the next attempt waits, twice as long each time with jitter, and is a single device; the first
    success lets the others follow, `BURST` at a time.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._delay = FIRST_DELAY_US
        self._probing = True
        self._next_at = 0

    @property
    def next_at(self) -> int:
        """Before this instant (µs since the epoch) no attempt is allowed."""
        return self._next_at

    def allowance(self, now: int, pending: int) -> int:
        """Number of devices that may begin to connect at `now` while `pending` others are at it."""
        if now < self._next_at:
            return 0
        return max(0, (1 if self._probing else BURST) - pending)

    def succeeded(self) -> None:
        """The broker accepted a connection."""
        self._probing = False
        self._delay = FIRST_DELAY_US

    def failed(self, now: int) -> None:
        """An attempt failed, or the broker went away. More of them within one delay count once."""
        if self._probing and now < self._next_at:
            return
        self._probing = True
        self._next_at = now + round(self._delay * self._rng.uniform(0.75, 1.25))
        self._delay = min(2 * self._delay, LONGEST_DELAY_US)
