"""Double random (双随机): which sites are inspected and by whom, drawn so that anybody can repeat it.

The list of sites, lots, officers and conflicts of interest is fixed and published first, with the SHA-256 of a number
that only the platform knows (a commitment). Then a word is given that nobody could know before, such as the winning
numbers of a public lottery; it and the platform's number, now published too, make the seed. So neither the platform
nor whoever gives the word can choose the outcome alone.

From the seed everything follows by SHA-256 and comparing its hexadecimal digests as text: each lot has a digest, a
site counts with its least one, and the sites with the least digests are drawn. A site with twice the lots comes up
first twice as often: the least of n uniform numbers is sampling without replacement in proportion to n (Efraimidis
and Spirakis 2006, for whole weights). There is no other arithmetic in it, so a script of twenty lines in any language
gives the same (docs/double_random.md).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from registry.counties import COUNTIES
from registry.words import WordedError, Words, listed

RULE: Final = "landun-draw-1"
OFFICERS: Final = 2
"""行政处罚法 Art 42: an inspection is done by at least two officers."""


class DrawError(WordedError):
    """The draw can't be held like this; the message says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site that may be drawn. Without `lots` (None) it is drawn for certain, beside the others."""

    site: str
    county: str
    letter: str
    lots: int | None


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who may be sent. `counties` empty means all of them."""

    username: str
    counties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """Everything a draw is made from. `conflicts` are (officer, site) who must not meet."""

    draw: str
    count: int
    sites: tuple[Candidate, ...]
    officers: tuple[Officer, ...]
    conflicts: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A site that was drawn, and who goes there."""

    site: str
    officers: tuple[str, ...]


def published(population: Population) -> str:
    """The population as it is published: JSON with sorted keys and no spaces, whose SHA-256 fixes it."""
    content: dict[str, Any] = {
        "rule": RULE,
        "draw": population.draw,
        "count": population.count,
        "sites": sorted([each.site, each.county, each.letter, each.lots] for each in population.sites),
        "officers": sorted([each.username, sorted(each.counties)] for each in population.officers),
        "conflicts": sorted(map(list, population.conflicts)),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def population_of(text: str) -> Population:
    """The population of a published text."""
    content = json.loads(text)
    return Population(
        content["draw"],
        content["count"],
        tuple(Candidate(*each) for each in content["sites"]),
        tuple(Officer(name, tuple(counties)) for name, counties in content["officers"]),
        frozenset((name, site) for name, site in content["conflicts"]),
    )


def seed_of(nonce: str, word: str) -> str:
    """The seed of the platform's number and the word that was given, hexadecimal."""
    return _digest(f"{nonce}|{word}")


def commitment_of(nonce: str) -> str:
    """What is published of the platform's number before the draw."""
    return _digest(nonce)


def check(population: Population) -> None:
    """Raise `DrawError` where the draw could not be carried out whatever the seed."""
    in_urn = [each for each in population.sites if each.lots]
    if not 0 <= population.count <= len(in_urn):
        raise DrawError.of("refusal.draws.few_sites", count=population.count, lots=len(in_urn))
    if not population.count and not any(each.lots is None for each in population.sites):
        raise DrawError.of("refusal.draws.nothing")
    roster = _Roster(population)
    for site in population.sites:
        found = roster.eligible(site)
        if site.lots != 0 and len(found) < OFFICERS:
            county = COUNTIES[site.county].name_zh if site.county in COUNTIES else site.county
            raise DrawError.of(
                "refusal.draws.few_officers",
                site=site.site,
                county=Words(county, site.county),
                need=OFFICERS,
                who=listed(found) if found else Words.of("refusal.draws.nobody"),
            )


def drawn(population: Population, seed: str) -> list[Drawn]:
    """What the seed draws: certain sites and `count` of the others, in the order of their digests, with officers.

    Officers are those of the county without a conflict of interest who have the fewest sites so far; of equals the
    digest decides.
    """
    keyed = _keyed(population.sites, seed)
    certain = [each for _, each in keyed if each.lots is None]
    others = [each for _, each in keyed if each.lots is not None][: population.count]
    roster = _Roster(population)
    load: Counter[str] = Counter()
    return [_sent(roster.eligible(site), site, seed, load) for site in (*certain, *others)]


def _keyed(sites: Iterable[Candidate], seed: str) -> list[tuple[str, Candidate]]:
    keyed = [
        (min(_digest(f"{seed}|site|{each.site}|{lot}") for lot in range(each.lots or 1)), each)
        for each in sites
        if each.lots != 0
    ]
    return sorted(keyed, key=lambda pair: pair[0])


def _sent(eligible: Iterable[str], site: Candidate, seed: str, load: Counter[str]) -> Drawn:
    ranked = sorted(eligible, key=lambda name: (load[name], _digest(f"{seed}|officer|{site.site}|{name}")))
    chosen = tuple(ranked[:OFFICERS])
    load.update(chosen)
    return Drawn(site.site, chosen)


class _Roster:
    """The officers of each county, looked up once; in the order of the population."""

    def __init__(self, population: Population) -> None:
        self._officers = population.officers
        self._counties: dict[str, list[str]] = {}
        self._kept_away: dict[str, set[str]] = {}
        for name, site in population.conflicts:
            self._kept_away.setdefault(site, set()).add(name)

    def eligible(self, site: Candidate) -> list[str]:
        """Who may be sent to a site."""
        here = self._counties.get(site.county)
        if here is None:
            here = [each.username for each in self._officers if not each.counties or site.county in each.counties]
            self._counties[site.county] = here
        away = self._kept_away.get(site.site)
        return here if away is None else [name for name in here if name not in away]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
