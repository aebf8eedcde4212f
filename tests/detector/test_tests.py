"""What each test of the detector says of a plain channel with one thing wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitor.detector import ChannelSpec, Flag, Layout, Rows, SiteSpec, State, Step, Test, flush, step
from registry.model import Role

DAY = 1440
START_US = 1_750_000_000_000_000
Values = np.ndarray[Any, np.dtype[np.float64]]


def layout(channels: int = 1, **spec: Any) -> Layout:
    """One site with channels of a reading a minute."""
    return Layout.of([ChannelSpec(k, "a", f"c{k}", **spec) for k in range(channels)], [SiteSpec("a", zone="UTC")])


def noise(minutes: int, seed: int = 1) -> Values:
    """pH-like readings to the hundredth."""
    return np.round(7.4 + np.random.default_rng(seed).normal(0, 0.02, minutes), 2)


def judged(values: Values, minutes: np.ndarray[Any, Any] | None = None, **spec: Any) -> tuple[Step, State]:
    """One channel through the detector, at whole minutes or at those given."""
    at = np.arange(values.size) if minutes is None else minutes
    laid = layout(**spec)
    state = State(laid)
    ts = (START_US + at * 60_000_000).astype(np.int64)
    rows = Rows(np.zeros(values.size, np.int64), ts, values, np.zeros(values.size, np.bool_))
    return step(state, laid, rows), state


def test_quiet_water_raises_nothing() -> None:
    """Three days of noise: no test says more than good but for a rare stray."""
    found, _ = judged(noise(3 * DAY))
    assert np.count_nonzero(found.flags >= Flag.SUSPECT) <= 3
    assert not found.ticks["raised"].any()


def test_warm_up_is_not_evaluated() -> None:
    """The level test says 2 for the first hour, and then good."""
    found, _ = judged(noise(200))
    assert (found.flags[Test.EWMA, :60] == Flag.UNKNOWN).all()
    assert (found.flags[Test.EWMA, 61:] == Flag.GOOD).all()


def test_gap() -> None:
    """The first reading after eleven minutes of silence is suspect; the very first is not evaluated."""
    at = np.concatenate([np.arange(100), np.arange(111, 200)]).astype(np.float64)
    found, _ = judged(noise(at.size), at)
    assert np.flatnonzero(found.flags[Test.GAP] == Flag.SUSPECT).tolist() == [100]
    assert found.flags[Test.GAP, 0] == Flag.UNKNOWN


def test_gross_range() -> None:
    """What the instrument cannot report fails, and moves neither level nor scale."""
    values = noise(2 * DAY)
    values[DAY : DAY + 30] = 20.0
    found, state = judged(values, gross_lo=0.0, gross_hi=14.0)
    fails = np.flatnonzero(found.flags[Test.GROSS_RANGE] == Flag.FAIL)
    assert fails.tolist() == list(range(DAY, DAY + 30))
    assert abs(float(state.level[0] + state.origin[0]) - 7.4) < 0.05


def test_spike_and_rate_of_change() -> None:
    """One reading far off is a spike where it is, and a rate on both of its sides; a slow rise is neither."""
    values = noise(DAY)
    values[1000] += 1.0
    found, _ = judged(values)
    assert np.flatnonzero(found.flags[Test.SPIKE] == Flag.SUSPECT).tolist() == [1000]
    assert np.flatnonzero(found.flags[Test.RATE_OF_CHANGE] == Flag.SUSPECT).tolist() == [1000, 1001]
    slow, _ = judged(noise(DAY) + np.linspace(0, 0.5, DAY))
    assert not (slow.flags[Test.SPIKE] == Flag.SUSPECT).any()


def test_flat_line() -> None:
    """A channel that always moves and then stands still is suspect, then fails; moving again it is good."""
    values = noise(6 * DAY)
    values[5 * DAY : 5 * DAY + 600] = 7.41
    found, _ = judged(values)
    flags = found.flags[Test.FLAT_LINE, 5 * DAY :]
    assert flags[10] == Flag.GOOD
    assert flags[500] == Flag.SUSPECT or flags[500] == Flag.FAIL
    assert (flags[601:] == Flag.GOOD).all()


def test_a_channel_that_is_always_flat_is_not_flat() -> None:
    """A calm channel that moves a step every three hours learns that this is its way."""
    at = np.arange(0, 10 * DAY, 10)
    found, _ = judged(np.round(6.5 + (at // 180 % 2) * 0.1, 1), at, period_s=600)
    assert not (found.flags[Test.FLAT_LINE, at > 3 * DAY] >= Flag.SUSPECT).any()


def test_attenuated_signal() -> None:
    """Noise that shrinks to a twentieth while values still move is suspect after hours."""
    values = 7.4 + np.random.default_rng(2).normal(0, 0.02, 4 * DAY)
    values[3 * DAY :] = 7.4 + (values[3 * DAY :] - 7.4) / 40
    found, _ = judged(values, resolution=0.0001)
    flags = found.flags[Test.ATTENUATED_SIGNAL]
    assert (flags[: 3 * DAY] == Flag.GOOD).all()
    assert (flags[-60:] >= Flag.SUSPECT).all()


def test_climatology() -> None:
    """A value usual by day is odd at night, where day and night differ every day."""
    at = np.arange(0, 8 * DAY, 5)
    hour = (START_US // 60_000_000 + at) // 60 % 24
    daily = 24 + 2.0 * ((hour >= 8) & (hour < 20))
    values = np.round(daily + np.random.default_rng(3).normal(0, 0.05, at.size), 2)
    night = int(np.flatnonzero((hour == 2) & (at > 7 * DAY))[5])
    values[night] = 26.0
    found, _ = judged(values, at, period_s=300)
    assert found.flags[Test.CLIMATOLOGY, night] == Flag.SUSPECT
    assert (found.flags[Test.CLIMATOLOGY, at < 7 * DAY] == Flag.GOOD).all()


def test_slow_drift() -> None:
    """A hundredth every two and a half hours is invisible to the level test, and seen by the CUSUM within days."""
    at = np.arange(0, 20 * DAY, 10)
    values = noise(at.size) + np.round(np.maximum(at - 12 * DAY, 0) / 60 * 0.004, 2)
    found, _ = judged(values, at, period_s=600)
    assert (found.flags[Test.CUSUM, at < 12 * DAY] != Flag.SUSPECT).all()
    assert (found.flags[Test.CUSUM, at > 19 * DAY] == Flag.SUSPECT).all()
    assert not (found.flags[Test.EWMA] == Flag.SUSPECT).any()


def test_a_lasting_change_becomes_the_level() -> None:
    """A step is away at once, and after it has settled it is what is expected; the state says since when."""
    values = noise(2 * DAY)
    values[DAY:] += 1.0
    found, state = judged(values)
    hot = found.flags[Test.EWMA] == Flag.SUSPECT
    assert hot[DAY + 2]
    assert not hot[DAY + 180 :].any()
    assert state.rebased[0] > START_US + DAY * 60_000_000
    assert abs(float(state.level[0] + state.origin[0]) - 8.4) < 0.05


@pytest.mark.parametrize("told", [0.0, 0.05])
def test_resolution(told: float) -> None:
    """The instrument's step is learned from the readings, and never said to be coarser than they are."""
    _, state = judged(noise(300), resolution=told)
    assert float(state.resolution[0]) == pytest.approx(0.01, rel=1e-3)


