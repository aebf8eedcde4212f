"""From a false-alarm budget to a threshold, by the site's own unlabelled past.

A site's past is a histogram of its hourly peaks: the greatest site statistic of every hour in which it was not in
alarm, by powers of two. The peak that one hour in twenty exceeds (1.2 a day) is read off it, and the threshold for a
budget A a day is that quantile times (1.2 / A) ** (1 / 3): the tail as a power law, since the tail itself is never
learned (what is in alarm is not counted). Before there is a past the threshold is a default, worth a fortnight.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.layout import Floats32, Ints, Layout
from monitor.detector.parameters import (
    BINS,
    BLOCK_US,
    CALIBRATION_QUANTILE,
    DEFAULT_WEIGHT,
    FORGET_BLOCKS,
    LEAST_PEAK,
    OCTAVES,
    WARM_BLOCKS,
)
from monitor.detector.state import State

EDGES: Final = np.array([LEAST_PEAK * 2 ** (k * OCTAVES / BINS) for k in range(BINS + 1)], dtype=np.float32)
"""Bin k holds peaks from `EDGES[k]` up to `EDGES[k + 1]`; the first all below, the last all above."""

LEAST_HOURS: Final = 24


def threshold(state: State, layout: Layout, at: slice | Ints) -> Floats32:
    """The site statistic at which each of the sites `at` alarms, shape (sites,)."""
    quantile = state.site_quantile[at]
    hours = state.site_histogram_hours[at] * (quantile > 0)
    own = quantile * layout.rate[at]
    learned = (layout.default_threshold[at] * DEFAULT_WEIGHT + own * hours) / (hours + DEFAULT_WEIGHT)
    return np.asarray(learned * state.site_factor[at])


def close_hours(state: State, sites: Ints, ts: Ints) -> None:
    """Count the hour that ended at each of `sites` (ascending, each once) unless it was in alarm; `ts` us."""
    counted = sites[~state.site_block_hot[sites] & (state.site_blocks[sites] >= WARM_BLOCKS)]
    if counted.size:
        column = np.clip(np.searchsorted(EDGES, state.site_peak[counted], side="right") - 1, 0, BINS - 1)
        state.site_histogram[counted, column] += 1
        state.site_histogram_hours[counted] += 1
        full = counted[state.site_histogram_hours[counted] >= FORGET_BLOCKS]
        if full.size:
            state.site_histogram[full] //= 2
            state.site_histogram_hours[full] = np.add.accumulate(state.site_histogram[full], axis=1)[:, -1]
        state.site_quantile[counted] = quantile_of(state.site_histogram[counted])
    state.site_blocks[sites] += 1
    state.site_peak[sites], state.site_block_hot[sites] = 0, False
    state.site_block_end[sites] = (ts // BLOCK_US + 1) * BLOCK_US


def quantile_of(histogram: NDArray[np.int32]) -> Floats32:
    """The calibration quantile of each row of counts, shape (rows, BINS) → (rows,); 0 below 24 hours."""
    below = np.add.accumulate(histogram, axis=1)
    hours = below[:, -1]
    wanted = hours * CALIBRATION_QUANTILE
    column = np.minimum((below < wanted[:, None]).astype(np.int64).cumsum(axis=1)[:, -1], BINS - 1)
    rows = np.arange(hours.size)
    inside = histogram[rows, column]
    part = np.clip((wanted - (below[rows, column] - inside)) / np.maximum(inside, 1), 0, 1)
    found = EDGES[column] + (EDGES[column + 1] - EDGES[column]) * part
    return np.where(hours >= LEAST_HOURS, found, 0).astype(np.float32)
