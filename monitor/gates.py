"""When a value may be judged at all: a limit is in force, the venue is open, the water circulates."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from monitor.layout import FOREVER, Bools, Delays, Floats, Ints, Layout
from registry.announcements import Announcement, AnnouncementKind
from store.records import to_us

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
        before = last_before(point, flow)
        here = before >= 0
        flow_on = side >= 0
        on = np.where(here, flow_on[before], self.on[point])
        seen = np.where(here, ts[before], self.ts[point])
        # Of several assignments to one place the last one stays.
        self.on[point[flow]], self.ts[point[flow]] = flow_on[flow], ts[flow]
        return np.asarray(~on & (ts - seen <= delays.gap[slot]))


class Companions:
    """The newest value of each indicator that the bounds of others depend on, shape (companions,); NaN at first."""

    def __init__(self, companions: int) -> None:
        self.value: Floats = np.full(companions, np.nan)
        self.ts: Ints = np.full(companions, -FOREVER, dtype=np.int64)

    def follow(self, layout: Layout, delays: Delays, slot: Ints, ts: Ints, value: Floats, good: Bools) -> Floats:
        """The value that the bounds of each reading depend on, shape (n,), and advance past the readings.

        NaN where they depend on nothing, or where its newest value is not known or older than the gap allowed.
        """
        if not self.value.size:
            return np.full(slot.shape, np.nan)
        book = layout.rulebook
        fed, asked = book.feeds[slot], book.companion[book.version_of(slot, ts)]
        source = np.flatnonzero((fed >= 0) & good)
        before = last_before(np.where(asked >= 0, asked, 0), source, fed)
        here = before >= 0
        found = np.where(here, value[before], self.value[asked])
        seen = np.where(here, ts[before], self.ts[asked])
        self.value[fed[source]], self.ts[fed[source]] = value[source], ts[source]
        return np.where((asked >= 0) & (ts - seen <= delays.gap[slot]), found, np.nan)


class Closures:
    """When places are announced to be closed or without circulation: arrays of shape (points, most of any point), us.

    Where a point has fewer, the rest begin and end never.
    """

    def __init__(self, points: int, announced: Sequence[tuple[int, int, int, bool]] = ()) -> None:
        """`announced` are (index of the point, from, to, whether it is closed rather than without circulation)."""
        of_point: dict[int, list[tuple[int, int, bool]]] = {}
        for point, first, last, closed in announced:
            of_point.setdefault(point, []).append((first, last, closed))
        most = max(map(len, of_point.values()), default=0)
        self.first: Ints = np.full((points, most), FOREVER, dtype=np.int64)
        self.last: Ints = np.full((points, most), FOREVER, dtype=np.int64)
        self.closed: Bools = np.zeros((points, most), dtype=np.bool_)
        for point, times in of_point.items():
            for place, (first, last, closed) in enumerate(times):
                self.first[point, place], self.last[point, place] = first, last
                self.closed[point, place] = closed

    @classmethod
    def of(cls, layout: Layout, announcements: Iterable[Announcement]) -> "Closures":
        """Those of a layout's places."""
        return cls(
            len(layout.points),
            [
                (point, to_us(each.starts_at), to_us(each.ends_at), each.kind is AnnouncementKind.CLOSED)
                for each in announcements
                if each.judges_nothing
                for point in _points_of(layout, each)
            ],
        )

    def at(self, point: Ints, ts: Ints) -> tuple[Bools, Bools]:
        """Whether each place is announced closed, and without circulation, at each instant; shape (n,)."""
        closed, off = np.zeros(ts.shape, dtype=np.bool_), np.zeros(ts.shape, dtype=np.bool_)
        for place in range(self.first.shape[1]):
            within = (self.first[point, place] <= ts) & (ts < self.last[point, place])
            closed |= within & self.closed[point, place]
            off |= within & ~self.closed[point, place]
        return closed, off


def _points_of(layout: Layout, announcement: Announcement) -> list[int]:
    low = bisect_left(layout.points, (announcement.site, ""))
    found = []
    for place in range(low, len(layout.points)):
        site, point = layout.points[place]
        if site != announcement.site:
            break
        if announcement.sampling_point in (None, point):
            found.append(place)
    return found


def carry_companions(companions: Companions, before: Layout, after: Layout) -> Companions:
    """What is known of the companions of one layout, as those of another."""
    carried = Companions(len(after.rulebook.companions))
    places = {name: place for place, name in enumerate(before.rulebook.companions)}
    for place, name in enumerate(after.rulebook.companions):
        if name in places:
            carried.value[place], carried.ts[place] = companions.value[places[name]], companions.ts[places[name]]
    return carried


def last_before(group: Ints, source: Ints, source_group: Ints | None = None) -> Ints:
    """For each row of a stream the last row before it, out of `source`, that is of its group; -1 where there is none.

    "Before" is by place in the stream, so a stream cut in two gives the same answer once the state of the cut is
    put in. Shapes: `group` (n,), `source` indices into it, `source_group` (n,) the groups of the sources if others.
    """
    if not source.size:
        return np.full(group.shape, -1, dtype=np.int64)
    of_source = (group if source_group is None else source_group)[source]
    width = len(group) + 1
    order = np.argsort(of_source, kind="stable")
    key = of_source[order] * width + source[order]
    place = np.searchsorted(key, group * width + np.arange(len(group))) - 1
    found = source[order][place]
    return np.where((place >= 0) & (of_source[order][place] == group), found, -1)


def gates(
    layout: Layout,
    slot: Ints,
    ts: Ints,
    circulation_off: Bools,
    in_force: Bools,
    closures: Closures | None = None,
) -> Codes:
    """The gate of each reading, shape (n,), as `Gate` codes. `in_force` says whether a limit is, at each."""
    off, opened = circulation_off & layout.needs_circulation[slot], layout.is_open(slot, ts)
    if closures is not None and closures.first.size:
        closed, announced_off = closures.at(layout.point[slot], ts)
        off |= announced_off & (layout.needs_circulation | layout.flow)[slot]
        opened &= ~closed
    code = np.where(off, Gate.CIRCULATION_OFF, Gate.JUDGED)
    code = np.where(opened, code, Gate.CLOSED)
    return np.where(in_force, code, Gate.NO_LIMIT).astype(np.uint8)
