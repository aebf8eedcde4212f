"""Whether positions lie near lines: which of many corridors (routes, fences) each of many points is in. Vectorised.

Distances are those on a plane that touches the earth at the point (equirectangular); within the few kilometres
that matter the error is far below that of a receiver.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.keys import Ints, Relation

Floats = NDArray[np.float64]

METRES_A_DEGREE: Final = 111_320.0
_CELL_DEG: Final = 0.005
_ROW: Final = 1_000_000


class Corridors:
    """Lines with a width. A point is looked up by the cell of a grid that it lies in.

    Parameters
    ----------
    lines : of each corridor the longitudes and latitudes of its points, shape (points, 2); one point is a circle
    radius_m : of each corridor how far from its line it reaches

    """

    def __init__(self, lines: Sequence[Floats], radius_m: Sequence[float]) -> None:
        begin = [line[:-1] if len(line) > 1 else line for line in lines]
        end = [line[1:] if len(line) > 1 else line for line in lines]
        self.corridor: Ints = np.repeat(np.arange(len(lines)), [len(each) for each in begin]).astype(np.int64)
        self.begin = np.concatenate(begin) if begin else np.empty((0, 2))
        self.end = np.concatenate(end) if end else np.empty((0, 2))
        self.radius = np.asarray(radius_m, dtype=np.float64)[self.corridor]
        cells, segments = [], []
        for number in range(len(self.begin)):
            covered = self._covered(number)
            cells.append(covered)
            segments.append(np.full(covered.size, number, dtype=np.int64))
        self._grid = Relation(*(np.concatenate(each) for each in (cells, segments))) if cells else Relation()

    def _covered(self, number: int) -> Ints:
        ends = np.stack([self.begin[number], self.end[number]])
        lat = self.radius[number] / METRES_A_DEGREE
        margin = np.array([lat / np.cos(np.radians(np.abs(ends[:, 1]).max())), lat])
        lo = np.floor((ends.min(axis=0) - margin) / _CELL_DEG).astype(np.int64)
        hi = np.floor((ends.max(axis=0) + margin) / _CELL_DEG).astype(np.int64)
        x, y = np.meshgrid(np.arange(lo[0], hi[0] + 1), np.arange(lo[1], hi[1] + 1))
        cells: Ints = (x * _ROW + y).reshape(-1)
        return cells

    def within(self, points: Floats) -> tuple[Ints, Ints]:
        """Pairs (index of a point, corridor that it lies in); points are longitudes and latitudes, shape (n, 2)."""
        cell = np.floor(points / _CELL_DEG).astype(np.int64)
        index, segment = self._grid.of(cell[:, 0] * _ROW + cell[:, 1])
        near = _distance(points[index], self.begin[segment], self.end[segment]) <= self.radius[segment]
        return index[near], self.corridor[segment[near]]

    def distance(self, point: Floats, corridors: Ints) -> float:
        """Metres from a point, shape (2,), to the nearest line of some corridors; infinite where there is none."""
        mine = np.isin(self.corridor, corridors)
        if not mine.any():
            return float("inf")
        begin = self.begin[mine]
        return float(_distance(np.broadcast_to(point, begin.shape), begin, self.end[mine]).min())


def _distance(points: Floats, begin: Floats, end: Floats) -> Floats:
    """Metres from each point to each segment, all of shape (n, 2) in degrees."""
    scale = np.stack([np.cos(np.radians(points[:, 1])), np.ones(len(points))], axis=1) * METRES_A_DEGREE
    a, b = (begin - points) * scale, (end - points) * scale
    along = b - a
    length = (along**2).sum(axis=1)
    share = np.clip(-(a * along).sum(axis=1) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    nearest = a + share[:, None] * along
    metres: Floats = np.sqrt((nearest**2).sum(axis=1))
    return metres


def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two points, longitude and latitude."""
    x = (a[0] - b[0]) * np.cos(np.radians(a[1]))
    return float(np.hypot(x, a[1] - b[1])) * METRES_A_DEGREE
