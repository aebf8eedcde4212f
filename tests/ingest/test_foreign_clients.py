"""Every dialect end to end, spoken by programs that nobody here wrote: broker or socket, ingest, database."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import cbor2
import kpn_senml
import pytest

from ingest.decoders.hj212 import FrameReader, frame
from operations.ports import any_free
from registry.credentials import device_password, hj212_pw
from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from store import device_commands
from store.connections import connect
from tests.brokers import DEVICE_MASTER, NatsBroker
from tests.ingest.test_modbus import pool_controller
from tests.ingest.world import (
    COUNTY,
    REGISTERED,
    SITE,
    IngestProcess,
    dead_letters,
    ingesting,
    now_ms,
    register,
    stored,
    topic,
    wait_until,
)
from tests.node import node

MN: Final = "320602POOL00000000000001"
CLIENT: Final = Path(__file__).parents[1] / "sparkplug_client"


def city(modbus: str = "") -> Registry:
    """A device of each dialect, each with pH, ORP in volts where it says units, and a temperature."""
    devices = [
        Device(str(dialect).replace("_", "-"), SITE, "b1", 60, dialect, identity=MN if dialect is Dialect.HJ212 else "")
        for dialect in Dialect
        if dialect is not Dialect.MODBUS
    ]
    devices.append(Device("ward", SITE, "b1", 60, gateway="thingsboard-gateway", identity="Pool 7"))
    if modbus:
        devices.append(Device("modbus", SITE, "b1", 1, Dialect.MODBUS, address=f"modbus://{modbus}/1?map=neopool"))
    names = {
        "hj212": {"ph": "w01001", "water_temperature": "w01010"},
        "alink": {"ph": "PH"},
        "thingsboard": {"water_temperature": "temp_f"},
    }
    units = {"thingsboard": {"water_temperature": "degF"}}
    channels = [
        Channel(
            number,
            device.code,
            indicator,
            (names[device.code][indicator],) if indicator in names.get(device.code, {}) else (),
            units.get(device.code, {}).get(indicator, ""),
        )
        for number, (device, indicator) in enumerate(
            ((device, indicator) for device in devices for indicator in ("ph", "orp", "water_temperature")), start=1
        )
    ]
    return Registry.of(
        [Site(SITE, COUNTY, SiteStatus.SIMULATED, "池", "Pool", 120.9, 32.0, REGISTERED)],
        [SamplingPoint(SITE, "b1", "池", "Pool")],
        devices,
        channels,
    )


CITY: Final = city()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsBroker]:
    """A NATS broker with the devices of `CITY`."""
    with NatsBroker(tmp_path / "nats", CITY, ack_wait_s=1) as running:
        yield running


@pytest.fixture
def dsn(database: str) -> str:
    """A database with `CITY` registered."""
    register(database, CITY)
    return database


def publish(broker: NatsBroker, device: str, message_topic: str, payload: bytes) -> None:
    """Publish with mosquitto_pub under the device's own credential, and see that it is allowed to."""
    subprocess.run(
        [
            "/usr/bin/mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.mqtt_port), "-q", "1", "-i", device,
            "-u", device, "-P", device_password(DEVICE_MASTER, device), "-t", message_topic, "-s",
        ],
        input=payload, check=True, timeout=20,
    )  # fmt: skip


def values_of(dsn: str, device: str) -> dict[str, list[float]]:
    """The stored values of a device by indicator, in order of time."""
    found: dict[str, list[float]] = {}
    for (channel, _), value in sorted(stored(dsn).items(), key=lambda each: each[0][1]):
        known = CITY.channels.get(channel)
        if known is not None and known.device == device:
            found.setdefault(known.indicator, []).append(round(value, 6))
    return found


def await_values(dsn: str, device: str, wanted: Mapping[str, list[float]]) -> None:
    """Wait until a device's stored values are these."""
    wait_until(lambda: values_of(dsn, device) == wanted, what=f"the readings of {device}")


