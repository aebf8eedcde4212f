"""What comes to the basins from outside, minute by minute: people, the backwash schedule, sun and air."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.model import Device, Registry
from registry.opening import MICROSECONDS_A_MINUTE, MINUTES_A_DAY, minute_of_week
from simulators.bathers import expected_bathers
from simulators.noise import Floats
from simulators.physics import Surroundings
from simulators.plant import Plant
from simulators.weather import Weather, weather

BLOCK_MINUTES: Final = 240
BACKWASH_MINUTES: Final = 8


class SurroundingsBlocks:
    """The surroundings of every minute, computed in blocks of minutes and kept one block at a time."""

    def __init__(self, registry: Registry, devices: tuple[Device, ...], plant: Plant, seed: int) -> None:
        self._plant = plant
        self._seed = seed
        self._zones: dict[str, NDArray[np.int64]] = {}
        zones = [registry.sites[device.site].zone for device in devices]
        for zone in sorted(set(zones)):
            self._zones[zone] = np.array([index for index, each in enumerate(zones) if each == zone], dtype=np.int64)
        self._block = -1
        self._bathers: Floats = np.empty((0, len(plant)))
        self._backwash: NDArray[np.bool_] = np.empty((0, len(plant)), dtype=np.bool_)
        self._weather = Weather(sun=np.empty(0), air=np.empty(0))

    def at(self, minute: int) -> Surroundings:
        """The surroundings of a minute since the epoch."""
        block, offset = divmod(minute, BLOCK_MINUTES)
        if block != self._block:
            self._load(block)
        return Surroundings(
            expected_bathers=self._bathers[offset],
            backwash=self._backwash[offset],
            sun=float(self._weather.sun[offset]),
            air=float(self._weather.air[offset]),
        )

    def _load(self, block: int) -> None:
        minutes = np.arange(block * BLOCK_MINUTES, (block + 1) * BLOCK_MINUTES, dtype=np.int64)
        shape = (BLOCK_MINUTES, len(self._plant))
        self._bathers = np.zeros(shape)
        self._backwash = np.zeros(shape, dtype=np.bool_)
        for zone, columns in self._zones.items():
            local = minute_of_week(minutes * MICROSECONDS_A_MINUTE, zone)
            self._bathers[:, columns] = expected_bathers(self._plant, local)[:, columns]
            self._backwash[:, columns] = backwash(self._plant, minutes, local)[:, columns]
        self._weather = weather(self._seed, minutes)
        self._block = block


def backwash(plant: Plant, minutes: NDArray[np.int64], week_minutes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Shape (minutes, basins): whether a filter is being washed, every second night."""
    of_day = (week_minutes % MINUTES_A_DAY)[:, np.newaxis]
    # The local day's number; parity must not jump at the end of a week of seven days, so count from the epoch.
    day = np.floor_divide(minutes[:, np.newaxis] - of_day + MINUTES_A_DAY // 2, MINUTES_A_DAY)
    since = of_day - plant.backwash_minute
    return np.asarray((since >= 0) & (since < BACKWASH_MINUTES) & (day % 2 == plant.backwash_parity))
