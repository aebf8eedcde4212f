"""The water of many basins, one pure step at a time.

`step` advances every basin at once; it draws nothing and reads no clock: random numbers, weather, expected
bathers and faults are handed in. First-order processes are integrated exactly, so no concentration can
become negative however long the step.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.chemistry import hysteresis, lag, orp, relax
from simulators.fault_kinds import WATER_CHANGE_RATE
from simulators.faults import Faults
from simulators.noise import Floats
from simulators.plant import Plant

Bools = NDArray[np.bool_]

NOISE_STREAMS: Final = 2
"""Standard normal numbers a step needs for each basin: crowd and mixing."""

TAP_CHLORINE: Final = 0.15  # mg/L in make-up water
TAP_PH: Final = 7.7
TAP_TURBIDITY: Final = 0.2  # NTU
TAP_TEMPERATURE: Final = 16.0  # ℃
HALL_AIR: Final = 29.0  # ℃ over an indoor pool
MAKEUP_RATE: Final = 0.03  # of the volume per hour while the valve is open
ACID_RATE: Final = 1.0  # pH per hour while acid is dosed
COOLING_RATE: Final = 0.8  # ℃/h
EVAPORATION_COOLING: Final = 0.08  # ℃/h
EVAPORATION: Final = 0.0002  # of the volume per hour
SPLASH_M3: Final = 0.004  # water a bather carries out per hour, m³
ORDINARY_LOAD: Final = 0.5  # of the busiest time's bathers; what sizes of dosing faults refer to
ORDINARY_SUN: Final = 0.3
BACKWASH_FLOW: Final = 0.6  # of the flow while one filter of the bank is washed
BACKWASH_LOSS: Final = 0.02  # of the volume per hour
RIPENING: Final = 0.5  # NTU per hour that a freshly washed filter lets through
CROWD_TAU_S: Final = 2_400.0
MIXING_TAU_S: Final = 480.0
PUMP_TAU_S: Final = 60.0
RUNNING_SHARE: Final = 0.2  # of the nominal flow; below it the flow switch stops dosing and heating


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What comes from outside in a step: arrays of shape (basins,); `sun` (0–1) and `air` (℃) are the city's."""

    expected_bathers: Floats
    backwash: Bools
    sun: float
    air: float


@dataclass(frozen=True, slots=True)
class Sensed:
    """What the plant's own controllers measure."""

    free_chlorine: Floats
    ph: Floats


@dataclass(frozen=True, slots=True)
class Water:
    """The state of every basin; arrays of shape (basins,)."""

    free_chlorine: Floats
    """mg/L"""
    combined_chlorine: Floats
    """mg/L"""
    ph: Floats
    turbidity: Floats
    """NTU"""
    temperature: Floats
    """℃"""
    flow: Floats
    """Circulation, m³/h"""
    filter_load: Floats
    """0 clean – 1 due"""
    missing: Floats
    """Water lost and not made up yet, m³"""
    makeup: Floats
    """Make-up water, m³/h"""
    bathers: Floats
    """persons"""
    crowd: Floats
    """How popular the pool is just now, standard deviations"""
    mixing: Floats
    """How far the sampled water differs from the basin's mean, standard deviations"""
    dosing: Bools
    acid: Bools
    heating: Bools
    cooling: Bools
    filling: Bools


def initial_water(plant: Plant) -> Water:
    """Every basin at its set-points, empty of people."""
    zeros, false = np.zeros(len(plant)), np.zeros(len(plant), dtype=np.bool_)
    return Water(
        free_chlorine=plant.chlorine_set.copy(),
        combined_chlorine=np.full(len(plant), 0.08),
        ph=plant.ph_set.copy(),
        turbidity=plant.turbidity_idle.copy(),
        temperature=plant.temperature_set.copy(),
        flow=plant.flow.copy(),
        filter_load=zeros + 0.2,
        missing=zeros,
        makeup=zeros,
        bathers=zeros,
        crowd=zeros,
        mixing=zeros,
        dosing=false,
        acid=false,
        heating=false,
        cooling=false,
        filling=false,
    )