def senml_pack(ts: float) -> Any:
    """A pack built with the library of the Dutch network operator KPN."""
    pack = kpn_senml.SenmlPack("urn:dev:mac:0024befffe804ff1:")
    pack.base_time = ts
    for name, unit, value in (("ph", "pH", 7.31), ("orp", "V", 0.702), ("water_temperature", "Cel", 27.3)):
        pack.add(kpn_senml.SenmlRecord(name, unit=unit, value=value))
    return pack


def test_mosquitto_pub_speaks_for_the_clouds(broker: NatsBroker, dsn: str) -> None:
    """What ThingsBoard, Alibaba and Huawei document, sent by mosquitto_pub under each device's own credential."""
    ts = now_ms() // 1000 * 1000
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(ts / 1000))
    with ingesting(dsn, broker.ingest_url):
        said = {"ts": ts, "values": {"ph": 7.3, "temp_f": 81.5}}
        publish(broker, "thingsboard", topic("thingsboard"), json.dumps(said).encode())
        upload = {"Pool 7": [{"ts": ts, "values": {"ph": 7.1}}], "thingsboard": [{"ts": ts, "values": {"ph": 1}}]}
        publish(broker, "thingsboard-gateway", topic("thingsboard-gateway"), json.dumps(upload).encode())
        post = {"id": "1", "params": {"PH": {"value": 7.2, "time": ts}}, "method": "thing.event.property.post"}
        publish(broker, "alink", f"/sys/{COUNTY}/alink/thing/event/property/post", json.dumps(post).encode())
        report = {"services": [{"service_id": "water", "properties": {"ph": 7.4, "orp": 690}, "event_time": at}]}
        publish(broker, "huawei", "$oc/devices/huawei/sys/properties/report", json.dumps(report).encode())
        await_values(dsn, "thingsboard", {"ph": [7.3], "water_temperature": [27.5]})
        await_values(dsn, "ward", {"ph": [7.1]})
        await_values(dsn, "alink", {"ph": [7.2]})
        await_values(dsn, "huawei", {"ph": [7.4], "orp": [690.0]})
        wait_until(lambda: dead_letters(dsn), what="the dead letter of the gateway that spoke for another")
        (letter,) = dead_letters(dsn)
    assert (letter["reason"], letter["device"], letter["field"]) == (
        "wrong_identity", "thingsboard-gateway", "thingsboard",
    )  # fmt: skip


