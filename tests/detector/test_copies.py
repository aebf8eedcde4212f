"""Copied series are found however late they come, and no others are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detector.copies import Copies, Match

RESOLUTION = 0.01
STEP, FRESH = np.array([RESOLUTION]), np.ones(1, dtype=np.bool_)


def wandering(seed: int, length: int, level: float = 0.6) -> np.ndarray:
    """A series like free chlorine: noise on a slow wave, to the resolution of the instrument."""
    rng = np.random.default_rng(seed)
    wave = 0.05 * np.sin(np.arange(length) / 9 + seed)
    return np.rint((level + wave + rng.normal(0, 0.012, length)) / RESOLUTION) * RESOLUTION


def no_oddness(ended: np.ndarray) -> np.ndarray:
    """Every site is as it usually is."""
    return np.zeros(ended.size, dtype=np.float32)


def run(series: list[np.ndarray], cuts: list[int]) -> list[Match]:
    """Every match, when the stream is cut into calls after these steps."""
    copies, found = Copies(np.zeros(len(series), dtype=np.int64)), []
    for step in range(len(series[0])):
        for number, values in enumerate(series):
            row = np.array([step * len(series) + number])
            copies.take(row.take, np.array([number]), values[step : step + 1], STEP, FRESH, no_oddness)
        if step in cuts:
            found += list(copies.matched())
    return found + list(copies.matched())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 50))
def test_a_copy_is_found_whatever_its_delay(seed: int, delay: int) -> None:
    """The copy's chunks end at the same values as the original's, so at least two match within some hours."""
    original = wandering(seed, 400)
    copy = np.concatenate([wandering(seed + 1, delay + 1, 0.7), original])[: len(original)]
    matches = [each for each in run([original, copy], []) if each.partner == 0]
    assert max((each.matches for each in matches), default=0) >= 2


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_pools_of_their_own_never_match(seed: int) -> None:
    """A day of eight pools: not one chunk is another's."""
    series = [wandering(seed + number, 1440) for number in range(8)]
    assert [each for each in run(series, []) if each.partner >= 0] == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 399), max_size=12))
def test_where_the_stream_is_cut_does_not_matter(seed: int, cuts: list[int]) -> None:
    """The same matches in the same order, however the readings are handed over."""
    original = wandering(seed, 400)
    series = [original, wandering(seed + 9, 400), np.roll(original, 7)]
    assert run(series, cuts) == run(series, [])


def test_a_series_without_variation_says_nothing() -> None:
    """Many pools stand at one temperature for hours; that is no copy."""
    still = np.full(600, 27.4)
    assert run([still, still.copy()], []) == []
