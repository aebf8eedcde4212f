"""What manual results say."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.limits import SiteRule, timelines
from registry.model import SamplingPoint, Site, SiteStatus
from registry.sample_sheet import a_result
from registry.samples import Comparison, Sample, SampleKind, SampleState, judge, worst
from registry.tabular import CellError

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
SITE = Site("s1", "320602", SiteStatus.OFFLINE, "测试池", "Test pool", 120.8, 32.0, datetime(2026, 1, 1, tzinfo=UTC))
POINT = SamplingPoint("s1", "b1", "一号池", "Pool 1")
STANDARD = timelines(SITE, POINT)
DIN = SiteRule(
    1, "s1", None, "din19643", None, None, None, "采用", NOW - timedelta(days=9), None, "admin", NOW - timedelta(days=9)
)


def sample(indicator: str, value: float, comparison: str = "=", at: datetime = NOW, number: int = 1) -> Sample:
    """A laboratory's result."""
    return Sample(number, "s1", "b1", indicator, value, Comparison(comparison), SampleKind.LABORATORY, at)


@pytest.mark.parametrize(
    ("indicator", "value", "comparison", "state"),
    [
        ("colony_count", 200, "=", "within"),
        ("colony_count", 201, "=", "suspected"),
        ("colony_count", 200, ">", "suspected"),
        ("colony_count", 300, "<", "unclear"),
        ("total_coliform", 0, "=", "within"),
        ("total_coliform", 2, "<", "within"),  # not detected, as the most-probable-number method writes it
        ("total_coliform", 2, "=", "suspected"),
        ("free_chlorine", 0.05, "<", "suspected"),
        ("free_chlorine", 0.3, "<", "suspected"),
        ("free_chlorine", 0.5, "<", "unclear"),
        ("water_temperature", 31.6, "=", "advice"),
        ("circulation_flow", 1.0, "=", "deviation"),
        ("legionella", 5, "=", "unlimited"),
    ],
)
def test_what_a_result_says(indicator: str, value: float, comparison: str, state: str) -> None:
    """By GB 37488-2019 and the platform's own limit; a result that may be either is unclear."""
    assert judge(sample(indicator, value, comparison), STANDARD).state == state


@given(tenths=st.integers(0, 200), comparison=st.sampled_from(list(Comparison)))
def test_a_result_is_judged_as_every_value_it_may_stand_for(tenths: int, comparison: Comparison) -> None:
    """A result is within, or suspected, only if every value it may stand for is; a simple reference tries them."""
    written = Decimal(tenths) / 20
    rounded = written.quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN)
    every = [Decimal(n) / 100 for n in range(1200)]  # the bound is rounded, what lies beyond it is not
    stands_for = {
        Comparison.EQUAL: [rounded],
        Comparison.BELOW: [each for each in every if each < rounded],
        Comparison.ABOVE: [each for each in every if each > rounded],
    }[comparison]
    inside = {Decimal("0.3") <= each <= Decimal("1.0") for each in stands_for}
    if not inside:
        return  # below nothing
    expected = {frozenset({True}): "within", frozenset({False}): "suspected"}.get(frozenset(inside), "unclear")
    assert judge(sample("free_chlorine", float(written), comparison.value), STANDARD).state == expected


def test_a_ph_taken_with_the_sample_chooses_the_band() -> None:
    """Under DIN 19643 an ORP of 760 mV is fine at pH 7.2 and not at 7.4; a pH of two hours ago says nothing."""
    lines = timelines(SITE, POINT, [DIN])
    for ph, minutes, state in ((7.2, 0, "within"), (7.4, 59, "deviation"), (7.4, 120, "within"), (7.9, 0, "unlimited")):
        near = sample("ph", ph, at=NOW - timedelta(minutes=minutes), number=2)
        assert judge(sample("orp", 760), lines, [near]).state == state


def test_the_worst_of_several_is_a_suspected_breach() -> None:
    """The order of severity, and nothing of nothing."""
    assert worst([SampleState.WITHIN, SampleState.ADVICE, SampleState.SUSPECTED]) is SampleState.SUSPECTED
    assert worst([]) is None


@pytest.mark.parametrize(
    ("cell", "value", "comparison"),
    [
        (12, 12, "="),
        ("0.61", 0.61, "="),
        ("<0.05", 0.05, "<"),
        ("＜ 0.05", 0.05, "<"),
        ("未检出", 0, "="),
        (" ND ", 0, "="),
    ],
)
def test_results_are_read_as_people_write_them(cell: str | int, value: float, comparison: str) -> None:
    """Numbers, bounds in either width, and the words for not detected."""
    found = a_result(cell)
    assert (found.value, found.comparison) == (value, comparison)


@pytest.mark.parametrize("cell", ["合格", "1,2", "-3", "0.3-0.5", "", "1e9"])
def test_what_is_no_result_is_refused(cell: str) -> None:
    """The sentence says what would be right."""
    with pytest.raises(CellError, match="must be a number"):
        a_result(cell)
