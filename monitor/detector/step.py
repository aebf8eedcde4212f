"""One call: a batch of readings of many channels in, flags, scores and closed ticks out.

Pure: nothing but `State` is changed, there is no clock and no I/O. The result does not depend on where the stream
is cut into batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.detector.channels import observe
from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Codes, Floats, Floats32, Ints, Layout
from monitor.detector.reading import Outcome, outcome
from monitor.detector.rounds import rounds_of
from monitor.detector.sites import close
from monitor.detector.state import State

TICK: Final = np.dtype(
    [
        ("site", "<i4"),  # index
        ("row", "<i8"),  # the reading of this call that closed the tick; -1: time alone (`flush`)
        ("ts", "<i8"),  # us, newest reading of the tick
        ("score", "<f4"),  # site score; 1 = the alarm threshold that the budget gives
        ("flag", "<u1"),  # of test `multivariate`: 1 good, 2 not evaluated, 3 suspect (in alarm)
        ("slot", "<i4"),  # the channel that spoke loudest, -1 none
        ("raised", "?"),  # an alarm began at this tick
        ("returned", "?"),  # an alarm ended at this tick
    ]
)
"""A site's event-time tick was closed and judged."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings in the order of the stream, shape (rows,).

    `slot` as in the layout, -1 = not a channel of the detector: passed over. `ts` us. A NaN `value` is a missing
    reading. `late` rows (not newer than their channel's newest, or late by DESIGN's rule) leave the state alone.
    """

    slot: Ints
    ts: Ints
    value: Floats
    late: Bools


@dataclass(frozen=True, slots=True)
class Closing:
    """What an observer sees when ticks close: the sites and their new rows of `Step.ticks`.

    `State` is, at that moment, exactly what the closed tick left: `state.x + state.origin` are the newest values,
    `state.ts` when they were read, `state.z`, `state.q` what the tests make of them.
    """

    layout: Layout
    state: State
    sites: Ints
    ticks: NDArray[Any]


class Observer(Protocol):
    """Something that judges sites at closed ticks: chemistry, causes, copies.

    Must be pure but for its own state, and element-wise over sites, so that batches do not matter.
    """

    def closed(self, closing: Closing) -> None:
        """Ticks of `closing.sites` closed (each site at most once a call)."""


class Step:
    """What a batch brought. Per-row arrays are in the order of the rows given."""

    def __init__(self, rows: int, order: Ints, out: Outcome, ticks: NDArray[Any]) -> None:
        self.rows, self._order, self._out = rows, order, out
        self.ticks: NDArray[Any] = ticks
        """Dtype `TICK`, in order of closing (round, then site)."""

    @cached_property
    def flags(self) -> Codes:
        """Shape (tests, rows), `Flag`: row `Test.SPIKE` holds the spike test's. Late and unknown rows: 2; NaN: 9."""
        found = np.full((len(Test), self.rows), Flag.UNKNOWN, dtype=np.uint8)
        found[:, self._order] = self._out.flags
        return found

    @cached_property
    def score(self) -> Floats32:
        """Shape (rows,): the channel's score after the reading; from 1 on it is away from its level."""
        return self._in_order(self._out.score, np.float32(0))

    @cached_property
    def z(self) -> Floats32:
        """Shape (rows,): signed distance from the channel's expected level, in its scale."""
        return self._in_order(self._out.z, np.float32(0))

    @cached_property
    def expected(self) -> Floats:
        """Shape (rows,): the level the reading was held against, in the channel's unit; NaN for late rows."""
        return self._in_order(self._out.expected, np.float64(np.nan))

    @cached_property
    def width(self) -> Floats32:
        """Shape (rows,): half the expected band around `expected`, in the channel's unit."""
        return self._in_order(self._out.width, np.float32(0))

    @cached_property
    def flagged(self) -> tuple[Ints, Ints, Codes]:
        """(row, test, flag) of every flag 3, 4 or 9, ordered by row then test: what is stored in `reading_flag`."""
        flags = self._out.flags
        test, row = np.nonzero(flags >= Flag.SUSPECT)
        flag, row = flags[test, row], self._order[row]
        order = np.lexsort((test, row))
        return row[order], test[order], flag[order]

    def _in_order(self, values: NDArray[Any], otherwise: np.floating[Any]) -> NDArray[Any]:
        found = np.full(self.rows, otherwise)
        found[self._order] = values
        return found


