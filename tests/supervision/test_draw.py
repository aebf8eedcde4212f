"""Double random: fair by lots, fixed by the seed, and repeatable by the script of the documentation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.supervision.draw import (
    Candidate,
    DrawError,
    Officer,
    Population,
    check,
    commitment_of,
    drawn,
    population_of,
    published,
    seed_of,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "double_random.md"
COUNTIES = ("320602", "320612", "320682")


@st.composite
def populations(draw: st.DrawFn) -> Population:
    """Sites of three counties with any lots, three officers a county and one for all, some conflicts."""
    sites = tuple(
        Candidate(f"S-{number}", draw(st.sampled_from(COUNTIES)), "B", draw(st.sampled_from([None, 0, 1, 2, 8])))
        for number in range(draw(st.integers(1, 25)))
    )
    officers = (*(Officer(f"o{n}", (COUNTIES[n % 3],)) for n in range(9)), Officer("any", ()))
    conflicts = draw(
        st.frozensets(st.tuples(st.sampled_from(["o0", "o1", "any"]), st.sampled_from([each.site for each in sites])))
    )
    in_urn = sum(bool(each.lots) for each in sites)
    return Population("1", draw(st.integers(0, in_urn)), sites, officers, conflicts)


@given(populations(), st.text(max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_draw_keeps_its_promises(population: Population, seed: str) -> None:
    """Certain sites and as many others as asked for, none twice, none without lots; two officers who may go there."""
    found = drawn(population, seed)
    by_site = {each.site: each for each in population.sites}
    sites = [each.site for each in found]
    certain = {each.site for each in population.sites if each.lots is None}
    assert len(set(sites)) == len(sites) == len(certain) + population.count
    assert certain <= set(sites)
    assert all(by_site[site].lots != 0 for site in sites)
    reach = {officer.username: officer.counties for officer in population.officers}
    for each in found:
        assert len(set(each.officers)) == 2
        for name in each.officers:
            assert (name, each.site) not in population.conflicts
            assert not reach[name] or by_site[each.site].county in reach[name]
    assert drawn(population_of(published(population)), seed) == found


def test_lots_count_in_proportion() -> None:
    """A site with eight lots comes up first eight times as often as one with one lot."""
    sites = (Candidate("one", COUNTIES[0], "A", 1), Candidate("eight", COUNTIES[0], "D", 8))
    population = Population("1", 1, sites, (Officer("a", ()), Officer("b", ())), frozenset())
    firsts = [drawn(population, f"{number}")[0].site for number in range(9_000)]
    # Binomial of mean 1 000 and standard deviation 29.8.
    assert abs(firsts.count("one") - 1_000) < 4 * 30


def test_work_is_shared_evenly() -> None:
    """No officer is sent to two sites more than another of the same county."""
    sites = tuple(Candidate(f"S-{number}", COUNTIES[0], "B", 2) for number in range(30))
    officers = tuple(Officer(f"o{number}", (COUNTIES[0],)) for number in range(7))
    found = drawn(Population("1", 30, sites, officers, frozenset()), "seed")
    loads = [sum(name in each.officers for each in found) for name in (each.username for each in officers)]
    assert max(loads) - min(loads) <= 1


@pytest.mark.parametrize(
    ("count", "officers", "conflicts", "says"),
    [
        (3, ("a", "b"), (), "3 sites are to be drawn; there are 2 with lots"),
        (1, ("a",), (), "site S-0 in county 320602 needs 2 officers .* there is a"),
        (1, ("a", "b"), (("b", "S-1"),), "site S-1 in county 320602 needs 2 officers"),
        (0, ("a", "b"), (), "nothing would be drawn"),
    ],
)
def test_what_could_not_be_held_is_refused_when_it_is_announced(
    count: int, officers: tuple[str, ...], conflicts: tuple[tuple[str, str], ...], says: str
) -> None:
    """The error names the site and what is missing, whatever the seed would draw."""
    sites = tuple(Candidate(f"S-{number}", COUNTIES[0], "B", 1) for number in range(2))
    people = tuple(Officer(name, ()) for name in officers)
    with pytest.raises(DrawError, match=says):
        check(Population("1", count, sites, people, frozenset(conflicts)))


def test_the_script_of_the_documentation_repeats_a_draw(tmp_path: Path) -> None:
    """From the published list, the number and the word alone, with twenty lines of Python."""
    script = DOCUMENT.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    assert len([line for line in script.splitlines() if line.strip()]) <= 20
    (tmp_path / "repeat.py").write_text(script, encoding="utf-8")
    sites = tuple(
        Candidate(f"S-{number}", COUNTIES[number % 3], "B", (None, 1, 2, 8, 0)[number % 5]) for number in range(60)
    )
    officers = tuple(Officer(f"o{number}", (COUNTIES[number % 3],)) for number in range(12))
    population = Population("7", 20, sites, officers, frozenset({("o1", "S-1"), ("o3", "S-3")}))
    (tmp_path / "population.json").write_text(published(population), encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "repeat.py", "population.json", "a number", "彩票 07"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert commitment_of("a number") in said[0]
    seed = seed_of("a number", "彩票 07")
    assert said[1:] == [" ".join((each.site, *each.officers)) for each in drawn(population, seed)]
    assert json.loads(published(population))["rule"] == "landun-draw-1"
