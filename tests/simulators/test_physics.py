from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import physics
from simulators.faults import Faults
from simulators.physics import Sensed, Surroundings, Water, initial_water, step
from simulators.plant import Plant, plant_of, simulated_devices
from tests.simulators.worlds import SEED, city

PLANT: Plant = plant_of(city(), simulated_devices(city()), SEED)
SIZE = len(PLANT)
CALM = np.zeros((physics.NOISE_STREAMS, SIZE))


def around(bathers: float = 0.0, *, backwash: bool = False, sun: float = 0.0, air: float = 20.0) -> Surroundings:
    """The same surroundings for every basin."""
    return Surroundings(np.full(SIZE, bathers), np.full(SIZE, backwash), sun, air)


def sensing(water: Water) -> Sensed:
    """Controllers that measure exactly."""
    return Sensed(free_chlorine=water.free_chlorine, ph=water.ph)


WATER_FAULTS = ("dosing_failure", "over_dosing", "ph_drift", "pump_off", "filter_failure", "water_change")
SIZES = st.one_of(st.just(0.0), st.just(np.inf), st.floats(0.05, 3.0))
FINITE_SIZES = st.one_of(st.just(0.0), st.floats(0.05, 3.0))


def faults_with(**sizes: float) -> Faults:
    """The same faults in every basin."""
    return replace(Faults.none(SIZE), **{name: np.full(SIZE, float(size)) for name, size in sizes.items()})


def run(water: Water, surroundings: Surroundings, faults: Faults, minutes: int) -> Water:
    """The water some minutes later, without noise."""
    for _ in range(minutes):
        water = step(water, PLANT, surroundings, sensing(water), faults, CALM, 60.0)
    return water


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dt_s=st.sampled_from([1.0, 60.0, 3_600.0, 86_400.0]),
    bathers=st.floats(0, 5_000),
    sun=st.floats(0, 1),
    air=st.floats(-15, 42),
    at_work=st.fixed_dictionaries({name: FINITE_SIZES if name == "filter_failure" else SIZES for name in WATER_FAULTS}),
)
def test_nothing_becomes_negative_or_not_a_number(
    seed: int, dt_s: float, bathers: float, sun: float, air: float, at_work: dict[str, float]
) -> None:
    """Whatever crowd, weather, faults, noise and step: concentrations stay at or above zero, all values finite."""
    rng = np.random.default_rng(seed)
    water = initial_water(PLANT)
    for _ in range(8):
        normals = 3 * rng.standard_normal((physics.NOISE_STREAMS, SIZE))
        surroundings = around(bathers, backwash=bool(rng.integers(2)), sun=sun, air=air)
        water = step(water, PLANT, surroundings, sensing(water), faults_with(**at_work), normals, dt_s)
        for each in fields(Water):
            assert np.isfinite(getattr(water, each.name)).all(), each.name
        for name in ("free_chlorine", "combined_chlorine", "turbidity", "flow", "missing", "makeup", "bathers"):
            assert (getattr(water, name) >= 0).all(), name
        assert ((water.ph >= 0) & (water.ph <= 14)).all()
        assert ((water.filter_load >= 0) & (water.filter_load <= 1)).all()


def test_step_leaves_its_arguments_alone() -> None:
    """A step is pure: the same arguments give the same water, and none is changed."""
    water = initial_water(PLANT)
    before = {each.name: getattr(water, each.name).copy() for each in fields(Water)}
    first = step(water, PLANT, around(30), sensing(water), Faults.none(SIZE), CALM, 60.0)
    second = step(water, PLANT, around(30), sensing(water), Faults.none(SIZE), CALM, 60.0)
    for name, array in before.items():
        assert np.array_equal(getattr(water, name), array)
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_chlorine_dosed_is_chlorine_gained_where_nothing_consumes_it() -> None:
    """Mass balance of free chlorine: volume × gain = what the pump delivered."""
    inert = replace(PLANT, decay=np.zeros(SIZE), demand=np.zeros(SIZE), sun_decay=np.zeros(SIZE))
    water = initial_water(PLANT)
    after = step(water, inert, around(), sensing(water), faults_with(over_dosing=np.inf), CALM, 600.0)
    gained = (after.free_chlorine - water.free_chlorine) * PLANT.volume
    assert gained == pytest.approx(PLANT.dose_rate * PLANT.volume / 6)


def test_water_lost_is_water_made_up() -> None:
    """Mass balance of water: what bathers and evaporation take is made up or still missing."""
    water = initial_water(PLANT)
    lost = made_up = np.zeros(SIZE)
    for _ in range(24 * 60):
        water = step(water, PLANT, around(60), sensing(water), Faults.none(SIZE), CALM, 60.0)
        lost = lost + (water.bathers * physics.SPLASH_M3 + PLANT.volume * physics.EVAPORATION) / 60
        made_up = made_up + water.makeup / 60
    assert made_up + water.missing == pytest.approx(lost)
    assert (made_up > 0).all()


def test_bathers_and_sun_consume_chlorine() -> None:
    """Without dosing, chlorine falls faster with bathers, and outdoors faster still in the sun."""
    nothing_dosed = faults_with(dosing_failure=np.inf)
    empty = run(initial_water(PLANT), around(), nothing_dosed, 60).free_chlorine
    crowded = run(initial_water(PLANT), around(40), nothing_dosed, 60).free_chlorine
    sunny = run(initial_water(PLANT), around(sun=1.0), nothing_dosed, 60).free_chlorine
    assert (crowded < empty).all()
    assert (sunny[PLANT.outdoor] < empty[PLANT.outdoor]).all()
    assert (sunny[~PLANT.outdoor] == empty[~PLANT.outdoor]).all()


def test_controller_holds_the_set_point_within_its_hysteresis() -> None:
    """After a day with bathers free chlorine and pH are within the band and one step's overshoot."""
    water = run(initial_water(PLANT), around(30), Faults.none(SIZE), 24 * 60)
    assert (np.abs(water.free_chlorine - PLANT.chlorine_set) < PLANT.chlorine_band + PLANT.dose_rate / 30).all()
    assert (np.abs(water.ph - PLANT.ph_set) < PLANT.ph_band + physics.ACID_RATE / 30).all()


def test_pump_off_stops_flow_dosing_and_heating() -> None:
    """The flow switch stops dosing and heating with the pump, even of a pump stuck on."""
    water = run(initial_water(PLANT), around(30), faults_with(pump_off=np.inf, over_dosing=np.inf), 60)
    assert (water.flow < 0.01 * PLANT.flow).all()
    assert (water.free_chlorine < initial_water(PLANT).free_chlorine).all()
    assert (water.temperature <= PLANT.temperature_set).all()


def test_filter_clogs_and_backwash_cleans_it() -> None:
    """Flow falls with the filter's load; a backwash brings it back and lets some turbidity through."""
    fresh = initial_water(PLANT)
    clogged = run(fresh, around(30), Faults.none(SIZE), 24 * 60)
    washed = run(clogged, around(30, backwash=True), Faults.none(SIZE), 8)
    rinsed = run(washed, around(30), Faults.none(SIZE), 10)
    assert (clogged.filter_load > fresh.filter_load).all()
    assert (clogged.flow < fresh.flow).all()
    assert (rinsed.filter_load < 0.05).all()
    assert (rinsed.flow > clogged.flow).all()
    assert (washed.turbidity > clogged.turbidity).all()
