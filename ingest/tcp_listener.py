"""A TCP listener for instruments that speak in frames and are answered only once what they said is committed.

A frame becomes a `Delivery` like an MQTT message, and its answer goes out when ingest acknowledges it: so whoever got
an answer knows that its data are on disk, and who did not sends again. A repeat is answered without being stored twice.
What a broker does for MQTT is done here by not reading on: beyond `most_pending` unacknowledged frames no connection is
read.
"""

import asyncio
import contextlib
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ingest.decoders.frames import FrameCutter
from ingest.delivery import Delivery

IDLE_S: Final = 3_600.0
"""A connection silent for so long is closed: instruments report at least hourly."""

_READ_BYTES: Final = 64 * 1024
_REMEMBERED: Final = 20_000
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Connection:
    """An instrument's connection. `name` is who it says it is, empty until it has said so."""

    writer: asyncio.StreamWriter
    peer: str
    reader: FrameCutter
    name: str = ""

    def write(self, data: bytes) -> None:
        """Send, unless it has gone."""
        if not self.writer.is_closing():
            self.writer.write(data)


C = TypeVar("C", bound=Connection)


@dataclass(slots=True)
class _Pending(Generic[C]):
    """A frame that is not committed yet; `connections` wait for its answer (none for what is not answered)."""

    key: Hashable | None
    answer: bytes
    connections: list[C]


class TcpListener(ABC, Generic[C]):
    """Listens in a thread of its own; what the frames mean is a subclass's.

    `take` and `ack` belong to ingest's thread, all methods beginning with an underscore to the listener's.

    Parameters
    ----------
    protocol : its name in the log
    epoch : the epoch of its deliveries, which no MQTT connection has (a negative number)

    """

    def __init__(self, protocol: str, epoch: int, host: str, port: int, *, most_pending: int) -> None:
        self.protocol = protocol
        self.epoch = epoch
        self.host = host
        self.port = port
        self.received = 0
        self.repeated = 0
        self.ignored = 0
        """Frames that carry no data: answers, heartbeats, notices."""
        self._most_pending = most_pending
        self._queue: deque[Delivery] = deque()
        self._pending: dict[int, _Pending[C]] = {}
        self._tokens: dict[Hashable, int] = {}
        self._answered: OrderedDict[Hashable, None] = OrderedDict()
        self._next_token = 1
        self._named: dict[str, C] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room: asyncio.Event
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._failure: OSError | None = None

    @abstractmethod
    def _connected(self, writer: asyncio.StreamWriter, peer: str) -> C:
        """A connection that has just come."""

    @abstractmethod
    def _receive(self, frame: bytes, connection: C) -> None:
        """Deal with a frame: `_deliver` it, `_repeat` its answer, or count it in `ignored`."""

    @property
    def listening(self) -> bool:
        """Whether instruments can connect."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen. Raises `OSError` when the port can't be had; it may be called again then."""
        self._started.clear()
        self._failure = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=self.protocol, daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Close every connection; what is not answered will be sent again."""
        if self._thread is not None and self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5.0)

    @property
    def connections(self) -> int:
        """How many are connected that have said who they are."""
        return len(self._named)

    @property
    def unqueued(self) -> int:
        """How many of the received frames became no delivery: repeats, and frames without data."""
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
        tokens = [each.mid for each in deliveries if each.epoch == self.epoch]
        if tokens and self._loop is not None:
            self._loop.call_soon_threadsafe(self._answer, tokens)

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
        connection = self._connected(writer, f"{peer[0]}:{peer[1]}" if peer else "unknown")
        try:
            while not writer.is_closing():
                await self._room.wait()  # back-pressure: an instrument waits where a broker would keep
                data = await asyncio.wait_for(reader.read(_READ_BYTES), IDLE_S)
                if not data:
                    break
                for frame in connection.reader.feed(data):
                    self._receive(frame, connection)
        except (OSError, TimeoutError) as error:
            self._say(connection, logging.INFO, str(error) or "silent")
        finally:
            if connection.reader.skipped:
                self._say(connection, logging.WARNING, f"{connection.reader.skipped} bytes were no frame")
            if self._named.get(connection.name) is connection:
                del self._named[connection.name]
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _say(self, connection: C, level: int, words: str) -> None:
        _log.log(level, "%s %s (%s): %s", self.protocol, connection.peer, connection.name or "nameless", words)

    def _name(self, connection: C, name: str) -> None:
        """Take note of who a connection is; of two of one name the newer counts."""
        connection.name = name
        self._named[name] = connection

    def _repeats(self, key: Hashable, reply: bytes, connection: C) -> bool:
        """Whether a frame came before; if so it is answered, now or when it is committed."""
        if key not in self._answered and key not in self._tokens:
            return False
        self.repeated += 1  # before the answer, so that who has it finds the repeat counted
        if key in self._answered:
            connection.write(reply)
        else:
            self._pending[self._tokens[key]].connections.append(connection)
        return True

    def _deliver(self, frame: bytes, topic: str, key: Hashable | None, reply: bytes, connection: C) -> None:
        """Hand a frame on; `reply` goes out once it is committed. `key` None: a repeat of it is not known again."""
        token = self._next_token
        self._next_token += 1
        self._pending[token] = _Pending(key, reply, [connection] if reply else [])
        if key is not None:
            self._tokens[key] = token
        self._queue.append(Delivery(self.epoch, token, topic, frame, time.time_ns() // 1000))
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
                connection.write(pending.answer)
        if len(self._pending) < self._most_pending:
            self._room.set()
