"""The instruments: from the water in the basin to the number a device reports.

Each probe sits in a flow cell on the return main, lags behind, is a little off by its calibration, is noisy,
and reports with the resolution of its indicator. Without circulation the cell holds old water whose chlorine
is consumed, so that its readings are false.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from registry.chemistry import hypochlorous_share
from simulators.chemistry import lag, orp
from simulators.faults import Faults
from simulators.noise import Floats, uniforms
from simulators.physics import RUNNING_SHARE, Sensed, Water
from simulators.plant import Plant
from simulators.transmitter import Transmitter


@dataclass(frozen=True, slots=True)
class Probe:
    """One kind of instrument, in the indicator's unit.

    `tau_s` is its response time, `noise` the standard deviation of a reading; `offset` and `gain` bound how
    far off its calibration may be (a share for the gain).
    """

    indicator: str
    tau_s: float
    noise: float
    offset: float
    gain: float


PROBES: Final = (
    # Membrane probes are good for about ±2 % and answer within two minutes.
    Probe("free_chlorine", 110.0, 0.006, 0.01, 0.02),
    Probe("combined_chlorine", 300.0, 0.008, 0.01, 0.03),
    Probe("ph", 40.0, 0.006, 0.02, 0.0),
    Probe("orp", 150.0, 1.2, 4.0, 0.0),
    Probe("turbidity", 60.0, 0.008, 0.01, 0.02),
    Probe("water_temperature", 30.0, 0.02, 0.1, 0.0),
    Probe("circulation_flow", 15.0, 0.25, 0.0, 0.01),
    Probe("makeup_water", 15.0, 0.01, 0.0, 0.01),
    Probe("bathers", 0.0, 0.0, 0.0, 0.0),
)
INDICATOR_ROWS: Final[Mapping[str, int]] = {probe.indicator: row for row, probe in enumerate(PROBES)}
"""Row of each indicator in an array of readings."""
NOISE_STREAMS: Final = len(PROBES)
_CELL_TAU_S: Final = 1_500.0  # chlorine in a flow cell without flow
_ROOM_C: Final = 22.0  # plant room
_ROOM_TAU_S: Final = 5_400.0
_MIXING: Final = 0.02  # spread of chlorine between sample and basin mean, as a share
_PH_CROSS_SENSITIVITY: Final = 0.15  # what pH compensation leaves of the HOCl share's effect on a membrane probe

_FREE, _COMBINED, _PH, _ORP = (INDICATOR_ROWS[name] for name in ("free_chlorine", "combined_chlorine", "ph", "orp"))
_TEMPERATURE = INDICATOR_ROWS["water_temperature"]


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)[:, np.newaxis]


_TAUS_S: Final = _column(max(probe.tau_s, 1e-9) for probe in PROBES)
_NOISE: Final = _column(probe.noise for probe in PROBES)
_TRANSMITTER: Final = Transmitter(probe.indicator for probe in PROBES)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far each probe is off: arrays of shape (probes, basins)."""

    offset: Floats
    gain: Floats


@dataclass(frozen=True, slots=True)
class Instruments:
    """State and output of the instruments: arrays of shape (probes, basins), rows as in `PROBES`.

    `lagged` is what each probe feels, `readings` what the device reports.
    """

    lagged: Floats
    readings: Floats

    @property
    def sensed(self) -> Sensed:
        """What the plant's controllers see: the same probes, before the transmitter."""
        return Sensed(free_chlorine=self.lagged[_FREE], ph=self.lagged[_PH])


def calibration_of(plant: Plant, seed: int) -> Calibration:
    """How far off each basin's probes are, drawn by the seed and the device's code."""
    size = len(PROBES)
    numbers = np.array([uniforms(seed, f"{device}:calibration", 2 * size) for device in plant.devices])
    signed = (2 * numbers.reshape(len(plant), 2, size) - 1).transpose(1, 2, 0)
    offsets, gains = _column(probe.offset for probe in PROBES), _column(probe.gain for probe in PROBES)
    return Calibration(offset=signed[0] * offsets, gain=1 + signed[1] * gains)


def initial_instruments(water: Water, plant: Plant) -> Instruments:
    """Probes at rest in the basins' water."""
    felt = _felt(water, plant)
    return Instruments(lagged=felt, readings=_TRANSMITTER.resolved(felt))


def observe(
    instruments: Instruments,
    water: Water,
    plant: Plant,
    calibration: Calibration,
    faults: Faults,
    normals: Floats,
    dt_s: float,
    instant: int,
) -> Instruments:
    """The instruments `dt_s` seconds later, at `instant` (µs of the physics), in the water as it is then.

    `normals` has shape (NOISE_STREAMS, basins): standard normal numbers of this step.
    """
    felt = _felt(water, plant)
    flowing = water.flow > RUNNING_SHARE * plant.flow
    lagged = lag(instruments.lagged, felt, _TAUS_S, dt_s)
    still = _still_cell(instruments.lagged, lagged, plant, dt_s)
    lagged = np.where(flowing, lagged, still)
    measured = lagged * calibration.gain + calibration.offset + _NOISE * normals
    readings = _TRANSMITTER.reported(measured, instruments.readings, plant, faults, normals, instant)
    return Instruments(lagged=lagged, readings=readings)


def _felt(water: Water, plant: Plant) -> Floats:
    """What the probes would settle at in the basins' water, shape (probes, basins)."""
    share = hypochlorous_share(water.ph, water.temperature)
    at_calibration = hypochlorous_share(plant.ph_set, plant.temperature_set)
    free = water.free_chlorine * (1 + _MIXING * water.mixing)
    potential = orp(free, water.combined_chlorine, water.ph, water.temperature, plant.orp_shift)
    felt = {
        "free_chlorine": free * (share / at_calibration) ** _PH_CROSS_SENSITIVITY,
        "combined_chlorine": water.combined_chlorine,
        "ph": water.ph,
        "orp": potential,
        "turbidity": water.turbidity,
        "water_temperature": water.temperature,
        "circulation_flow": water.flow,
        "makeup_water": water.makeup,
        "bathers": water.bathers,
    }
    return np.stack([felt[probe.indicator] for probe in PROBES])


def _still_cell(before: Floats, lagged: Floats, plant: Plant, dt_s: float) -> Floats:
    """The probes in a flow cell whose water stands still; flow, make-up and bathers are measured elsewhere."""
    still = lagged.copy()
    for row in (_FREE, _COMBINED):
        still[row] = before[row] * np.exp(-dt_s / _CELL_TAU_S)
    still[_PH] = before[_PH]
    still[_TEMPERATURE] = lag(before[_TEMPERATURE], np.full(len(plant), _ROOM_C), _ROOM_TAU_S, dt_s)
    still[_ORP] = orp(still[_FREE], still[_COMBINED], still[_PH], still[_TEMPERATURE], plant.orp_shift)
    return still
