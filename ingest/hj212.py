"""The HJ 212 listener: connections of data-acquisition instruments, answered only once their data are committed.

A frame is delivered on the topic ``hj212/{MN}`` and answered with CN 9014; a repeated QN is answered without being
stored twice. How that works is `ingest.tcp_listener`'s.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ingest.decoders.hj212 import DATA, Command, FrameReader, Packet, answer, answer_in_words, command, read_packet
from ingest.decoders.model import Decoded
from ingest.directory import HJ212_TOPIC, REFUSED
from ingest.tcp_listener import Connection, TcpListener

EPOCH: Final = -1
"""The epoch of the listener's deliveries: no MQTT connection has it."""

_REMEMBERED: Final = 20_000
_log = logging.getLogger(__name__)

Admission = Callable[[str, str], bool]
"""Whether MN and PW belong together. Called in the listener's thread."""


@dataclass(eq=False, slots=True)
class _Instrument(Connection):
    st: str = ""
    pw: str = ""


class Listener(TcpListener[_Instrument]):
    """Listens for HJ 212 instruments; `admits` is asked for each new pair of MN and PW of a connection."""

    def __init__(self, host: str, port: int, admits: Admission, *, most_pending: int = 4_096) -> None:
        super().__init__("hj212", EPOCH, host, port, most_pending=most_pending)
        self._admits = admits
        self._answers: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)

    def command(self, mn: str, qn: str, cn: Command, parameters: dict[str, str]) -> bool:
        """Send a command to a connected instrument, with its own ST and PW; False when it is not connected."""
        connection = self._named.get(mn)
        if connection is None or self._loop is None:
            return False
        data = command(mn, connection.pw, qn, cn, parameters, st=connection.st)
        self._loop.call_soon_threadsafe(connection.write, data)
        return True

    def answers(self) -> list[tuple[str, str]]:
        """What instruments answered to commands since the last call: the command's QN, and the answer in words."""
        taken: list[tuple[str, str]] = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._answers.popleft())
        return taken

    def _connected(self, writer: asyncio.StreamWriter, peer: str) -> _Instrument:
        return _Instrument(writer, peer, FrameReader())

    def _receive(self, frame: bytes, connection: _Instrument) -> None:
        self.received += 1
        packet = read_packet(frame, Decoded())
        if packet is None:
            # Nobody can be answered; what is wrong is found again, and told, when it is decoded.
            self._deliver(frame, HJ212_TOPIC + (connection.name or connection.peer), None, b"", connection)
            return
        if not self._admits(packet.mn, packet.pw):
            self._deliver(frame, HJ212_TOPIC + packet.mn + REFUSED, None, b"", connection)
            return
        connection.st, connection.pw = packet.st, packet.pw
        self._name(connection, packet.mn)
        if packet.cn not in DATA:
            self.ignored += 1
            if packet.cn in (Command.REQUEST_ANSWER, Command.EXECUTION_RESULT):
                self._answers.append((packet.qn, answer_in_words(packet)))
            else:
                _log.info("hj212 %s: CN %d carries no data", packet.mn, packet.cn)
            return
        self._receive_data(frame, packet, connection)

    def _receive_data(self, frame: bytes, packet: Packet, connection: _Instrument) -> None:
        key = (packet.mn, packet.qn, packet.cp if packet.flag & 2 else "")
        reply = answer(packet) if packet.wants_answer else b""
        if not self._repeats(key, reply, connection):
            self._deliver(frame, HJ212_TOPIC + packet.mn, key, reply, connection)
