"""An HJ 212-2017 instrument: frames over TCP, each held until its data answer (CN 9014) has come."""

import logging
import selectors
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from simulators.dialects.voice import Plain, Terms, Words
from simulators.link import Address, Listener
from simulators.outbox import Sample

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
"""How long an answer is waited for before the frame is sent again (HJ 212-2017 table 1)."""
CONNECT_TIMEOUT_S: Final = 2.0

_BEIJING: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Instrument:
    """Who an instrument says it is: MN and PW."""

    mn: str
    pw: str


class Hj212(Plain):
    """Real-time data (CN 2011), one sample a frame, times in whole seconds of UTC+8."""

    most_samples = 1
    resolution_ms = 1_000

    def __init__(self, instrument: Instrument, terms: Terms) -> None:
        super().__init__("", terms)
        self._instrument = instrument

    def payload(self, samples: tuple[Sample, ...]) -> bytes:
        """A frame. Its QN is the sample's own time, so a repeat has the same."""
        (sample,) = samples
        at = datetime.fromtimestamp(sample.ts / 1000, UTC).astimezone(_BEIJING)
        factors = ";".join(f"{name}-Rtd={value:g},{name}-Flag=N" for name, value in self.named(sample).items())
        mn, pw = self._instrument.mn, self._instrument.pw
        return framed(
            f"QN={at:%Y%m%d%H%M%S}000;ST=21;CN=2011;PW={pw};MN={mn};Flag=5;CP=&&DataTime={at:%Y%m%d%H%M%S};{factors}&&"
        )


def framed(segment: str) -> bytes:
    """A data segment with its length and checksum (appendix A of the standard)."""
    register = 0xFFFF
    for byte in segment.encode("ascii"):
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return f"##{len(segment):04d}{segment}{register:04X}\r\n".encode("ascii")


class Hj212Link:
    """A connection of an instrument, driven by the fleet's selector like one to the broker.

    What was published is in flight until its answer; a frame that is not answered in time ends the connection, and
    the outbox sends it again over the next.
    """

    def __init__(self, selector: selectors.BaseSelector, listener: Listener) -> None:
        self._selector = selector
        self._listener = listener
        self._socket: socket.socket | None = None
        self._out = bytearray()
        self._in = bytearray()
        self._ended = False
        self._next = 1
        self._waiting: dict[str, tuple[int, float]] = {}
        self._clock = 0.0

    def open(self, address: Address) -> None:
        """Connect. Raises `OSError` where nobody listens."""
        connection = socket.create_connection((address.host, address.port), timeout=CONNECT_TIMEOUT_S)
        connection.setblocking(False)
        self._socket = connection
        self._selector.register(connection, selectors.EVENT_READ, self)
        self._listener.connected()

    def say(self, words: Iterable[Words]) -> None:
        """Send what waits for no answer."""
        for _, payload in words:
            self._write(payload)

    def publish(self, topic: str, payload: bytes) -> int | None:  # noqa: ARG002 - HJ 212 has no topics
        """Send a frame; the number its acknowledgement will have, or None where the connection is gone."""
        if self._socket is None or self._ended:
            return None
        number = self._next
        self._next += 1
        self._waiting[_number_of(payload)] = (number, self._clock)
        self._write(payload)
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
        if any(self._clock - since > TIMEOUT_S for _, since in self._waiting.values()):
            self._lost(f"no answer within {TIMEOUT_S:g} s")

    def say_goodbye(self) -> None:
        """Close; HJ 212 has no farewell."""
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self._ended = True
        self._close()

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._socket is None

    def _write(self, payload: bytes) -> None:
        self._out += payload
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
        while (end := self._in.find(b"\r\n")) >= 0:
            packet = bytes(self._in[:end])
            del self._in[: end + 2]
            if b";CN=9014;" in packet:
                number, _ = self._waiting.pop(_number_of(packet), (0, 0.0))
                if number:
                    self._listener.acknowledged(number)

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


def _number_of(packet: bytes) -> str:
    """The QN of a packet."""
    return packet.partition(b"QN=")[2].partition(b";")[0].decode("ascii", "replace")
