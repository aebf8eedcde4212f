"""The fleet on a real broker: what it publishes, and what becomes of it when things break."""

import csv
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from registry.indicators import INDICATORS
from simulators.device import Presence
from simulators.fleet import Fleet
from tests.brokers import NatsBroker
from tests.simulators.live import Ear, broker_and_ear, running, settings_for, wait_until
from tests.simulators.worlds import city

CITY = city(3)
SITE, POINT = "nt-cc-001", "b1"
DEVICE = f"{SITE}-{POINT}"
DEVICES = list(CITY.devices)


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[tuple[NatsBroker, Ear]]:
    with broker_and_ear(tmp_path, CITY) as world:
        yield world


@pytest.fixture(name="fleet")
def _fleet(tmp_path: Path, world: tuple[NatsBroker, Ear]) -> Iterator[Fleet]:
    with running(Fleet(settings_for(CITY, tmp_path, world[0].mqtt_port, record=tmp_path / "acks.csv"))) as fleet:
        yield fleet


def everyone_heard(ear: Ear, times: int = 1) -> bool:
    """Whether every device was heard that many times."""
    return all(len(ear.of(device)) >= times for device in DEVICES)


def test_every_device_is_heard_within_ten_seconds_of_a_start(fleet: Fleet, world: tuple[NatsBroker, Ear]) -> None:
    """Each publishes on its own topic exactly the contract's payload and is retained as on line."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear), 10)
    assert ear.topics == {CITY.topic_of(device, "telemetry") for device in CITY.devices.values()}
    for code in DEVICES:
        record = ear.of(code)[0]
        assert set(record) == {"ts", "seq", "values", "flag"}
        assert abs(record["ts"] / 1000 - time.time()) < 15
        assert record["flag"] == "N"
        assert list(record["values"]) == [channel.indicator for channel in CITY.channels_of_device[code]]
        for indicator, value in record["values"].items():
            assert INDICATORS[indicator].physical_lo <= value <= INDICATORS[indicator].physical_hi
    wait_until("every status", lambda: all(ear.statuses.get(code, [])[-1:] == [True] for code in DEVICES))


def test_faster_physics_publishes_each_second_with_wall_clock_timestamps(
    fleet: Fleet, world: tuple[NatsBroker, Ear]
) -> None:
    """At ×60 a device of one minute samples each second; its timestamps stay the wall clock's."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.set_speed(60))
    count = len(ear.of(DEVICE))
    wait_until("five more", lambda: len(ear.of(DEVICE)) >= count + 5, 15)
    stamps = [record["ts"] for record in ear.of(DEVICE)[count:]]
    assert {later - earlier for earlier, later in pairwise(stamps)} == {1000}
    assert abs(stamps[-1] / 1000 - time.time()) < 10
    assert fleet.call(lambda: fleet.physics_now) / 1e6 > time.time() + 200


def test_nothing_acknowledged_is_missing_after_the_broker_was_killed(
    tmp_path: Path, fleet: Fleet, world: tuple[NatsBroker, Ear]
) -> None:
    """Readings taken while the broker is away wait, and arrive in order; what was acknowledged arrives too."""
    broker, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.set_speed(60))
    wait_until("some traffic", lambda: everyone_heard(ear, 3))
    broker.stop(signal.SIGKILL)
    wait_until("a backlog", lambda: all(len(device.outbox) >= 3 for device in fleet.devices))
    broker.start()
    wait_until("all connected", lambda: all(device.connected for device in fleet.devices))
    fleet.call(lambda: fleet.set_speed(1))
    wait_until("backlog sent", lambda: all(len(device.outbox) == 0 for device in fleet.devices))
    acknowledged = {code: fleet.devices[column].acknowledged for column, code in enumerate(DEVICES)}
    assert all(acknowledged.values())
    wait_until("the record of acknowledgements", lambda: len(acks(tmp_path)) >= sum(acknowledged.values()))
    wait_until(
        "everything acknowledged heard",
        lambda: {(device, record["seq"]) for device, record in list(ear.records)} >= set(acks(tmp_path)),
    )
    for code in DEVICES:
        first_arrivals = list(dict.fromkeys(record["seq"] for record in ear.of(code)))
        assert first_arrivals == sorted(first_arrivals)
        assert first_arrivals == list(range(first_arrivals[0], first_arrivals[0] + len(first_arrivals)))


