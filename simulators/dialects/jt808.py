"""A JT/T 808-2019 terminal of a vehicle: it registers, signs in with its code, and reports where it is over TCP."""

import logging
import selectors
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from simulators.dialects.voice import Plain, Words
from simulators.link import Address, Listener
from simulators.outbox import Sample

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 2.0
REGISTER, AUTHENTICATE, LOCATION = 0x0100, 0x0102, 0x0200
ANSWER, REGISTERED = 0x8001, 0x8100
_VERSION: Final = 1
_IS_2019: Final = 0x4000
_ACC, _POSITIONED = 1 << 0, 1 << 1
_PROVINCE, _CITY, _YELLOW = 32, 600, 2  # Jiangsu, Nantong, a yellow plate
_FLAG: Final = b"\x7e"
_HEADER: Final = 17

_BEIJING: Final = timezone(timedelta(hours=8))


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
        at = datetime.fromtimestamp(sample.ts / 1000, UTC).astimezone(_BEIJING)
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


class Jt808Link:
    """A terminal's connection, driven by the fleet's selector like one to the broker.

    It counts as connected once the platform has taken its code. A location is in flight until the platform's answer;
    one that is not answered in time ends the connection, and the outbox sends it again over the next.
    """

    def __init__(self, terminal: Terminal, selector: selectors.BaseSelector, listener: Listener) -> None:
        self._terminal = terminal
        self._selector = selector
        self._listener = listener
        self._socket: socket.socket | None = None
        self._out = bytearray()
        self._in = bytearray()
        self._ended = False
        self._serial = 0
        self._waiting: dict[int, float] = {}
        self._signed_in = False
        self._clock = 0.0

    def open(self, address: Address) -> None:
        """Connect and register. Raises `OSError` where nobody listens."""
        connection = socket.create_connection((address.host, address.port), timeout=CONNECT_TIMEOUT_S)
        connection.setblocking(False)
        self._socket = connection
        self._selector.register(connection, selectors.EVENT_READ, self)
        names = b"LANDN".ljust(11, b"\0") + b"SIM-1".ljust(30, b"\0") + self._terminal.phone.encode().ljust(30, b"\0")
        body = struct.pack(">HH", _PROVINCE, _CITY) + names + bytes((_YELLOW,)) + self._terminal.plate.encode("gbk")
        self._send(REGISTER, body)

    def say(self, words: Iterable[Words]) -> None:
        """Nothing: a terminal says no more than what is answered."""

    def publish(self, topic: str, payload: bytes) -> int | None:  # noqa: ARG002 - JT/T 808 has no topics
        """Send a location; the number its answer will have, or None where the connection is gone."""
        if self._socket is None or self._ended:
            return None
        number = self._send(LOCATION, payload)
        return number if self._socket is not None else None

    def ready(self, mask: int) -> None:
        """The selector says that the socket can be read or written."""
        if mask & selectors.EVENT_READ:
            self._read()
        if mask & selectors.EVENT_WRITE:
            self._flush()

    def tick(self) -> None:
        """A second has passed: an answer that has not come by now will not."""
        self._clock += 1.0
        if any(self._clock - since > TIMEOUT_S for since in self._waiting.values()):
            self._lost(f"no answer within {TIMEOUT_S:g} s")

    def say_goodbye(self) -> None:
        """Close."""
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self._ended = True
        self._close()

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._socket is None

    def _send(self, message: int, body: bytes) -> int:
        self._serial = self._serial % 0xFFFF + 1
        self._waiting[self._serial] = self._clock
        self._out += framed(message, self._terminal.phone, self._serial, body)
        self._flush()
        return self._serial

    def _flush(self) -> None:
        if self._socket is None:
            return
        try:
            while self._out:
                sent = self._socket.send(self._out)
                del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lost(str(error))
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        self._selector.modify(self._socket, wanted, self)

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(str(error))
            return
        if not data:
            self._lost("closed by the other side")
            return
        self._in += data
        while self._socket is not None and (end := self._in.find(_FLAG, 1)) > 0:
            inside = bytes(self._in[1:end])
            del self._in[: end + 1]
            self._hear(inside.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d"))

    def _hear(self, inside: bytes) -> None:
        """Take an answer of the platform (a header of 17 bytes, as ours)."""
        (message,) = struct.unpack_from(">H", inside)
        body = inside[_HEADER:-1]
        if message == REGISTERED:
            serial, result = struct.unpack_from(">HB", body)
            self._waiting.pop(serial, None)
            if result:
                self._refused(f"registration was refused with {result}")
                return
            code = body[3:]
            identity = self._terminal.phone.encode()[:15].ljust(15, b"\0") + b"1.0".ljust(20, b"\0")
            self._send(AUTHENTICATE, bytes((len(code),)) + code + identity)
        elif message == ANSWER:
            serial, answered, result = struct.unpack_from(">HHB", body)
            self._waiting.pop(serial, None)
            if result:
                self._refused(f"message {answered:#06x} was refused with {result}")
            elif answered == AUTHENTICATE and not self._signed_in:
                self._signed_in = True
                self._listener.connected()
            elif answered == LOCATION:
                self._listener.acknowledged(serial)

    def _refused(self, why: str) -> None:
        self._close()
        if not self._ended:
            self._ended = True
            self._listener.refused(why)

    def _lost(self, why: str) -> None:
        self._close()
        if not self._ended:
            self._ended = True
            self._listener.lost(why)

    def _close(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            self._selector.unregister(connection)
            connection.close()
