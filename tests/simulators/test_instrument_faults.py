"""Faults of instruments, data and devices: what they do to the readings, and that the water knows nothing of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.demonstration import demonstration
from simulators.clock import MINUTE_US
from simulators.engine import INDICATOR_ROWS, Engine, arrays_of
from simulators.errors import NotAllowedError
from simulators.fault_kinds import SPECS, FaultKind, PlantKind, natural_minutes
from simulators.faults import HOUR_US, Fault, faults_at
from simulators.transmitter import FOULING_HOURS, IDEAL
from tests.simulators.worlds import REGISTERED, SEED, city, engine_at, minute_of

START = minute_of(2025, 11, 3, 10, 0)
FREE, PH, ORP, TURBIDITY = (INDICATOR_ROWS[name] for name in ("free_chlorine", "ph", "orp", "turbidity"))
WATER_ALONE = frozenset(kind for kind, spec in SPECS.items() if spec.group in {"instrument", "data", "device"})


def fault(engine: Engine, kind: FaultKind, size: float | None = None, minutes: float | None = None) -> Fault:
    """A fault in the first basin from the engine's next minute on."""
    starts = (engine.minute + 1) * MINUTE_US
    ends = None if minutes is None else starts + round(minutes * MINUTE_US)
    source = engine.names[-1] if kind is FaultKind.COPIED_SERIES else None
    return Fault("f", engine.names[0], kind, starts, ends, starts, size=size, source=source)


def side_by_side(
    kind: FaultKind, minutes: int, size: float | None = None, lasts: float | None = None
) -> tuple[np.ndarray, np.ndarray, Engine, Engine]:
    """Healthy and faulty readings, shape (minutes, indicators, devices), and both engines after them."""
    healthy, faulty = engine_at(START), engine_at(START)
    faulty.set_faults([fault(faulty, kind, size, lasts)])
    series: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for engine, found in zip((healthy, faulty), series, strict=True):
        for _ in range(minutes):
            engine.advance(engine.minute + 1)
            found.append(engine.readings.copy())
    return np.stack(series[0]), np.stack(series[1]), healthy, faulty


@pytest.mark.parametrize("kind", sorted(WATER_ALONE))
def test_a_lying_instrument_leaves_the_water_and_the_other_pools_alone(kind: FaultKind) -> None:
    """An hour of it: the water is the healthy pool's to the last bit, and so is what every other pool reports."""
    good, bad, healthy, faulty = side_by_side(kind, 60)
    before, after = arrays_of(healthy.checkpoint), arrays_of(faulty.checkpoint)
    assert all(np.array_equal(before[name], after[name]) for name in before if name != "instruments.readings")
    assert np.array_equal(good[:, :, 1:], bad[:, :, 1:], equal_nan=True)


def test_fouling_drifts_the_reading_down_by_its_size() -> None:
    """Free chlorine reads lower and lower, by its size (at the set-point) once the membrane is fouled; ORP stays."""
    size = 0.3
    good, bad, engine, _ = side_by_side(FaultKind.FOULING_DRIFT, int(FOULING_HOURS * 60) + 240, size)
    lost = good[:, FREE, 0] - bad[:, FREE, 0]
    daily = [lost[a : a + 720].mean() for a in range(0, len(lost) - 719, 720)]
    assert (np.diff(daily) > 0).all()
    true = engine.plant.chlorine_set[0]
    assert lost[-240:].mean() == pytest.approx(size * good[-240:, FREE, 0].mean() / true, abs=0.01)
    assert np.array_equal(good[:, ORP], bad[:, ORP])


@settings(max_examples=10, deadline=None)
@given(size=st.floats(0.1, 3.0), minutes=st.integers(1, 3), up=st.booleans())
def test_spike_is_as_long_and_as_high_as_it_is_said_to_be(size: float, minutes: int, up: bool) -> None:
    """Exactly its samples are off by its size, as far as the range of the instrument goes; then all is as before."""
    good, bad, *_ = side_by_side(FaultKind.SPIKE, 6, size if up else -size, minutes)
    away = bad[:, FREE, 0] - good[:, FREE, 0]
    expected = np.maximum(good[:minutes, FREE, 0] + (size if up else -size), 0.0)
    assert bad[:minutes, FREE, 0] == pytest.approx(expected, abs=0.011)
    assert (away[minutes:] == 0).all()


