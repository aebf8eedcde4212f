"""Stores by temperature and time. What is too warm differs: an institution's store and a disposer's cold store.

环发[2003]206 2.4 (secondary) binds institutions: below 20 ℃ where waste is not taken away daily. GB 39707-2020 binds
disposers: below 5 ℃ waste may be kept 72 h (secondary), else 24 h (unverified). Neither is applied to the other.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import NEVER, TEMPERATURE, Verdicts, empty_verdicts
from monitor.waste.keys import Ints
from monitor.waste.rules import Rule, Tolerances, us
from monitor.waste.world import World

if TYPE_CHECKING:
    from monitor.waste.state import State

_STALE_US: Final = us(6)
"""A temperature says nothing about the store so long after it was measured."""


class Stores:
    """Shape (sites,): last temperature and when, since when it is too warm (NEVER: it is not), bags that wait there."""

    def __init__(self, sites: int) -> None:
        self.at = np.full(sites, -NEVER, dtype=np.int64)
        self.celsius = np.full(sites, np.nan)
        self.warm_since = np.full(sites, NEVER, dtype=np.int64)
        self.holding = np.zeros(sites, dtype=np.int64)
        self.on = np.zeros(sites, dtype=np.bool_)

    def warm(self, now: int, tolerances: Tolerances) -> NDArray[np.bool_]:
        """Shape (sites,): whether a store has been too warm for `warm_min` by what was measured lately."""
        return (self.at - self.warm_since >= us(tolerances.warm_min / 60)) & (now - self.at < _STALE_US)


def measure(state: "State", readings: NDArray[Any]) -> None:
    """Take temperatures in (dtype `TEMPERATURE`, shape (n,)). Late ones and those not newer than the last are left."""
    if readings.dtype != TEMPERATURE:
        raise TypeError(f"temperatures are of dtype {readings.dtype}, must be monitor.waste.TEMPERATURE")
    stores, limit = state.stores, _limit(state.world, state.tolerances)
    readings = readings[~readings["late"] & np.isfinite(readings["celsius"])]
    # As they came: what is not newer than the last is left, however the stream is cut into calls.
    readings = readings[np.argsort(readings["site"], kind="stable")]
    # One round a reading of each site: what is warm since when is a matter of order.
    begins = np.flatnonzero(np.append(True, readings["site"][1:] != readings["site"][:-1])[: readings.size])
    nth = np.arange(readings.size) - np.repeat(begins, np.diff(np.append(begins, readings.size)))
    for number in range(int(nth.max()) + 1 if nth.size else 0):
        _measure(stores, limit, readings[nth == number])


def _measure(stores: Stores, limit: NDArray[np.float64], readings: NDArray[Any]) -> None:
    readings = readings[readings["ts"] > stores.at[readings["site"]]]
    site, ts, celsius = readings["site"], readings["ts"], readings["celsius"]
    warm = celsius >= limit[site]
    stores.at[site], stores.celsius[site] = ts, celsius
    stores.warm_since[site] = np.where(warm, np.minimum(stores.warm_since[site], ts), NEVER)


def judge_stores(stores: Stores, world: World, tolerances: Tolerances, now: int) -> Verdicts:
    """Whether waste lies in a store that is too warm."""
    warm = stores.warm(now, tolerances)
    on = warm & (stores.holding > 0)
    # It is over when the store is cold again or empty; a thermometer that falls silent ends nothing.
    off = stores.on & ((stores.warm_since == NEVER) | (stores.holding == 0))
    sites: Ints = np.flatnonzero((on & ~stores.on) | off)
    stores.on[sites] = on[sites] & ~off[sites]
    found = empty_verdicts(sites.size)
    found["rule"], found["on"] = Rule.STORE_WARM, stores.on[sites]
    found["key"] = found["subject"] = found["site"] = sites
    found["at"] = np.where(found["on"], stores.warm_since[sites], stores.at[sites])
    found["value"], found["limit"] = stores.celsius[sites], _limit(world, tolerances)[sites]
    return found


def _limit(world: World, tolerances: Tolerances) -> NDArray[np.float64]:
    return np.where(world.producer, tolerances.producer_celsius, tolerances.disposer_celsius)
