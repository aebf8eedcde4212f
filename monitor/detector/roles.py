"""Guessing what the columns of an unknown file measure, from their names and from how they behave.

Roles are worth more than any model (Rehbach et al., GECCO Industrial Challenge 2018: changes of quality indicators are
events, changes of flow are not), so a wide file whose roles nobody told is better guessed than taken as all quality.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import ChannelSpec, Floats, Ints, Layout, SiteSpec
from monitor.detector.parameters import BLOCK_US
from monitor.detector.state import State
from monitor.detector.step import Rows, step
from registry.model import Role

RESTLESS_SHARE: Final = 0.1
"""A channel away from its own level in more than this share of the hours is being operated, whatever its name."""

_NAMES: Final[tuple[tuple[Role, str], ...]] = (
    (Role.OPERATIONAL, r"flow|^fm(_?\d+)?$|^q$|流量"),
    (Role.OPERATIONAL, r"pump|valve|pres(s|sure)?|speed|freq|power|current|volt|dos(e|ing)|(^|_)op$|泵|阀|压力"),
    (Role.CONTEXT, r"prec|rain|weather|(^|_)lev(el)?(_|$)|stage|depth|bath(er)?s|humid|wind|水位|雨|人数"),
)
"""Which names say that a column is not about the water's quality; the first that matches counts."""


def guess_roles(names: Sequence[str], ts: Ints, values: Floats, period_s: float) -> dict[str, Role]:
    """The role of each column: by its name, and operational when it is restless in the readings given.

    `ts` us, shape (rows,); `values` (rows, columns), NaN missing: the part that only calibrates, since the guess must
    not know what comes after it. May be empty: then the names alone decide.
    """
    roles = {name: _by_name(name) for name in names}
    shares = _restless(names, ts, values, period_s)
    for name, share in zip(names, shares, strict=True):
        if roles[name] is Role.QUALITY and share > RESTLESS_SHARE:
            roles[name] = Role.OPERATIONAL
    if names and Role.QUALITY not in roles.values():
        # All of them restless says nothing about any of them.
        return {name: _by_name(name) for name in names}
    return roles


def _by_name(name: str) -> Role:
    lowered = re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "_", name.strip().lower())
    return next((role for role, pattern in _NAMES if re.search(pattern, lowered)), Role.QUALITY)


def _restless(names: Sequence[str], ts: Ints, values: Floats, period_s: float) -> list[float]:
    """The share of hours in which each column leaves its own level, 0 where there are too few to tell."""
    if ts.size < 2 or ts[-1] - ts[0] < 24 * BLOCK_US:
        return [0.0] * len(names)
    layout = Layout.of([ChannelSpec(name, "file", name, period_s=period_s) for name in names], [SiteSpec("file")])
    columns = np.tile(np.arange(len(names), dtype=np.int64), ts.size)
    late = np.zeros(columns.size, dtype=np.bool_)
    found = step(State(layout), layout, Rows(columns, np.repeat(ts, len(names)), values.ravel(), late))
    hour = ts // BLOCK_US - int(ts[0]) // BLOCK_US
    hours = np.unique(hour).size
    hot = (found.flags[Test.EWMA] == Flag.SUSPECT).reshape(ts.size, len(names))
    return [float(np.unique(hour[hot[:, column]]).size / hours) for column in range(len(names))]