def step(state: State, layout: Layout, rows: Rows, observers: Sequence[Observer] = ()) -> Step:
    """Judge a batch in the order of the stream and advance `state` past it.

    A row that is not newer than its channel's newest counts as late, whether it is marked so or not. `observers`
    are called at every closing of ticks, in order.
    """
    known, finite = rows.slot >= 0, np.isfinite(rows.value)
    live = np.flatnonzero(known & ~rows.late & finite)
    missing = np.flatnonzero(known & ~finite)
    if not live.size:
        return _with_missing(rows.slot.size, missing, np.empty(0, np.int64), outcome(0), np.empty(0, dtype=TICK))
    whole = live.size == rows.slot.size
    slot, ts = (rows.slot, rows.ts) if whole else (rows.slot[live], rows.ts[live])
    site = layout.site[slot]
    rounds = rounds_of(slot, site, layout.ticks(site, ts), state.site_tick)
    order = rounds.row if whole else live[rounds.row]
    slot, ts, value = rounds.slot, ts[rounds.row], rows.value[order]
    site = layout.site[slot]
    out = outcome(order.size)
    ticks = np.zeros(rounds.closes.size, dtype=TICK)
    closed = 0
    for k, (a, b) in enumerate(pairwise(rounds.bounds)):
        closing = slice(rounds.closing_bounds[k], rounds.closing_bounds[k + 1])
        at, opened = rounds.closes[closing], rounds.tick[closing]
        if at.size:
            sites = site[at]
            if (sites[1:] < sites[:-1]).any():  # channels of a site need not lie beside each other
                by_site = np.argsort(sites)
                at, opened, sites = at[by_site], opened[by_site], sites[by_site]
            ended = state.site_pending[sites]
            part = ticks[closed : closed + int(np.count_nonzero(ended))]
            _close(state, layout, sites[ended], order[at[ended]], observers, part)
            closed += part.size
            state.site_tick[sites] = opened
        observe(state, layout, slot[a:b], ts[a:b], value[a:b], out.part(a, b))
        state.site_pending[site[a:b]] = True
    return _with_missing(rows.slot.size, missing, order, out, ticks[:closed])


def flush(state: State, layout: Layout, now: int, observers: Sequence[Observer] = ()) -> NDArray[Any]:
    """Close the open ticks that ended by `now` (us); dtype `TICK` with row -1.

    A sweep tick of the journal does it, so that a site's newest tick is judged even when nothing follows.
    """
    due = np.flatnonzero(state.site_pending & ((state.site_tick + 1) * layout.tick_us <= now))
    if not due.size:
        return np.empty(0, dtype=TICK)
    ticks = np.zeros(due.size, dtype=TICK)
    _close(state, layout, due, np.full(due.size, -1, dtype=np.int64), observers, ticks)
    # What still comes for the closed tick counts into the next one.
    state.site_tick[due] += 1
    return ticks


def _close(
    state: State, layout: Layout, sites: Ints, row: Ints, observers: Sequence[Observer], ticks: NDArray[Any]
) -> None:
    """Judge the open ticks of `sites`, ascending, into `ticks` (dtype `TICK`, zeros)."""
    if not sites.size:
        return
    ticks["site"], ticks["row"] = sites, row
    close(state, layout, sites, ticks)
    state.site_pending[sites] = False
    closing = Closing(layout, state, sites, ticks)
    for observer in observers:
        observer.closed(closing)


def _with_missing(total: int, missing: Ints, row: Ints, out: Outcome, ticks: NDArray[Any]) -> Step:
    """The step with the rows whose value was missing, which every test flags 9."""
    if missing.size:
        nothing = outcome(missing.size)
        nothing.flags[:] = Flag.MISSING
        row = np.concatenate([row, missing])
        out = Outcome(
            np.concatenate([out.flags, nothing.flags], axis=1),
            np.concatenate([out.score, nothing.score]),
            np.concatenate([out.z, nothing.z]),
            np.concatenate([out.expected, nothing.expected]),
            np.concatenate([out.width, nothing.width]),
        )
    return Step(total, row, out, ticks)
