"""How many people are expected in each basin: opening hours, a morning and an evening peak, fuller weekends."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.opening import MINUTES_A_DAY
from simulators.noise import Floats
from simulators.plant import Plant

_WEEKEND: Final = 1.25
_WIDTH_H: Final = (1.6, 1.9)  # of the morning and the evening peak
_NIGHT_SHARE: Final = 0.08


def expected_bathers(plant: Plant, week_minutes: NDArray[np.int64]) -> Floats:
    """Shape (minutes, basins): expected number of persons at each local minute of the week."""
    hours = (week_minutes % MINUTES_A_DAY / 60.0)[:, np.newaxis]
    weekend = np.where(week_minutes // MINUTES_A_DAY >= 5, _WEEKEND, 1.0)[:, np.newaxis]
    morning = np.exp(-0.5 * ((hours - plant.morning_peak_h) / _WIDTH_H[0]) ** 2)
    evening = np.exp(-0.5 * ((hours - plant.evening_peak_h) / _WIDTH_H[1]) ** 2)
    day = 0.25 / (1 + np.exp(-2 * (hours - 7.0))) / (1 + np.exp(2 * (hours - 22.0)))
    shape = _NIGHT_SHARE + day + plant.morning_share * morning + 0.67 * evening
    return np.asarray(plant.crowd * plant.volume * weekend * shape * plant.opening[week_minutes])
