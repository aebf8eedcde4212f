"""Events of custody and positions through broker, ingest and database: who may say what, exactly once, over a kill."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import pytest

from ingest.assembly import assemble
from ingest.decoders.jt808 import Message, location
from ingest.decoders.model import Fix
from ingest.delivery import Delivery
from ingest.directory import Directory
from registry.credentials import device_password
from store import journal
from store.connections import connect
from store.waste_body import positions_of, waste_of
from tests.brokers import DEVICE_MASTER, NatsBroker
from tests.ingest.waste_world import HOSPITAL, Terminal, now_s, register_waste, scan, waste_world
from tests.ingest.world import IngestProcess, Publisher, dead_letters, ingesting, wait_until

DIRECTORY: Final = Directory(*waste_world())


def topic(device: str, kind: str = "waste") -> str:
    """The topic of a device."""
    return DIRECTORY.registry.topic_of(DIRECTORY.registry.devices[device], kind)


def came(device: str, content: object, kind: str = "waste") -> list[tuple[str, str | None, str]]:
    """The dead letters of one message: reason, field, detail."""
    delivery = Delivery(1, 1, topic(device, kind), json.dumps(content).encode(), time.time_ns() // 1000)
    assembled = assemble([delivery], DIRECTORY)
    return [(each.reason, each.field, each.detail) for each in assembled.letters]


def rows(dsn: str, query: LiteralString) -> list[tuple[Any, ...]]:
    """What a query gives."""
    with connect(dsn) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("device", "fields", "words"),
    [
        ("scale-1", {"event": "treated"}, "event is 'treated'; a smart_scale speaks of collected, boxed"),
        ("hand-1", {"event": "received"}, "event is 'received'; a producer's device speaks of"),
        ("bridge-1", {}, "event is 'collected'; a weighbridge speaks of received, treated"),
        ("thermo-1", {}, "kind of device is 'store_thermometer'; on the topic waste speak smart_scale, handheld"),
        ("track-2", {}, "kind of device is 'vehicle_tracker'"),
        ("scale-9", {}, "site store-9 has no part in medical waste; register it as producer"),
    ],
)
def test_a_device_speaks_only_of_what_it_can_see(device: str, fields: dict[str, Any], words: str) -> None:
    """By its kind and by what its site is; the letter names the device, what it said, and what would be right."""
    ((reason, _, detail),) = came(device, scan(1, now_s() * 1000, **fields))
    assert reason == "wrong_identity"
    assert detail.startswith(f"device {device}: ")
    assert words in detail


def test_positions_come_from_who_moves() -> None:
    """A scale stands still."""
    here = {"ts": now_s() * 1000, "lat": 32.0, "lon": 120.9}
    assert came("track-2", here, "position") == []
    assert came("hand-1", here, "position") == []
    ((reason, _, detail),) = came("scale-1", here, "position")
    assert (reason, "on the topic position speak handheld, vehicle_tracker" in detail) == ("wrong_identity", True)


def test_times_are_held_to_the_same_rules_as_readings() -> None:
    """Ahead by more than five minutes, or before the site's registration: named, with the others of a list kept."""
    ahead, before = scan(1, (now_s() + 600) * 1000), scan(2, 1_690_000_000_000)
    letters = came("scale-1", [ahead, before, scan(3, now_s() * 1000)])
    assert [(reason, at) for reason, at, _ in letters] == [("in_future", "[0].ts"), ("before_registration", "[1].ts")]


