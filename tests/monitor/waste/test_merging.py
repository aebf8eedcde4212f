"""Bags in their table: merged by the monitor, told again by old news, asked for by screens."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from monitor.recompute import recompute
from monitor.service import Monitor, MonitorSettings
from monitor.waste.rules import Rule
from registry.waste.catalogue import Container, Event
from store.connections import Connection, connect
from store.custody import Custody
from store.readings import WriteMode, write_batch
from store.records import READING, Message, from_us
from store.registry_rows import save_registry
from store.waste_bags import bag, bags_of, balance, counts_by_step, life, open_bags
from store.waste_body import WasteRow
from store.waste_registry import save_waste_registry
from store.waste_rows import StoredScan
from tests.monitor.waste.chains import HOUR, MIDNIGHT
from tests.monitor.waste.test_watch import REGISTRY, WASTE, lost_and_overdue, scan

SETTINGS = MonitorSettings("", latest_s=0.0, heartbeat_s=3600, snapshot_s=3600, tick_s=1.0, aggregates_s=3600)
SITES = ["H1", "P1", "S1"]


def hour(hours: float) -> datetime:
    """An instant, in hours since `MIDNIGHT`."""
    return from_us(MIDNIGHT + round(hours * HOUR))


class Played:
    """A monitor over a real database, at instants that the test names."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.now = connection, hour(0)
        save_registry(connection, REGISTRY)
        save_waste_registry(connection, WASTE)
        connection.commit()
        connection.autocommit = True
        self.monitor = Monitor(connection, SETTINGS, lambda: self.now)

    def at(self, hours: float, *scans: WasteRow) -> None:
        """Store scans at an instant, and let the monitor judge it."""
        self.now = hour(hours)
        if scans:
            stored(self.connection, scans, self.now)
        while self.monitor.step():
            pass


def stored(connection: Connection, scans: Sequence[WasteRow], at: datetime) -> None:
    """Store scans as ingest does."""
    write_batch(
        connection,
        np.empty(0, dtype=READING),
        messages=[],
        dead=[],
        recorded_at=at,
        mode=WriteMode.ON_CONFLICT,
        chain=Custody(
            scans=[StoredScan(each, number) for number, each in enumerate(scans)],
            scan_messages=[Message("…/waste", each.id.encode(), each.arrived) for each in scans],
        ),
    )


@pytest.fixture
def played(database: str) -> Any:
    """A monitor at midnight."""
    with connect(database) as connection:
        yield Played(connection)


def whole_life(tag: str, **said: Any) -> list[WasteRow]:
    """A bag that goes the whole way in box X, with the box's own scans."""
    return [
        scan(8, Event.COLLECTED, tag, **said),
        scan(9, Event.STORED_IN, tag),
        scan(10, Event.BOXED, tag, parent="X"),
    ]


BOX = [
    scan(20, Event.HANDED_OVER, "X", kind=Container.BOX, gross_g=2_000),
    scan(22, Event.RECEIVED, "X", "P1", kind=Container.BOX, gross_g=2_050),
    scan(30, Event.TREATED, "X", "P1", kind=Container.BOX),
]


def test_screens_find_bags_by_state_age_code_and_fault(played: Played) -> None:
    """One bag goes the whole way in a box, one lies too long, one is lost; the balance is that of the scales."""
    played.at(9.5, *whole_life("B1"), *whole_life("B2")[:2], scan(8, Event.COLLECTED, "LOST"))
    for at, event in ((20.5, BOX[0]), (22.5, BOX[1]), (30.5, BOX[2])):
        played.at(at, event)
    played.at(59)
    connection = played.connection
    through = bag(connection, "B1", simulated=False)
    assert through is not None
    assert (through["step"], through["handed_at"], through["own"], through["found"]) == (4, hour(20), 0b11, 0)
    overdue = open_bags(connection, SITES, 1 << Rule.STORAGE_48H | 1 << Rule.MISSING)
    assert [(each["tag"], each["step"]) for each in overdue] == [("B2", 1), ("LOST", 0)]
    assert [each["tag"] for each in bags_of(connection, SITES, 1)] == ["B2"]
    counts = {each["step"]: each for each in counts_by_step(connection, SITES, played.now)}
    assert (counts[1]["bags"], float(counts[1]["oldest_h"]), float(counts[1]["kg"])) == (1, 50.0, 2.0)
    kg = {
        (each["event"], each["category"]): float(each["kg"])
        for each in balance(connection, SITES, hour(0), hour(48), "Asia/Shanghai")
    }
    assert kg == {(1, 1): 6.0, (3, 0): 4.0, (5, 0): 2.0, (6, 0): 2.05}
    assert [each["event"] for each in life(connection, "B1", simulated=False)] == [1, 3, 2, 5, 6, 7]
    rules = connection.execute("SELECT rule FROM alarm WHERE returned_at IS NULL ORDER BY rule").fetchall()
    assert [rule for (rule,) in rules] == ["waste:missing", "waste:storage_48h"]


def test_news_of_a_bag_that_left_memory_ends_in_the_same_row_as_news_in_time(
    database: str, database_server: Any
) -> None:
    """An unsigned storing scan that comes ten days late is found in the row, and nobody is paged."""
    whole = [
        scan(8, Event.COLLECTED, "B1"),
        scan(20, Event.HANDED_OVER, "B1"),
        scan(22, Event.RECEIVED, "B1", "P1"),
        scan(30, Event.TREATED, "B1", "P1"),
    ]
    late = scan(9, Event.STORED_IN, "B1", gross_g=1_000, late_h=240)
    with connect(database) as connection, database_server.new_database() as other, connect(other) as in_time:
        played, straight = Played(connection), Played(in_time)
        played.at(31, *whole)
        straight.at(31, *whole, late._replace(arrived=late.ts))
        for day in range(2, 12):
            played.at(24 * day)
            straight.at(24 * day)
        assert played.monitor.engine.waste.states["live"].open_bags == 0
        played.at(250, late)
        straight.at(250)
        rows = [bag(each, "B1", simulated=False) for each in (connection, in_time)]
        assert rows[0] is not None
        assert rows[1] is not None
        assert rows[0]["found"] == rows[1]["found"] == 1 << Rule.WEIGHT
        for column in (
            "stored_at",
            "stored_g",
            "collected_at",
            "step",
            "own",
            "signs",
            "open",
            "site",
            "ward",
            "vehicle",
        ):
            assert rows[0][column] == rows[1][column], column
        paged = connection.execute("SELECT count(*) FROM alarm WHERE raised_at > %s", (hour(249),)).fetchone()
        assert paged == (0,)


def test_history_is_the_same_when_it_is_recomputed(played: Played) -> None:
    """Alarms of waste come out of the journal byte for byte."""
    for entry in lost_and_overdue():
        if entry.kind == "tick":
            played.at((entry.recorded_at - hour(0)) / timedelta(hours=1))
        else:
            played.at(8.2 if entry.id < 3 else 9.2)
        if entry.id == 1:
            played.at(8.1, *(scan(8, Event.COLLECTED, tag) for tag in ("B1", "LOST")))
    played.at(60)
    compared = recompute(played.connection, datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    assert compared.identical
    assert compared.tables[0].stored > 0