def test_bubbles_take_from_the_reading_by_starts() -> None:
    """Chlorine reads low and restless while turbidity flickers, for half an hour unless somebody says otherwise."""
    minutes = natural_minutes(FaultKind.AIR_BUBBLE, None)
    assert minutes == 30
    good, bad, *_ = side_by_side(FaultKind.AIR_BUBBLE, 40, 0.4, minutes)
    assert (bad[:30, FREE, 0] < good[:30, FREE, 0]).mean() > 0.8
    assert bad[:30, FREE, 0].std() > 5 * good[:30, FREE, 0].std()
    assert bad[:30, TURBIDITY, 0].mean() > good[:30, TURBIDITY, 0].mean() + 0.05
    assert np.array_equal(good[30:], bad[30:], equal_nan=True)


@pytest.mark.parametrize("size", [-0.4, 0.1])
def test_calibration_steps_ph_at_once_and_nothing_else(size: float) -> None:
    """From the first sample on pH is off by the size; ORP and chlorine do not follow."""
    good, bad, *_ = side_by_side(FaultKind.CALIBRATION_STEP, 30, size)
    assert bad[:, PH, 0] - good[:, PH, 0] == pytest.approx(np.full(30, size), abs=0.011)
    rest = [row for row in range(len(INDICATOR_ROWS)) if row != PH]
    assert np.array_equal(good[:, rest], bad[:, rest], equal_nan=True)


def test_wrong_unit_is_exactly_ten_times_the_reading() -> None:
    """Ten times the figure that the display would show, not ten times a finer one."""
    good, bad, *_ = side_by_side(FaultKind.UNIT_X10, 30)
    assert np.array_equal(bad[:, FREE, 0], good[:, FREE, 0] * 10)


def test_copied_series_is_another_sites_to_the_digit() -> None:
    """Every indicator equals what the other site's pool shows in that minute, while the pool's own water differs."""
    good, bad, engine, _ = side_by_side(FaultKind.COPIED_SERIES, 30)
    assert engine.devices[0].site != engine.devices[-1].site
    assert np.array_equal(bad[:, :, 0], good[:, :, -1], equal_nan=True)
    assert not np.array_equal(good[:, FREE, 0], good[:, FREE, -1])


def test_invented_readings_stay_near_the_ideal_and_hardly_vary() -> None:
    """The larger the size the less is left of the natural variation; temperature and flow are left as they are."""
    good, bad, *_ = side_by_side(FaultKind.TAMPERING, 240, 10.0)
    for indicator in ("free_chlorine", "ph", "orp", "turbidity"):
        row = INDICATOR_ROWS[indicator]
        assert np.ptp(bad[:, row, 0]) <= np.ptp(good[:, row, 0]) / 5, indicator
        assert abs(bad[:, row, 0].mean() - IDEAL[indicator]) < abs(good[:, row, 0].mean() - IDEAL[indicator]) + 0.01
    for indicator in ("water_temperature", "circulation_flow"):
        assert np.array_equal(bad[:, INDICATOR_ROWS[indicator]], good[:, INDICATOR_ROWS[indicator]])


def test_filter_failure_raises_turbidity_by_its_size_in_the_water_itself() -> None:
    """After a day the water is cloudier by nearly the size of the fault, and the instrument shows it truly."""
    good, bad, healthy, faulty = side_by_side(FaultKind.FILTER_FAILURE, 1_440, 1.0)
    assert faulty.water.turbidity[0] - healthy.water.turbidity[0] == pytest.approx(1.0, abs=0.12)
    assert bad[-1, TURBIDITY, 0] - good[-1, TURBIDITY, 0] == pytest.approx(1.0, abs=0.15)


def test_water_change_cools_and_thins_and_ends_when_the_water_is_changed() -> None:
    """A third of the water takes about an hour; temperature and chlorine fall in the water itself, then recover."""
    minutes = natural_minutes(FaultKind.WATER_CHANGE, 0.3)
    assert minutes == pytest.approx(60)
    _, _, healthy, faulty = side_by_side(FaultKind.WATER_CHANGE, 60, 0.3, minutes)
    fallen = healthy.water.temperature[0] - faulty.water.temperature[0]
    assert 1.0 < fallen < 4.0
    assert faulty.water.free_chlorine[0] < healthy.water.free_chlorine[0] + 0.05
    faulty.advance(faulty.minute + 8 * 60)
    healthy.advance(healthy.minute + 8 * 60)
    assert healthy.water.temperature[0] - faulty.water.temperature[0] < fallen / 2