def acks(folder: Path) -> list[tuple[str, int]]:
    """Device and sequence number of each acknowledged sample on record."""
    with (folder / "acks.csv").open() as file:
        return [(row["device"], int(row["seq"])) for row in csv.DictReader(file) if row.get("puback_us")]


def test_dropout_sends_a_late_batch_in_order(fleet: Fleet, world: tuple[NatsBroker, Ear]) -> None:
    """While it is cut off the device samples on; its last will is published; later all arrives as a batch."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.set_speed(60))
    fault = fleet.call(lambda: fleet.inject(SITE, POINT, "dropout", None))
    wait_until("last will", lambda: ear.statuses[DEVICE][-1] is False)
    silent_from = len(ear.of(DEVICE))
    wait_until("a backlog", lambda: fleet.devices[0].outbox.waiting >= 6)
    assert len(ear.of(DEVICE)) == silent_from
    fleet.call(lambda: fleet.end_fault(fault.id))
    wait_until("the batch", lambda: len(ear.of(DEVICE)) >= silent_from + 6)
    wait_until("on line again", lambda: ear.statuses[DEVICE][-1] is True)
    assert max(ear.batches) >= 6
    numbers = [record["seq"] for record in ear.of(DEVICE)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_power_cut_leaves_a_gap_for_good(fleet: Fleet, world: tuple[NatsBroker, Ear]) -> None:
    """Without power nothing is sampled: no timestamp of that time ever arrives. The fault ends by itself."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.set_speed(60))
    wait_until("some traffic", lambda: len(ear.of(DEVICE)) >= 4)
    fault = fleet.call(lambda: fleet.inject(SITE, POINT, "power_cut", 5))
    assert fleet.devices[0].presence is Presence.POWERLESS
    wait_until("last will", lambda: ear.statuses[DEVICE][-1] is False)
    count = len(ear.of(DEVICE))
    wait_until("heard again", lambda: len(ear.of(DEVICE)) >= count + 2)
    (ended,) = [each for each in fleet.call(lambda: list(fleet.ledger)) if each.id == fault.id]
    assert ended.ended_at is not None
    assert (ended.ended_at - ended.started_at) / 1e6 == pytest.approx(5, abs=1)
    stamps = [record["ts"] for record in ear.of(DEVICE)]
    assert not [ts for ts in stamps if ended.started_at < ts * 1000 < ended.ended_at - 100_000]
    assert max(later - earlier for earlier, later in pairwise(stamps)) >= 4000