def test_senml_libraries_are_understood(broker: NatsBroker, dsn: str) -> None:
    """Packs of KPN's SenML library, in JSON and in CBOR, come to readings in the indicators' units."""
    pack = senml_pack(now_ms() // 1000)
    with ingesting(dsn, broker.ingest_url):
        publish(broker, "senml-json", topic("senml-json"), pack.to_json().encode())
        publish(broker, "senml-cbor", topic("senml-cbor"), bytes(pack.to_cbor()))
        wanted = {"ph": [7.31], "orp": [702.0], "water_temperature": [27.3]}
        await_values(dsn, "senml-json", wanted)
        await_values(dsn, "senml-cbor", wanted)
    assert dead_letters(dsn) == []


def test_a_unit_of_another_quantity_is_told(broker: NatsBroker, dsn: str) -> None:
    """A potential in °C is a dead letter that says which units would be right; its neighbours are stored."""
    pack = [{"bt": now_ms() // 1000, "n": "orp", "u": "Cel", "v": 700}, {"n": "ph", "u": "pH", "v": 7.2}]
    with ingesting(dsn, broker.ingest_url):
        publish(broker, "senml-cbor", topic("senml-cbor"), cbor2.dumps([_numbered(each) for each in pack]))
        await_values(dsn, "senml-cbor", {"ph": [7.2]})
        (letter,) = dead_letters(dsn)
    assert letter["reason"] == "wrong_unit"
    assert "'orp' is 700: unit is 'Cel'; must be one of mV, mv, v" in letter["detail"]


def _numbered(record: Mapping[str, object]) -> dict[int, object]:
    return {{"bt": -3, "n": 0, "u": 1, "v": 2}[key]: value for key, value in record.items()}


@contextmanager
def sparkplug_node(broker: NatsBroker) -> Iterator["subprocess.Popen[str]"]:
    """The community's Sparkplug client as an edge node; it reads samples as JSON lines."""
    program = node(CLIENT, "sparkplug-client")
    password = device_password(DEVICE_MASTER, "sparkplug")
    process = subprocess.Popen(
        [program, "edge.js", f"tcp://127.0.0.1:{broker.mqtt_port}", "sparkplug", password, COUNTY, "sparkplug"],
        cwd=CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "born\n"
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def tell(process: "subprocess.Popen[str]", **values: float) -> None:
    """Have the node publish an NDATA."""
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ts": now_ms(), "values": values}) + "\n")
    process.stdin.flush()


def test_a_sparkplug_client_is_followed_over_a_restart_of_ingest(broker: NatsBroker, dsn: str) -> None:
    """Births, data by alias alone, and the rebirth that ingest asks for once it has forgotten what aliases mean."""
    with sparkplug_node(broker) as edge:
        assert edge.stdout is not None
        with ingesting(dsn, broker.ingest_url):
            # What was born before anybody listened is asked for with the first data.
            tell(edge, ph=7.11)
            assert edge.stdout.readline() == "born again\n"
            wait_until(lambda: values_of(dsn, "sparkplug").get("orp") == [700.0], what="the values of the birth")
            tell(edge, ph=7.31)
            await_values(dsn, "sparkplug", {"ph": [7.0, 7.31], "orp": [700.0]})
        with ingesting(dsn, broker.ingest_url):
            tell(edge, ph=7.41)
            assert edge.stdout.readline() == "born again\n"
            wait_until(lambda: values_of(dsn, "sparkplug").get("orp") == [700.0, 700.0], what="the second birth")
            tell(edge, ph=7.51)
            await_values(dsn, "sparkplug", {"ph": [7.0, 7.31, 7.0, 7.51], "orp": [700.0, 700.0]})
    # Each time one message could not be understood: it is kept, with its reason.
    assert [each["reason"] for each in dead_letters(dsn)] == ["before_birth", "before_birth"]


def test_a_controller_is_polled(database: str, tmp_path: Path) -> None:
    """The registers of pymodbus's server come to readings every period, and go on after it has been away."""
    port = any_free()
    registry = city(f"127.0.0.1:{port}")
    register(database, registry)
    ids = [registry.channel_ids["modbus", each] for each in ("ph", "orp", "water_temperature")]

    def polled() -> int:
        found = stored(database)
        assert {value for (channel, _), value in found.items() if channel in ids} <= {7.42, 702.0, 27.3}
        return sum(channel == ids[0] for channel, _ in found)

    with NatsBroker(tmp_path / "nats", registry) as broker, ingesting(database, broker.ingest_url):
        with pool_controller(port):
            wait_until(lambda: polled() >= 2, what="two polls")
        before = polled()
        with pool_controller(port):
            wait_until(lambda: polled() > before, what="a poll after the controller came back")
    assert dead_letters(database) == []


def test_an_instrument_loses_nothing_over_kill_9_of_ingest(broker: NatsBroker, dsn: str) -> None:
    """Uploads answered are stored; those unanswered when ingest was killed are sent again and stored once."""
    port = any_free()
    pw = hj212_pw(device_password(DEVICE_MASTER, "hj212"))
    first = now_ms() // 1000 * 1000 - 60_000
    uploads = {_qn(first + number * 1000): _upload(first + number * 1000, pw, number) for number in range(40)}
    waiting = dict(uploads)
    environment = {"HJ212": f"127.0.0.1:{port}", "MASTER": DEVICE_MASTER}
    for patience in (15, None):
        with IngestProcess(dsn, broker.ingest_url, hold_s=0.5, more=environment) as ingest:
            wait_until(lambda: _reachable(port), what="the listener")
            with dial(port) as instrument:
                for upload in waiting.values():
                    instrument.sendall(upload)
                reader = FrameReader()
                while waiting and (patience is None or len(uploads) - len(waiting) < patience):
                    for packet in reader.feed(instrument.recv(4096)):
                        assert b";CN=9014;" in packet
                        del waiting[packet.partition(b"QN=")[2].partition(b";")[0].decode()]
            ingest.stop(9)
    assert values_of(dsn, "hj212")["ph"] == [round(7 + number / 100, 2) for number in range(40)]
    assert dead_letters(dsn) == []


def test_an_instrument_with_a_wrong_password_is_shown(broker: NatsBroker, dsn: str) -> None:
    """An upload with another's MN is not answered; the dead letter names the MN and what is wrong."""
    port = any_free()
    with ingesting(dsn, broker.ingest_url, hj212=("127.0.0.1", port), device_master=DEVICE_MASTER):
        wait_until(lambda: _reachable(port), what="the listener")
        with dial(port) as instrument:
            instrument.sendall(_upload(now_ms(), "guess1", 1))
            wait_until(lambda: dead_letters(dsn), what="the dead letter")
    (letter,) = dead_letters(dsn)
    assert letter["reason"] == "wrong_identity"
    assert MN in letter["detail"]
    assert stored(dsn) == {}


def test_a_taken_port_costs_nothing_but_its_protocol(broker: NatsBroker, dsn: str) -> None:
    """Ingest says which protocol can't be heard and why, stores what comes by MQTT, and listens once it can."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with ingesting(dsn, broker.ingest_url, hj212=("127.0.0.1", port), device_master=DEVICE_MASTER) as service:
            assert service.detail()["deaf"] == {"hj212": f"127.0.0.1:{port}: Address already in use"}
            wait_until(lambda: service.session.connected, what="the broker beside it")
            assert service.writer.counters.trouble is None
            other.close()
            wait_until(lambda: "deaf" not in service.detail(), what="the listener, once its port is free")
            wait_until(lambda: _reachable(port), what="the listener")


def _qn(ts_ms: int) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(ts_ms / 1000 + 8 * 3600)) + "000"


def _upload(ts_ms: int, pw: str, number: int) -> bytes:
    at = _qn(ts_ms)
    return frame(
        f"QN={at};ST=21;CN=2011;PW={pw};MN={MN};Flag=5;CP=&&DataTime={at[:14]};w01001-Rtd=7.{number:02d},w01001-Flag=N&&"
    )


def _reachable(port: int) -> bool:
    try:
        dial(port).close()
    except OSError:
        return False
    return True


def dial(port: int) -> socket.socket:
    """A TCP connection to the HJ 212 listener."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_an_instrument_is_told_and_its_answer_is_kept(broker: NatsBroker, dsn: str) -> None:
    """A command asked for is sent over the instrument's own connection; what it answers is kept beside it."""
    port = any_free()
    pw = hj212_pw(device_password(DEVICE_MASTER, "hj212"))
    with connect(dsn, autocommit=True) as connection:
        device_commands.ask(connection, "hj212", "set_interval", {"seconds": 30}, "admin", datetime.now(UTC))
        with (
            ingesting(dsn, broker.ingest_url, hj212=("127.0.0.1", port), device_master=DEVICE_MASTER),
            dial(port) as instrument,
        ):
            instrument.sendall(_upload(now_ms(), pw, 1))
            reader, packets = FrameReader(), list[bytes]()
            while len(packets) < 2:
                packets += reader.feed(instrument.recv(4096))
            (told,) = (each for each in packets if b";CN=1062;" in each)
            assert b"CP=&&RtdInterval=30&&" in told
            qn = told.partition(b"QN=")[2].partition(b";")[0].decode()
            instrument.sendall(frame(f"QN={qn};ST=91;CN=9012;PW={pw};MN={MN};Flag=4;CP=&&ExeRtn=1&&"))
            wait_until(lambda: device_commands.commands_of(connection, "hj212")[0]["answer"] == "done")
