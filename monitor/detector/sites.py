"""The site-level test (QARTOD multi-variate): a site's channels together, once a tick.

The statistic is the persistence of the loudest quality channel, plus parts of the second and third, each made
comparable by its channel's usual hourly peak, less what changes of the plant itself explain:

    u = q * sqrt(2 / usual) * min(1, 6 / usual) ** 1.5
    statistic = (u1 + 0.75 * u2 + 0.2 * u3) / (1 + 0.01 * loudest operational q)
    score = statistic / threshold

Corroboration by a second channel is CANARY's consensus idea in its simplest form (see docs/detection.md for what it
is worth on real water); the threshold is `calibration`'s.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.detector.calibration import close_hours, threshold
from monitor.detector.flags import Flag
from monitor.detector.layout import Floats32, Ints, Layout
from monitor.detector.parameters import OPERATIONAL_DISCOUNT, RESTLESS, SECOND, THIRD, USUAL_START, WARM_BLOCKS
from monitor.detector.state import NEVER, State


def close(state: State, layout: Layout, sites: Ints, ticks: NDArray[Any]) -> None:
    """Judge the open ticks of `sites` (ascending, each once) and fill `ticks` (dtype `TICK`)."""
    at: slice | Ints = slice(None) if sites.size == state.site_tick.size else sites
    members = layout.members[:, at]
    ts = np.where(layout.member_exists[:, at], state.ts.take(members), NEVER)
    newest = ts.max(axis=0)
    heard = ts >= newest - layout.member_stale_us[:, at]
    q = state.q.take(members) * heard
    usual = state.usual.take(members)
    excess = np.minimum(RESTLESS / usual, 1)
    u = q * layout.member_quality[:, at] * np.sqrt(USUAL_START / usual * (excess * excess * excess))
    plant = (q * layout.member_operational[:, at]).max(axis=0)
    loudness, slot = _loudest_three(u, members)
    total = loudness / (plant * OPERATIONAL_DISCOUNT + 1)

    due = newest >= state.site_block_end[at]
    if due.any():
        close_hours(state, sites[due], newest[due])
    score = total / threshold(state, layout, at)
    hot, was = score >= 1, state.site_hot[at].copy()
    raised = hot & ~was
    state.site_statistic[at], state.site_score[at], state.site_hot[at] = total, score, hot
    state.site_peak[at] = np.maximum(state.site_peak[at], total)
    state.site_block_hot[at] |= hot
    if raised.any():
        state.site_since[sites[raised]] = newest[raised]
    ticks["ts"], ticks["score"], ticks["raised"], ticks["returned"] = newest, score, raised, was & ~hot
    ticks["flag"] = np.where(hot, Flag.SUSPECT, Flag.GOOD)
    ticks["slot"] = slot
    early = state.site_blocks[at] < WARM_BLOCKS
    if early.any():
        ticks["flag"][early & ~hot] = Flag.UNKNOWN


def _loudest_three(u: Floats32, members: Ints) -> tuple[Floats32, Ints]:
    """The greatest of each column, plus parts of the second and third; `u` is not negative. And whose it is, or -1."""
    first = second = third = np.zeros(u.shape[1], dtype=np.float32)
    for row in u:
        over = np.minimum(first, row)
        first = np.maximum(first, row)
        third = np.maximum(third, np.minimum(second, over))
        second = np.maximum(second, over)
    slot = np.where(first > 0, members[u.argmax(axis=0), np.arange(u.shape[1])], -1)
    return np.asarray(first + second * SECOND + third * THIRD), slot
