"""The late rule: which readings are history by the time they arrive, and must page nobody.

A reading is late if its time is not newer than its channel's newest, or if it arrived more than
max(3 periods, 10 minutes) after its time (a gateway emptying a backlog in order).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.model import Registry
from store.records import Readings

LONGEST_DELAY_US: Final = 10 * 60 * 1_000_000
PERIODS: Final = 3
NEVER: Final = np.iinfo(np.int64).min
"""The newest time of a channel that has no reading yet."""


class LateRule:
    """Marks readings in arrival order and keeps each channel's newest time, in us.

    `newest` is what is stored already; channels of the registry it does not name have no reading yet.
    """

    def __init__(self, registry: Registry, newest: Mapping[int, int]) -> None:
        self._ids: NDArray[np.int32] = np.array(sorted(registry.channels), dtype=np.int32)
        ids = self._ids.tolist()
        self._newest: NDArray[np.int64] = np.array([newest.get(each, NEVER) for each in ids], dtype=np.int64)
        periods = [registry.device_of(registry.channels[each]).period_s for each in ids]
        self._patience: NDArray[np.int64] = np.maximum(
            PERIODS * 1_000_000 * np.array(periods, dtype=np.int64), LONGEST_DELAY_US
        )

    def newest(self) -> dict[int, int]:
        """The newest time of each channel that has a reading."""
        known = self._newest != NEVER
        return dict(zip(self._ids[known].tolist(), self._newest[known].tolist(), strict=True))

    def remember(self, readings: Readings) -> None:
        """Take note of readings that others brought; those of channels not in the registry yet are left out."""
        known = readings[np.isin(readings["channel_id"], self._ids)]
        np.maximum.at(self._newest, np.searchsorted(self._ids, known["channel_id"]), known["ts"])

    def mark(self, readings: Readings, *, remember: bool = True) -> None:
        """Set `late` of readings (dtype `READING`, shape (n,)) in arrival order, and remember the newest times.

        Every channel must be in the registry. The result does not depend on how a stream is cut into batches.
        """
        if len(readings) == 0:
            return
        slots = np.searchsorted(self._ids, readings["channel_id"])
        ts = readings["ts"]
        delayed = readings["arrived"] - ts > self._patience[slots]
        order = np.argsort(slots, kind="stable")
        newest_before = np.empty(len(readings), dtype=np.int64)
        newest_before[order] = _newest_before(slots[order], ts[order], self._newest)
        readings["late"] = delayed | (ts <= newest_before)
        if remember:
            np.maximum.at(self._newest, slots, ts)


def _newest_before(slots: NDArray[np.int64], ts: NDArray[np.int64], newest: NDArray[np.int64]) -> NDArray[np.int64]:
    """For rows sorted by slot: the newest time of the slot before each row, from `newest` and the rows before it."""
    first = np.empty(len(slots), dtype=np.bool_)
    first[0] = True
    first[1:] = slots[1:] != slots[:-1]
    # A running maximum within each slot's rows: ranks, raised slot by slot so that no slot reaches into the next.
    distinct, rank = np.unique(np.concatenate((ts, newest[slots])), return_inverse=True)
    raised = np.cumsum(first) * len(distinct)
    own, stored = rank[: len(ts)] + raised, rank[len(ts) :] + raised
    running = np.maximum.accumulate(np.maximum(own, stored))
    before = np.where(first, stored, np.concatenate((stored[:1], running[:-1])))
    return np.asarray(distinct[before - raised])
