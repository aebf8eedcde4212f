"""A simulated device: it samples, keeps what it sampled, and sends it over its own connection."""

import selectors
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from simulators.dialects.hj212 import Hj212Link
from simulators.dialects.jt808 import Jt808, Jt808Link
from simulators.dialects.voice import Voice
from simulators.link import Address, Identity, Link, Listener, Wire
from simulators.outbox import DEFAULT_CAPACITY, Outbox, Sample

if TYPE_CHECKING:
    from simulators.dialects.silent import Ward


class Presence(Enum):
    """How a device is doing: in service, switched off by the operator, without network, or without power."""

    ONLINE = auto()
    STOPPED = auto()
    CUT_OFF = auto()
    POWERLESS = auto()

    @property
    def samples(self) -> bool:
        """Whether the device takes readings: without a network it still does."""
        return self in {Presence.ONLINE, Presence.CUT_OFF}


class Watcher(Protocol):
    """Who wants to know what becomes of connections."""

    def connected(self, device: "SimulatedDevice") -> None:
        """The broker accepted the device."""

    def refused(self, device: "SimulatedDevice", why: str) -> None:
        """The broker answered and refused the device."""

    def lost(self, device: "SimulatedDevice", why: str) -> None:
        """The connection, or the attempt to make one, ended without the device's doing."""


class SimulatedDevice:
    """One device with its own credential, topic, sequence numbers and bounded memory.

    Parameters
    ----------
    voice : where it publishes, and what its samples look like there
    first_seq : sequence number before the first sample's
    server : where the device's own server is, if it speaks to one (HJ 212, JT/T 808) and not to the broker
    capacity : how many samples it keeps while it is off line
    on_acknowledged : called with the device's code and the samples of each acknowledged message

    """

    def __init__(
        self,
        identity: Identity,
        voice: Voice,
        first_seq: int,
        on_acknowledged: Callable[[str, tuple[Sample, ...]], None],
        *,
        server: Address | None = None,
        capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        self.identity = identity
        self.presence = Presence.ONLINE
        self.outbox = Outbox(capacity, batch=voice.most_samples)
        self.connected = False
        self.published = 0
        self.acknowledged = 0
        self.last_ts: int | None = None
        self.voice = voice
        self._own_server = server
        self._seq = first_seq
        self._on_acknowledged = on_acknowledged
        self._link: Wire | None = None
        self.wards: list[Ward] = []
        self._spoken_for: dict[int, Ward] = {}

    @property
    def code(self) -> str:
        """The device's code."""
        return self.identity.code

    @property
    def apart(self) -> bool:
        """Whether it speaks to a server of its own and not to the broker."""
        return self._own_server is not None

    @property
    def wants_connection(self) -> bool:
        """Whether it should be connected and has no connection, nor one on its way."""
        return self.presence is Presence.ONLINE and self._link is None

    @property
    def link(self) -> Wire | None:
        """The present connection, or the one being made."""
        return self._link

    def connect(self, address: Address, selector: selectors.BaseSelector, watcher: Watcher) -> None:
        """Begin to connect; `watcher` is told how it goes. Raises `OSError` where no broker listens."""

        def connected() -> None:
            self.connected = True
            watcher.connected(self)
            link.say(self.voice.greet())
            self.flush()
            for ward in self.wards:
                ward.gateway_connected(True)

        def refused(why: str) -> None:
            self._forget_link()
            watcher.refused(self, why)

        def lost(why: str) -> None:
            self._forget_link()
            watcher.lost(self, why)

        listener = Listener(connected, refused, lost, self._puback)
        link: Wire
        if self._own_server is None:
            link = Link(self.identity, selector, listener, self.voice)
        else:
            address = self._own_server
            if isinstance(self.voice, Jt808):
                link = Jt808Link(self.voice.terminal, selector, listener)
            else:
                link = Hj212Link(selector, listener)
        self._link = link
        try:
            link.open(address)
        except OSError:
            self._forget_link()
            raise

    def give_up(self) -> None:
        """Cut a connection that does not come about."""
        link = self._link
        self._forget_link()
        if link is not None:
            link.abort()

    def set_presence(self, presence: Presence) -> Wire | None:
        """Change how the device is doing; a link that is to say goodbye is handed back to be driven to its end."""
        if presence is self.presence:
            return None
        self.presence = presence
        link = self._link
        if presence is Presence.ONLINE:
            return None
        self._forget_link()
        if presence is not Presence.CUT_OFF:
            self.outbox.clear()
        if link is None:
            return None
        if presence is Presence.STOPPED:
            link.say_goodbye()
            return link
        link.abort()
        return None

    def sample(self, ts: int, values: Mapping[str, Any]) -> None:
        """Take a reading at `ts` (ms since the epoch) and send it if there is a connection."""
        self._seq += 1
        ts -= ts % self.voice.resolution_ms
        self.last_ts = ts
        self.outbox.add(Sample(self._seq, ts, values))
        self.flush()

    def flush(self) -> None:
        """Send what waits, in order, as far as the window allows."""
        while self.connected and self._link is not None and (samples := self.outbox.take()):
            mid = self._link.publish(*self.voice.say(samples))
            if mid is None:
                self.outbox.put_back(samples)
                return
            self.outbox.sent(mid, samples)
            self.published += len(samples)

    def speak_for(self, ward: "Ward") -> None:
        """Publish what waits at a device that this one is the gateway of."""
        while self.connected and self._link is not None and (samples := ward.outbox.take()):
            mid = self._link.publish(*ward.voice.say(samples))
            if mid is None:
                ward.outbox.put_back(samples)
                return
            ward.outbox.sent(mid, samples)
            ward.published += len(samples)
            self._spoken_for[mid] = ward

    def _puback(self, mid: int) -> None:
        ward = self._spoken_for.pop(mid, None)
        if ward is not None:
            ward._puback(mid)
            return
        samples = self.outbox.acknowledged(mid)
        if samples:
            self.acknowledged += len(samples)
            self._on_acknowledged(self.code, samples)
            self.flush()

    def _forget_link(self) -> None:
        self._link = None
        self.connected = False
        self.outbox.connection_lost()
        self._spoken_for.clear()
        for ward in self.wards:
            ward.gateway_connected(False)
