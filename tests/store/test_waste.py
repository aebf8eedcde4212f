"""Custody events and positions on every engine: exactly once, packed and back, kept for their years."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.housekeeping import Retention
from registry.model import Device, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind, tag_key
from registry.waste.model import SCENARIO, Fence, Handler, Party, Receiver, Route, Tare, Vehicle, Ward, WasteRegistry
from store import demonstration, journal, partitions, upkeep
from store.connections import Connection, connect
from store.custody import Custody
from store.readings import WriteMode, WriteResult, write_batch
from store.records import READING, Message, to_us
from store.registry_rows import save_registry
from store.waste_body import (
    POSITION,
    WASTE,
    PositionRow,
    WasteRow,
    decode,
    encode,
    pack_positions,
    pack_waste,
    positions_of,
    waste_of,
)
from store.waste_registry import load_waste_registry, save_waste_registry
from store.waste_rows import StoredScan, insert_scans
from tests.databases import Engine

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
AT = to_us(NOW)
BAG = WasteRow(
    ts=AT,
    arrived=AT + 900,
    device="scale-1",
    id="e-1",
    site="h1",
    event=1,
    tag="E28011700000020F3A5B9C01",
    kind=1,
    category=2,
    ward="icu",
    gross_g=3420,
    tare_g=120,
    signed_by=("n1", "p1"),
    sealed=1,
)
BARE = WasteRow(ts=AT, arrived=AT, device="scale-1", id="e-2", site="h1", event=8, tag="T", kind=2)
FIX = PositionRow(AT, AT + 5, "t1", 32.0163, 120.8642, 41.5, float("nan"))

codes = st.text("abcXYZ019_-", min_size=1, max_size=24)
rows = st.builds(
    WasteRow,
    ts=st.integers(0, 2**52),
    arrived=st.integers(0, 2**52),
    device=codes,
    id=codes,
    site=codes,
    event=st.integers(1, 8),
    tag=codes,
    kind=st.integers(1, 3),
    parent=st.just("") | codes,
    category=st.integers(0, 5),
    ward=st.just("") | codes,
    gross_g=st.integers(-1, 10**8),
    tare_g=st.integers(-1, 10**8),
    signed_by=st.lists(codes, max_size=4, unique=True).map(tuple),
    place=st.just("") | codes,
    to=st.just("") | codes,
    vehicle=st.just("") | codes,
    manifest=st.just("") | codes,
    sealed=st.integers(-1, 1),
)


def write(connection: Connection, scans: list[StoredScan], fixes: list[PositionRow] | None = None) -> WriteResult:
    """Write a batch of custody alone, with a message each."""
    return write_batch(
        connection,
        np.empty(0, dtype=READING),
        messages=[],
        dead=[],
        recorded_at=NOW,
        mode=WriteMode.ON_CONFLICT,
        chain=Custody(
            scans=scans,
            scan_messages=[Message("…/waste", each.row.id.encode(), AT) for each in scans],
            fixes=fixes or [],
            fix_messages=[Message("…/position", b"{}", AT) for _ in fixes or []],
        ),
    )


@given(st.lists(rows, max_size=20))
def test_events_are_packed_and_unpacked(events: list[WasteRow]) -> None:
    """Every field comes back, strings through their table; tags are numbers beside their text."""
    packed = decode(encode(pack_waste(events)), WASTE)
    for column in ("device", "id", "site", "ward", "place", "to", "vehicle", "manifest"):
        assert packed.texts(column) == [getattr(each, column) for each in events]
    for column in ("ts", "arrived", "gross_g", "tare_g", "event", "kind", "category", "sealed"):
        assert packed.rows[column].tolist() == [getattr(each, column) for each in events]
    assert packed.texts("tag_text") == [each.tag for each in events]
    assert packed.rows["tag"].tolist() == [tag_key(each.tag) for each in events]
    assert packed.rows["parent"].tolist() == [tag_key(each.parent) if each.parent else 0 for each in events]
    signed = [tuple(packed.strings[place] for place in row if place) for row in packed.rows["signed_by"].tolist()]
    assert signed == [each.signed_by for each in events]


def test_positions_are_packed_and_unpacked() -> None:
    """Coordinates come back to the bit, an unsaid heading as NaN."""
    packed = decode(encode(pack_positions([FIX, FIX._replace(device="t2", heading=90.0)])), POSITION)
    assert packed.texts("device") == ["t1", "t2"]
    assert packed.rows["lon"].tolist() == [120.8642, 120.8642]
    assert np.isnan(packed.rows["heading"][0])


def test_what_is_new_is_stored_and_journaled(engine: Engine) -> None:
    """One transaction: the rows, and a journal row of each kind with the messages that brought it."""
    with engine.connect() as connection:
        result = write(connection, [StoredScan(BAG, 7), StoredScan(BARE, 8)], [FIX])
        entries = journal.read_after(connection, 0, 10, with_raw=True)
        stored = connection.execute(
            "SELECT event_id, gross_g, signed_by, ward, sealed, receiver, content FROM waste_event ORDER BY event_id"
        ).fetchall()
        where = connection.execute("SELECT device, ts, lat, lon, speed_kmh, heading FROM position").fetchall()
    assert [(each.kind, each.rows, each.batch) for each in entries] == [
        ("waste", 2, result.batch),
        ("position", 1, result.batch),
    ]
    assert result.newest == entries[-1].id
    assert waste_of(entries[0]).texts("id") == ["e-1", "e-2"]
    assert [each.payload for each in journal.messages_of(entries[0])] == [b"e-1", b"e-2"]
    assert positions_of(entries[1]).rows["lat"].tolist() == [32.0163]
    assert stored == [
        ("e-1", 3420, ["n1", "p1"], "icu", True, None, 7),
        ("e-2", None, [], None, None, None, 8),
    ]
    assert where == [("t1", NOW, 32.0163, 120.8642, 41.5, None)]
    with pytest.raises(ValueError, match="of kind 'position', not 'waste'"):
        waste_of(entries[1])


def test_a_repeat_changes_nothing_and_another_event_with_the_id_is_a_conflict(engine: Engine) -> None:
    """By the device's id over all time: also where the other event is years away, and within one batch."""
    years_later = BAG._replace(ts=to_us(NOW + timedelta(days=900)))
    other_device = BAG._replace(device="scale-2")
    with engine.connect() as connection:
        write(connection, [StoredScan(BAG, 7)], [FIX])
        again = write(
            connection,
            [StoredScan(BAG, 7), StoredScan(years_later, 9), StoredScan(other_device, 7), StoredScan(other_device, 7)],
            [FIX, FIX._replace(lat=31.0), FIX._replace(ts=AT + 1), FIX._replace(ts=AT + 1, lon=0.0)],
        )
        (events,) = connection.execute("SELECT count(*) FROM waste_event").fetchone() or (0,)
        letters = connection.execute("SELECT reason, detail FROM dead_letter ORDER BY id").fetchall()
        kinds = [entry.kind for entry in journal.read_after(connection, 0, 10)]
    assert again.custody.scans.new == [2]
    assert list(again.custody.scans.conflicts) == [1]
    assert again.custody.scans.duplicates(4) == 2
    assert again.custody.fixes.new == [2]
    assert sorted(again.custody.fixes.conflicts) == [1, 3]
    assert events == 2
    assert [reason for reason, _ in letters] == ["conflict"] * 3
    assert "2026-11-02T08:00:00+00:00" in letters[0][1]
    assert kinds == ["waste", "position", "waste", "position", "dead"]