def step(
    water: Water,
    plant: Plant,
    around: Surroundings,
    sensed: Sensed,
    faults: Faults,
    normals: Floats,
    dt_s: float,
) -> Water:
    """The water `dt_s` seconds later.

    Parameters
    ----------
    normals : shape (NOISE_STREAMS, basins), standard normal numbers of this step
    dt_s : seconds, > 0

    """
    hours = dt_s / 3600
    crowd = _fluctuation(water.crowd, normals[0], CROWD_TAU_S, dt_s)
    bathers = np.rint(np.maximum(0.0, around.expected_bathers * (1 + 0.3 * crowd)))
    load = bathers / plant.volume
    flow = _flow(water, plant, around, faults, dt_s)
    running = flow > RUNNING_SHARE * plant.flow
    filling, missing, makeup = _make_up(water, plant, around, faults, bathers, hours)
    exchange = makeup / plant.volume
    dosing, dose = _dosing(water, plant, sensed, faults, running)
    free, combined = _chlorine(water, plant, around, dose, load, exchange, hours)
    acid, ph = _ph(water, plant, sensed, faults, running, dose, exchange, hours)
    turbidity, filter_load = _turbidity(water, plant, around, faults, flow, load, exchange, hours)
    heating, cooling, temperature = _temperature(water, plant, around, running, exchange, hours)
    return Water(
        free_chlorine=free,
        combined_chlorine=combined,
        ph=ph,
        turbidity=turbidity,
        temperature=temperature,
        flow=flow,
        filter_load=filter_load,
        missing=missing,
        makeup=makeup,
        bathers=bathers,
        crowd=crowd,
        mixing=_fluctuation(water.mixing, normals[1], MIXING_TAU_S, dt_s),
        dosing=dosing,
        acid=acid,
        heating=heating,
        cooling=cooling,
        filling=filling,
    )


def true_orp(water: Water, plant: Plant) -> Floats:
    """ORP of the basins' water, mV."""
    return orp(water.free_chlorine, water.combined_chlorine, water.ph, water.temperature, plant.orp_shift)


def _fluctuation(value: Floats, normal: Floats, tau_s: float, dt_s: float) -> Floats:
    """One step of an Ornstein–Uhlenbeck process with unit variance, exact for any step."""
    keep = np.exp(-dt_s / tau_s)
    return np.asarray(value * keep + normal * np.sqrt(1 - keep * keep))


def _flow(water: Water, plant: Plant, around: Surroundings, faults: Faults, dt_s: float) -> Floats:
    wanted = plant.flow * (1 - 0.15 * water.filter_load) * np.where(around.backwash, BACKWASH_FLOW, 1.0)
    return lag(water.flow, wanted * (1 - np.clip(faults.pump_off, 0.0, 1.0)), PUMP_TAU_S, dt_s)


def _make_up(
    water: Water, plant: Plant, around: Surroundings, faults: Faults, bathers: Floats, hours: float
) -> tuple[Bools, Floats, Floats]:
    """The level valve: open from 0.5 % of the volume missing until all is made up."""
    lost = bathers * SPLASH_M3 + plant.volume * (EVAPORATION + BACKWASH_LOSS * around.backwash)
    missing = water.missing + lost * hours
    filling = (missing > 0.005 * plant.volume) | water.filling
    makeup = np.where(filling, np.minimum(plant.volume * MAKEUP_RATE, missing / hours), 0.0)
    still_missing = np.maximum(0.0, missing - makeup * hours)
    # While the water is changed as much is let out as comes in, so none of it counts against what is missing.
    makeup = np.where(faults.water_change > 0, plant.volume * WATER_CHANGE_RATE, makeup)
    return filling & (still_missing > 0), still_missing, makeup


