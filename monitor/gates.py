"""When a value may be judged at all: a limit is in force, the venue is open, the water circulates."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from monitor.layout import FOREVER, Bools, Delays, Ints, Layout

Codes = NDArray[np.uint8]


class Gate(IntEnum):
    """Why a value is not judged; `JUDGED` is that it is."""

    JUDGED = 0
    CLOSED = 1
    CIRCULATION_OFF = 2
    NO_LIMIT = 3


class Circulation:
    """Whether the water of each sampling point circulates, as its newest flow reading says.

    A flow that is not measured, or was last measured more than the offline delay ago, counts as on: a dead flow
    meter must not silence a basin's alarms for ever.
    """

    def __init__(self, points: int) -> None:
        self.on: Bools = np.ones(points, dtype=np.bool_)
        self.ts: Ints = np.full(points, -FOREVER, dtype=np.int64)

    def follow(
        self, layout: Layout, delays: Delays, slot: Ints, ts: Ints, side: NDArray[np.int8], good: Bools
    ) -> Bools:
        """Whether circulation is off at each reading, shape (n,), and advance past them.

        Readings are in the order of the stream, since "newest" is by that order: a stream cut in two gives the
        same answer. `side` is the side of the limit, `good` whether the value is one to trust.
        """
        flow = np.flatnonzero(layout.flow[slot] & good)
        point = layout.point[slot]
        if not flow.size:
            on, seen = self.on[point], self.ts[point]
        else:
            # Composite key (sampling point, place in the stream): the last flow reading before each reading.
            width = len(slot) + 1
            flow = flow[np.argsort(point[flow], kind="stable")]
            key = point[flow] * width + flow
            before = np.searchsorted(key, point * width + np.arange(len(slot))) - 1
            here = (before >= 0) & (point[flow[before]] == point)
            flow_on = side[flow] >= 0
            on = np.where(here, flow_on[before], self.on[point])
            seen = np.where(here, ts[flow[before]], self.ts[point])
            last = np.append(point[flow[1:]] != point[flow[:-1]], True)
            self.on[point[flow[last]]] = flow_on[last]
            self.ts[point[flow[last]]] = ts[flow[last]]
        return np.asarray(~on & (ts - seen <= delays.gap[slot]))


def gates(layout: Layout, slot: Ints, ts: Ints, circulation_off: Bools) -> Codes:
    """The gate of each reading, shape (n,), as `Gate` codes."""
    in_force = layout.limited[slot] & (ts >= layout.valid_from[slot]) & (ts < layout.valid_to[slot])
    off = circulation_off & layout.needs_circulation[slot]
    code = np.where(off, Gate.CIRCULATION_OFF, Gate.JUDGED)
    code = np.where(layout.is_open(slot, ts), code, Gate.CLOSED)
    return np.where(in_force, code, Gate.NO_LIMIT).astype(np.uint8)
