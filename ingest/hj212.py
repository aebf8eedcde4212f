"""The HJ 212 listener: connections of data-acquisition instruments, answered only once their data are committed.

A frame becomes a `Delivery` like an MQTT message, on the topic ``hj212/{MN}``, and its answer (CN 9014) goes out when
ingest acknowledges it: so an instrument that got its answer knows that its data are on disk, and one that did not
sends again. A repeated QN is answered without being stored twice. What a broker does for MQTT is done here by
not reading on: beyond `most_pending` unacknowledged frames no connection is read.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from ingest.decoders.hj212 import DATA, Command, FrameReader, Packet, answer, answer_in_words, command, read_packet
from ingest.decoders.model import Decoded
from ingest.delivery import Delivery
from ingest.directory import HJ212_REFUSED, HJ212_TOPIC

EPOCH: Final = -1
"""The epoch of the listener's deliveries: no MQTT connection has it."""

IDLE_S: Final = 3_600.0
"""A connection silent for so long is closed: instruments report at least hourly."""

_READ_BYTES: Final = 64 * 1024
_REMEMBERED: Final = 20_000
_log = logging.getLogger(__name__)

Admission = Callable[[str, str], bool]
"""Whether MN and PW belong together. Called in the listener's thread."""

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Pending:
    """A frame that is not committed yet; `connections` wait for its answer (none for what is not answered)."""

    key: _Key | None
    answer: bytes
    connections: list["_Connection"]


@dataclass(eq=False, slots=True)
class _Connection:
    writer: asyncio.StreamWriter
    peer: str
    reader: FrameReader = field(default_factory=FrameReader)
    mn: str = ""
    st: str = ""
    pw: str = ""


