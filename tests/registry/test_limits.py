"""The limit profiles and the comparison of a value with a limit."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.indicators import INDICATORS
from registry.limits import Certainty, Force, load_profile, profiles
from registry.limits.judgement import round_half_even, side_of_limit
from registry.model import Disinfection, RegistryError, SamplingPoint, Site, SiteStatus

POOL = "gb37488-2019-artificial-pool"
POINT = SamplingPoint("s1", "b1", "一号池", "Pool 1")


def site(*disinfection: Disinfection) -> Site:
    """A pool that uses the given agents."""
    return Site(
        code="s1",
        county="320602",
        status=SiteStatus.SIMULATED,
        name_zh="测试池",
        name_en="Test pool",
        lon=120.8,
        lat=32.0,
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        disinfection=frozenset(disinfection),
    )


def side(indicator: str, value: float) -> int:
    """Which side of its GB 37488-2019 limit a value is on."""
    limit = next(each for each in profiles()[POOL].limits if each.indicator == indicator)
    return int(
        side_of_limit(
            np.array([value]),
            np.array([-np.inf if limit.lo is None else limit.lo]),
            np.array([np.inf if limit.hi is None else limit.hi]),
            np.array([limit.lo_inclusive]),
            np.array([limit.hi_inclusive]),
            np.array([limit.precision]),
        )[0]
    )


@pytest.mark.parametrize(
    ("indicator", "value", "expected"),
    [
        ("free_chlorine", 0.24, -1),
        ("free_chlorine", 0.25, -1),  # a tie goes to the even digit: 0.2
        ("free_chlorine", 0.26, 0),
        ("free_chlorine", 0.3, 0),
        ("free_chlorine", 1.0, 0),
        ("free_chlorine", 1.05, 0),  # a tie: 1.0
        ("free_chlorine", 1.06, 1),
        ("ph", 6.94, -1),
        ("ph", 6.95, 0),  # a tie: 7.0
        ("ph", 7.85, 0),  # a tie: 7.8
        ("ph", 7.86, 1),
        ("turbidity", 1.4, 0),
        ("turbidity", 1.6, 1),
        ("orp", 649.4, -1),
        ("orp", 649.6, 0),
        ("free_chlorine", float("nan"), 0),
    ],
)
def test_value_is_rounded_to_the_limits_precision_before_comparison(
    indicator: str, value: float, expected: int
) -> None:
    """A value is rounded half to even to the limit's decimals (GB/T 8170) and only then compared."""
    assert side(indicator, value) == expected


@given(digits=st.integers(-10_000_000, 10_000_000), decimals=st.integers(0, 5), precision=st.integers(0, 3))
def test_rounding_is_that_of_decimal_arithmetic(digits: int, decimals: int, precision: int) -> None:
    """Rounding a decimal number in binary arrays gives what decimal arithmetic gives, ties included."""
    written = Decimal(digits).scaleb(-decimals)
    expected = written.quantize(Decimal(1).scaleb(-precision), rounding=ROUND_HALF_EVEN)
    got = round_half_even(np.array([float(written)]), np.array([precision]))[0]
    assert got == pytest.approx(float(expected), abs=1e-12)


def test_an_exclusive_bound_is_outside_and_an_inclusive_one_inside() -> None:
    """A value equal to the bound is a breach only if the bound is exclusive."""
    values, bound, none = np.array([1.0, 1.0]), np.array([1.0]), np.array([-np.inf])
    got = side_of_limit(values, none, bound, np.array([True]), np.array([True, False]), np.array([1]))
    assert got.tolist() == [0, 1]


def test_orp_limit_applies_only_with_chlorine_and_ozone() -> None:
    """ORP ≥ 650 mV is required where chlorine and ozone are used together, and nowhere else."""
    profile = profiles()[POOL]
    assert "orp" not in profile.applicable(site(Disinfection.CHLORINE), POINT)
    assert "orp" in profile.applicable(site(Disinfection.CHLORINE, Disinfection.OZONE), POINT)


def test_water_temperature_is_advice_and_never_raises_an_alarm() -> None:
    """Water temperature is worded 宜 in the standard, so it never raises an alarm."""
    limit = profiles()[POOL].applicable(site(Disinfection.CHLORINE), POINT)["water_temperature"]
    assert limit.force is Force.RECOMMENDED
    assert not limit.raises_alarm


def test_profile_is_in_force_from_its_first_day_in_the_sites_zone() -> None:
    """The first day of validity begins at midnight of the site's zone, not of UTC."""
    profile = profiles()[POOL]
    assert not profile.in_force(datetime(2019, 10, 31, 15, 59, tzinfo=UTC), "Asia/Shanghai")
    assert profile.in_force(datetime(2019, 10, 31, 16, 0, tzinfo=UTC), "Asia/Shanghai")


def test_every_limit_says_how_sure_it_is_and_is_within_the_instruments_range() -> None:
    """No limit lies outside what an instrument can report, and a platform default is never called binding."""
    for profile in profiles().values():
        for limit in profile.limits:
            indicator = INDICATORS[limit.indicator]
            for bound in (limit.lo, limit.hi):
                assert bound is None or indicator.physical_lo <= bound <= indicator.physical_hi
            assert (limit.certainty is Certainty.DESIGN) == (limit.force is Force.OPERATIONAL)


@pytest.mark.parametrize(
    ("found", "replacement", "complaint"),
    [
        ('indicator = "ph"', 'indicator = "acid"', r"field indicator: 'acid' is not an indicator"),
        ('unit = "mV"', 'unit = "V"', r"\(orp\): field unit: 'V' differs from the indicator's unit 'mV'"),
        ("lo = 7.0", "lo = 9.0", r"\(ph\): lo 9.0 must be less than hi 7.8"),
        ('force = "recommended"', 'force = "soft"', r"field force: 'soft' must be one of binding, recommended"),
        ("precision = 1", 'precision = "1"', r"field precision: '1' is str"),
        ("valid_from = 2019-11-01", "", r"field valid_from is missing"),
        ("hazard_hi = 3.0", "hazard_hi = 0.9", r"hazard_hi 0.9 must be at least hi 1.0"),
        ("deadband = 0.02", "dead_band = 0.02", r"field dead_band is not known; known: .*deadband"),
    ],
)
def test_a_mistake_in_a_profile_is_named(found: str, replacement: str, complaint: str) -> None:
    """A wrong entry stops the load with the file, the limit, the field and what would be right."""
    good = files("registry.limits").joinpath(f"{POOL}.toml").read_text(encoding="utf-8")
    assert found in good
    with pytest.raises(RegistryError, match=complaint):
        load_profile("edited.toml", good.replace(found, replacement, 1))
