"""The inner time of simulated waste, which runs as fast as its physics: so that 48 hours are 48 hours of that world."""

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.waste.events import NEVER
from monitor.waste.keys import Ints


class Pace:
    """Wall time (us) ↔ inner time: pieces of (wall, inner, speed), each from its beginning to that of the next one.

    Every change is remembered, so that a time goes in and comes out the same however often the speed changed since.
    """

    def __init__(self, pieces: Iterable[Sequence[float]] = ()) -> None:
        self.pieces = [(int(wall), int(inner), float(speed)) for wall, inner, speed in pieces] or [(0, 0, 1.0)]

    @property
    def speed(self) -> float:
        """How many times faster than the wall clock it runs now."""
        return self.pieces[-1][2]

    def inward(self, wall: Ints) -> Ints:
        """The inner time of instants of the wall clock."""
        walls, inners, speeds = self._columns()
        piece = np.maximum(np.searchsorted(walls, wall, side="right") - 1, 0)
        return inners[piece] + np.rint((wall - walls[piece]) * speeds[piece]).astype(np.int64)

    def outward(self, inner: Ints) -> Ints:
        """The instants of the wall clock; `NEVER` and its negative stay what they are."""
        walls, inners, speeds = self._columns()
        piece = np.maximum(np.searchsorted(inners, inner, side="right") - 1, 0)
        told = walls[piece] + np.rint((inner - inners[piece]) / speeds[piece]).astype(np.int64)
        return np.where((inner > -NEVER) & (inner < NEVER), told, inner)

    def change(self, at: int, speed: float) -> None:
        """Run at another speed from `at` (us, wall) on; not before the last change."""
        at = max(at, self.pieces[-1][0])
        self.pieces.append((at, int(self.inward(np.array([at]))[0]), speed))

    def _columns(self) -> tuple[Ints, Ints, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        walls, inners, speeds = zip(*self.pieces, strict=True)
        return np.array(walls, dtype=np.int64), np.array(inners, dtype=np.int64), np.array(speeds, dtype=np.float64)
