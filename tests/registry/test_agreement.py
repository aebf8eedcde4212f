"""Quick test against instrument: which of them is believed, and what follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.agreement import Agreement, Finding, agreement, finding, tolerances
from registry.indicators import INDICATORS
from registry.samples import Comparison, SampleState

WITHIN, LOW, HIGH = (SampleState.WITHIN, 0), (SampleState.SUSPECTED, -1), (SampleState.SUSPECTED, 1)
SIDES = (WITHIN, LOW, HIGH)


@pytest.mark.parametrize(
    ("test", "stated", "online", "found"),
    [
        (0.40, Comparison.EQUAL, 0.50, Agreement.AGREES),
        (0.40, Comparison.EQUAL, 0.51, Agreement.DIFFERS),
        (0.40, Comparison.EQUAL, 0.29, Agreement.DIFFERS),
        (2.00, Comparison.EQUAL, 1.60, Agreement.AGREES),  # a fifth of the test, which is more than 0.10 mg/L
        (0.05, Comparison.BELOW, 0.02, Agreement.AGREES),
        (0.05, Comparison.BELOW, 0.45, Agreement.DIFFERS),
        (3.00, Comparison.ABOVE, 4.80, Agreement.AGREES),
        (3.00, Comparison.ABOVE, 0.60, Agreement.DIFFERS),
        (0.40, Comparison.EQUAL, None, Agreement.MISSING),
    ],
)
def test_free_chlorine_by_test_and_probe(
    test: float, stated: Comparison, online: float | None, found: Agreement
) -> None:
    """Up to 0.10 mg/L or a fifth apart agrees; below or above a value agrees with all on its side."""
    assert agreement("free_chlorine", test, stated, online) is found


def test_an_indicator_without_a_bound_is_not_compared() -> None:
    """No instrument counts colonies, so a laboratory's count stands for itself."""
    assert "colony_count" not in tolerances()
    assert agreement("colony_count", 10.0, Comparison.EQUAL, 300.0) is Agreement.MISSING


@given(st.sampled_from(sorted(tolerances())), st.floats(0, 20), st.floats(-5, 5))
def test_a_value_is_told_by_its_distance_alone(indicator: str, test: float, apart: float) -> None:
    """Agreement is the same above and below the test, and every tolerance has room for the last digit shown."""
    above = agreement(indicator, test, Comparison.EQUAL, test + apart)
    below = agreement(indicator, test, Comparison.EQUAL, test - apart)
    assert above is below
    last_digit = 10.0 ** -INDICATORS[indicator].precision
    assert agreement(indicator, test, Comparison.EQUAL, test + last_digit) is Agreement.AGREES


@pytest.mark.parametrize(
    ("found", "test", "online", "expected"),
    [
        (Agreement.AGREES, WITHIN, WITHIN, Finding.WATER_RIGHT),
        (Agreement.AGREES, LOW, LOW, Finding.WATER_WRONG),
        (Agreement.DIFFERS, LOW, LOW, Finding.WATER_WRONG),
        (Agreement.DIFFERS, WITHIN, WITHIN, Finding.INSTRUMENT_OFF),
        (Agreement.DIFFERS, WITHIN, LOW, Finding.FALSE_ALARM),
        (Agreement.DIFFERS, LOW, WITHIN, Finding.MISSED),
        (Agreement.DIFFERS, HIGH, LOW, Finding.MISSED),
        (Agreement.MISSING, LOW, None, Finding.TEST_ONLY),
        (Agreement.AGREES, (SampleState.UNCLEAR, 0), WITHIN, Finding.TEST_ONLY),
        (Agreement.AGREES, (SampleState.UNLIMITED, 0), (SampleState.UNLIMITED, 0), Finding.TEST_ONLY),
    ],
)
def test_what_follows(
    found: Agreement,
    test: tuple[SampleState, int],
    online: tuple[SampleState, int] | None,
    expected: Finding,
) -> None:
    """The test decides about the water; the instrument is doubted where it says otherwise."""
    assert finding(found, test, online) is expected


@given(st.sampled_from([Agreement.AGREES, Agreement.DIFFERS]), st.sampled_from(SIDES), st.sampled_from(SIDES))
def test_bad_water_is_never_called_right(
    found: Agreement, test: tuple[SampleState, int], online: tuple[SampleState, int]
) -> None:
    """Where the test is beyond a limit the finding says so, whatever the instrument shows; else it never does."""
    about_water = finding(found, test, online) in (Finding.WATER_WRONG, Finding.MISSED)
    assert about_water is (test[1] != 0)
