"""A draw of inspections from the whole city: 30 000 sites, 266 inspectors, as `monitor.supervision.draw` holds it.

Prints milliseconds of checking, holding and publishing a draw, and how many times as long holding takes as hashing
its lots alone, which is all that a draw needs to do.
"""

import hashlib
import random
import time
from collections.abc import Callable

from benchmarks.report import report
from monitor.supervision.draw import Candidate, Officer, Population, check, drawn, published
from registry.counties import COUNTIES

SITES = 30_000
OFFICERS = 266
DRAWN = 600
LOTS = (1, 2, 2, 2, 2, 4, 8)


def city(seed: int = 1) -> Population:
    """Sites of all counties with lots as classes give them, and a few conflicts of interest."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    counties = list(COUNTIES)
    sites = tuple(
        Candidate(f"S-{number:05d}", chance.choice(counties), "B", chance.choice(LOTS)) for number in range(SITES)
    )
    officers = tuple(Officer(f"o{number}", (counties[number % len(counties)],)) for number in range(OFFICERS))
    conflicts = frozenset((f"o{chance.randrange(OFFICERS)}", chance.choice(sites).site) for _ in range(200))
    return Population("1", DRAWN, sites, officers, conflicts)


def best_ms(act: Callable[[], object], times: int = 5) -> float:
    """The shortest of a few runs, in ms: what the work takes when nothing else is in the way."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(1_000 * (time.perf_counter() - began))
    return min(found)


def hash_alone(population: Population) -> None:
    """The digest of every lot, and nothing else."""
    for site in population.sites:
        for lot in range(site.lots or 1):
            hashlib.sha256(f"seed|site|{site.site}|{lot}".encode()).hexdigest()


def main() -> None:
    """Run it."""
    population = city()
    held = best_ms(lambda: drawn(population, "seed"))
    report(
        "draw_rate",
        sites=SITES,
        lots=sum(each.lots or 1 for each in population.sites),
        drawn=DRAWN,
        check_ms=round(best_ms(lambda: check(population))),
        draw_ms=round(held),
        publish_ms=round(best_ms(lambda: published(population))),
        ratio_to_hashing=round(held / best_ms(lambda: hash_alone(population)), 2),
    )


if __name__ == "__main__":
    main()