def test_a_container_that_is_registered_lends_its_tare() -> None:
    """Only where the message weighs and names no tare of its own."""
    events = [
        scan(1, now_s() * 1000, tag="BOX-1", kind="box", tare_kg=None),
        scan(2, now_s() * 1000, tag="BOX-1", kind="box", tare_kg=0.2),
        scan(3, now_s() * 1000, tag="BOX-1", kind="box", tare_kg=None, gross_kg=None),
    ]
    delivery = Delivery(1, 1, topic("scale-1"), json.dumps(events).encode(), time.time_ns() // 1000)
    assert [each.row.tare_g for each in assemble([delivery], DIRECTORY).scans] == [1_500, 200, -1]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    """NATS with the world's devices, which delivers again after 1 s."""
    with NatsBroker(tmp_path / "nats", waste_world()[0], ack_wait_s=1) as running:
        yield running


def test_the_whole_way_of_scans_and_positions(database: str, broker: NatsBroker) -> None:
    """Devices with their own credentials, a list, a repeat, a conflict, a dead letter, and a terminal over TCP."""
    register_waste(database)
    at, ts = now_s(), now_s() * 1000
    with ingesting(database, broker.ingest_url, jt808=("127.0.0.1", 0), device_master=DEVICE_MASTER) as service:
        listener = service.inlets._terminal_listener
        assert listener is not None
        with Publisher(broker.mqtt_port, "scale-1", device_password(DEVICE_MASTER, "scale-1"), client_id="s") as scale:
            for content in (
                [scan(1, ts), scan(2, ts, signed_by=[])],
                scan(1, ts),  # again
                scan(1, ts + 1),  # the id again, for something else
                scan(3, ts, tag="not a tag"),
                scan(4, ts - 86_400_000, event="stored_in", place="s1"),  # late, and out of order
            ):
                scale.send(topic("scale-1"), json.dumps(content).encode())
            with Terminal(listener.port) as terminal:
                terminal.sign_in()
                terminal.send(Message.LOCATION, location(Fix(at * 1_000_000, 32.01, 120.86, 40.0, 90.0)))
                assert terminal.result()[2] == 0
                assert len(rows(database, "SELECT 1 FROM position")) == 1, "answered after the commit"
            wait_until(lambda: service.writer.counters.settled >= 6, what="every message settled")
        counters = service.writer.counters
        assert (counters.scans, counters.fixes, counters.duplicate, counters.conflict) == (3, 1, 1, 1)
        service.check_accounts()
        assert service.reconciliation.imbalance == 0
    stored = rows(
        database, "SELECT event_id, site, event, gross_g, signed_by, place FROM waste_event ORDER BY event_id"
    )
    assert stored == [
        ("e-1", HOSPITAL, 1, 3420, ["n1", "p1"], None),
        ("e-2", HOSPITAL, 1, 3420, [], None),
        ("e-4", HOSPITAL, 3, 3420, ["n1", "p1"], "s1"),
    ]
    assert rows(database, "SELECT device, lat, lon FROM position") == [("track-1", 32.01, 120.86)]
    letters = dead_letters(database)
    assert sorted((each["reason"], each["device"], each["field"]) for each in letters) == [
        ("conflict", "scale-1", "id"),
        ("wrong_shape", "scale-1", "tag"),
    ]
    with connect(database) as connection:
        assert journal.verify(connection).ok
        entries = journal.read_after(connection, 0, 100, with_raw=True)
        seen = [text for each in entries if each.kind == "waste" for text in waste_of(each).texts("id")]
        where = [text for each in entries if each.kind == "position" for text in positions_of(each).texts("device")]
        raw = [each for entry in entries if entry.kind == "position" for each in journal.messages_of(entry)]
    assert sorted(seen) == ["e-1", "e-2", "e-4"]
    assert (where, raw[0].topic) == (["track-1"], "jt808/13900000001")


def test_a_vehicle_that_is_registered_while_ingest_runs_may_report(database: str, broker: NatsBroker) -> None:
    """A change of the register of waste is followed like one of devices."""
    register_waste(database)
    with ingesting(database, broker.ingest_url, jt808=("127.0.0.1", 0), device_master=DEVICE_MASTER) as service:
        listener = service.inlets._terminal_listener
        assert listener is not None
        with connect(database, autocommit=True) as connection:
            connection.execute("UPDATE waste_vehicle SET plate = '苏F77777' WHERE code = 'v1'")
            with connection.transaction():
                journal.append_event(connection, "config", {"what": "registry"}, datetime.now(UTC))

        def registered() -> bool:
            with Terminal(listener.port) as terminal:
                return terminal.register("苏F77777")[0] == 0

        wait_until(registered, what="the new plate")


def test_no_acknowledged_scan_is_lost_or_doubled_over_a_kill(database: str, broker: NatsBroker) -> None:
    """Ingest is killed with kill -9 in the middle of a stream: every scan is there once, in table and journal."""
    register_waste(database)
    count, ts = 600, now_s() * 1000
    with IngestProcess(database, broker.ingest_url, hold_s=1.5) as ingest, Publisher(broker.mqtt_port) as publisher:
        wait_until(lambda: rows(database, "SELECT 1 FROM heartbeat WHERE detail->>'broker' = 'connected'"))
        infos = []
        for number in range(count):
            infos.append(publisher.client.publish(topic("scale-1"), json.dumps(scan(number, ts + number)).encode(), 1))
            if number in (200, 400):
                wait_until(lambda: rows(database, "SELECT 1 FROM waste_event LIMIT 1"))
                ingest.stop(signal.SIGKILL)
                ingest.start()
        wait_until(lambda: all(each.is_published() for each in infos), what="every PUBACK")
        wait_until(
            lambda: rows(database, "SELECT count(*) FROM waste_event") == [(count,)],
            timeout=40,
            what="every scan stored",
        )
    with connect(database) as connection:
        entries = [each for each in journal.read_after(connection, 0, 10_000) if each.kind == "waste"]
        assert journal.verify(connection).ok
    ids = [text for each in entries for text in waste_of(each).texts("id")]
    assert sorted(ids) == sorted(f"e-{number}" for number in range(count))
    assert dead_letters(database) == []


def test_the_topic_is_the_identity(broker: NatsBroker, database: str) -> None:
    """A device that publishes on another's topic is refused by the broker; nothing of it is stored."""
    register_waste(database)
    with (
        ingesting(database, broker.ingest_url) as service,
        Publisher(broker.mqtt_port, "scale-1", device_password(DEVICE_MASTER, "scale-1"), client_id="s") as scale,
    ):
        scale.send(topic("bridge-1"), json.dumps(scan(1, now_s() * 1000, event="received")).encode())
        scale.send(topic("scale-1"), json.dumps(scan(2, now_s() * 1000)).encode())
        wait_until(lambda: service.writer.counters.scans == 1)
        assert service.session.received == 1
    assert rows(database, "SELECT event_id FROM waste_event") == [("e-2",)]
