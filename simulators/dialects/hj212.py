"""An HJ 212-2017 instrument: frames over TCP, each held until its data answer (CN 9014) has come."""

import selectors
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.dialects.tcp import TcpLink
from simulators.dialects.voice import BEIJING, Plain, Terms, Words
from simulators.link import Listener
from simulators.outbox import Sample


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
        at = datetime.fromtimestamp(sample.ts / 1000, UTC).astimezone(BEIJING)
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


class Hj212Link(TcpLink):
    """An instrument's connection; it may speak as soon as it is connected, and a frame's QN names its answer."""

    def __init__(self, selector: selectors.BaseSelector, listener: Listener) -> None:
        super().__init__(selector, listener)
        self._published = 0
        self._numbers: dict[str, int] = {}

    def say(self, words: Iterable[Words]) -> None:
        """Send what waits for no answer."""
        for _, payload in words:
            self._write(payload)

    def _greet(self) -> None:
        self._listener.connected()

    def _publish(self, payload: bytes) -> int:
        self._published += 1
        name = _number_of(payload)
        number = self._numbers[name] = self._published
        self._ask(name, payload)
        return number

    def _cut(self) -> bytes | None:
        end = self._in.find(b"\r\n")
        if end < 0:
            return None
        packet = bytes(self._in[:end])
        del self._in[: end + 2]
        return packet

    def _hear(self, packet: bytes) -> None:
        if b";CN=9014;" not in packet:
            return
        name = _number_of(packet)
        self._unanswered.pop(name, None)
        number = self._numbers.pop(name, None)
        if number is not None:
            self._listener.acknowledged(number)


def _number_of(packet: bytes) -> str:
    """The QN of a packet."""
    return packet.partition(b"QN=")[2].partition(b";")[0].decode("ascii", "replace")
