"""When each device of a fleet samples next."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.clock import SECOND_US, next_sample, publish_interval
from simulators.noise import Floats

FIRST_WITHIN_US: Final = 8 * SECOND_US
"""Within this time of a start every device samples once, whatever its period."""


class Schedule:
    """Next sampling instant of each device (µs since the epoch): each period at its own phase."""

    def __init__(self, periods_s: NDArray[np.int64], phases: Floats) -> None:
        self._periods_s = periods_s
        self._phases = phases
        self._intervals = periods_s * SECOND_US
        self._next = np.zeros(len(phases), dtype=np.int64)

    @property
    def next_at(self) -> int | None:
        """The earliest instant at which a device samples; None for an empty fleet."""
        return int(self._next.min()) if len(self._next) else None

    def set_speed(self, speed: float, now: int) -> None:
        """Sample at the intervals of a speed, each device next at its phase after `now`."""
        self._intervals = np.array([publish_interval(int(period), speed) for period in self._periods_s], dtype=np.int64)
        for column in range(len(self._next)):
            self._next[column] = self._after(column, now)

    def soon(self, column: int, now: int) -> None:
        """Let a device sample once within `FIRST_WITHIN_US`, staggered by its phase, or earlier if it is due."""
        first = now + (SECOND_US // 2 + int(self._phases[column] * (FIRST_WITHIN_US - SECOND_US))) // 1000 * 1000
        self._next[column] = min(first, self._after(column, now))

    def due(self, now: int) -> Iterator[tuple[int, int]]:
        """Each device that is due by `now`, as (instant, column) in order of time; they are scheduled anew.

        After a gap (the machine slept) a device samples once, not once for every period it missed.
        """
        columns = np.flatnonzero(self._next <= now)
        for column in columns[np.argsort(self._next[columns], kind="stable")].tolist():
            instant, interval = int(self._next[column]), int(self._intervals[column])
            missed = now - instant > max(2 * interval, 10 * SECOND_US)
            # Half an interval on: the extra sample of a start is followed by a regular one, not by its neighbour.
            self._next[column] = self._after(column, now if missed else instant + interval // 2)
            yield (now // 1000 * 1000 if missed else instant), column

    def _after(self, column: int, instant: int) -> int:
        return next_sample(instant, int(self._intervals[column]), float(self._phases[column]))
