"""The temperature of cooled stores over a month: the physics of `simulators.cold_store`, with those that fail."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from simulators import cold_store
from simulators.clock import MINUTE_US
from simulators.faults import Faults
from simulators.noise import Floats, NormalBlocks

EVERY_MINUTES: Final = 5


def temperatures(
    codes: Sequence[str], seed: int, first: int, minutes: int, failures: Iterable[tuple[int, int, int]]
) -> Iterator[tuple[int, Floats]]:
    """Instant (µs) and readings (shape (codes,), ℃) of each store's thermometer, every five minutes.

    Parameters
    ----------
    first : minute since the epoch at which they begin
    failures : (position of the store, begin, end) in µs, while which nothing cools

    """
    stores = cold_store.stores_of(tuple(codes), seed)
    noise = NormalBlocks(seed, tuple(codes), cold_store.NOISE_STREAMS)
    air, none, failing = cold_store.initial_air(stores), Faults.none(len(codes)), list(failures)
    local = 8 * 60 - (first // 1_440) * 1_440
    for minute in range(first, first + minutes):
        instant = minute * MINUTE_US
        broken = np.zeros(len(codes))
        for place, begins, ends in failing:
            if begins <= instant < ends:
                broken[place] = np.inf
        faults = replace(none, cold_store_failure=broken)
        air = cold_store.step(air, stores, faults, minute, (minute + local) % 10_080, noise.at(minute), 60.0)
        if minute % EVERY_MINUTES == 0:
            yield instant, air.readings
