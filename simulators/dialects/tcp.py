"""A device's connection to a server of its own dialect over TCP: what HJ 212 and JT/T 808 have in common."""

import selectors
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from simulators.dialects.voice import Words
from simulators.link import Address, Listener

TIMEOUT_S: Final = 10.0
"""How long an answer is waited for before all is sent again over a new connection (HJ 212-2017 table 1)."""
CONNECT_TIMEOUT_S: Final = 2.0


class TcpLink(ABC):
    """A connection, driven by the fleet's selector like one to the broker (`simulators.link.Wire`).

    What is to be answered is in flight until its answer; a packet that is not answered in time ends the connection,
    and the outbox sends it again over the next.
    """

    def __init__(self, selector: selectors.BaseSelector, listener: Listener) -> None:
        self._selector = selector
        self._listener = listener
        self._socket: socket.socket | None = None
        self._out = bytearray()
        self._in = bytearray()
        self._ended = False
        self._unanswered: dict[str | int, float] = {}
        self._clock = 0.0

    def open(self, address: Address) -> None:
        """Connect. Raises `OSError` where nobody listens."""
        connection = socket.create_connection((address.host, address.port), timeout=CONNECT_TIMEOUT_S)
        connection.setblocking(False)
        self._socket = connection
        self._selector.register(connection, selectors.EVENT_READ, self)
        self._greet()

    @abstractmethod
    def say(self, words: Iterable[Words]) -> None:
        """Send what is no sample and waits for no answer."""

    def publish(self, topic: str, payload: bytes) -> int | None:  # noqa: ARG002 - these dialects have no topics
        """Send a sample; the number its acknowledgement will have, or None where the connection is gone."""
        if self._socket is None or self._ended:
            return None
        number = self._publish(payload)
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
        if any(self._clock - since > TIMEOUT_S for since in self._unanswered.values()):
            self._lost(f"no answer within {TIMEOUT_S:g} s")

    def say_goodbye(self) -> None:
        """Close; these dialects have no farewell."""
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self._ended = True
        self._close()

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._socket is None

    @abstractmethod
    def _greet(self) -> None:
        """The socket is connected: say what comes first, and tell the listener once the device may speak."""

    @abstractmethod
    def _publish(self, payload: bytes) -> int:
        """Send a sample by `_ask`; the number its acknowledgement will have."""

    @abstractmethod
    def _cut(self) -> bytes | None:
        """Take the next whole packet off what was received; None while there is none."""

    @abstractmethod
    def _hear(self, packet: bytes) -> None:
        """Take a packet of the server."""

    def _ask(self, key: str | int, packet: bytes) -> None:
        """Send what is to be answered by `key`."""
        self._unanswered[key] = self._clock
        self._write(packet)

    def _write(self, packet: bytes) -> None:
        self._out += packet
        self._flush()

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
        while self._socket is not None and (packet := self._cut()) is not None:
            self._hear(packet)

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