def _dosing(water: Water, plant: Plant, sensed: Sensed, faults: Faults, running: Bools) -> tuple[Bools, Floats]:
    low, high = plant.chlorine_set - plant.chlorine_band, plant.chlorine_set + plant.chlorine_band
    wanted = hysteresis(water.dosing, sensed.free_chlorine, low, high)
    # A tired pump still gives what holds chlorine that much below its set-point at an ordinary load; a leaking one
    # gives at all times what holds it that much above.
    use = plant.decay + plant.demand * plant.crowd * ORDINARY_LOAD + plant.sun_decay * ORDINARY_SUN
    left = np.where(faults.dosing_failure > 0, np.maximum(plant.chlorine_set - faults.dosing_failure, 0) * use, np.inf)
    whole = np.isinf(faults.over_dosing)
    level = plant.chlorine_set + np.where(whole, 0.0, faults.over_dosing)
    leak = np.where(whole, plant.dose_rate, np.minimum(level * use, plant.dose_rate))
    leak = np.where(faults.over_dosing > 0, leak, 0.0)
    dose = np.minimum(np.maximum(np.where(wanted, plant.dose_rate, 0.0), leak), left)
    return wanted, np.where(running, dose, 0.0)


def _chlorine(
    water: Water, plant: Plant, around: Surroundings, dose: Floats, load: Floats, exchange: Floats, hours: float
) -> tuple[Floats, Floats]:
    by_bathers = plant.demand * load
    by_itself = plant.decay * 1.07 ** (water.temperature - 27.0) + plant.sun_decay * around.sun
    rate = by_itself + by_bathers + exchange
    free = relax(water.free_chlorine, rate, dose + exchange * TAP_CHLORINE, hours)
    formed = plant.combined_yield * by_bathers * water.free_chlorine
    combined = relax(water.combined_chlorine, 0.12 + 0.3 * around.sun * plant.outdoor + exchange, formed, hours)
    return free, combined


def _ph(
    water: Water,
    plant: Plant,
    sensed: Sensed,
    faults: Faults,
    running: Bools,
    dose: Floats,
    exchange: Floats,
    hours: float,
) -> tuple[Bools, Floats]:
    # Acid lowers, so the controller works on the negative.
    acid = hysteresis(water.acid, -sensed.ph, -(plant.ph_set + plant.ph_band), -(plant.ph_set - plant.ph_band))
    # What is left of the acid holds pH that much above its set-point.
    left = plant.ph_rate * np.maximum(plant.ph_natural - plant.ph_set - faults.ph_drift, 0.0)
    rate = np.where(faults.ph_drift > 0, np.minimum(left, ACID_RATE), ACID_RATE)
    lowering = np.where(acid & running, rate, 0.0)
    source = plant.ph_rate * plant.ph_natural + exchange * TAP_PH + 0.08 * dose - lowering
    return acid, np.clip(relax(water.ph, plant.ph_rate + exchange, source, hours), 0.0, 14.0)


def _turbidity(
    water: Water,
    plant: Plant,
    around: Surroundings,
    faults: Faults,
    flow: Floats,
    load: Floats,
    exchange: Floats,
    hours: float,
) -> tuple[Floats, Floats]:
    nominal = 0.85 * plant.flow / plant.volume
    removal = 0.85 * flow / plant.volume
    source = nominal * (plant.turbidity_idle + plant.turbidity_demand * load) + RIPENING * around.backwash
    source = source + removal * faults.filter_failure  # what breaks through the bed goes round with the water
    turbidity = relax(water.turbidity, removal + exchange, source + exchange * TAP_TURBIDITY, hours)
    fouling = plant.filter_fouling / 24 * (1 + 15 * load)
    filter_load = relax(water.filter_load, np.where(around.backwash, 30.0, 0.0), fouling, hours)
    return turbidity, np.minimum(filter_load, 1.0)


def _temperature(
    water: Water, plant: Plant, around: Surroundings, running: Bools, exchange: Floats, hours: float
) -> tuple[Bools, Bools, Floats]:
    target = plant.temperature_set
    heating = hysteresis(water.heating, water.temperature, target - 0.2, target + 0.2)
    cooling = hysteresis(water.cooling, -water.temperature, -(target + 1.0), -(target + 0.6))
    air = np.where(plant.outdoor, around.air, HALL_AIR)
    power = np.where(heating & running, plant.heater, 0.0) - np.where(cooling & running, COOLING_RATE, 0.0)
    source = power + plant.heat_loss * air + plant.sun_heat * around.sun - EVAPORATION_COOLING
    temperature = relax(water.temperature, plant.heat_loss + exchange, source + exchange * TAP_TEMPERATURE, hours)
    return heating, cooling, temperature
