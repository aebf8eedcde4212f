"""One reading of each of many channels: what every single-channel test says of it, and what is learned from it."""

import numpy as np

from monitor.detector import blocks, level, signal
from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Floats, Ints, Layout
from monitor.detector.parameters import WARM_UP
from monitor.detector.reading import Outcome, Reading, outcome
from monitor.detector.state import State

NEVER_HEARD_US = 2**61


def observe(state: State, layout: Layout, slot: Ints, ts: Ints, value: Floats, out: Outcome) -> None:
    """Judge one reading of each of `slot` (ascending, each once) and advance the state past it."""
    at: slice | Ints = slot
    if slot[-1] - slot[0] == slot.size - 1:
        at = slice(int(slot[0]), int(slot[-1]) + 1)
    elapsed = ts - state.ts[at]
    if elapsed.min() <= 0:
        _observe_newer(state, layout, slot, ts, value, out, np.flatnonzero(elapsed > 0))
        return
    dt = (elapsed / 1e6).astype(np.float32)
    taus = layout.taus
    out.flags[Test.GAP][dt > taus.gap[at]] = Flag.SUSPECT
    anew = dt > taus.breaks[at]
    if anew.any():
        _begin(state, slot, value, elapsed, anew, out)
        dt[anew] = 0
    bad = (value < layout.gross_lo[at]) | (value > layout.gross_hi[at])
    seen = state.seen[at] + dt
    reading = Reading(slot, at, ts, (value - state.origin[at]).astype(np.float32), dt, seen, seen < WARM_UP, bad)
    moved = np.abs(reading.x - state.x[at])
    signal.learn_resolution(state, reading, moved)
    blocks.roll(state, layout, reading)
    hot, floor = level.judge(state, layout, reading, out)
    signal.judge(state, layout, reading, moved, hot, floor, out)
    blocks.take(state, reading, hot, out)
    if bad.any():
        out.flags[Test.GROSS_RANGE][bad] = Flag.FAIL
    state.x3[at] = state.x2[at]
    state.x2[at] = state.x[at]
    state.x[at], state.seen[at], state.ts[at] = reading.x, seen, ts


def _observe_newer(
    state: State, layout: Layout, slot: Ints, ts: Ints, value: Floats, out: Outcome, newer: Ints
) -> None:
    """Judge only what is newer than its channel's newest; the rest is late, though nobody said so."""
    out.flags[:] = Flag.UNKNOWN
    if not newer.size:
        return
    part = outcome(newer.size)
    observe(state, layout, slot[newer], ts[newer], value[newer], part)
    out.flags[:, newer], out.score[newer], out.z[newer] = part.flags, part.score, part.z
    out.expected[newer], out.width[newer] = part.expected, part.width


def _begin(state: State, slot: Ints, value: Floats, elapsed: Ints, anew: Bools, out: Outcome) -> None:
    """Let the level begin at this reading: the channel's first, or the first after a long silence."""
    first = anew & (elapsed > NEVER_HEARD_US)
    state.origin[slot[first]] = value[first]
    out.flags[Test.GAP][first] = Flag.UNKNOWN
    i = slot[anew]
    x = (value[anew] - state.origin[i]).astype(np.float32)
    for field in (state.x, state.x2, state.x3, state.level, state.fast, state.anchor, state.daily):
        field[i] = x
    for field in (state.size, state.q, state.hot_s, state.settled_s, state.flat_s):
        field[i] = 0
