"""Cold stores for medical waste: the air of many stores and the thermometer in each, one pure step at a time.

A compressor with a two-point controller, a defrost every few hours, doors that are opened in working hours,
and heat that comes through the walls. The thermometer reports air temperature to 0.1 ℃.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.indicators import INDICATORS
from registry.opening import MINUTES_A_DAY
from simulators.chemistry import hysteresis, lag, relax
from simulators.faults import Faults
from simulators.noise import Floats, uniforms

INDICATOR: Final = "cold_store"
NOISE_STREAMS: Final = 2
"""Standard normal numbers a step needs for each store: door and thermometer."""
HALL_C: Final = 22.0
BAND_C: Final = 0.7  # half of the controller's hysteresis
COOLING_C_H: Final = 16.0  # of the compressor, ℃/h
DEFROST_C_H: Final = 1.5  # of the heater that frees the evaporator from ice, ℃/h
DEFROST_MINUTES: Final = 15
DOOR_RATE: Final = 2.0  # exchange of air while the door is open, 1/h
DOOR_SIGMA: Final = 1.9  # a door is open in a minute whose normal number is above this: about 3 % of working hours
WORKING_HOURS: Final = (7.0, 19.0)
PROBE_TAU_S: Final = 240.0
PROBE_NOISE_C: Final = 0.03
_RANGES: Final = ((1.5, 2.5), (0.08, 0.16), (300.0, 420.0), (0.0, 1.0), (-0.2, 0.2))


@dataclass(frozen=True, slots=True)
class Stores:
    """Constant properties; arrays of shape (stores,).

    `set_point` and the thermometer's `offset` in ℃, `loss` of heat in 1/h, `defrost_every` in minutes.
    """

    devices: tuple[str, ...]
    set_point: Floats
    loss: Floats
    defrost_every: Floats
    phase: Floats
    offset: Floats

    def __len__(self) -> int:
        return len(self.devices)


@dataclass(frozen=True, slots=True)
class Air:
    """The state of every store; arrays of shape (stores,): air ℃, what the thermometer feels ℃, compressor, reading."""

    temperature: Floats
    felt: Floats
    cooling: NDArray[np.bool_]
    readings: Floats


def stores_of(devices: tuple[str, ...], seed: int) -> Stores:
    """The stores of these devices, drawn by the seed and each device's code."""
    numbers = np.array([uniforms(seed, f"{code}:store", len(_RANGES)) for code in devices])
    numbers = numbers.reshape(len(devices), len(_RANGES))
    drawn = [low + (high - low) * numbers[:, column] for column, (low, high) in enumerate(_RANGES)]
    return Stores(devices, *drawn)


def initial_air(stores: Stores) -> Air:
    """Every store at its set-point."""
    at = stores.set_point
    return Air(at.copy(), at.copy(), np.zeros(len(stores), dtype=np.bool_), _resolved(at))


def step(air: Air, stores: Stores, faults: Faults, minute: int, local_minute: int, normals: Floats, dt_s: float) -> Air:
    """The stores `dt_s` seconds later.

    Parameters
    ----------
    minute : since the epoch, sets the defrost
    local_minute : of the local week, Monday first
    normals : shape (NOISE_STREAMS, stores), standard normal numbers of this step

    """
    hours = dt_s / 3600
    of_day = local_minute % MINUTES_A_DAY / 60.0
    door = (normals[0] > DOOR_SIGMA) & (WORKING_HOURS[0] <= of_day < WORKING_HOURS[1])
    defrost = (minute + stores.phase * stores.defrost_every) % stores.defrost_every < DEFROST_MINUTES
    cooling = hysteresis(air.cooling, -air.temperature, -(stores.set_point + BAND_C), -(stores.set_point - BAND_C))
    # What is left of the cooling holds the store that much above its set-point.
    left = stores.loss * np.maximum(HALL_C - stores.set_point - faults.cold_store_failure, 0.0)
    power = np.where(faults.cold_store_failure > 0, np.minimum(left, COOLING_C_H), COOLING_C_H)
    rate = stores.loss + np.where(door, DOOR_RATE, 0.0)
    source = rate * HALL_C + np.where(defrost, DEFROST_C_H, np.where(cooling, -power, 0.0))
    temperature = relax(air.temperature, rate, source, hours)
    felt = lag(air.felt, temperature, PROBE_TAU_S, dt_s)
    return Air(temperature, felt, cooling, _resolved(felt + stores.offset + PROBE_NOISE_C * normals[1]))


def _resolved(values: Floats) -> Floats:
    known = INDICATORS[INDICATOR]
    scale = 10.0**known.precision
    return np.asarray(np.clip(np.rint(values * scale) / scale, known.physical_lo, known.physical_hi))
