import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chemistry import acid_constant, hypochlorous_share
from simulators.chemistry import hysteresis, orp, relax

ph_values = st.floats(0, 14)
temperatures = st.floats(0, 45)


def one(value: float) -> np.ndarray:
    """A basin's value as an array of one."""
    return np.array([value])


@pytest.mark.parametrize(("ph", "share"), [(7.0, 0.77), (7.5, 0.52), (8.0, 0.25)])
def test_hocl_share_meets_textbook_values(ph: float, share: float) -> None:
    """About three quarters of free chlorine are HOCl at pH 7, half at 7.5, a quarter at 8 (25 ℃)."""
    assert hypochlorous_share(one(ph), one(25.0))[0] == pytest.approx(share, abs=0.02)


@given(ph=ph_values, temperature=temperatures)
def test_hocl_share_follows_the_dissociation_law(ph: float, temperature: float) -> None:
    """[HOCl]/[OCl⁻] = 10^(pKa − pH), at any temperature."""
    share = hypochlorous_share(one(ph), one(temperature))[0]
    assert 0 < share < 1 or share == 1.0
    if 1e-6 < share < 1 - 1e-6:
        assert np.log10(share / (1 - share)) == pytest.approx(acid_constant(one(temperature))[0] - ph, abs=1e-6)


@given(ph=st.floats(6.5, 8.0), chlorine=st.floats(0.1, 3), temperature=st.floats(15, 35))
def test_orp_falls_by_30_to_110_mv_per_ph_unit(ph: float, chlorine: float, temperature: float) -> None:
    """Field experience: 30–60 mV about neutral, more where little HOCl is left."""
    zero = one(0.0)
    before = orp(one(chlorine), zero, one(ph), one(temperature), zero)[0]
    after = orp(one(chlorine), zero, one(ph + 0.1), one(temperature), zero)[0]
    assert 20 <= (before - after) * 10 <= 110


def test_orp_near_neutral_falls_by_30_to_60_mv_per_ph_unit() -> None:
    """Between pH 7.0 and 7.5 at 27 ℃."""
    zero = one(0.0)
    fall = orp(one(0.6), zero, one(7.0), one(27.0), zero) - orp(one(0.6), zero, one(7.5), one(27.0), zero)
    assert 30 <= fall[0] * 2 <= 60


@given(low=st.floats(0.05, 5), factor=st.floats(1.1, 20))
def test_orp_rises_with_the_logarithm_of_chlorine(low: float, factor: float) -> None:
    """Equal ratios of chlorine give equal differences of ORP."""
    fixed = (one(0.0), one(7.3), one(27.0), one(0.0))
    first = orp(one(low * factor), *fixed) - orp(one(low), *fixed)
    second = orp(one(low * factor**2), *fixed) - orp(one(low * factor), *fixed)
    assert first[0] > 0
    assert first[0] == pytest.approx(second[0], rel=1e-9)


@given(
    value=st.floats(0, 100),
    rate=st.floats(0, 50),
    source=st.floats(0, 100),
    hours=st.floats(1e-3, 100),
    cut=st.floats(0.01, 0.99),
)
def test_relaxation_stays_above_zero_and_can_be_cut_in_two(
    value: float, rate: float, source: float, hours: float, cut: float
) -> None:
    """The exact solution: no concentration becomes negative, and one long step equals two short ones."""
    whole = relax(one(value), one(rate), one(source), hours)
    half = relax(relax(one(value), one(rate), one(source), hours * cut), one(rate), one(source), hours * (1 - cut))
    assert whole[0] >= 0
    assert whole[0] == pytest.approx(half[0], rel=1e-6, abs=1e-9)


def test_relaxation_without_decay_adds_the_source() -> None:
    """Mass balance: 2 per hour for three hours on top of 1 make 7."""
    assert relax(one(1.0), one(0.0), one(2.0), 3.0)[0] == pytest.approx(7.0)


def test_two_point_controller_keeps_its_state_between_its_thresholds() -> None:
    """On below the low threshold, off above the high one, unchanged between."""
    on = np.array([False, True, False, True])
    measured = np.array([0.4, 0.5, 0.5, 0.7])
    low, high = np.full(4, 0.45), np.full(4, 0.55)
    assert hysteresis(on, measured, low, high).tolist() == [True, True, False, False]
