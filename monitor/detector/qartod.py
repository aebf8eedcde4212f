"""QARTOD's tests as pure functions over one series with thresholds that are told, not learned.

The streaming detector learns its limits; these take theirs from a manual, as an operator's own quality control does,
and give the flags that ioos_qc's functions of the same names give (https://github.com/ioos/ioos_qc, 3.0.0), which
the project's tests hold them to. Flags are `Flag`; a NaN value is missing.

Source: IOOS, QARTOD manuals for real-time quality control; test numbers are those of the temperature/salinity manual.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.detector.flags import Flag

Series = NDArray[np.float64]
Flags = NDArray[np.uint8]


def gross_range_test(
    values: ArrayLike, fail_span: Sequence[float], suspect_span: Sequence[float] | None = None
) -> Flags:
    """Test 4: fail outside `fail_span`, suspect outside `suspect_span` (unit of the values, ends allowed).

    Raises `ValueError` where the suspect span reaches beyond the fail span.
    """
    x = _series(values)
    lo, hi = sorted(fail_span)
    flags = np.full(x.shape, Flag.GOOD, dtype=np.uint8)
    if suspect_span is not None:
        suspect_lo, suspect_hi = sorted(suspect_span)
        if suspect_lo < lo or suspect_hi > hi:
            raise ValueError(f"suspect span {tuple(suspect_span)} must lie within the fail span {tuple(fail_span)}")
        flags[(x < suspect_lo) | (x > suspect_hi)] = Flag.SUSPECT
    flags[(x < lo) | (x > hi)] = Flag.FAIL
    return _missing(flags, x)


def spike_test(
    values: ArrayLike,
    suspect_threshold: float | None = None,
    fail_threshold: float | None = None,
    method: str = "average",
) -> Flags:
    """Test 6: how far a value is from its two neighbours, against thresholds in the unit of the values.

    "average": |x1 - (x0 + x2) / 2|. "differential": the smaller of |x1 - x0| and |x2 - x1| where they go opposite
    ways, else 0. First and last value, and neighbours of missing ones, are not evaluated. Raises `ValueError` on
    another method.
    """
    x = _series(values)
    distance = np.zeros(x.shape)
    if method == "average":
        distance[1:-1] = np.abs(x[1:-1] - (x[:-2] + x[2:]) / 2)
    elif method == "differential":
        before, after = np.diff(x)[:-1], np.diff(x)[1:]
        smaller = np.minimum(np.abs(before), np.abs(after))
        distance[1:-1] = np.where(before * after >= 0, 0.0, smaller)
    else:
        raise ValueError(f"method {method!r} is not known; there are 'average' and 'differential'")
    flags = _graded(distance, suspect_threshold or None, fail_threshold or None)
    flags[np.isnan(distance)] = Flag.UNKNOWN
    flags[:1], flags[-1:] = Flag.UNKNOWN, Flag.UNKNOWN
    return _missing(flags, x)


def rate_of_change_test(
    values: ArrayLike, seconds: ArrayLike, threshold: float, fail_threshold: float | None = None
) -> Flags:
    """Test 7: |dx / dt| against thresholds in units a second; `seconds` is the time of each value."""
    x, t = _series(values), _series(seconds)
    rate = np.zeros(x.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate[1:] = np.abs(np.diff(x) / np.diff(t))
    return _missing(_graded(rate, threshold, fail_threshold), x)


def flat_line_test(
    values: ArrayLike, seconds: ArrayLike, suspect_threshold: float, fail_threshold: float, tolerance: float = 0.0
) -> Flags:
    """Test 8: the values of the last `suspect_threshold` (`fail_threshold`) seconds range over less than `tolerance`.

    The window is counted in readings of the median interval, as QARTOD's own form does; fewer than three values
    are good.
    """
    x, t = _series(values), _series(seconds)
    flags = np.full(x.shape, Flag.GOOD, dtype=np.uint8)
    if x.size < 3:
        return flags
    interval = float(np.floor(np.median(np.diff(t))))
    for seconds_flat, flag in ((suspect_threshold, Flag.SUSPECT), (fail_threshold, Flag.FAIL)):
        count = int(int(seconds_flat) / interval)
        if count < 1 or x.size <= count:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(x, count + 1)
        with np.errstate(invalid="ignore"):
            ranges = np.nanmax(_or_missing(windows), axis=1) - np.nanmin(_or_missing(windows), axis=1)
            flags[count:][ranges < tolerance] = flag
    return _missing(flags, x)


def attenuated_signal_test(
    values: ArrayLike,
    seconds: ArrayLike,
    suspect_threshold: float,
    fail_threshold: float,
    test_period: float | None = None,
    min_observations: int | None = None,
    min_period: float | None = None,
    check_type: str = "std",
) -> Flags:
    """Test 10: the spread of the last `test_period` seconds (all values without one) is below a threshold.

    The spread is the standard deviation ("std") or the range ("range"), in the unit of the values. Fewer than
    `min_observations` values, or a window shorter than `min_period` s, are not evaluated. Raises `ValueError` on
    another check.
    """
    if check_type not in ("std", "range"):
        raise ValueError(f"check {check_type!r} is not known; there are 'std' and 'range'")
    x, t = _series(values), _series(seconds)
    spread = (
        _spread_of_all(x, check_type)
        if not test_period
        else _spread(x, t, test_period, _least(t, min_observations, min_period), check_type)
    )
    flags = np.full(x.shape, Flag.UNKNOWN, dtype=np.uint8)
    flags[spread >= suspect_threshold] = Flag.GOOD
    flags[spread < suspect_threshold] = Flag.SUSPECT
    flags[spread < fail_threshold] = Flag.FAIL
    return _missing(flags, x)


def climatology_test(
    values: ArrayLike,
    spans: Sequence[tuple[NDArray[np.bool_], Sequence[float], Sequence[float] | None]],
) -> Flags:
    """Test 5: against what the season (or the hour, or open and closed) usually has.

    `spans` are (where it applies, suspect span, fail span or None), the last that applies wins; a value that none
    applies to is not evaluated.
    """
    x = _series(values)
    flags = np.full(x.shape, Flag.UNKNOWN, dtype=np.uint8)
    for applies, suspect_span, fail_span in spans:
        lo, hi = sorted(suspect_span)
        here = np.where((x < lo) | (x > hi), Flag.SUSPECT, Flag.GOOD)
        if fail_span is not None:
            fail_lo, fail_hi = sorted(fail_span)
            here = np.where((x < fail_lo) | (x > fail_hi), Flag.FAIL, here)
        flags[applies] = here[applies]
    return _missing(flags, x)


def _series(values: ArrayLike) -> Series:
    x = np.asarray(values, dtype=np.float64).ravel()
    return np.where(np.isfinite(x), x, np.nan)


def _missing(flags: Flags, x: Series) -> Flags:
    flags[np.isnan(x)] = Flag.MISSING
    return flags


def _graded(distance: Series, suspect: float | None, fail: float | None) -> Flags:
    flags = np.full(distance.shape, Flag.GOOD, dtype=np.uint8)
    if suspect is not None:
        flags[distance > suspect] = Flag.SUSPECT
    if fail is not None:
        flags[distance > fail] = Flag.FAIL
    return flags


def _or_missing(windows: Series) -> Series:
    """Windows in which a value is there at least; of one without any the range must stay NaN without a warning."""
    empty: NDArray[np.bool_] = np.asarray(np.isnan(windows).all(axis=1))
    return np.where(empty[:, None], [np.nan, *[0.0] * (windows.shape[1] - 1)], windows) if empty.any() else windows


def _least(t: Series, observations: int | None, period: float | None) -> int:
    if observations is not None:
        return observations
    return 1 if period is None else int(period / np.floor(np.median(np.diff(t))))


def _spread_of_all(x: Series, check: str) -> Series:
    there = x[~np.isnan(x)]
    found = np.nan if not there.size else (there.std() if check == "std" else np.ptp(there))
    return np.full(x.shape, found)


def _spread(x: Series, t: Series, period: float, least: int, check: str) -> Series:
    """The spread of the values in (t - period, t] for each t, NaN where fewer than `least` are there."""
    found = np.full(x.shape, np.nan)
    first = np.searchsorted(t, t - period, side="right")
    for at in range(x.size):
        window = x[first[at] : at + 1]
        window = window[~np.isnan(window)]
        if window.size >= max(least, 1):
            found[at] = window.std() if check == "std" else np.ptp(window)
    return found
