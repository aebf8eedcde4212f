"""What passes between the tests of a round: the readings that are judged, and where the outcome is written."""

from dataclasses import dataclass

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Codes, Floats, Floats32, Ints


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the tests write, all of shape (rows,) but `flags` (tests, rows), filled with `Flag.GOOD` beforehand."""

    flags: Codes
    score: Floats32
    z: Floats32
    expected: Floats
    width: Floats32

    def part(self, a: int, b: int) -> "Outcome":
        """Rows a to b, as views."""
        return Outcome(self.flags[:, a:b], self.score[a:b], self.z[a:b], self.expected[a:b], self.width[a:b])


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of each of `slot` (ascending, each once); `at` is the same as a slice where that is possible.

    `x` is the value less its channel's origin, `dt` the time since the channel's last reading in s: 0 where there
    was none, or a silence so long that the level begins anew. `seen` is the data the channel has, this one included,
    in s. `bad` readings are beyond what the instrument can report: they are judged, and nothing is learned from them.
    """

    slot: Ints
    at: slice | Ints
    ts: Ints
    x: Floats32
    dt: Floats32
    seen: Floats32
    warming: Bools
    bad: Bools


def outcome(rows: int) -> Outcome:
    """An outcome to be filled."""
    numbers = np.zeros((3, rows), dtype=np.float32)
    flags = np.full((len(Test), rows), Flag.GOOD, dtype=np.uint8)
    return Outcome(flags, numbers[0], numbers[1], np.full(rows, np.nan), numbers[2])