def test_clock_that_is_off_shifts_every_timestamp_and_nothing_else(fleet: Fleet, world: tuple[NatsBroker, Ear]) -> None:
    """Eight hours ahead, then right again: the readings are those of the pool, their times are not."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.set_speed(60))
    fault = fleet.call(lambda: fleet.inject(SITE, POINT, "clock_8h", None))
    begin = len(ear.of(DEVICE))
    wait_until("wrong times", lambda: len(ear.of(DEVICE)) >= begin + 3)
    ahead = [record["ts"] / 1000 - time.time() for record in ear.of(DEVICE)[begin + 1 :]]
    assert all(8 * 3600 - 20 < each < 8 * 3600 + 5 for each in ahead)
    fleet.call(lambda: fleet.end_fault(fault.id))
    count = len(ear.of(DEVICE))
    wait_until("right times", lambda: len(ear.of(DEVICE)) >= count + 2)
    assert abs(ear.of(DEVICE)[-1]["ts"] / 1000 - time.time()) < 20
    numbers = [record["seq"] for record in ear.of(DEVICE)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_stopped_site_leaves_in_order_and_comes_back(fleet: Fleet, world: tuple[NatsBroker, Ear]) -> None:
    """Its devices say that they are off line; the others go on; after a start they are soon heard again."""
    _, ear = world
    wait_until("every device heard", lambda: everyone_heard(ear))
    fleet.call(lambda: fleet.stop_sites([SITE]))
    wait_until("off line", lambda: ear.statuses[DEVICE][-1] is False)
    assert fleet.paused_reason is None
    assert sum(device.connected for device in fleet.devices) == len(DEVICES) - 2
    fleet.call(lambda: fleet.stop_sites(None))
    assert fleet.paused_reason == "operator"
    count = len(ear.of(DEVICE))
    fleet.call(lambda: fleet.start_sites(None))
    wait_until("heard again", lambda: len(ear.of(DEVICE)) > count, 10)
    assert fleet.paused_reason is None


def test_full_disk_stops_publishing_until_there_is_room(tmp_path: Path, world: tuple[NatsBroker, Ear]) -> None:
    """Under the minimum of free disk nothing is published and the state says why; then it goes on."""
    broker, ear = world
    free = [10**12]
    fleet = Fleet(settings_for(CITY, tmp_path, broker.mqtt_port, min_free_bytes=10**9), measure_disk=lambda: free[0])
    with running(fleet):
        wait_until("every device heard", lambda: everyone_heard(ear))
        fleet.call(lambda: fleet.set_speed(60))
        free[0] = 10**8
        wait_until("paused", lambda: fleet.paused_reason == "disk")
        before = fleet.call(lambda: sum(device.published for device in fleet.devices))
        physics = fleet.physics_now
        wait_until("two periods passed", lambda: fleet.physics_now > physics + 180_000_000)
        assert fleet.call(lambda: sum(device.published for device in fleet.devices)) == before
        assert all(device.connected for device in fleet.devices)
        free[0] = 10**12
        wait_until("published again", lambda: sum(device.published for device in fleet.devices) > before)
        assert fleet.paused_reason is None


def test_refused_device_does_not_hold_up_the_others(
    tmp_path: Path, world: tuple[NatsBroker, Ear], caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong credential is named in the log; every other device is connected and heard."""
    broker, ear = world
    settings = settings_for(CITY, tmp_path, broker.mqtt_port)
    right = settings.device_password
    wrong = replace(settings, device_password=lambda code: "wrong" if code == DEVICE else right(code))
    with running(Fleet(wrong)):
        wait_until("the others heard", lambda: all(ear.of(code) for code in DEVICES if code != DEVICE))
        wait_until("a line in the log", lambda: any(DEVICE in record.getMessage() for record in caplog.records))
    assert not ear.of(DEVICE)


def test_fleet_starts_without_a_broker_and_finds_it_later(tmp_path: Path, world: tuple[NatsBroker, Ear]) -> None:
    """Devices sample from the start; what they took before the broker came arrives."""
    broker, ear = world
    broker.stop()
    with running(Fleet(settings_for(CITY, tmp_path, broker.mqtt_port))) as fleet:
        wait_until("first samples", lambda: all(device.outbox.waiting for device in fleet.devices))
        broker.start()
        wait_until("every device heard", lambda: everyone_heard(ear))


def test_commands_survive_a_restart_and_the_water_goes_on(tmp_path: Path, world: tuple[NatsBroker, Ear]) -> None:
    """Speed, stopped sites and faults are kept; an over-dosed basin is still over-dosed; numbers go on upwards."""
    broker, ear = world
    settings = settings_for(CITY, tmp_path, broker.mqtt_port)
    with running(Fleet(settings)) as fleet:
        wait_until("every device heard", lambda: everyone_heard(ear))
        fleet.call(lambda: fleet.set_speed(600))
        fault = fleet.call(lambda: fleet.inject(SITE, POINT, "over_dosing", None))
        fleet.call(lambda: fleet.stop_sites(["nt-hm-001"]))
        wait_until("over-dosed", lambda: fleet.engine.water.free_chlorine[0] > 1.2)
    ended = fleet.physics_now
    wait_until("off line told", lambda: ear.statuses[DEVICE][-1] is False)
    last = ear.of(DEVICE)[-1]["seq"]
    with running(Fleet(settings)) as again:
        assert again.clock.speed == 600
        assert again.stopped == {"nt-hm-001"}
        assert [each.id for each in again.ledger.active] == [fault.id]
        assert again.engine.water.free_chlorine[0] > 1.2
        assert abs(again.physics_now - ended) < 3600 * 1e6 * 10
        wait_until("heard again", lambda: ear.of(DEVICE)[-1]["seq"] > last)