def test_a_missing_value_is_flagged_and_changes_nothing() -> None:
    """NaN is 9 in every test; the rest is judged as if it had not been sent."""
    values = noise(300)
    with_hole = np.insert(values, 200, np.nan)
    at = np.insert(np.arange(300.0), 200, 199.5)
    found, state = judged(with_hole, at)
    assert (found.flags[:, 200] == Flag.MISSING).all()
    plain, other = judged(values)
    assert np.array_equal(np.delete(found.flags, 200, axis=1), plain.flags)
    assert all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(state.save().values(), other.save().values(), strict=True)
    )


def both(change: Callable[[Rows], Rows]) -> tuple[Step, State, Step, State]:
    """The same stream plain and changed."""
    laid, n = layout(), 300
    plain = Rows(np.zeros(n, np.int64), START_US + np.arange(n) * 60_000_000, noise(n), np.zeros(n, np.bool_))
    one, other = State(laid), State(laid)
    return step(one, laid, plain), one, step(other, laid, change(plain)), other


@pytest.mark.parametrize("marked", [True, False])
def test_a_late_row_leaves_the_state_alone(marked: bool) -> None:
    """Marked late, or not newer than the channel's newest: not evaluated, nothing learned."""

    def with_late(rows: Rows) -> Rows:
        return Rows(
            np.insert(rows.slot, 250, 0),
            np.insert(rows.ts, 250, rows.ts[100]),
            np.insert(rows.value, 250, 99.0),
            np.insert(rows.late, 250, marked),
        )

    plain, one, found, other = both(with_late)
    assert (found.flags[:, 250] == Flag.UNKNOWN).all()
    assert np.array_equal(np.delete(found.flags, 250, axis=1), plain.flags)
    assert all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(one.save().values(), other.save().values(), strict=True)
    )


def test_two_channels_together_weigh_more_than_one() -> None:
    """The site's score for the same excursion is higher where a second quality channel moves too."""

    def score(moving: int) -> float:
        laid = layout(3)
        n = DAY
        values = np.stack([noise(n, seed) for seed in range(3)], axis=1)
        values[-5:, :moving] += 0.15
        ts = np.repeat(START_US + np.arange(n) * 60_000_000, 3)
        state = State(laid)
        step(state, laid, Rows(np.tile(np.arange(3), n), ts, values.ravel(), np.zeros(3 * n, np.bool_)))
        return float(flush(state, laid, 2**60)["score"][0])

    assert score(0) < score(1) < score(2)


def test_operational_channels_raise_no_alarm() -> None:
    """A pump that is switched is no event; the same step in a quality channel is."""
    values = noise(DAY)
    values[-30:] += 5
    quality, _ = judged(values)
    switched, _ = judged(values, role=Role.OPERATIONAL)
    assert quality.ticks["raised"].any()
    assert not switched.ticks["raised"].any()
