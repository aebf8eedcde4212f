"""A small registered world of medical waste, and a terminal that speaks JT/T 808 over a plain socket."""

import socket
import struct
import time
from datetime import date
from typing import Any, Final

from ingest.decoders.jt808 import FrameReader, Message, Packet, encode, read_packet
from ingest.decoders.model import Decoded
from registry.model import Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind
from registry.waste.model import SCENARIO, Handler, Party, Receiver, Tare, Vehicle, Ward, WasteRegistry
from store.connections import connect
from store.registry_rows import save_registry
from store.waste_registry import save_waste_registry
from tests.ingest.world import COUNTY, REGISTERED

PHONE: Final = "13900000001"
PLATE: Final = "苏F12345"
HOSPITAL: Final = "hospital-1"
DISPOSER: Final = "disposer-1"


def waste_world() -> tuple[Registry, WasteRegistry]:
    """A hospital with scale, hand-held and thermometer; a disposer with weighbridge and two vehicles; a pool."""
    sites = [
        Site(code, COUNTY, SiteStatus.SIMULATED, code, code, 120.9, 32.0, REGISTERED, scenario=scenario)
        for code, scenario in ((HOSPITAL, SCENARIO), (DISPOSER, SCENARIO), ("store-9", SCENARIO))
    ]
    devices = [
        Device("scale-1", HOSPITAL, "s1", kind="smart_scale"),
        Device("hand-1", HOSPITAL, "s1", kind="handheld"),
        Device("thermo-1", HOSPITAL, "s1", kind="store_thermometer"),
        Device("bridge-1", DISPOSER, "s1", kind="weighbridge"),
        Device("track-1", DISPOSER, "s1", dialect=Dialect.JT808, identity=f"0{PHONE}", kind="vehicle_tracker"),
        Device("track-2", DISPOSER, "s1", kind="vehicle_tracker"),
        Device("scale-9", "store-9", "s1", kind="smart_scale"),
    ]
    points = [SamplingPoint(site.code, "s1", "暂存间", "Store", "producer_store") for site in sites]
    waste = WasteRegistry.of(
        parties=[Party(HOSPITAL, beds=100), Party(DISPOSER, PartyKind.DISPOSER)],
        wards=[Ward(HOSPITAL, "icu", "重症", "ICU")],
        handlers=[Handler("n1", HOSPITAL, "护士"), Handler("p1", HOSPITAL, "收集员")],
        receivers=[Receiver("r1", "中心", "Centre", "L-1", date(2024, 1, 1), date(2099, 1, 1), DISPOSER)],
        vehicles=[Vehicle("v1", PLATE, "r1", "track-1"), Vehicle("v2", "苏F99999", "r1", "track-2")],
        tares=[Tare("BOX-1", HOSPITAL, 1_500)],
    )
    return Registry.of(sites, points, devices, []), waste


def register_waste(dsn: str) -> Registry:
    """Write the world to a database."""
    registry, waste = waste_world()
    with connect(dsn) as connection:
        save_registry(connection, registry)
        save_waste_registry(connection, waste)
    return registry


def scan(number: int, ts_ms: int, **fields: Any) -> dict[str, Any]:
    """A good event of the scale, changed by `fields`."""
    return {
        "id": f"e-{number}",
        "ts": ts_ms,
        "event": "collected",
        "tag": f"BAG-{number:06d}",
        "category": "841-001-01",
        "ward": "icu",
        "gross_kg": 3.42,
        "tare_kg": 0.12,
        "signed_by": ["n1", "p1"],
        **fields,
    }


class Terminal:
    """One connection of a terminal."""

    def __init__(self, port: int, *, phone: str = PHONE, version: int | None = 1) -> None:
        self.phone, self.version, self.serial = phone, version, 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._reader = FrameReader()
        self._answers: list[Packet] = []

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(
        self, message: int, body: bytes = b"", *, serial: int | None = None, part: tuple[int, int] | None = None
    ) -> int:
        """Send a message; its number."""
        self.serial = self.serial + 1 if serial is None else serial
        self.socket.sendall(encode(message, self.phone, self.serial, body, version=self.version, part=part))
        return self.serial

    def answer(self) -> Packet:
        """The platform's next message."""
        while not self._answers:
            data = self.socket.recv(4096)
            assert data, "the platform closed the connection"
            for frame in self._reader.feed(data):
                packet = read_packet(frame, Decoded())
                assert packet is not None
                self._answers.append(packet)
        return self._answers.pop(0)

    def result(self) -> tuple[int, int, int]:
        """The platform's next general answer: number, message and result."""
        packet = self.answer()
        assert packet.message == Message.GENERAL_ANSWER
        number, message, result = struct.unpack(">HHB", packet.body)
        return number, message, result

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            return not self._answers and not self.socket.recv(4096)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)

    def register(self, plate: str = PLATE) -> tuple[int, str]:
        """Register; the result and the code."""
        maker, model, identity = (11, 30, 30) if self.version is not None else (5, 20, 7)
        body = (
            struct.pack(">HH", 32, 600) + b"M" * maker + b"T" * model + b"I" * identity + b"\x02" + plate.encode("gbk")
        )
        self.send(Message.REGISTER, body)
        packet = self.answer()
        assert packet.message == Message.REGISTERED
        return packet.body[2], packet.body[3:].decode("gbk")

    def authenticate(self, code: str) -> int:
        """Present a code; the result."""
        if self.version is None:
            self.send(Message.AUTHENTICATE, code.encode())
        else:
            self.send(Message.AUTHENTICATE, bytes([len(code)]) + code.encode() + b"8" * 15 + b"\x00")
        return self.result()[2]

    def sign_in(self) -> None:
        """Register and present the code."""
        result, code = self.register()
        assert result == 0
        assert self.authenticate(code) == 0


def now_s() -> int:
    """The wall clock in whole seconds, as terminals tell it."""
    return int(time.time())