@pytest.mark.needs("concurrency")
def test_two_writers_with_one_event_store_it_once(engine: Engine) -> None:
    """The second waits for the first's transaction and then finds the id."""
    with engine.connect() as first, engine.connect() as second:
        with first.transaction():
            assert insert_scans(first, [StoredScan(BAG, 7)], 1).new == [0]
            second.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
                insert_scans(second, [StoredScan(BAG._replace(ts=AT + 1), 8)], 2)
        second.execute("SET lock_timeout = 0")
        assert list(insert_scans(second, [StoredScan(BAG._replace(ts=AT + 1), 8)], 2).conflicts) == [0]


def test_events_are_kept_for_more_than_five_years(engine: Engine) -> None:
    """What retention drops lies wholly before it; five years of manifests stay (default: six years)."""
    assert Retention().waste > timedelta(days=5 * 366)
    old = BAG._replace(id="old", ts=to_us(NOW - timedelta(days=7 * 366)))
    kept = BAG._replace(id="kept", ts=to_us(NOW - timedelta(days=5 * 366)))
    with engine.connect() as connection:
        write(connection, [StoredScan(old, 1), StoredScan(kept, 2), StoredScan(BAG, 3)])
        connection.commit()
        partitions.drop_waste_before(connection, NOW - Retention().waste)
        rows = connection.execute("SELECT event_id FROM waste_event ORDER BY ts").fetchall()
    assert rows == [("kept",), ("e-1",)]


