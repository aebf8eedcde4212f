"""Where limits are asked for, and their versions there: worked out once for all sampling points that are alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from registry.limits import Alike, SiteRule, Version, alike, timelines
from registry.model import SamplingPoint, Site


@dataclass(frozen=True)
class Place:
    """A sampling point, equal to those with the same limits: only rules of a site's own tell alike ones apart."""

    kind: Alike
    itself: tuple[str, str] | None
    rules: tuple[SiteRule, ...]
    site: Site = field(compare=False)
    point: SamplingPoint = field(compare=False)

    @classmethod
    def of(cls, site: Site, point: SamplingPoint, rules: Iterable[SiteRule]) -> "Place":
        """A sampling point with the rules of its site."""
        own = tuple(rules)
        return cls(alike(site, point), (site.code, point.code) if own else None, own, site, point)


@lru_cache(maxsize=10_000)
def lines(place: Place) -> Mapping[str, tuple[Version, ...]]:
    """The versions of every indicator that is limited there at any time."""
    return timelines(place.site, place.point, place.rules)


def limited(place: Place, since: int, until: int) -> frozenset[str]:
    """Indicators that something limits there at any time in [`since`, `until`) (us)."""
    return frozenset(
        indicator
        for indicator, versions in lines(place).items()
        if any(each.limit is not None and each.since < until and each.until > since for each in versions)
    )
