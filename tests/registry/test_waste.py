"""What is declared of medical waste: categories, events, who may say what, and what is registered."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.model import Device, Registry, RegistryError, SamplingPoint, Site, SiteStatus
from registry.scenarios import scenario_of
from registry.waste.catalogue import (
    Container,
    Event,
    PartyKind,
    categories,
    category_numbers,
    container_names,
    device_speech,
    event_kinds,
    party_events,
    party_names,
    tag_key,
)
from registry.waste.model import SCENARIO, Fence, Party, Receiver, Route, Tare, Vehicle, Ward, WasteRegistry


def test_the_categories_are_those_of_the_2021_catalogue() -> None:
    """Five categories with their HW01 codes, known by code and by name; what no official text showed is marked."""
    assert [(each.code, each.name) for each in categories().values()] == [
        ("841-001-01", "infectious"),
        ("841-002-01", "sharps"),
        ("841-003-01", "pathological"),
        ("841-004-01", "chemical"),
        ("841-005-01", "pharmaceutical"),
    ]
    assert category_numbers()["841-003-01"] == category_numbers()["pathological"] == 3
    assert {each.certainty for each in categories().values()} == {"secondary", "unverified"}


def test_every_member_is_declared_once() -> None:
    """Events, containers and parties of the code are all in the file, with names in both languages."""
    assert set(event_kinds()) == set(Event)
    assert set(container_names()) == set(Container)
    assert set(party_names()) == set(party_events()) == set(PartyKind)
    fields = {"parent", "place", "ward", "category", "gross_kg", "to", "vehicle", "manifest"}
    assert all(set(each.needs + each.wants) <= fields for each in event_kinds().values())


def test_devices_that_speak_are_kinds_of_the_scenario() -> None:
    """Whatever may speak of custody can be chosen when a device is added."""
    assert set(device_speech()) <= set(scenario_of(SCENARIO).device_kinds)


def test_nobody_but_who_takes_waste_in_may_say_that_it_was_received() -> None:
    """An institution's devices can't close its own chain."""
    assert {Event.RECEIVED, Event.TREATED}.isdisjoint(party_events()[PartyKind.PRODUCER])
    assert Event.COLLECTED not in party_events()[PartyKind.DISPOSER]


@given(st.text("ABCDEF0123456789", min_size=1, max_size=24))
def test_a_tag_is_a_number_inside(tag: str) -> None:
    """Never 0, which stands for none; within 64 bits with a sign."""
    assert tag_key(tag) != 0
    assert -(2**63) <= tag_key(tag) < 2**63


def world() -> tuple[Registry, WasteRegistry]:
    """An institution and a disposer with a vehicle."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    sites = [
        Site(code, "320602", SiteStatus.LIVE, code, code, 120.9, 32.0, at, scenario=SCENARIO) for code in ("h", "w")
    ]
    registry = Registry.of(
        sites, [SamplingPoint("w", "s1", "库", "Store")], [Device("t", "w", "s1", kind="vehicle_tracker")], []
    )
    waste = WasteRegistry.of(
        parties=[Party("h", beds=100), Party("w", PartyKind.DISPOSER)],
        wards=[Ward("h", "icu", "重症", "ICU", 10), Ward("h", "er", "急诊", "ER")],
        receivers=[Receiver("r", "中心", "Centre", "L-1", date(2026, 1, 1), date(2026, 12, 31), "w", "焚烧")],
        vehicles=[Vehicle("v", "苏F12345", "r", "t"), Vehicle("v2", "苏F2", "r")],
        tares=[Tare("BOX1", "h", 1500)],
        routes=[
            Route("r1", "北线", "North", ((120.9, 32.0), (120.8, 32.1)), vehicles=("v",), site="w"),
            Route("r2", "南线", "South", ((120.9, 32.0), (120.8, 31.9))),
        ],
        fences=[Fence("f1", "医院", "Hospital", ((120.9, 32.0),), site="h")],
    )
    return registry, waste


def test_what_is_registered_is_looked_up() -> None:
    """All that is registered refers to what is there, and a vehicle is found by its tracker."""
    registry, waste = world()
    waste.check(registry)
    assert waste.vehicle_of_tracker["t"].plate == "苏F12345"


def test_an_entry_that_refers_to_nothing_is_refused() -> None:
    """The error names the entry, the field and the code that is not registered."""
    registry, waste = world()
    strange = replace(waste, vehicles={"v": Vehicle("v", "苏F1", "r9")})
    with pytest.raises(RegistryError, match="vehicle v: its receiver 'r9' is not registered"):
        strange.check(registry)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ward("h", "a b", "x", "x"),
        lambda: Tare("x" * 25, "h", 1),
        lambda: Tare("x", "h", -1),
        lambda: Party("h", beds=-1),
        lambda: Route("r", "x", "x", ((120.9, 32.0),)),
        lambda: Fence("f", "x", "x", ((32.0, 120.9),)),
        lambda: Receiver("r", "x", "x", "L", date(2026, 2, 1), date(2026, 1, 1)),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    """Codes, weights, lines and licences that make no sense are refused with a sentence."""
    with pytest.raises(RegistryError, match=r"must|allowed"):
        make()  # type: ignore[operator]
