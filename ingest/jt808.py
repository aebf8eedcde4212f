"""The JT/T 808 listener: terminals of vehicles, answered only once their positions are committed.

A terminal registers (0x0100) and is given its authentication code, presents the code (0x0102) at each connection, and
then reports where it is (0x0200, 0x0704; in several parts if it must). A message is delivered on the topic
``jt808/{telephone number}`` and answered with 0x8001 after the commit; how that works is `ingest.tcp_listener`'s.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Protocol

from ingest.decoders.jt808 import (
    DATA,
    FrameReader,
    Message,
    Packet,
    Registered,
    Registration,
    Result,
    general_answer,
    read_authentication,
    read_packet,
    read_registration,
    registered_answer,
    time_answer,
)
from ingest.decoders.model import Decoded
from ingest.directory import JT808_TOPIC, REFUSED
from ingest.tcp_listener import Connection, TcpListener

EPOCH: Final = -2
"""The epoch of the listener's deliveries: no MQTT connection has it."""

MOST_UNFINISHED: Final = 4
"""Messages in parts that a connection may have begun at a time; the oldest is given up beyond it."""

_log = logging.getLogger(__name__)


class Admission(Protocol):
    """Who may report. Called in the listener's thread."""

    def register(self, phone: str, registration: Registration) -> tuple[Registered, str]:
        """What becomes of a registration, and the authentication code where it succeeds."""

    def authenticate(self, phone: str, code: str) -> bool:
        """Whether a terminal's code is its own."""


@dataclass(eq=False, slots=True)
class _Terminal(Connection):
    serial: int = 0
    parts: dict[tuple[int, int], dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)
    """Frames of unfinished messages with their answers, by message and number of the first part, then by part."""

    def next_serial(self) -> int:
        """The number of the platform's next message on this connection."""
        self.serial = (self.serial + 1) & 0xFFFF
        return self.serial


class Listener(TcpListener[_Terminal]):
    """Listens for JT/T 808 terminals."""

    def __init__(self, host: str, port: int, admission: Admission, *, most_pending: int = 4_096) -> None:
        super().__init__("jt808", EPOCH, host, port, most_pending=most_pending)
        self._admission = admission

    def _connected(self, writer: asyncio.StreamWriter, peer: str) -> _Terminal:
        return _Terminal(writer, peer, FrameReader())

    def _receive(self, frame: bytes, connection: _Terminal) -> None:
        self.received += 1
        packet = read_packet(frame, Decoded())
        if packet is None:
            # Nobody can be answered; what is wrong is found again, and told, when it is decoded.
            self._deliver(frame, JT808_TOPIC + (connection.name or connection.peer), None, b"", connection)
        elif packet.message in DATA:
            self._receive_data(frame, packet, connection)
        else:
            self.ignored += 1
            self._converse(packet, connection)

    def _converse(self, packet: Packet, connection: _Terminal) -> None:
        """Answer what is no data, at once: nothing of it is stored."""
        serial = connection.next_serial()
        match packet.message:
            case Message.REGISTER:
                connection.write(self._register(packet, serial))
            case Message.AUTHENTICATE:
                self._authenticate(packet, connection, serial)
            case Message.HEARTBEAT:
                connection.write(general_answer(packet, Result.DONE, serial))
            case Message.ASK_TIME:
                connection.write(time_answer(packet, datetime.now(UTC), serial))
            case Message.DEREGISTER:
                connection.write(general_answer(packet, Result.DONE, serial))
                connection.name = ""
            case 0x0001:
                return  # a terminal's own general answer is not answered
            case _:
                _log.info("jt808 %s: message %#06x is not supported", packet.phone, packet.message)
                connection.write(general_answer(packet, Result.UNSUPPORTED, serial))

    def _register(self, packet: Packet, serial: int) -> bytes:
        registration = read_registration(packet)
        if registration is None:
            _log.warning("jt808 %s: a registration of %d bytes is too short", packet.phone, len(packet.body))
            return registered_answer(packet, Registered.NO_SUCH_TERMINAL, "", serial)
        result, code = self._admission.register(packet.phone, registration)
        if result is not Registered.DONE:
            _log.warning(
                "jt808 %s: registration as vehicle %r refused: %s",
                packet.phone,
                registration.plate,
                result.name.lower(),
            )
        return registered_answer(packet, result, code, serial)

    def _authenticate(self, packet: Packet, connection: _Terminal, serial: int) -> None:
        right = self._admission.authenticate(packet.phone, read_authentication(packet))
        connection.write(general_answer(packet, Result.DONE if right else Result.FAILED, serial))
        if right:
            self._name(connection, packet.phone)
        else:
            _log.warning("jt808 %s (%s): wrong authentication code", connection.peer, packet.phone)
            connection.writer.close()

    def _receive_data(self, frame: bytes, packet: Packet, connection: _Terminal) -> None:
        if packet.phone != connection.name:
            self._deliver(frame, JT808_TOPIC + packet.phone + REFUSED, None, b"", connection)
            connection.write(general_answer(packet, Result.FAILED, connection.next_serial()))
            return
        # A terminal that is switched on again counts from 0 again: the number alone is no identity.
        content = blake2b(packet.body, digest_size=8).digest()
        key = (packet.phone, packet.message, packet.serial, content)
        reply = general_answer(packet, Result.DONE, connection.next_serial())
        if self._repeats(key, reply, connection):
            return
        if packet.parts > 1:
            self._receive_part(frame, packet, connection, reply)
        else:
            self._deliver(frame, JT808_TOPIC + packet.phone, key, reply, connection)

    def _receive_part(self, frame: bytes, packet: Packet, connection: _Terminal, reply: bytes) -> None:
        """Keep a part until all are there; all are answered when the whole is committed, and none before."""
        self.ignored += 1
        first = (packet.message, (packet.serial - packet.part + 1) & 0xFFFF)
        parts = connection.parts.setdefault(first, {})
        parts[packet.part] = frame, reply
        if len(parts) == packet.parts:
            self.ignored -= 1
            del connection.parts[first]
            whole = b"".join(parts[number][0] for number in sorted(parts))
            replies = b"".join(each for _, each in parts.values())
            self._deliver(whole, JT808_TOPIC + packet.phone, None, replies, connection)
        elif len(connection.parts) > MOST_UNFINISHED:
            oldest = next(iter(connection.parts))
            _log.warning("jt808 %s: message %#06x never came whole; given up", packet.phone, oldest[0])
            del connection.parts[oldest]
