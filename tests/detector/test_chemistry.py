"""The chemistry that ties chlorine, pH and ORP together, and the one cause that explains most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detector.chemistry import SLOPE_RANGE_MV, USUAL_SLOPE_MV, Cause, explain, log_hypochlorous, slope
from monitor.detector.layout import Floats32

SCALES = (0.02, 0.03, 3.0)
SLOPE, SHARE = 72.0, 0.55


def one(value: float) -> Floats32:
    """An array of one."""
    return np.array([value], dtype=np.float32)


def cause_of(chlorine: float, ph: float, residual: float) -> tuple[Cause, float, bool]:
    """What explains these departures (log10 mg/L, pH, mV) at usual spreads."""
    scales = (one(SCALES[0]), one(SCALES[1]), one(SCALES[2]))
    best, strength, _, high = explain(one(chlorine), one(ph), one(residual), scales, one(SLOPE), one(SHARE))
    return Cause(int(best[0])), float(strength[0]), bool(high[0])


@given(st.floats(0.1, 0.6), st.booleans())
def test_chlorine_that_moves_with_orp_is_in_the_water(size: float, up: bool) -> None:
    """ORP follows as the law lets expect, so the residual stays: dosing, never the probe."""
    cause, strength, high = cause_of(size if up else -size, 0.0, 0.0)
    assert cause is Cause.CHLORINE
    assert high is up
    assert strength == pytest.approx(size / SCALES[0], rel=1e-4)


@given(st.floats(0.1, 0.6), st.booleans())
def test_chlorine_that_moves_alone_is_the_probe(size: float, up: bool) -> None:
    """ORP stays, so the residual moves against chlorine by the slope: a fouled or wrongly scaled membrane."""
    off = size if up else -size
    assert cause_of(off, 0.0, -SLOPE * off)[0] is Cause.CHLORINE_PROBE


@given(st.floats(0.15, 1.0), st.booleans())
def test_ph_that_orp_follows_is_in_the_water_and_ph_alone_is_the_probe(size: float, up: bool) -> None:
    """A probe that reads high lets too little ORP be expected."""
    off = size if up else -size
    assert cause_of(0.0, off, 0.0)[0] is Cause.ACIDITY
    assert cause_of(0.0, off, SLOPE * (1 - SHARE) * off)[0] is Cause.PH_PROBE


@given(st.floats(12.0, 200.0), st.booleans())
def test_orp_that_moves_alone_is_its_probe(size: float, up: bool) -> None:
    """Chlorine and pH say what they said before."""
    assert cause_of(0.0, 0.0, size if up else -size)[0] is Cause.ORP_PROBE


def test_a_probe_that_is_not_there_says_nothing() -> None:
    """Without ORP there is no residual: chlorine that falls is taken for the water's."""
    cause, strength, _ = cause_of(-0.3, float("nan"), float("nan"))
    assert cause is Cause.CHLORINE
    assert np.isfinite(strength)


@given(st.floats(0.05, 5.0), st.floats(6.0, 9.0), st.floats(5.0, 40.0))
def test_hocl_is_less_than_chlorine_and_falls_with_ph(chlorine: float, ph: float, temperature: float) -> None:
    """The share lies between 0 and 1 and falls as pH rises."""
    level = one(np.log10(chlorine))
    here, above = (float(log_hypochlorous(level, one(at), one(temperature))[0]) for at in (ph, ph + 0.2))
    assert above < here < level[0]


@given(st.floats(0.0, 0.1), st.floats(-5.0, 20.0))
def test_the_slope_stays_within_what_pools_show(variance: float, covariance: float) -> None:
    """Nothing known gives the usual slope; whatever is learned stays within bounds."""
    low, high = SLOPE_RANGE_MV
    assert low <= float(slope(one(variance), one(covariance))[0]) <= high
    assert float(slope(one(0.0), one(0.0))[0]) == pytest.approx(USUAL_SLOPE_MV)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-90, 90)), min_size=1, max_size=20))
def test_a_place_is_explained_the_same_alone_and_among_others(rows: list[tuple[float, float, float]]) -> None:
    """Element by element, to the last bit: how many places are judged at once does not matter."""
    columns = [np.array(column, dtype=np.float32) for column in zip(*rows, strict=True)]
    scales = tuple(np.full(len(rows), each, dtype=np.float32) for each in SCALES)
    many = explain(
        columns[0], columns[1], columns[2], (scales[0], scales[1], scales[2]),
        np.full(len(rows), SLOPE, dtype=np.float32), np.full(len(rows), SHARE, dtype=np.float32),
    )  # fmt: skip
    for place, row in enumerate(rows):
        own = (one(SCALES[0]), one(SCALES[1]), one(SCALES[2]))
        alone = explain(one(row[0]), one(row[1]), one(row[2]), own, one(SLOPE), one(SHARE))
        assert [each.tolist() for each in alone] == [each[place : place + 1].tolist() for each in many]


def test_a_ph_that_is_none_leaves_memory_finite() -> None:
    """A register scaled ten times wrong says pH 73: the acid's logarithm is that of pH 14, not minus infinity."""
    wrong, highest = (log_hypochlorous(one(-0.2), one(ph), one(27.0)) for ph in (73.0, 14.0))
    assert np.isfinite(wrong).all()
    assert wrong == highest
