"""What is done once an hour and once a day for each channel: its usual persistence, and the drift test (CUSUM).

The drift test is Page's two-sided CUSUM (Page 1954; Montgomery, ch. 9) on a channel's daily level against its own
reference of a fortnight, with d = (daily - reference) / day-to-day scale:

    hi = max(0, hi + d - 0.5)      lo = max(0, lo - d - 0.5)      suspect where either is above 5
"""

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Ints, Layout
from monitor.detector.parameters import (
    BLOCK_US,
    DAY_US,
    DRIFT_LIMIT,
    DRIFT_SLACK,
    DRIFT_TAU_DAYS,
    DRIFT_WARM_DAYS,
    RESOLUTIONS,
    USUAL_LEAST,
    USUAL_QUANTILE,
    WARM_UP,
)
from monitor.detector.reading import Outcome, Reading
from monitor.detector.state import State

DAILY_TAU = 43200.0
DRIFT_CLIP = 3.0


def roll(state: State, layout: Layout, reading: Reading) -> None:
    """Close the hour and the day of the channels whose reading is the first of another one; before it is judged."""
    due = reading.ts >= state.block_end[reading.at]
    if due.any():
        _close_hour(state, layout, reading.slot[due], reading.ts[due])
        due = reading.ts >= state.day_end[reading.at]
        if due.any():
            _close_day(state, reading.slot[due], reading.ts[due])


def take(state: State, reading: Reading, hot: Bools, out: Outcome) -> None:
    """Take the reading into its hour and day, and say what the drift test says."""
    at, dt = reading.at, reading.dt
    drifting = np.maximum(state.cusum_hi[at], state.cusum_lo[at]) > DRIFT_LIMIT
    if drifting.any():
        out.flags[Test.CUSUM][drifting] = Flag.SUSPECT
    daily = state.daily[at]
    state.daily[at] = daily + dt * ~(hot | reading.bad) / (dt + DAILY_TAU) * (reading.x - daily)
    state.peak[at] = np.maximum(state.peak[at], state.q[at])
    state.block_hot[at] |= hot


def _close_hour(state: State, layout: Layout, i: Ints, ts: Ints) -> None:
    """Move the usual persistence towards the 0.9 quantile of the hourly peaks, by stochastic approximation.

    Not from hours in alarm (Robbins and Monro 1951; the step falls to 5 %).
    """
    seen, usual = state.seen[i], state.usual[i]
    learning = ~state.block_hot[i] & (seen > 2 * WARM_UP)
    gain = np.maximum(1 / (seen / 7200 + 1), 0.05).astype(np.float32)
    move = np.where(state.peak[i] > usual, gain * USUAL_QUANTILE, gain * (USUAL_QUANTILE - 1)).astype(np.float32)
    state.usual[i] = np.maximum(usual + usual * move * learning, USUAL_LEAST)
    state.peak[i], state.block_hot[i] = 0, False
    state.block_end[i] = (ts // BLOCK_US + 1) * BLOCK_US
    hour, is_open = layout.local_time(layout.site[i], ts)
    state.bin[i] = hour + np.where(is_open, 24, 0).astype(np.uint8)


def _close_day(state: State, i: Ints, ts: Ints) -> None:
    known = (state.seen[i] > 12 * WARM_UP).astype(np.float32)
    days = state.days[i] + known
    reference, scale = state.drift_level[i], state.drift_scale[i]
    # The first day's level is the reference; its day-to-day scale starts as the channel's own.
    reference = np.where(days > 1, reference, state.daily[i])
    scale = np.where(days > 1, scale, state.scale[i])
    away = state.daily[i] - reference
    floor = np.maximum(np.maximum(scale, state.resolution[i] * RESOLUTIONS), np.float32(1e-9))
    d = np.clip(away / floor, -DRIFT_CLIP, DRIFT_CLIP) * (days > DRIFT_WARM_DAYS)
    state.cusum_hi[i] = np.maximum(state.cusum_hi[i] + d - DRIFT_SLACK, 0)
    state.cusum_lo[i] = np.maximum(state.cusum_lo[i] - d - DRIFT_SLACK, 0)
    gain = known / np.minimum(days + 1, DRIFT_TAU_DAYS)
    bounded = np.where(days > DRIFT_WARM_DAYS, np.clip(away, -DRIFT_CLIP * floor, DRIFT_CLIP * floor), away)
    state.drift_level[i] = reference + gain * bounded
    state.drift_scale[i] = scale + gain * (np.abs(bounded) - scale)
    state.days[i] = days
    state.day_end[i] = (ts // DAY_US + 1) * DAY_US
