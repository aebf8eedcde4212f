"""Each fault has the signature that its description promises, in every basin, by day with bathers."""

import numpy as np

from registry.catalogue import LANGUAGES, text
from simulators.engine import Engine
from simulators.fault_kinds import FaultKind
from simulators.instrument import INDICATOR_ROWS
from tests.simulators.worlds import engine_at, everywhere, minute_of

AFTERNOON = minute_of(2025, 11, 3, 16, 0)
ONLINE = 12


def run_with(kind: FaultKind, minutes: int) -> tuple[Engine, np.ndarray]:
    """The engine and its readings, shape (minutes, probes, basins), after a fault began in every basin."""
    engine = engine_at(AFTERNOON, ONLINE)
    engine.set_faults(everywhere(engine, kind))
    found = []
    for _ in range(minutes):
        engine.advance(engine.minute + 1)
        found.append(engine.readings.copy())
    return engine, np.stack(found)


def first_minute(readings: np.ndarray, indicator: str, *, below: float = -np.inf, above: float = np.inf) -> np.ndarray:
    """Of each basin the first minute in which a reading is outside; the length of the series if none is."""
    values = readings[:, INDICATOR_ROWS[indicator]]
    outside = (values < below) | (values > above)
    return np.where(outside.any(axis=0), outside.argmax(axis=0), len(readings))


def test_every_fault_has_a_name_and_an_effect_in_both_languages() -> None:
    """The catalogue describes each fault that can be injected."""
    for kind in FaultKind:
        for language in LANGUAGES:
            assert text(language, f"fault.{kind}.name")
            assert text(language, f"fault.{kind}.effect")


def test_dosing_failure_takes_free_chlorine_below_its_limit_within_hours() -> None:
    """Below 0.25 mg/L (which rounds to less than 0.3) in half an hour to three and a half; ORP falls with it."""
    engine, readings = run_with(FaultKind.DOSING_FAILURE, 210)
    minutes = first_minute(readings, "free_chlorine", below=0.25)
    assert (minutes >= 30).all()
    assert (minutes < 210).all()
    assert 45 <= np.median(minutes) <= 180
    orp = readings[:, INDICATOR_ROWS["orp"]]
    assert (orp[-1] < orp[0] - 25).all()
    assert (engine.water.free_chlorine < 0.3).all()


def test_over_dosing_takes_free_chlorine_above_its_limit() -> None:
    """Above 1.05 mg/L within two and a half hours, for most basins within an hour and a half."""
    _, readings = run_with(FaultKind.OVER_DOSING, 150)
    minutes = first_minute(readings, "free_chlorine", above=1.05)
    assert (minutes < 150).all()
    assert np.median(minutes) < 90


def test_ph_drift_takes_ph_above_its_limit_and_orp_down() -> None:
    """The pH rises past 7.85 within three hours while chlorine is held, and ORP falls since less of it is HOCl."""
    engine, readings = run_with(FaultKind.PH_DRIFT, 180)
    assert (first_minute(readings, "ph", above=7.85) < 180).all()
    orp = readings[:, INDICATOR_ROWS["orp"]]
    assert (orp[-1] < orp[0] - 15).all()
    # A membrane probe feels HOCl, so the controller holds a little more chlorine at a high pH.
    assert (np.abs(engine.water.free_chlorine - engine.plant.chlorine_set) < 0.2).all()


def test_pump_off_is_seen_in_the_flow_and_makes_readings_false() -> None:
    """Flow falls below 5 m³/h within minutes; the flow cell then shows less chlorine than the basin holds."""
    engine, readings = run_with(FaultKind.PUMP_OFF, 60)
    assert (first_minute(readings, "circulation_flow", below=5.0) <= 10).all()
    assert (engine.water.free_chlorine > readings[-1, INDICATOR_ROWS["free_chlorine"]] + 0.05).all()


def test_stuck_sensor_repeats_one_value_while_the_others_move() -> None:
    """Free chlorine is reported constant at its last value; pH, ORP and the water itself go on."""
    engine, readings = run_with(FaultKind.STUCK_SENSOR, 120)
    assert (np.ptp(readings[:, INDICATOR_ROWS["free_chlorine"]], axis=0) == 0).all()
    for indicator in ("ph", "orp", "turbidity"):
        assert (np.ptp(readings[:, INDICATOR_ROWS[indicator]], axis=0) > 0).all(), indicator
    assert (np.abs(engine.water.free_chlorine - engine.plant.chlorine_set) < 0.15).all()


def test_faults_of_the_device_leave_the_water_alone() -> None:
    """A power cut or a dropout concerns the device: the physics is that of a healthy pool."""
    healthy = engine_at(AFTERNOON, ONLINE)
    healthy.advance(AFTERNOON + 60)
    for kind in (FaultKind.POWER_CUT, FaultKind.DROPOUT):
        _, readings = run_with(kind, 60)
        assert np.array_equal(readings[-1], healthy.readings, equal_nan=True)
