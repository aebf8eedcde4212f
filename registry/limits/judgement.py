"""Judging values against limits: pure functions over arrays."""

import numpy as np
from numpy.typing import NDArray


def round_half_even(values: NDArray[np.float64], precision: NDArray[np.int64]) -> NDArray[np.float64]:
    """Round each value to its number of decimals, half to even, as decimal arithmetic would (GB/T 8170-2008, 3.2).

    ``0.575`` is stored in binary as a little less; scaled to integers it is first rounded to six further
    decimals, so that a value written as a tie is treated as one. Shapes broadcast.
    """
    scale = 10.0 ** precision.astype(np.float64)
    return np.asarray(np.rint(np.round(values * scale, 6)) / scale)


def decimal_round(value: float, precision: int) -> float:
    """`round_half_even` of one value; infinity stays as it is."""
    return float(round_half_even(np.array(value), np.array(precision)))


def side_of_limit(
    values: NDArray[np.float64],
    lo: NDArray[np.float64],
    hi: NDArray[np.float64],
    lo_inclusive: NDArray[np.bool_],
    hi_inclusive: NDArray[np.bool_],
    precision: NDArray[np.int64],
) -> NDArray[np.int8]:
    """-1 below `lo`, 1 above `hi`, else 0, after rounding to the limit's precision (修约值比较, GB/T 8170-2008, 4.3.3).

    An absent side is ±infinity. NaN is on neither side. All arrays broadcast to one shape.
    """
    rounded = round_half_even(values, precision)
    below = np.where(lo_inclusive, rounded < lo, rounded <= lo)
    above = np.where(hi_inclusive, rounded > hi, rounded >= hi)
    return np.asarray(above.astype(np.int8) - below.astype(np.int8))