class Listener:
    """Listens for HJ 212 instruments in a thread of its own.

    `take` and `ack` belong to ingest's thread; `admits` is asked for each new pair of MN and PW of a connection.
    """

    def __init__(self, host: str, port: int, admits: Admission, *, most_pending: int = 4_096) -> None:
        self.host = host
        self.port = port
        self.received = 0
        self.repeated = 0
        self.ignored = 0
        """Packets that carry no data: answers to commands, notices."""
        self._admits = admits
        self._most_pending = most_pending
        self._queue: deque[Delivery] = deque()
        self._answers: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        self._pending: dict[int, _Pending] = {}
        self._tokens: dict[_Key, int] = {}
        self._answered: OrderedDict[_Key, None] = OrderedDict()
        self._next_token = 1
        self._by_mn: dict[str, _Connection] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room: asyncio.Event
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._failure: OSError | None = None

    def start(self) -> None:
        """Listen. Raises `OSError` when the port can't be had."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="hj212", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close every connection; what is not answered will be sent again."""
        if self._thread is not None and self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5.0)

    @property
    def connections(self) -> int:
        """How many instruments are connected that have said who they are."""
        return len(self._by_mn)

    @property
    def unqueued(self) -> int:
        """How many of the received frames became no delivery: repeats, and packets without data."""
        return self.repeated + self.ignored

    @property
    def waiting(self) -> int:
        """How many frames wait to be taken."""
        return len(self._queue)

    def take(self, most: int) -> list[Delivery]:
        """At most so many frames in order of arrival; none when there are none."""
        taken: list[Delivery] = []
        with contextlib.suppress(IndexError):
            while len(taken) < most:
                taken.append(self._queue.popleft())
        return taken

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Answer what is now committed; deliveries of other sources are passed over."""
        tokens = [each.mid for each in deliveries if each.epoch == EPOCH]
        if tokens and self._loop is not None:
            self._loop.call_soon_threadsafe(self._answer, tokens)

    def command(self, mn: str, qn: str, cn: Command, parameters: dict[str, str]) -> bool:
        """Send a command to a connected instrument, with its own ST and PW; False when it is not connected."""
        connection = self._by_mn.get(mn)
        if connection is None or self._loop is None:
            return False
        data = command(mn, connection.pw, qn, cn, parameters, st=connection.st)
        self._loop.call_soon_threadsafe(connection.writer.write, data)
        return True

    def answers(self) -> list[tuple[str, str]]:
        """What instruments answered to commands since the last call: the command's QN, and the answer in words."""
        taken: list[tuple[str, str]] = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._answers.popleft())
        return taken

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._stop = asyncio.Event()
        try:
            server = await asyncio.start_server(self._accept, self.host, self.port, limit=_READ_BYTES)
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await self._stop.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        connection = _Connection(writer, f"{peer[0]}:{peer[1]}" if peer else "unknown")
        try:
            while True:
                await self._room.wait()  # back-pressure: an instrument waits where a broker would keep
                data = await asyncio.wait_for(reader.read(_READ_BYTES), IDLE_S)
                if not data:
                    break
                for frame in connection.reader.feed(data):
                    self._receive(frame, connection)
        except (OSError, TimeoutError) as error:
            _log.info("hj212 %s (%s): %s", connection.peer, connection.mn or "nameless", str(error) or "silent")
        finally:
            if connection.reader.skipped:
                _log.warning(
                    "hj212 %s (%s): %d bytes were no frame",
                    connection.peer,
                    connection.mn or "nameless",
                    connection.reader.skipped,
                )
            if self._by_mn.get(connection.mn) is connection:
                del self._by_mn[connection.mn]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _receive(self, frame: bytes, connection: _Connection) -> None:
        self.received += 1
        packet = read_packet(frame, Decoded())
        if packet is None:
            # Nobody can be answered; what is wrong is found again, and told, when it is decoded.
            self._deliver(frame, HJ212_TOPIC + (connection.mn or connection.peer), None, b"", connection)
            return
        if not self._admits(packet.mn, packet.pw):
            self._deliver(frame, HJ212_TOPIC + packet.mn + HJ212_REFUSED, None, b"", connection)
            return
        connection.mn, connection.st, connection.pw = packet.mn, packet.st, packet.pw
        self._by_mn[packet.mn] = connection
        if packet.cn not in DATA:
            self.ignored += 1
            if packet.cn in (Command.REQUEST_ANSWER, Command.EXECUTION_RESULT):
                self._answers.append((packet.qn, answer_in_words(packet)))
            else:
                _log.info("hj212 %s: CN %d carries no data", packet.mn, packet.cn)
            return
        self._receive_data(frame, packet, connection)

    def _receive_data(self, frame: bytes, packet: Packet, connection: _Connection) -> None:
        key = (packet.mn, packet.qn, packet.cp if packet.flag & 2 else "")
        reply = answer(packet) if packet.wants_answer else b""
        if key in self._answered:
            self.repeated += 1
            connection.writer.write(reply)
        elif key in self._tokens:
            self.repeated += 1
            self._pending[self._tokens[key]].connections.append(connection)
        else:
            self._deliver(frame, HJ212_TOPIC + packet.mn, key, reply, connection)

    def _deliver(self, frame: bytes, topic: str, key: _Key | None, reply: bytes, connection: _Connection) -> None:
        token = self._next_token
        self._next_token += 1
        self._pending[token] = _Pending(key, reply, [connection] if reply else [])
        if key is not None:
            self._tokens[key] = token
        self._queue.append(Delivery(EPOCH, token, topic, frame, time.time_ns() // 1000))
        if len(self._pending) >= self._most_pending:
            self._room.clear()

    def _answer(self, tokens: list[int]) -> None:
        for token in tokens:
            pending = self._pending.pop(token, None)
            if pending is None:
                continue
            if pending.key is not None:
                del self._tokens[pending.key]
                self._answered[pending.key] = None
                if len(self._answered) > _REMEMBERED:
                    self._answered.popitem(last=False)
            for connection in pending.connections:
                if not connection.writer.is_closing():
                    connection.writer.write(pending.answer)
        if len(self._pending) < self._most_pending:
            self._room.set()