@pytest.mark.parametrize(
    ("kind", "small", "large"),
    [
        (FaultKind.DOSING_FAILURE, 0.2, 0.5),
        (FaultKind.OVER_DOSING, 0.3, 1.5),
        (FaultKind.PH_DRIFT, 0.2, 0.7),
    ],
)
def test_a_larger_fault_of_the_water_goes_further(kind: FaultKind, small: float, large: float) -> None:
    """By evening the water of a pool with the larger fault is farther from the healthy one's than with the smaller."""
    far = []
    for size in (small, large):
        _, _, healthy, faulty = side_by_side(kind, 480, size)
        name = "ph" if kind is FaultKind.PH_DRIFT else "free_chlorine"
        far.append(abs(getattr(faulty.water, name)[0] - getattr(healthy.water, name)[0]))
    assert far[1] > 1.5 * far[0] > 0.1


def test_cold_store_warms_up_by_the_size_of_its_failure() -> None:
    """A healthy store stays below 5 ℃ for two days; one with a failure of 6 ℃ settles at least that much higher."""
    registry = demonstration(SEED, online=1, offline=0, stores=2, registered_at=REGISTERED)
    engine = Engine.settled(registry, SEED, START)
    assert [each.code for each in engine.devices[engine.pools :]] == ["nt-cc-s01-s1", "nt-rg-s01-s1"]
    starts = (engine.minute + 1) * MINUTE_US
    engine.set_faults([Fault("f", "nt-cc-s01-s1", FaultKind.COLD_STORE_FAILURE, starts, None, starts, size=6.0)])
    found = []
    for _ in range(2 * 1_440):
        engine.advance(engine.minute + 1)
        found.append(engine.readings[INDICATOR_ROWS["cold_store"]].copy())
    readings = np.stack(found)
    assert np.isnan(readings[:, : engine.pools]).all()
    failed, healthy = readings[:, engine.pools], readings[:, engine.pools + 1]
    assert 1.0 < healthy.min() < healthy.max() < 5.5
    # Doors and defrosts bring heat on top of what the size says, which a whole compressor takes away again.
    assert 5.5 < np.median(failed[-720:]) - engine.stores.set_point[0] < 8.5


@pytest.mark.parametrize("kind", list(FaultKind))
def test_sizes_outside_the_table_are_refused_with_what_would_be_right(kind: FaultKind) -> None:
    """The ends of the table are allowed; beyond them, or below zero without a sign, the refusal names the range."""
    spec = SPECS[kind]
    assert spec.checked(spec.smallest) == spec.smallest
    assert spec.checked(spec.largest) == spec.largest
    wrong = [spec.largest * 1.01, spec.smallest * 0.99] + ([] if spec.signed else [-spec.smallest])
    for size in wrong:
        with pytest.raises(NotAllowedError, match=rf"size {size:g}: must be between {spec.smallest:g} and"):
            spec.checked(size)


def test_table_covers_every_kind_and_only_sensible_sizes() -> None:
    """Each kind has a row, its usual size lies in its range, and every plant can have some fault."""
    assert set(SPECS) == set(FaultKind)
    for kind, spec in SPECS.items():
        assert 0 < spec.smallest <= spec.largest, kind
        assert spec.usual is None or spec.smallest <= spec.usual <= spec.largest, kind
    assert {plant for spec in SPECS.values() for plant in spec.plants} == set(PlantKind)


def test_faults_are_at_work_between_their_instants_and_on_their_device_alone() -> None:
    """The mask holds size and source of what is at work; faults of unknown devices and of the line are passed over."""
    columns = {"a": 0, "b": 1}
    copied = Fault("1", "a", FaultKind.COPIED_SERIES, 10, 20, 10, source="b")
    others = [
        Fault("2", "b", FaultKind.FOULING_DRIFT, 5, None, 5, size=0.2),
        Fault("3", "gone", FaultKind.SPIKE, 0, None, 0),
        Fault("4", "b", FaultKind.DROPOUT, 0, None, 0),
        Fault("5", "b", FaultKind.DOSING_FAILURE, 0, None, 0),
    ]
    found = faults_at([copied, *others], columns, 10)
    assert found.copied_series.tolist() == [2.0, 0.0]
    assert (found.fouling_drift.tolist(), found.fouling_since.tolist()) == ([0.0, 0.2], [0.0, 5.0])
    assert found.dosing_failure.tolist() == [0.0, np.inf]
    assert faults_at([copied], columns, 20).copied_series.tolist() == [0.0, 0.0]
    assert HOUR_US == 60 * MINUTE_US
    assert len(city().devices) > 1
