"""The plan of faults: drawn from a seed, within the table, with rest between, and refused where it does not fit."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from operations.evaluation.plan import DAY, OPEN_AT_LEAST, REST, CrowdedError, Planned, plan
from operations.evaluation.simulated import BEGIN, Settings, city
from registry.opening import minute_of_week
from simulators.fault_kinds import SPECS, FaultKind, PlantKind
from simulators.plant import plant_kind
from store.records import to_us

MINUTE_US = 60_000_000
FIRST = to_us(BEGIN) // MINUTE_US
SETTINGS = Settings(pools=40, days=20, warm_up=5, each=3, seed=5)
CITY = city(SETTINGS)


@cache
def planned(seed: int = 5) -> tuple[Planned, ...]:
    """A plan of three faults of each kind."""
    return plan(CITY, seed, FIRST, SETTINGS.days, SETTINGS.each, SETTINGS.warm_up)


def test_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    """Anybody can draw the plan again."""
    assert planned() == plan(CITY, 5, FIRST, SETTINGS.days, SETTINGS.each, SETTINGS.warm_up)
    assert planned() != planned(6)


def test_every_kind_is_there_with_sizes_over_its_whole_range() -> None:
    """One size in each third of the logarithmic range, within the table; two thirds of them count as upper."""
    for kind in FaultKind:
        own = sorted((each for each in planned() if each.fault.kind is kind), key=lambda each: each.position)
        assert [int(each.position * 3) for each in own] == [0, 1, 2], kind
        assert [each.upper for each in own] == [False, True, True]
        for each in own:
            assert each.fault.size is not None
            assert SPECS[kind].checked(round(each.fault.size, 9)) is not None
    sizes = [abs(each.fault.size or 0) for each in planned() if each.fault.kind is FaultKind.TAMPERING]
    assert max(sizes) / min(sizes) > 3


def test_faults_keep_apart_and_inside_the_days_after_the_warm_up() -> None:
    """A day of rest at a site between one fault's end and the next one's beginning; none before the warm-up is over."""
    by_site: dict[str, list[Planned]] = {}
    for each in planned():
        by_site.setdefault(each.site, []).append(each)
        assert each.fault.starts >= (FIRST + SETTINGS.warm_up * DAY) * MINUTE_US
        assert (each.fault.ends or 0) <= (FIRST + SETTINGS.days * DAY) * MINUTE_US
    assert any(len(faults) > 1 for faults in by_site.values())
    for faults in by_site.values():
        for one, other in pairwise(faults):
            assert other.fault.starts - (one.fault.ends or 0) >= REST * MINUTE_US


def test_short_faults_begin_while_the_venue_is_open() -> None:
    """What is over within a day happens where it can be judged."""
    for each in planned():
        starts, ends = each.fault.starts, each.fault.ends or 0
        if ends - starts >= DAY * MINUTE_US:
            continue
        site = CITY.sites[each.site]
        last = min(ends, starts + OPEN_AT_LEAST * MINUTE_US)
        instants = np.arange(starts, last, MINUTE_US, dtype=np.int64)
        assert site.opening.minute_table()[minute_of_week(instants, site.zone)].all(), each.fault.id


def test_faults_are_where_they_can_be() -> None:
    """Cold stores fail in cold stores, pools in pools; a copy is of another site's pool."""
    for each in planned():
        device = CITY.devices[each.fault.device]
        assert plant_kind(CITY, device) in SPECS[FaultKind(each.fault.kind)].plants
        assert device.site == each.site
        if each.fault.kind is FaultKind.COPIED_SERIES:
            source = CITY.devices[each.fault.source or ""]
            assert source.site != each.site
            assert plant_kind(CITY, source) is PlantKind.POOL


def test_more_faults_than_there_is_room_for_are_refused() -> None:
    """The error names the kind and what to do."""
    small = city(Settings(pools=2, seed=5))
    with pytest.raises(CrowdedError, match=r"no room for another .* take more pools, more days or fewer"):
        plan(small, 5, FIRST, 10, 5, 5)
