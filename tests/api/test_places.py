"""Limits are worked out once for places that are alike, and never taken for those of another."""

from datetime import UTC, datetime

from monitor.api.places import Place, lines
from monitor.api.sites import limits_at
from registry.limits import SiteRule
from registry.model import SamplingPoint, Site, SiteStatus

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
HERE, THERE = (Site(code, "320602", SiteStatus.LIVE, "池", "Pool", 120.9, 32.0, NOW) for code in ("A", "B"))
FIRST, SECOND = (SamplingPoint("A", code, "池", "Pool") for code in ("b1", "b2"))
ELSEWHERE = SamplingPoint("B", "b1", "池", "Pool")
OUTDOOR = SamplingPoint("A", "b3", "池", "Pool", "outdoor")


def rule(point: str | None) -> SiteRule:
    """A rule of site A that tightens free chlorine."""
    return SiteRule(1, "A", point, None, "free_chlorine", 0.4, 0.8, "偏高", NOW, None, "admin", NOW)


def highest(site: Site, point: SamplingPoint, *rules: SiteRule) -> float | None:
    """The upper bound of free chlorine."""
    return limits_at(rules, site, point, NOW)["free_chlorine"].hi


def test_alike_places_share_their_limits() -> None:
    """Two pools of the same kind are one question; one of another kind is another."""
    assert lines(Place.of(HERE, FIRST, ())) is lines(Place.of(THERE, ELSEWHERE, ()))
    assert lines(Place.of(HERE, FIRST, ())) is not lines(Place.of(HERE, OUTDOOR, ()))


def test_a_rule_of_its_own_stays_its_own() -> None:
    """A site's rule changes its limits and nobody else's, a sampling point's rule those of that point."""
    assert (highest(HERE, FIRST), highest(HERE, FIRST, rule(None))) == (1.0, 0.8)
    assert highest(THERE, ELSEWHERE) == 1.0
    assert (highest(HERE, FIRST, rule("b1")), highest(HERE, SECOND, rule("b1"))) == (0.8, 1.0)
    assert (highest(HERE, SECOND, rule("b2")), highest(HERE, FIRST, rule("b2"))) == (0.8, 1.0)
