from collections import Counter
from datetime import UTC, datetime
from itertools import combinations

import pytest

from registry import polygons
from registry.counties import COUNTIES, county_map
from registry.demonstration import demonstration, load_demonstration
from registry.model import Disinfection, Registry, SiteStatus

AT = datetime(2025, 1, 1, tzinfo=UTC)
SEEDS = (0, 7, 2024)


def built(seed: int) -> Registry:
    """The demonstration as `landun up` has it."""
    return demonstration(seed, registered_at=AT)


@pytest.mark.parametrize("seed", SEEDS)
def test_city_has_the_size_the_pilot_has(seed: int) -> None:
    """32 pools on line with 64 devices and 102 off line, whatever the seed."""
    registry = built(seed)
    statuses = Counter(site.status for site in registry.sites.values())
    assert statuses == {SiteStatus.SIMULATED: 32, SiteStatus.OFFLINE: 102}
    assert len(registry.devices) == 64
    assert all(registry.sites[device.site].simulated for device in registry.devices.values())
    basins = Counter(site for site, _ in registry.sampling_points)
    assert set(basins.values()) == {1, 2, 3}


def test_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    """The registry is a pure function of the seed: services build it each for itself."""
    assert built(7).sites == built(7).sites
    assert built(7).channels == built(7).channels
    assert [site.name_zh for site in built(7).sites.values()] != [site.name_zh for site in built(8).sites.values()]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_site_lies_well_inside_its_county(seed: int) -> None:
    """A marker never shows in a neighbouring county or at sea."""
    shapes = {feature["properties"]["code"]: feature["geometry"] for feature in county_map()["features"]}
    sites = built(seed).sites.values()
    assert {site.county for site in sites} == set(COUNTIES)
    outside = [
        site.code
        for site in sites
        if not polygons.contains_with_margin(shapes[site.county], (site.lon, site.lat), 0.01)
    ]
    assert outside == []


@pytest.mark.parametrize("seed", SEEDS)
def test_markers_do_not_sit_on_each_other(seed: int) -> None:
    """On-line pools are at least 1 km apart."""
    places = [(site.lon, site.lat) for site in built(seed).sites.values() if site.simulated]
    nearest = min(((a[0] - b[0]) * 94) ** 2 + ((a[1] - b[1]) * 111) ** 2 for a, b in combinations(places, 2))
    assert nearest**0.5 > 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_names_are_unique_in_both_languages(seed: int) -> None:
    """No two venues can be confused by name."""
    sites = built(seed).sites.values()
    assert len({site.name_zh for site in sites}) == len({site.name_en for site in sites}) == len(sites)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_quarter_of_the_pools_never_closes(seed: int) -> None:
    """At any hour something is judged: a quarter of the on-line pools is open around the clock."""
    always = [site for site in built(seed).sites.values() if site.simulated and site.opening.around_the_clock]
    assert len(always) == 8
    assert all("Hotel" in site.name_en or "Fitness" in site.name_en for site in always)


@pytest.mark.parametrize("seed", SEEDS)
def test_free_chlorine_is_judged_at_every_pool_and_orp_at_some(seed: int) -> None:
    """Every disinfection releases free chlorine; chlorine with ozone, which the ORP limit asks for, occurs."""
    sites = [site for site in built(seed).sites.values() if site.simulated]
    assert all(Disinfection.CHLORINE in site.disinfection for site in sites)
    kinds = Counter(site.disinfection for site in sites)
    assert len(kinds) == 3


def test_load_city_extends_the_demonstration_to_1500_channels() -> None:
    """441 on-line sites with 1 500 channels; the demonstration's own sites, devices and channels are unchanged."""
    registry = load_demonstration(7, registered_at=AT)
    assert sum(site.simulated for site in registry.sites.values()) == 441
    assert len(registry.channels) == 1_500
    small = built(7)
    assert all(registry.sites[code] == site for code, site in small.sites.items())
    assert all(registry.channels[number] == channel for number, channel in small.channels.items())


@pytest.mark.parametrize("basins", [(0, 3), (3, 2), (1, 9)])
def test_impossible_numbers_of_basins_are_refused(basins: tuple[int, int]) -> None:
    """The error names the value and the bounds."""
    with pytest.raises(ValueError, match="must satisfy 1 ≤ least ≤ most ≤ 4"):
        demonstration(7, basins=basins, registered_at=AT)


def test_point_in_polygon_counts_a_hole_as_outside() -> None:
    """Even-odd rule over all rings."""
    square = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    hole = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
    shape = {"type": "Polygon", "coordinates": [square, hole]}
    assert polygons.contains(shape, (3, 3))
    assert not polygons.contains(shape, (1.5, 1.5))
    assert not polygons.contains(shape, (5, 1))
    with pytest.raises(ValueError, match="'Point'"):
        polygons.contains({"type": "Point", "coordinates": []}, (0, 0))
