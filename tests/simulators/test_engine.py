from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.demonstration import load_demonstration
from registry.limits import Limit, profiles
from registry.limits.judgement import side_of_limit
from registry.opening import minute_of_week
from simulators.engine import Engine, arrays_of, checkpoint_of
from simulators.fault_kinds import FaultKind
from simulators.instrument import INDICATOR_ROWS
from tests.simulators.worlds import MINUTE_US, REGISTERED, SEED, city, engine_at, everywhere, minute_of

START = minute_of(2025, 11, 3, 10, 0)


def series(engine: Engine, minutes: int) -> np.ndarray:
    """Shape (minutes, probes, basins): the readings of the next minutes."""
    found = []
    for _ in range(minutes):
        engine.advance(engine.minute + 1)
        found.append(engine.readings.copy())
    return np.stack(found)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_series_does_not_depend_on_how_a_run_is_split(strides: list[int]) -> None:
    """Advancing in strides, over checkpoints or in one go ends in exactly the same state and readings."""
    minutes = sum(strides)
    whole = engine_at(START)
    whole.advance(START + minutes)
    split = engine_at(START)
    for stride in strides:
        split.advance(split.minute + stride)
        split = Engine(city(), SEED, split.minute, checkpoint_of(arrays_of(split.checkpoint)))
    for name, array in arrays_of(whole.checkpoint).items():
        assert np.array_equal(array, arrays_of(split.checkpoint)[name]), name


def test_same_seed_and_commands_give_the_same_series() -> None:
    """Two runs with the same fault at the same instant are equal; another seed gives another series."""
    runs = []
    for _ in range(2):
        engine = engine_at(START)
        engine.set_faults(everywhere(engine, FaultKind.DOSING_FAILURE, 30))
        runs.append(series(engine, 60))
    assert np.array_equal(runs[0], runs[1], equal_nan=True)
    other = Engine(city(), SEED + 1, START)
    assert not np.array_equal(series(other, 60), series(Engine(city(), SEED, START), 60), equal_nan=True)


def test_basin_does_not_depend_on_the_rest_of_the_fleet() -> None:
    """A basin's series is the same in a small city and in a large one that contains it."""
    larger = load_demonstration(SEED, online=60, offline=0, registered_at=REGISTERED)
    small, large = Engine(city(32), SEED, START), Engine(larger, SEED, START)
    few, many = series(small, 240), series(large, 240)
    columns = [large.columns[code] for code in small.plant.devices]
    assert np.array_equal(few, many[:, :, columns], equal_nan=True)


def test_fault_begins_and_ends_at_its_instants() -> None:
    """Before its start and after its recovery a fault leaves no trace; between them it does."""
    healthy, faulty = engine_at(START), engine_at(START)
    fault = everywhere(faulty, FaultKind.STUCK_SENSOR, 20)
    faulty.set_faults([each for each in fault if each.starts >= START * MINUTE_US])
    good, bad = series(healthy, 60), series(faulty, 60)
    row = INDICATOR_ROWS["free_chlorine"]
    assert (bad[:18, row] == bad[0, row]).all()
    assert not np.array_equal(good[:20, row], bad[:20, row])
    assert np.array_equal(good[20:], bad[20:], equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize(("month", "days"), [(1, 30), (7, 10)])
def test_healthy_pools_stay_inside_the_limits_for_a_month(month: int, days: int) -> None:
    """While open, over 99.9 % of readings are within the limits and no excursion lasts as long as the on-delay."""
    start = int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) // 60
    engine = Engine.settled(city(32), SEED, start)
    chosen = (profiles()["gb37488-2019-artificial-pool"], profiles()["plant-operation"])
    both = [limit for each in chosen for limit in each.limits if not limit.condition.water_kinds]
    limits = [limit for limit in both if limit.indicator in INDICATOR_ROWS]  # others are found in laboratories
    outside: dict[str, list[np.ndarray]] = {limit.indicator: [] for limit in limits}
    hours_open = 0
    for _ in range(days):
        instants = np.arange(engine.minute + 1, engine.minute + 1 + 1440, dtype=np.int64) * MINUTE_US
        is_open = engine.plant.opening[minute_of_week(instants, "Asia/Shanghai")]
        readings = series(engine, 1440)
        hours_open += is_open.sum()
        for limit in limits:
            outside[limit.indicator].append((side(limit, readings) != 0) & is_open)
    assert hours_open > 0.3 * days * 1440 * len(engine.plant)
    for limit in limits:
        breaches = np.concatenate(outside[limit.indicator])
        assert breaches.sum() < 0.001 * hours_open, limit.indicator
        assert longest_run(breaches) < limit.on_delay_s / 60, limit.indicator


def side(limit: Limit, readings: np.ndarray) -> np.ndarray:
    """-1 below, 1 above, 0 within a limit, of each reading."""
    return side_of_limit(
        readings[:, INDICATOR_ROWS[limit.indicator]],
        np.array(-np.inf if limit.lo is None else limit.lo),
        np.array(np.inf if limit.hi is None else limit.hi),
        np.array(limit.lo_inclusive),
        np.array(limit.hi_inclusive),
        np.array(limit.precision),
    )


def test_judgement_of_the_month_would_see_a_breach() -> None:
    """The measure of the test above is not blind: pools whose dosing failed are found outside."""
    engine = engine_at(START)
    engine.set_faults(everywhere(engine, FaultKind.DOSING_FAILURE))
    engine.advance(START + 300)
    limit = next(
        each for each in profiles()["gb37488-2019-artificial-pool"].limits if each.indicator == "free_chlorine"
    )
    breaches = side(limit, series(engine, 30)) < 0
    assert longest_run(breaches) == 30


def longest_run(outside: np.ndarray) -> int:
    """Longest run of consecutive true values along the first axis, in minutes."""
    longest = np.zeros(outside.shape[1], dtype=int)
    present = longest.copy()
    for row in outside:
        present = np.where(row, present + 1, 0)
        longest = np.maximum(longest, present)
    return int(longest.max())


def test_longest_run_is_counted_within_a_basin() -> None:
    """The measure of the test above counts consecutive minutes of one basin."""
    assert longest_run(np.array([[1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool)) == 3
