"""A JT/T 808-2019 terminal of a vehicle: it registers, signs in with its code, and reports where it is over TCP."""

import selectors
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from simulators.dialects.tcp import TcpLink
from simulators.dialects.voice import BEIJING, Plain, Words
from simulators.link import Listener
from simulators.outbox import Sample

REGISTER, AUTHENTICATE, LOCATION = 0x0100, 0x0102, 0x0200
ANSWER, REGISTERED = 0x8001, 0x8100
_VERSION: Final = 1
_IS_2019: Final = 0x4000
_ACC, _POSITIONED = 1 << 0, 1 << 1
_PROVINCE, _CITY, _YELLOW = 32, 600, 2  # Jiangsu, Nantong, a yellow plate
_FLAG: Final = b"\x7e"
_HEADER: Final = 17


@dataclass(frozen=True, slots=True)
class Terminal:
    """Who a terminal says it is: its telephone number and the plate of its vehicle."""

    phone: str
    plate: str


class Jt808(Plain):
    """Locations, one a message, in whole seconds of UTC+8 and millionths of a degree."""

    most_samples = 1
    resolution_ms = 1_000

    def __init__(self, terminal: Terminal) -> None:
        super().__init__("", {})
        self.terminal = terminal

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """The body of a location (0x0200)."""
        (sample,) = samples
        said = sample.values
        at = datetime.fromtimestamp(sample.ts / 1000, UTC).astimezone(BEIJING)
        position = (round(said["lat"] * 1e6), round(said["lon"] * 1e6), 0)
        moving = (round(said["speed_kmh"] * 10), round(said["heading"]) % 360)
        return struct.pack(">IIIIHHH", 0, _ACC | _POSITIONED, *position, *moving) + bytes.fromhex(f"{at:%y%m%d%H%M%S}")


def framed(message: int, phone: str, serial: int, body: bytes) -> bytes:
    """A frame of 2019, flag to flag, escaped and with its checksum."""
    head = struct.pack(">HHB", message, len(body) | _IS_2019, _VERSION) + bytes.fromhex(phone.zfill(20))
    inside = head + struct.pack(">H", serial) + body
    check = 0
    for byte in inside:
        check ^= byte
    escaped = (inside + bytes((check,))).replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return _FLAG + escaped + _FLAG


class Jt808Link(TcpLink):
    """A terminal's connection. It counts as connected once the platform has taken the terminal's code."""

    def __init__(self, terminal: Terminal, selector: selectors.BaseSelector, listener: Listener) -> None:
        super().__init__(selector, listener)
        self._terminal = terminal
        self._serial = 0
        self._signed_in = False

    def say(self, words: Iterable[Words]) -> None:
        """Nothing: a terminal says no more than what is answered."""

    def _greet(self) -> None:
        names = b"LANDN".ljust(11, b"\0") + b"SIM-1".ljust(30, b"\0") + self._terminal.phone.encode().ljust(30, b"\0")
        body = struct.pack(">HH", _PROVINCE, _CITY) + names + bytes((_YELLOW,)) + self._terminal.plate.encode("gbk")
        self._send(REGISTER, body)

    def _publish(self, payload: bytes) -> int:
        return self._send(LOCATION, payload)

    def _send(self, message: int, body: bytes) -> int:
        self._serial = self._serial % 0xFFFF + 1
        self._ask(self._serial, framed(message, self._terminal.phone, self._serial, body))
        return self._serial

    def _cut(self) -> bytes | None:
        end = self._in.find(_FLAG, 1)
        if end < 0:
            return None
        inside = bytes(self._in[1:end])
        del self._in[: end + 1]
        return inside.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")

    def _hear(self, packet: bytes) -> None:
        """Take an answer of the platform (a header of 17 bytes, as ours)."""
        (message,) = struct.unpack_from(">H", packet)
        body = packet[_HEADER:-1]
        if message == REGISTERED:
            serial, result = struct.unpack_from(">HB", body)
            self._unanswered.pop(serial, None)
            if result:
                self._refused(f"registration was refused with {result}")
                return
            code = body[3:]
            identity = self._terminal.phone.encode()[:15].ljust(15, b"\0") + b"1.0".ljust(20, b"\0")
            self._send(AUTHENTICATE, bytes((len(code),)) + code + identity)
        elif message == ANSWER:
            serial, answered, result = struct.unpack_from(">HHB", body)
            self._unanswered.pop(serial, None)
            if result:
                self._refused(f"message {answered:#06x} was refused with {result}")
            elif answered == AUTHENTICATE and not self._signed_in:
                self._signed_in = True
                self._listener.connected()
            elif answered == LOCATION:
                self._listener.acknowledged(serial)
