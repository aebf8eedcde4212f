"""The level test (EWMA): how far a reading is from its channel's own level, and how that persists.

With dt the time since the last reading and a(tau) = dt / (tau + dt):

    z    = (x - level) / max(scale, floor)
    q   += a(rise or fall) * (min(|z| / (1 + |z| / limit), slew) - q)
    level += a(tau) * clip(x - level)          scale += a(tau) * (1.2533 * |clip(x - level)| - scale)

The level follows a tenth as fast and the scale not at all while q says that the channel is away (hot). A channel
that has settled elsewhere, or has been away too long, gets its fast EWMA as its new level.

Sources: EWMA control chart, Roberts 1959 (Montgomery, Introduction to Statistical Quality Control, ch. 9), with
Huber's bounded influence; re-baselining is CANARY's "event timeout" (US EPA, EPA/600/R-08/040A).
"""

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Floats32, Ints, Layout
from monitor.detector.parameters import (
    CLIP,
    DEVIATION,
    FALL_TAU,
    HOT,
    LEAK,
    NEW_SCALE,
    RESOLUTIONS,
    RISE_TAU,
    SCALE_FLOOR,
    SCALE_MEMORY,
    SCALE_TAU,
    SETTLED,
    SIZE_LIMIT,
    SLEW,
)
from monitor.detector.reading import Outcome, Reading
from monitor.detector.state import State

TINY = 1e-9
_HELD = np.float32(1 - LEAK)
_RISE_LESS_FALL = np.float32(RISE_TAU - FALL_TAU)


def judge(state: State, layout: Layout, reading: Reading, out: Outcome) -> tuple[Bools, Floats32]:
    """Test EWMA; returns whether each channel is away from its level, and the scale it was judged by."""
    at, x, dt = reading.at, reading.x, reading.dt
    level, scale = state.level[at], state.scale[at]
    floor = np.maximum(scale, state.scale_peak[at] * SCALE_FLOOR)
    floor = np.maximum(np.maximum(floor, state.resolution[at] * RESOLUTIONS), TINY)
    e = x - level
    z = e / floor
    q = _persistence(state, reading, z)
    hot = q > HOT
    out.expected[:] = state.origin[at] + level
    out.z[:], out.width[:] = z, floor * HOT
    out.score[:] = q / HOT
    settled, away = _follow_fast(state, layout, reading, floor, hot)

    clipped = floor * np.clip(z, -CLIP, CLIP)
    warming = bool(reading.warming.any())
    if warming:
        clipped = np.where(reading.warming, e, clipped)
    learning = ~reading.bad
    speed = (1 - hot * _HELD) * learning
    seen = reading.seen + TINY
    new_level = level + speed * dt / (np.minimum(seen, layout.taus.level[at]) + dt) * clipped
    gain = dt / (np.minimum(seen, SCALE_TAU) + dt) * (learning & ~hot)
    new_scale = scale + gain * (np.abs(clipped) * DEVIATION - scale)
    peak = state.scale_peak[at]
    state.scale_peak[at] = np.maximum(new_scale * ~reading.warming, peak - peak * (dt / SCALE_MEMORY))
    state.level[at], state.scale[at], state.z[at], state.q[at] = new_level, new_scale, z, q
    if hot.any():
        out.flags[Test.EWMA][hot] = Flag.SUSPECT
        over = np.flatnonzero(settled | away)
        if over.size:
            _take_over(state, reading, over)
    if warming:
        out.flags[Test.EWMA][reading.warming] = Flag.UNKNOWN
    return hot, floor


def _persistence(state: State, reading: Reading, z: Floats32) -> Floats32:
    at, dt = reading.at, reading.dt
    distance = np.abs(z)
    raw = distance / (distance / SIZE_LIMIT + 1) * ~reading.warming
    size = np.minimum(raw, state.size[at] * 2 + dt * (SLEW / 60))
    state.size[at] = raw
    q = state.q[at]
    tau = (size > q) * _RISE_LESS_FALL + FALL_TAU
    return np.asarray(q + dt / (tau + dt) * (size - q))


def _follow_fast(state: State, layout: Layout, reading: Reading, floor: Floats32, hot: Bools) -> tuple[Bools, Bools]:
    """Move the level that would take over; return where it has settled and where the channel is away too long."""
    at, dt, taus = reading.at, reading.dt, layout.taus
    fast, fast_scale = state.fast[at], state.fast_scale[at]
    distance = reading.x - fast
    size = np.abs(distance)
    gain = dt / (taus.fast[at] + dt)
    hot_s = (state.hot_s[at] + dt) * hot
    settled_s = (state.settled_s[at] + dt) * (hot & (size <= floor * SETTLED))
    state.fast[at] = fast + gain * distance
    state.fast_scale[at] = fast_scale + gain * (size * DEVIATION - fast_scale)
    state.hot_s[at], state.settled_s[at] = hot_s, settled_s
    return settled_s > taus.settle[at], hot_s > taus.longest[at]


def _take_over(state: State, reading: Reading, over: Ints) -> None:
    i = reading.slot[over]
    state.level[i] = state.fast[i]
    state.scale[i] += np.maximum(state.fast_scale[i] - state.scale[i], 0) * NEW_SCALE
    state.rebased[i] = reading.ts[over]
    for field in (state.q, state.hot_s, state.settled_s):
        field[i] = 0
