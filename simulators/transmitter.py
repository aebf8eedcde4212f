"""From what the probes of a basin give to what its device reports, through whatever is wrong between them.

The plant's own controllers have probes of their own: what is wrong here is seen by Landun alone and leaves the
water as it is. Every function is pure; values have shape (probes, basins).
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from registry.indicators import INDICATORS
from simulators.faults import HOUR_US, Faults
from simulators.noise import Floats
from simulators.plant import Plant

FOULING_HOURS: Final = 48.0
"""A membrane fouls over this time, evenly, up to the size of the fault."""
IDEAL: Final[Mapping[str, float]] = {
    "free_chlorine": 0.6,
    "combined_chlorine": 0.1,
    "ph": 7.3,
    "orp": 735.0,
    "turbidity": 0.2,
}
"""What somebody who makes the figures up would like to report."""
_BUBBLE_MEAN, _BUBBLE_SPREAD = 0.7, 0.45  # share of the size that bubbles take from the reading, from moment to moment
_BUBBLE_NTU: Final = 0.5  # NTU that bubbles seem to be, per mg/L that they take


class Transmitter:
    """The reporting end of the instruments of one kind of plant, whose probes report `indicators` in this order."""

    def __init__(self, indicators: Iterable[str]) -> None:
        names = tuple(indicators)
        self._scale = _column(10.0 ** INDICATORS[name].precision for name in names)
        self._lowest = _column(INDICATORS[name].physical_lo for name in names)
        self._highest = _column(INDICATORS[name].physical_hi for name in names)
        self._row = {name: row for row, name in enumerate(names)}
        self._ideal_rows = [self._row[name] for name in IDEAL if name in self._row]
        self._ideal = _column(IDEAL[name] for name in IDEAL if name in self._row)

    def resolved(self, values: Floats) -> Floats:
        """Values as reported: whole steps of the resolution, within the instrument's range."""
        return np.asarray(np.clip(np.rint(values * self._scale) / self._scale, self._lowest, self._highest))

    def reported(
        self, measured: Floats, before: Floats, plant: Plant, faults: Faults, normals: Floats, instant: int
    ) -> Floats:
        """What the devices report.

        Parameters
        ----------
        measured : what the probes give, noise included
        before : what was reported in the step before
        normals : standard normal numbers of this step, shape (probes, basins)
        instant : of the physics, µs since the epoch

        """
        free, ph = self._row["free_chlorine"], self._row["ph"]
        honest = self.resolved(measured)
        values = measured.copy()
        values[free] *= 1 - _fouled(faults, plant, instant)
        self._bubbles(values, faults, normals)
        values[free] += faults.spike
        values[ph] += faults.calibration_step
        values = self.resolved(values)
        scale = np.where(faults.unit_x10 > 0, faults.unit_x10, 1.0)
        values[free] = np.minimum(values[free] * scale, self._highest[free])
        values[free] = np.where(faults.stuck_sensor > 0, before[free], values[free])
        values = self._invented(values, faults)
        copying = faults.copied_series > 0
        if copying.any():
            values[:, copying] = honest[:, faults.copied_series[copying].astype(np.int64) - 1]
        return values

    def _bubbles(self, values: Floats, faults: Faults, normals: Floats) -> None:
        """Bubbles on the membrane take from the reading, by starts; in the turbidity cell they scatter light."""
        free, turbidity = self._row["free_chlorine"], self._row["turbidity"]
        share = np.clip(_BUBBLE_MEAN + _BUBBLE_SPREAD * normals[free], 0.0, 1.5)
        values[free] -= faults.air_bubble * share
        values[turbidity] += faults.air_bubble * _BUBBLE_NTU * np.abs(normals[turbidity])

    def _invented(self, values: Floats, faults: Faults) -> Floats:
        """Figures near the ideal, of whose natural variation only a part is left."""
        factor = np.where(faults.tampering > 0, faults.tampering, 1.0)
        rows = self._ideal_rows
        calmed = self._ideal + (values[rows] - self._ideal) / factor
        result = values.copy()
        result[rows] = np.where(faults.tampering > 0, calmed, values[rows])
        return np.where(faults.tampering > 0, self.resolved(result), values)


def _fouled(faults: Faults, plant: Plant, instant: int) -> Floats:
    """Share of the reading lost to fouling."""
    hours = (instant - faults.fouling_since) / HOUR_US
    grown = np.clip(hours / FOULING_HOURS, 0.0, 1.0)
    return np.minimum(faults.fouling_drift * grown / plant.chlorine_set, 0.95)


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)[:, np.newaxis]