def test_what_is_registered_comes_back(database: str) -> None:
    """Everything saved is loaded the same; saved again it changes nothing, and changed it is updated."""
    sites = [
        Site(code, "320602", SiteStatus.SIMULATED, code, code, 120.9, 32.0, NOW, scenario=SCENARIO)
        for code in ("h", "w")
    ]
    devices = [Device("t", "w", "s", kind="vehicle_tracker")]
    registry = Registry.of(sites, [SamplingPoint("w", "s", "库", "Store")], devices, [])
    waste = WasteRegistry.of(
        parties=[Party("h", beds=100, visits_a_day=40.5), Party("w", PartyKind.DISPOSER)],
        wards=[Ward("h", "icu", "重症", "ICU", 10)],
        handlers=[Handler("p1", "h", "张三")],
        receivers=[Receiver("r", "中心", "Centre", "L-1", date(2026, 1, 1), date(2026, 12, 31), "w", "焚烧")],
        vehicles=[Vehicle("v", "苏F12345", "r", "t"), Vehicle("v2", "苏F2", "r")],
        tares=[Tare("BOX1", "h", 1500)],
        routes=[Route("r1", "北线", "North", ((120.9, 32.0), (120.8, 32.1)), 250.0, ("v",), "w")],
        fences=[Fence("f1", "医院", "Hospital", ((120.9, 32.0),), 120.0, "h")],
    )
    with connect(database) as connection:
        save_registry(connection, registry)
        save_waste_registry(connection, waste)
        save_waste_registry(connection, waste)
        assert load_waste_registry(connection) == waste
        changed = replace(waste, parties={"h": Party("h", beds=120), "w": waste.parties["w"]})
        save_waste_registry(connection, changed)
        assert load_waste_registry(connection) == changed


def test_what_was_invented_goes_with_the_demonstration(database: str) -> None:
    """Scans, positions and the register of simulated sites are deleted; those of a live site stay."""
    sites = [
        Site(code, "320602", status, code, code, 120.9, 32.0, NOW, scenario=SCENARIO)
        for code, status in (("h1", SiteStatus.SIMULATED), ("h2", SiteStatus.LIVE))
    ]
    registry = Registry.of(
        sites,
        [SamplingPoint(code, "s", "库", "Store") for code in ("h1", "h2")],
        [Device("t1", "h1", "s", kind="vehicle_tracker"), Device("t2", "h2", "s", kind="vehicle_tracker")],
        [],
    )
    mine = BAG._replace(id="mine", device="t2", site="h2")
    with connect(database, autocommit=True) as connection:
        save_registry(connection, registry)
        save_waste_registry(connection, WasteRegistry.of(parties=[Party("h1"), Party("h2")]))
        lately = to_us(datetime.now(UTC))
        fixes = [FIX, FIX._replace(device="t2"), FIX._replace(device="t2", ts=lately)]
        write(connection, [StoredScan(BAG, 1), StoredScan(mine, 2)], fixes)
        seen = {row["code"]: row["last_reading"] for row in upkeep.devices(connection)}
        deleted, _ = demonstration.remove(connection, "test", NOW)
        assert (deleted["waste_event"], deleted["position"]) == (1, 1)
        assert connection.execute("SELECT event_id FROM waste_event").fetchall() == [("mine",)]
        assert connection.execute("SELECT DISTINCT device FROM position").fetchall() == [("t2",)]
        assert load_waste_registry(connection).parties == {"h2": Party("h2")}
    assert to_us(seen["t2"]) == lately, "and the list of devices shows when a tracker was last heard"
