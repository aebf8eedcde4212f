"""Where a value is going, in words: as a person would say it of the same points."""

import numpy as np
import pytest

from monitor.notify.trend import LEAST, direction, trend_words

MINUTE = 60_000_000
TS = np.arange(20, dtype=np.int64) * MINUTE
NOISE = np.random.default_rng(7).normal(0, 0.02, 20)


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (np.linspace(0.5, 0.1, 20), "falling"),
        (np.linspace(7.2, 8.1, 20), "rising"),
        (np.full(20, 0.4), "steady"),
        (0.4 + NOISE, "steady"),
        (np.linspace(0.5, 0.1, 20) + NOISE, "falling"),
    ],
)
def test_a_trend_is_what_one_sees(values: np.ndarray, way: str) -> None:
    """A slope that stands out of the noise and of the last decimals is a trend; the rest is steady."""
    assert direction(TS, values.astype(np.float64), 2) == way


def test_too_few_readings_say_nothing() -> None:
    """Below five readings, or all at one instant, there is no trend and no word of one."""
    few = np.linspace(0, 1, LEAST - 1)
    assert direction(TS[: LEAST - 1], few, 2) is None
    assert direction(np.zeros(20, dtype=np.int64), np.linspace(0, 1, 20), 2) is None
    assert trend_words("zh", "free_chlorine", TS[:2], few[:2]) is None


def test_the_words_name_first_and_last_with_unit() -> None:
    """In both languages, with the decimals of the indicator."""
    values = np.linspace(0.5, 0.1, 20)
    assert trend_words("zh", "free_chlorine", TS, values) == "近 20 分钟下降：0.50 → 0.10 mg/L"
    assert trend_words("en", "free_chlorine", TS, values) == "falling over the last 20 min: 0.50 → 0.10 mg/L"
