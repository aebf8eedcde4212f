"""The tests of one channel at a time, for one reading of each of many channels."""

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Codes, Floats, Floats32, Ints, Layout
from monitor.detector.state import State

LEVEL_TAU: float = 5400.0
SCALE_TAU: float = 86400.0
CLIP: float = 2.5
Q_LIMIT: float = 50.0
RISE_TAU: float = 180.0
FALL_TAU: float = 60.0
FAST_TAU: float = 480.0
HOT_Q: float = 6.0
REBASE_S: float = 10800.0
WARM_S: float = 3600.0


def observe(
    state: State,
    layout: Layout,
    slot: Ints,
    ts: Ints,
    value: Floats,
    hour: Codes,
    is_open: Bools,
    flags: Codes,
    score: Floats32,
    z_out: Floats32,
) -> None:
    """Judge one reading of each of `slot` (ascending, each once) and advance the state past it.

    `flags` (tests, rows), `score` and `z_out` (rows,) are filled.
    """
    i: slice | Ints = slot
    if slot[-1] - slot[0] == slot.size - 1:
        i = slice(int(slot[0]), int(slot[-1]) + 1)
    dt64 = ts - state.ts[i]
    if dt64.min() <= 0:
        new = np.flatnonzero(dt64 > 0)
        flags[:] = Flag.UNKNOWN
        if new.size:
            part = np.full((len(Test), new.size), Flag.GOOD, dtype=np.uint8)
            s, z = np.zeros(new.size, np.float32), np.zeros(new.size, np.float32)
            observe(state, layout, slot[new], ts[new], value[new], hour[new], is_open[new], part, s, z)
            flags[:, new], score[new], z_out[new] = part, s, z
        return
    first = dt64 > 2**61
    state.ts[i] = ts
    state.origin[i] = np.where(first, value, state.origin[i])
    x = (value - state.origin[i]).astype(np.float32)
    dt = np.where(first, 0.0, dt64 / 1e6).astype(np.float32)
    gap = dt > np.maximum(3 * layout.period_s[i], 600)
    step_size = np.abs(x - state.x[i])
    res = state.resolution[i]
    res = np.where((step_size > 0) & ((res == 0) | (step_size < res)), step_size, res)
    state.resolution[i] = res
    level, scale, seen = state.level[i], state.scale[i], state.seen[i]
    floor = np.maximum(scale, 2 * res)
    floor = np.where(floor > 0, floor, np.float32(1e-6))
    e = x - level
    z = e / floor
    q = state.q[i]
    size = np.minimum(np.abs(z), np.float32(Q_LIMIT))
    warm = seen < WARM_S
    size = np.where(warm, np.float32(0), size)
    lam = np.where(size > q, dt / (np.float32(RISE_TAU) + dt), dt / (np.float32(FALL_TAU) + dt))
    q = q + lam * (size - q)
    hot = q > HOT_Q
    hot_s = np.where(hot, state.hot_s[i] + dt, np.float32(0))
    fast = state.fast[i]
    fast = fast + dt / (np.float32(FAST_TAU) + dt) * (x - fast)
    rebase = hot_s > REBASE_S
    a = np.where(hot, np.float32(0), dt / (np.maximum(np.where(warm, seen, np.float32(LEVEL_TAU)), dt) + dt))
    b = np.where(hot, np.float32(0), dt / (np.where(warm, seen + dt, np.float32(SCALE_TAU)) + dt))
    clipped = np.where(warm, e, floor * np.clip(z, np.float32(-CLIP), np.float32(CLIP)))
    level = np.where(rebase, fast, level + a * clipped)
    scale = scale + b * (np.float32(1.2533) * np.abs(clipped) - scale)
    q = np.where(rebase, np.float32(0), q)
    hot_s = np.where(rebase, np.float32(0), hot_s)
    state.x[i], state.level[i], state.scale[i], state.z[i], state.q[i] = x, level, scale, z, q
    state.hot_s[i], state.fast[i], state.seen[i] = hot_s, fast, seen + dt
    score[:], z_out[:] = q / np.float32(HOT_Q), z
    flags[Test.GAP] = np.where(gap, Flag.SUSPECT, Flag.GOOD)
    flags[Test.GROSS_RANGE] = np.where(
        (value < layout.gross_lo[i]) | (value > layout.gross_hi[i]), Flag.FAIL, Flag.GOOD
    )
    flags[Test.EWMA] = np.where(warm, Flag.UNKNOWN, np.where(hot, Flag.SUSPECT, Flag.GOOD))
