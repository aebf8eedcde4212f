"""Sun and air over Nantong: what an outdoor pool loses chlorine and heat to. Every pool has the same weather."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.noise import Floats, daily_normals

LATITUDE_DEG: Final = 32.0
LONGITUDE_DEG: Final = 120.9
_DAY_MINUTES: Final = 1440.0
_YEAR_DAYS: Final = 365.2425
# Monthly means of 1991-2020 at Nantong are near 3.5 ℃ in January and 28 ℃ in July.
_MEAN_C, _SEASON_C, _DAILY_C, _ANOMALY_C = 16.0, 12.3, 3.5, 2.5


@dataclass(frozen=True, slots=True)
class Weather:
    """Of each minute: `sun` as a share of overhead sun in a clear sky (0–1), `air` in ℃."""

    sun: Floats
    air: Floats


def weather(seed: int, minutes: NDArray[np.int64]) -> Weather:
    """The weather of minutes since the epoch (UTC), a pure function of the seed.

    Elevation of the sun by Cooper's declination; clouds and warm or cold spells change from day to day.
    """
    days = minutes / _DAY_MINUTES
    year_angle = 2 * np.pi * (days % _YEAR_DAYS) / _YEAR_DAYS
    solar_hour = (days % 1.0) * 24 + LONGITUDE_DEG / 15
    spell = _interpolated(seed, days)
    cloud = 1 / (1 + np.exp(-1.5 * spell[:, 0]))
    sun = np.maximum(0.0, _sine_of_elevation(year_angle, solar_hour)) * (1 - 0.7 * cloud)
    season = -np.cos(year_angle - 2 * np.pi * 20 / _YEAR_DAYS)  # coldest about 20 January
    daily = np.cos(2 * np.pi * (solar_hour - 14.5) / 24)
    return Weather(sun=sun, air=_MEAN_C + _SEASON_C * season + _DAILY_C * daily + _ANOMALY_C * spell[:, 1])


def _sine_of_elevation(year_angle: Floats, solar_hour: Floats) -> Floats:
    declination = np.deg2rad(23.45) * np.sin(year_angle - 2 * np.pi * 80 / _YEAR_DAYS)
    hour_angle = 2 * np.pi * (solar_hour - 12) / 24
    latitude = np.deg2rad(LATITUDE_DEG)
    return np.asarray(
        np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    )


def _interpolated(seed: int, days: Floats) -> Floats:
    first = int(np.floor(days.min()))
    known = np.arange(first, int(np.floor(days.max())) + 2, dtype=np.int64)
    normals = daily_normals(seed, "weather", known, 2)
    where = np.floor(days).astype(np.int64) - first
    share = (days - np.floor(days))[:, np.newaxis]
    return np.asarray(normals[where] * (1 - share) + normals[where + 1] * share)
