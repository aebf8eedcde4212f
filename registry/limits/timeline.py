"""Which limit is in force when: for each indicator at a sampling point a line of versions without gap or overlap.

Precedence, the later wins: the standards of the scenario in their order, a standard the site adopted, a limit of
the site's own for all of it, one for the sampling point; of two of a kind the newer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from registry.limits.model import Force, Limit, LimitProfile
from registry.limits.profiles import families as known_families
from registry.limits.site_rules import SiteRule
from registry.model import SamplingPoint, Site
from registry.scenarios import scenario_of

FOREVER: Final = 2**62
"""An instant (us since the epoch) after all others; `-FOREVER` is before all others. Their differences fit int64."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Rank = tuple[int, int, int]
_STANDARD, _ADOPTED, _OWN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Version:
    """What limits an indicator in [`since`, `until`) (us): `limit` None means that nothing does.

    `profile` is the standard it comes from, `rule` the site's rule that sets it or by which the standard is adopted.
    `law` is the binding limit of the scenario's own standards then, whatever a rule of the site has put in its place:
    only what is outside both is a suspected breach.
    """

    since: int
    until: int
    limit: Limit | None = None
    profile: LimitProfile | None = None
    rule: SiteRule | None = None
    law: Limit | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A limit that asks to be in force in a window; where windows overlap the higher rank has its way."""

    since: int
    until: int
    rank: Rank
    limit: Limit | None
    profile: LimitProfile | None
    rule: SiteRule | None


Families = Mapping[str, Sequence[LimitProfile]]


Alike = tuple[str, str, frozenset[str], str]


def alike(site: Site, point: SamplingPoint) -> Alike:
    """What standards go by at a sampling point: where it is the same, they limit the same."""
    return site.scenario, site.zone, site.disinfection, point.water_kind


def timelines(
    site: Site, point: SamplingPoint, rules: Iterable[SiteRule] = (), known: Families | None = None
) -> Mapping[str, tuple[Version, ...]]:
    """The versions of every indicator that is limited at any time, by indicator, oldest first.

    Parameters
    ----------
    site, point : where
    rules : the rules of any sites; those of others are passed over
    known : versions of each standard by family, by default those that are declared

    """
    known = known_families() if known is None else known
    claims: dict[str, list[_Claim]] = {}
    for order, family in enumerate(scenario_of(site.scenario).profiles):
        for claim in _of_family(site, point, known.get(family, ()), (_STANDARD, order, 0)):
            claims.setdefault(claim.limit.indicator if claim.limit else "", []).append(claim)
    for rule in rules:
        if rule.site != site.code or rule.sampling_point not in (None, point.code):
            continue
        for indicator, claim in _of_rule(site, point, rule, known):
            claims.setdefault(indicator, []).append(claim)
    return {indicator: _line(found) for indicator, found in claims.items()}


def rules_at(lines: Mapping[str, tuple[Version, ...]], at: datetime) -> Mapping[str, Version]:
    """The version in force at an instant, by indicator; only those that limit something."""
    now = microseconds(at)
    found = {indicator: version_at(versions, now) for indicator, versions in lines.items()}
    return {indicator: version for indicator, version in found.items() if version.limit is not None}


def version_at(versions: Sequence[Version], at: int) -> Version:
    """The version in force at an instant (us)."""
    return next(each for each in versions if each.since <= at < each.until)


def microseconds(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _of_family(
    site: Site, point: SamplingPoint, versions: Iterable[LimitProfile], rank: Rank, rule: SiteRule | None = None
) -> Iterable[_Claim]:
    for profile in versions:
        since, until = _days(profile, site.zone)
        if rule is not None:
            since, until = max(since, _start(rule)), min(until, _end(rule))
        if since < until:
            for limit in profile.applicable(site, point).values():
                # What a site adopts binds it by its own word, not by law.
                adopted = rule is not None and limit.force is Force.BINDING
                said = replace(limit, force=Force.OPERATIONAL) if adopted else limit
                yield _Claim(since, until, rank, said, profile, rule)


def _of_rule(site: Site, point: SamplingPoint, rule: SiteRule, known: Families) -> Iterable[tuple[str, _Claim]]:
    if rule.profile is not None:
        for claim in _of_family(site, point, known.get(rule.profile, ()), (_ADOPTED, 0, rule.id), rule):
            if claim.limit is not None:
                yield claim.limit.indicator, claim
    elif rule.indicator is not None and _start(rule) < _end(rule):
        specific = int(rule.sampling_point is not None)
        yield rule.indicator, _Claim(_start(rule), _end(rule), (_OWN, specific, rule.id), None, None, rule)


def _line(claims: Sequence[_Claim]) -> tuple[Version, ...]:
    edges = sorted({-FOREVER, FOREVER, *(each.since for each in claims), *(each.until for each in claims)})
    line: list[Version] = []
    for since, until in pairwise(edges):
        version = _winner([each for each in claims if each.since <= since < each.until], since, until)
        before = line[-1] if line else None
        if before and replace(before, since=since, until=until) == version:
            line[-1] = replace(before, until=until)
        else:
            line.append(version)
    return tuple(line)


def _winner(claims: Sequence[_Claim], since: int, until: int) -> Version:
    best = max(claims, key=lambda each: each.rank, default=None)
    if best is None:
        return Version(since, until)
    law = max((each for each in claims if each.rank[0] == _STANDARD), key=lambda each: each.rank, default=None)
    binding = law.limit if law and law.limit and law.limit.force is Force.BINDING else None
    if best.limit is not None or best.rule is None:
        return Version(since, until, best.limit, best.profile, best.rule, binding)
    base = max((each for each in claims if each.limit is not None), key=lambda each: each.rank, default=None)
    limit = best.rule.limit(base.limit if base else None)
    return Version(since, until, limit, base.profile if base else None, best.rule, binding)


def _start(rule: SiteRule) -> int:
    return microseconds(rule.since)


def _end(rule: SiteRule) -> int:
    return FOREVER if rule.until is None else microseconds(rule.until)


def _days(profile: LimitProfile, zone: str) -> tuple[int, int]:
    def midnight(day: date) -> int:
        return microseconds(datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)))

    return midnight(profile.valid_from), FOREVER if profile.valid_to is None else midnight(profile.valid_to)
