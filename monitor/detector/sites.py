"""The site-level test (QARTOD multi-variate): a site's channels together, once a tick."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.detector.flags import Flag, RoleCode
from monitor.detector.layout import Ints, Layout
from monitor.detector.state import State

TOP: int = 2
DEFAULT_THRESHOLD: float = 12.0


def close(state: State, layout: Layout, sites: Ints, ticks: NDArray[Any]) -> None:
    """Judge the open ticks of `sites` (ascending, each once) and fill `ticks` (dtype `TICK`)."""
    members = layout.members[sites]
    q = np.where((members >= 0) & (layout.role[members] == RoleCode.QUALITY), state.q[members], np.float32(0))
    width = q.shape[1]
    ordered = np.sort(q, axis=1)
    total = np.zeros(sites.size, dtype=np.float32)
    for column in range(max(0, width - TOP), width):
        total = total + ordered[:, column]
    score = total / np.float32(DEFAULT_THRESHOLD)
    hot, was = score >= 1, state.site_hot[sites]
    newest = np.where(members >= 0, state.ts[members], -(2**62)).max(axis=1)
    loudest = np.argmax(q, axis=1)
    state.site_sum[sites], state.site_score[sites], state.site_hot[sites] = total, score, hot
    state.site_since[sites] = np.where(hot & ~was, newest, state.site_since[sites])
    ticks["ts"], ticks["score"] = newest, score
    ticks["flag"] = np.where(hot, Flag.SUSPECT, Flag.GOOD)
    ticks["slot"] = np.where(q.max(axis=1) > 0, members[np.arange(sites.size), loudest], -1)
    ticks["raised"], ticks["returned"] = hot & ~was, was & ~hot
