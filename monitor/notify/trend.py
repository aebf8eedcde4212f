"""Where a value is going, in words."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.catalogue import Language, text, unit
from registry.indicators import INDICATORS

MINUTES: Final = 20
LEAST: Final = 5
"""Fewer readings say nothing of a trend."""
STEPS: Final = 3
"""A value that moved by less than so many of its last shown decimals is steady."""


def direction(ts: NDArray[np.int64], values: NDArray[np.float64], precision: int) -> str | None:
    """Which way readings go: rising, falling or steady; None of too few.

    Parameters
    ----------
    ts : times in us, n of them
    values : n values
    precision : decimals that the indicator is shown with

    """
    if len(values) < LEAST or ts[0] == ts[-1]:
        return None
    seconds = (ts - ts[0]) / 1e6
    slope, first = np.polyfit(seconds, values, 1)
    moved = slope * seconds[-1]
    noise = float(np.std(values - (first + slope * seconds)))
    if abs(moved) < max(STEPS * 10.0**-precision, 2 * noise):
        return "steady"
    return "rising" if moved > 0 else "falling"


def trend_words(language: Language, indicator: str, ts: NDArray[np.int64], values: NDArray[np.float64]) -> str | None:
    """A phrase with first and last value and unit; None where too little is known."""
    decimals = INDICATORS[indicator].precision
    way = direction(ts, values, decimals)
    if way is None:
        return None
    return text(
        language,
        f"notify.trend.{way}",
        minutes=MINUTES,
        first=f"{values[0]:.{decimals}f}",
        last=f"{values[-1]:.{decimals}f}",
        unit=unit(language, indicator),
    )
