import numpy as np
import pytest

from registry.waste.catalogue import Event
from simulators.waste.chain import day_of
from simulators.waste.city import city
from simulators.waste.model import DAY_US, City, Events, is_box, tag_of
from simulators.waste.month import month

DAY = 20_500
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def town() -> City:
    """Two counties with 40 hospitals and 80 clinics."""
    return city(7, 120, 40, counties=2)


@pytest.fixture(scope="module")
def usual(town: City) -> Events:
    """A week without faults, and the days that its last bags need to their end."""
    return np.concatenate([day_of(town, day).events for day in range(DAY, DAY + 7)])


def times(rows: Events, event: Event) -> dict[tuple[int, int], int]:
    """When each unit had an event, by unit and the day of the pick-up."""
    own = rows[rows["event"] == event]
    days = np.where(own["manifest"] >= 0, own["manifest"], own["unit"] >> 20) & 0xFFFFF
    return dict(zip(zip(own["unit"].tolist(), days.tolist(), strict=True), own["ts"].tolist(), strict=True))


def test_the_same_seed_gives_the_same_day_and_another_seed_another(town: City) -> None:
    """A day is a pure function of the city."""
    assert np.array_equal(day_of(town, DAY).events, day_of(town, DAY).events)
    assert not np.array_equal(day_of(town, DAY).events, day_of(city(8, 120, 40, counties=2), DAY).events)


def test_every_bag_goes_its_way_in_order_and_in_time(usual: Events) -> None:
    """Without faults every bag is stored within two hours, leaves within 30 and is treated the day it leaves."""
    collected, stored, boxed = (times(usual, each) for each in (Event.COLLECTED, Event.STORED_IN, Event.BOXED))
    handed, received, treated = (times(usual, each) for each in (Event.HANDED_OVER, Event.RECEIVED, Event.TREATED))
    parents = {int(row["unit"]): int(row["parent"]) for row in usual[usual["event"] == Event.BOXED]}
    assert collected.keys() == stored.keys()
    assert handed.keys() == received.keys() == treated.keys()
    for (unit, day), at in collected.items():
        load = (parents.get(unit, unit), day)
        assert at < stored[unit, day] < at + 2 * HOUR_US
        assert (unit, day) not in boxed or stored[unit, day] < boxed[unit, day] < handed[load]
        assert stored[unit, day] < handed[load] < at + 30 * HOUR_US
        assert handed[load] < received[load] < treated[load] < handed[load] + DAY_US


def test_a_load_weighs_what_is_in_it(usual: Events) -> None:
    """What a box holds at the gate is the sum of its bags within the scales' divisions."""
    inside: dict[tuple[int, int], int] = {}
    bags = usual[usual["event"] == Event.COLLECTED]
    net = {int(row["unit"]): int(row["gross_g"]) - int(row["tare_g"]) for row in bags}
    for row in usual[usual["event"] == Event.BOXED]:
        key = (int(row["parent"]), int(row["unit"] >> 20) & 0xFFFFF)
        inside[key] = inside.get(key, 0) + net[int(row["unit"])]
    handed = usual[(usual["event"] == Event.HANDED_OVER) & is_box(usual["unit"])]
    assert len(handed) == len(inside) > 100
    for row in handed:
        held = inside[int(row["unit"]), int(row["manifest"]) & 0xFFFFF]
        assert abs(int(row["gross_g"]) - int(row["tare_g"]) - held) <= 150


def test_a_turnover_box_is_empty_before_it_is_used_again(usual: Events) -> None:
    """Nothing is put into a box between a filling and the treatment of what was in it."""
    boxes = usual[is_box(usual["unit"]) | (usual["event"] == Event.BOXED)]
    boxes = boxes[np.argsort(boxes["ts"], kind="stable")]
    handed_over: set[int] = set()
    for row in boxes:
        if row["event"] == Event.BOXED:
            assert int(row["parent"]) not in handed_over
        elif row["event"] == Event.HANDED_OVER:
            handed_over.add(int(row["unit"]))
        elif row["event"] == Event.TREATED:
            handed_over.remove(int(row["unit"]))


def test_labels_are_short_and_no_two_bags_have_the_same(town: City, usual: Events) -> None:
    """A label has at most the 24 characters that the wire allows."""
    units = np.unique(usual["unit"]).tolist()
    tags = {tag_of(town, unit) for unit in units}
    assert len(tags) == len(units)
    assert max(map(len, tags)) <= 24


def test_a_bed_gives_what_hospitals_give(town: City, usual: Events) -> None:
    """Hospitals give 0.3–1.0 kg of waste for a bed and day and some for visits, a tenth to a fifth of it sharps."""
    bags = usual[(usual["event"] == Event.COLLECTED) & (town.beds[usual["institution"]] > 0)]
    grams = bags["gross_g"].astype(np.int64) - bags["tare_g"]
    each = np.bincount(bags["institution"], weights=grams, minlength=len(town))[town.beds > 0] / 7
    from_beds = each - 30.0 * town.visits[town.beds > 0]
    assert 300 < (from_beds / town.beds[town.beds > 0]).mean() < 1_000
    assert 0.1 < grams[bags["category"] == 2].sum() / grams.sum() < 0.2


def test_a_month_has_every_fault_it_was_asked_for(town: City) -> None:
    """Each kind of fault is planted as often as asked, and its truth lies within the month."""
    found = month(town, DAY, 30, 1)
    assert len({each.kind for each in found.truth}) == len(found.truth) == 23
    begin, end = found.span
    assert all(begin <= each.begins <= each.ends and each.begins < end for each in found.truth)
    assert (np.diff(found.events["said"]) >= 0).all()
