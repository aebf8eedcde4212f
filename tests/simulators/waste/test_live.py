from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.decoders import jt808
from ingest.decoders.model import Decoded
from simulators.device import SimulatedDevice
from simulators.dialects.jt808 import LOCATION, Jt808, Terminal, framed
from simulators.errors import NotAllowedError
from simulators.fleet import Fleet
from simulators.outbox import Sample
from simulators.waste.city import demonstration_city
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.registering import HANDHELD, SCALE, beside, registered
from tests.simulators.live import broker_and_ear, running, settings_for, wait_until
from tests.simulators.worlds import REGISTERED, SEED, city

CITY = demonstration_city(SEED)
REGISTRY = beside(city(2, stores=1), registered(CITY, REGISTERED, 1_000)[0])
HOSPITAL = CITY.codes[0]


def devices_of_broker(fleet: Fleet) -> list[SimulatedDevice]:
    """The devices that speak of waste to the broker."""
    known = fleet.settings.registry.devices
    return [each for each in fleet.devices if known[each.code].kind in ("smart_scale", "handheld", "weighbridge")]


def test_the_devices_tell_what_happened_before_anybody_ran_them_and_take_faults(tmp_path: Path) -> None:
    """Through a real broker: the lives of two days' bags, each event once; a fault and its truth as with pools."""
    with broker_and_ear(tmp_path, REGISTRY) as (broker, ear):
        fleet = Fleet(replace(settings_for(REGISTRY, tmp_path, broker.mqtt_port), waste=CITY))
        with running(fleet):
            wait_until("treated bags", lambda: any(each.get("event") == "treated" for _, each in list(ear.records)))
            fault = fleet.call(lambda: fleet.inject(HOSPITAL, "s1", "lost_bag", None))
            assert (fault.device, fault.kind) == (f"{HOSPITAL}-{SCALE}", WasteFault.LOST_BAG)
            with pytest.raises(NotAllowedError, match="watches a vehicle"):
                fleet.call(lambda: fleet.inject("nt-cc-s01", "nt-cc-s01-nt-v01", "lost_bag", None))
            wait_until(
                "empty outboxes",
                lambda: fleet.call(lambda: not any(len(each.outbox) for each in devices_of_broker(fleet))),
            )
        lives: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for device, each in ear.records:
            if device in (f"{HOSPITAL}-{SCALE}", f"{HOSPITAL}-{HANDHELD}") and each["kind"] == "bag":
                lives[each["tag"]].append(each)
    steps = [[each["event"] for each in sorted(life, key=lambda one: int(one["ts"]))] for life in lives.values()]
    assert ["collected", "stored_in", "boxed"] in steps
    assert all(each[0] == "collected" for each in steps)
    ids = [each["id"] for life in lives.values() for each in life]
    assert len(ids) == len(set(ids))


def test_a_terminal_says_what_the_decoder_hears() -> None:
    """A location of the simulated terminal is read by ingest's decoder as it was meant, escapes included."""
    voice = Jt808(Terminal("13900000001", "苏F-W0001"))
    said = {"lat": 31.987654, "lon": 120.8765, "speed_kmh": 41.5, "heading": 270.0}
    for serial in (1, 0x7E7D):
        found = Decoded()
        sample = Sample(1, 1_763_780_400_000, said)
        frame = framed(LOCATION, "13900000001", serial, voice.payload((sample,)))
        packet = jt808.read_packet(frame, found)
        assert packet is not None
        assert (packet.phone, packet.message, packet.serial) == ("13900000001", jt808.Message.LOCATION, serial)
        (fix,) = jt808.decode(frame).fixes
        assert (fix.lat, fix.lon, fix.speed_kmh, fix.heading) == (31.987654, 120.8765, 41.5, 270.0)
        assert fix.ts == 1_763_780_400_000_000
