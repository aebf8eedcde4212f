"""Medical waste by the API: two counties' institutions, one demonstration, a disposer and its vehicle."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pypdfium2
import pytest

from monitor.waste import Rule
from registry.geodesy import wgs84_to_gcj02
from registry.model import Device, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import Container, Event, PartyKind, tag_key
from registry.waste.model import SCENARIO, Handler, Party, Receiver, Route, Vehicle, Ward, WasteRegistry
from store import people, upkeep, waste_bags
from store.connections import Connection, connect
from store.people import Person
from store.records import to_us
from store.registry_rows import save_registry
from store.waste_body import PositionRow, WasteRow
from store.waste_registry import save_waste_registry
from store.waste_rows import StoredScan, insert_positions, insert_scans
from tests.api.conftest import PASSWORD_HASH, REGISTERED, Served, component, eventually, prepare, serving
from tests.databases import Server

NOW: Final = datetime.now(UTC).replace(microsecond=0)
TODAY: Final = f"{NOW + timedelta(hours=8):%Y-%m-%d}"
FIRST: Final = f"{NOW + timedelta(hours=8) - timedelta(days=1):%Y-%m-%d}"
"""Local days, so that both hold the scans of the last hours."""
SITES: Final = {"H1": "320602", "H2": "320682", "S1": "320602", "D1": "320602"}


def _site(code: str) -> Site:
    status = SiteStatus.SIMULATED if code == "S1" else SiteStatus.LIVE
    return Site(
        code, SITES[code], status, f"{code}医院", f"{code} Hospital", 120.8, 32.0, REGISTERED, scenario=SCENARIO
    )


REGISTRY: Final = Registry.of(
    [_site(code) for code in SITES],
    [SamplingPoint(code, "store", "东暂存间", "East store", "producer_store") for code in SITES],
    [
        *(Device(f"{code}-hand", code, "store", kind="handheld") for code in SITES),
        Device("D1-t1", "D1", "store", kind="vehicle_tracker"),
    ],
    [],
)
WASTE: Final = WasteRegistry.of(
    parties=[Party("H1", beds=100), Party("H2", beds=40), Party("S1", beds=10), Party("D1", PartyKind.DISPOSER)],
    wards=[Ward("H1", "icu", "重症医学科", "Intensive care", 10)],
    handlers=[Handler("n1", "H1", "李护士")],
    receivers=[Receiver("R1", "处置一厂", "Plant One", "L1", date(2020, 1, 1), date(2036, 1, 1), "D1")],
    vehicles=[Vehicle("V1", "苏F00001", "R1", "D1-t1")],
    routes=[Route("A", "甲线", "Route A", ((120.8, 32.0), (120.9, 32.1)), 200.0, ("V1",), site="D1")],
)


def scan(
    hours_ago: float, event: Event, tag: str, site: str = "H1", grams: int | None = 2_000, **said: Any
) -> WasteRow:
    """One scan, as a device says it."""
    ts = to_us(NOW - timedelta(hours=hours_ago))
    usual: dict[Event, dict[str, Any]] = {
        Event.COLLECTED: {"ward": "icu", "category": 1},
        Event.STORED_IN: {"place": "store"},
        Event.BOXED: {"parent": "BOX"},
        Event.HANDED_OVER: {"to": "R1", "vehicle": "V1", "manifest": "M1", "kind": Container.BOX},
        Event.RECEIVED: {"manifest": "M1", "kind": Container.BOX},
    }
    row = WasteRow(
        ts, ts, f"{site}-hand", f"{tag}-{event.code}", site, event, tag, Container.BAG, signed_by=("n1", "x9")
    )
    if grams is not None:
        row = row._replace(gross_g=grams + 100, tare_g=100)
    return row._replace(**{**usual.get(event, {}), **said})


SCANS: Final = (
    scan(3, Event.COLLECTED, "B1"),
    scan(2.9, Event.STORED_IN, "B1"),
    scan(2.5, Event.BOXED, "B1", grams=None),
    scan(2.0, Event.HANDED_OVER, "BOX", grams=5_000),
    scan(1.0, Event.RECEIVED, "BOX", "D1", grams=4_000),
    scan(50, Event.COLLECTED, "LOST"),
    scan(1, Event.COLLECTED, "B2", "H2", grams=700),
    scan(1, Event.COLLECTED, "B1", "S1", grams=900),
)


def bag(
    tag: str, site: str, step: int, hours_ago: float, rules: tuple[Rule, ...] = (), **columns: Any
) -> dict[str, Any]:
    """A bag as the custody engine writes it."""
    row: dict[str, Any] = dict.fromkeys(waste_bags.COLUMNS)
    at = NOW - timedelta(hours=hours_ago)
    bits = sum(1 << rule for rule in rules)
    numbers = dict.fromkeys(("categories", "own", "late", "found", "open", "parent"), 0)
    return {
        **row,
        **numbers,
        "signs": [2, 1, 0, 0, 0],
        "manifest": False,
        "key": tag_key(tag),
        "simulated": site == "S1",
        "tag": tag,
        "site": site,
        "ward": "icu",
        "category": 1,
        "step": step,
        "collected_at": at,
        "collected_g": 2_000,
        "newest": at,
        "arrived": at,
        "found": bits,
        "open": bits,
        **columns,
    }


def fill(connection: Connection) -> None:
    """What ingest and the custody engine leave behind."""
    save_registry(connection, REGISTRY)
    save_waste_registry(connection, WASTE)
    person = Person("hospital", "某医院", "venue", (), "H1", PASSWORD_HASH)
    people.save(connection, person, REGISTERED)
    insert_scans(connection, [StoredScan(row, number) for number, row in enumerate(SCANS)], 1)
    fixes = [
        PositionRow(to_us(NOW - timedelta(minutes=m)), to_us(NOW), "D1-t1", 32.0 + m / 1_000, 120.8, 30.0, float("nan"))
        for m in range(3)
    ]
    insert_positions(connection, fixes, 1)
    waste_bags.write_bags(
        connection,
        [
            bag("B1", "H1", 2, 3, parent=tag_key("BOX"), handed_at=NOW - timedelta(hours=2)),
            bag("LOST", "H1", 0, 50, (Rule.MISSING,)),
            bag("OLD", "H2", 1, 60, (Rule.STORAGE_48H, Rule.UNSIGNED)),
            bag("ODD", "H1", 1, 4, (Rule.WEIGHT,)),
            bag("B1", "S1", 0, 1),
            bag("BOX", "H1", 2, 3, category=0),
        ],
        1,
    )
    said = {"H1-hand": True, "H2-hand": False}
    upkeep.save_statuses(connection, [upkeep.DeviceStatus(code, online, None, NOW) for code, online in said.items()])
    connection.commit()


@pytest.fixture(scope="module")
def waste(database_server: Server) -> Iterator[Served]:
    """The API over all of this; nothing here changes it."""
    with database_server.new_database() as dsn:
        with connect(dsn) as connection:
            prepare(connection)
            fill(connection)
        with serving(dsn) as served:
            eventually(lambda: component(served, "database") == "up", "the API found its database")
            yield served


def tags(page: dict[str, Any]) -> list[str]:
    """The codes of a page of bags."""
    return [each["tag"] for each in page["items"]]


def test_a_device_that_speaks_when_there_is_a_bag_is_on_line_as_it_says(waste: Served) -> None:
    """A handheld that scanned an hour ago is not off line for its silence; one that said nothing of itself is."""
    states = {each["code"]: each["state"] for each in waste.get("/devices")}
    assert (states["H1-hand"], states["H2-hand"], states["S1-hand"]) == ("online", "offline", "offline")


def test_the_overview_counts_what_is_where(waste: Served) -> None:
    """Live institutions: bags at each step, what is overdue and what is open; the demonstration is counted apart."""
    found = waste.get("/waste/overview")
    assert {each["step"]: each["bags"] for each in found["states"]} == {"collected": 1, "stored": 2, "handed": 2}
    assert (found["overdue"], found["open"], found["institutions"]) == (2, 3, 2)
    assert found["states"][1]["step_en"] == "in the store"
    apart = waste.get("/waste/overview", simulated="true")
    assert [(each["step"], each["bags"]) for each in apart["states"]] == [("collected", 1)]
    assert (apart["overdue"], apart["institutions"]) == (0, 1)


def test_the_overdue_list_has_the_longest_waiting_first_in_both_languages(waste: Served) -> None:
    """Stored too long and missing, not what only weighed wrong; with ward, age, and the rule in words."""
    page = waste.get("/waste/bags", overdue="true")
    assert tags(page) == ["OLD", "LOST"]
    lost = page["items"][1]
    assert (lost["rules"], lost["rules_zh"], lost["rules_en"]) == (
        ["missing"],
        ["疑似废物流失"],
        ["Bag missing, suspected"],
    )
    assert (lost["ward_zh"], lost["ward_en"], lost["category_zh"]) == ("重症医学科", "Intensive care", "感染性废物")
    assert lost["age_h"] == pytest.approx(50, abs=0.5)
    assert tags(waste.get("/waste/bags", overdue="true", limit=1, offset=1)) == ["LOST"]
    assert tags(waste.get("/waste/bags", step="stored")) == ["OLD", "ODD"]


def test_people_see_the_waste_of_their_counties_or_their_own(waste: Served) -> None:
    """An inspector of one county, a hospital, and a venue without waste: each sees its own, elsewhere is a 404."""
    assert tags(waste.get("/waste/bags", "inspector", overdue="true")) == ["LOST"]
    assert tags(waste.get("/waste/bags", overdue="true", county="320682")) == ["OLD"]
    assert waste.get("/waste/bags", "venue")["items"] == []
    assert waste.get("/waste/vehicles", "venue") == []
    assert [each["site"] for each in waste.get("/waste/institutions", "hospital")] == ["H1"]
    assert [each["site"] for each in waste.get("/waste/balance", "hospital", **{"from": FIRST, "to": TODAY})] == ["H1"]
    for role, path in (
        ("inspector", "/waste/bags/OLD"),
        ("inspector", "/waste/institutions/H2"),
        ("hospital", "/waste/institutions/H2/register.pdf?month=2026-01"),
        ("hospital", "/waste/vehicles/V1/track"),
        ("hospital", "/waste/labels.pdf?tag=OLD"),
        ("centre", "/waste/bags/NOTHING"),
        ("centre", "/waste/institutions/P-1"),
    ):
        answer = waste.client(role).get(path)
        assert answer.status_code == 404, path
        assert "not in your scope" in answer.json()["detail"], path
        assert "不在您的权限范围内" in answer.json()["detail_zh"], path


def test_a_bags_life_goes_on_in_its_box(waste: Served) -> None:
    """Its own scans and those of the box it lay in, in order, with names for codes, codes for who is a stranger."""
    life = waste.get("/waste/bags/B1")
    assert [(each["event"], each["tag"]) for each in life["scans"]] == [
        ("collected", "B1"),
        ("stored_in", "B1"),
        ("boxed", "B1"),
        ("handed_over", "BOX"),
        ("received", "BOX"),
    ]
    collected, stored, _, handed, received = life["scans"]
    assert (collected["kg"], collected["gross_kg"], collected["signed_by"]) == (2.0, 2.1, ["李护士", "x9"])
    assert (stored["place"], stored["place_zh"], stored["place_en"]) == ("store", "东暂存间", "East store")
    assert (handed["receiver_zh"], handed["receiver_en"], handed["vehicle"]) == ("处置一厂", "Plant One", "苏F00001")
    assert (received["site"], received["kg"]) == ("D1", 4.0)
    assert (life["bag"]["parent"], life["found"]) == ("BOX", [])
    (alone,) = waste.get("/waste/bags/B1", simulated="true")["scans"]
    assert (alone["site"], alone["kg"]) == ("S1", 0.9)


def test_the_balance_shows_the_gap(waste: Served) -> None:
    """What was handed over and did not arrive is 1 kg of 5, beyond the tolerance; the other is well."""
    lines = waste.get("/waste/balance", **{"from": FIRST, "to": TODAY})
    assert [(each["site"], each["gap_kg"], each["gap_share"], each["notable"]) for each in lines] == [
        ("H1", 1.0, 0.2, True),
        ("H2", 0.0, None, False),
    ]
    assert (lines[0]["collected_kg"], lines[0]["stored_kg"]) == (2.0, 2.0)
    days = waste.get("/waste/balance", **{"from": FIRST, "to": TODAY, "site": "H1"})
    assert sum(each["collected_kg"] for each in days) == 2.0
    assert {each["day"] for each in days} <= {FIRST, TODAY}


def test_a_vehicle_is_on_its_way_in_both_systems_of_coordinates(waste: Served) -> None:
    """Newest fix and track in WGS-84, and beside it what a Chinese map draws; the planned way with it."""
    (vehicle,) = waste.get("/waste/vehicles", "inspector")
    assert (vehicle["plate"], vehicle["receiver_en"]) == ("苏F00001", "Plant One")
    age = datetime.now(UTC) - datetime.fromisoformat(vehicle["fix"]["ts"])
    assert vehicle["stale"] is (age > timedelta(minutes=10)), "the tests before this one may have taken so long"
    assert vehicle["routes"] == [[[120.8, 32.0], [120.9, 32.1]]]
    fix = vehicle["fix"]
    assert (fix["lon"], fix["lat"], fix["speed_kmh"]) == (120.8, 32.0, 30.0)
    lon, lat = wgs84_to_gcj02(120.8, 32.0)
    assert (fix["lon_gcj02"], fix["lat_gcj02"]) == (
        pytest.approx(float(lon), abs=1e-6),
        pytest.approx(float(lat), abs=1e-6),
    )
    fixes = waste.get("/waste/vehicles/V1/track")["fixes"]
    assert [each["lat"] for each in fixes] == [32.002, 32.001, 32.0]


def test_an_institution_tells_its_chain_newest_first(waste: Served) -> None:
    """Its figures and its scans of the last days."""
    found = waste.get("/waste/institutions/H1")
    assert (found["institution"]["beds"], found["institution"]["bags"], found["institution"]["open"]) == (100, 2, 2)
    assert [each["tag"] for each in found["scans"]] == ["BOX", "B1", "B1", "B1", "LOST"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/waste/balance?from=2026-02-02&to=2026-02-01", "from 2026-02-02 to 2026-02-01: must be in order"),
        ("/waste/balance?from=2026-01-01&to=2026-12-01", "at most 92 days apart"),
        ("/waste/bags?step=lost", "step"),
        ("/waste/bags?limit=5000", "limit"),
        ("/waste/overview?county=999", "999"),
        ("/waste/institutions/H1/register.pdf?month=2026-13", "month"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(waste: Served, path: str, words: str) -> None:
    """The field, its value and what would be right."""
    answer = waste.client("centre").get(path)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_documents_are_files_of_their_kind(waste: Served) -> None:
    """Register and manifest as PDF, workbook and Word file; the vehicle's card; labels with the institution on them."""
    month = TODAY[:7]
    for path, begins in (
        (f"/waste/institutions/H1/register.pdf?month={month}", b"%PDF"),
        (f"/waste/institutions/H1/register.xlsx?month={month}", b"PK"),
        (f"/waste/institutions/H1/manifest.docx?month={month}", b"PK"),
        (f"/waste/vehicles/V1/card.pdf?day={TODAY}", b"%PDF"),
    ):
        answer = waste.client("inspector").get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.content.startswith(begins), path
    labels = waste.client("hospital").get("/waste/labels.pdf", params={"tag": ["B1", "LOST"]})
    words = pypdfium2.PdfDocument(labels.content)[0].get_textpage().get_text_bounded()
    assert "H1 医院 重症医学科" in words
    assert "LOST" in words
