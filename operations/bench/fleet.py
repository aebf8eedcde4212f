"""The ingest benchmark's devices: each a connection of its own with its own credential, all in one lean process.

MQTT 3.1.1 over plain sockets in one selector loop, because a thousand clients of a library would be the bottleneck
of what is measured. Every packet is made before the start; PUBLISH is QoS 1, and a message counts as acknowledged
when its PUBACK has come on its own connection.
"""

import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operations.bench.workload import Publishable

WINDOW: Final = 20
"""Messages a device has on the way without PUBACK, as paho and most device libraries do."""

CONNECTING_AT_ONCE: Final = 50
ANSWER_TIMEOUT_S: Final = 30.0
CONNACK_ACCEPTED: Final = b"\x20\x02\x00\x00"
PUBACK: Final = 0x40
KEEPALIVE_S: Final = 600


@dataclass(frozen=True)
class Account:
    """Where a device connects and as whom; without a user, anonymously."""

    host: str
    port: int
    client_id: str
    username: str | None
    password: str | None


class FleetError(RuntimeError):
    """The broker did not behave: it refused a device, closed a connection, or left messages unacknowledged."""


@dataclass(slots=True)
class Publisher:
    """One device's connection: its packets in order, and how many of them are sent and acknowledged."""

    socket: socket.socket
    device: int
    packets: list[bytes] = field(default_factory=list)
    sent: int = 0
    acknowledged: int = 0
    unsent: bytes = b""
    unread: bytes = b""

    def load(self, packets: list[bytes]) -> None:
        """Take what to publish next; everything before has been acknowledged."""
        self.packets = packets
        self.sent = self.acknowledged = 0

    @property
    def done(self) -> bool:
        """Whether every message has been acknowledged."""
        return self.acknowledged == len(self.packets)


@dataclass
class Outcome:
    """When each message went out and was acknowledged, in s since the epoch, shape (messages,); 0 if it was not."""

    sent: NDArray[np.float64]
    acknowledged: NDArray[np.float64]


class Fleet:
    """All devices, connected."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        """Connect every device. Raises `FleetError` naming the first that is refused."""
        sockets: list[socket.socket] = []
        for first in range(0, len(accounts), CONNECTING_AT_ONCE):
            some = accounts[first : first + CONNECTING_AT_ONCE]
            opened = [_open(account) for account in some]
            for account, each in zip(some, opened, strict=True):
                _await_connack(each, account)
                each.setblocking(False)
            sockets += opened
        self.publishers = [Publisher(each, number) for number, each in enumerate(sockets)]

    def load(self, workload: Publishable) -> None:
        """Make every packet of a workload of as many devices."""
        for publisher, packets in zip(self.publishers, packets_of(workload), strict=True):
            publisher.load(packets)

    def run(self, rate: float | None = None, *, timeout_s: float = 300.0) -> Outcome:
        """Publish what is loaded: as fast as the windows allow, or at `rate` messages a second whatever the answers.

        Raises `FleetError` when a connection ends or a message stays without PUBACK for `timeout_s` s.
        """
        messages = sum(len(each.packets) for each in self.publishers)
        outcome = Outcome(np.zeros(messages), np.zeros(messages))
        with selectors.DefaultSelector() as selector:
            for each in self.publishers:
                selector.register(each.socket, selectors.EVENT_READ, each)
            _Run(self.publishers, selector, outcome).go(rate, time.monotonic() + timeout_s)
        return outcome

    def close(self) -> None:
        """Disconnect."""
        for each in self.publishers:
            each.socket.close()


class _Run:
    """One run of a fleet: the selector loop's state."""

    def __init__(self, publishers: list[Publisher], selector: selectors.BaseSelector, outcome: Outcome) -> None:
        self.publishers = publishers
        self.stride = len(publishers)
        self.selector = selector
        self.outcome = outcome
        self.open = sum(not each.done for each in self.publishers)

    def go(self, rate: float | None, deadline: float) -> None:
        """Work until every message is acknowledged."""
        schedule = self._scheduled(rate) if rate is not None else None
        if schedule is None:
            for each in self.publishers:
                self._send(each, WINDOW)
        while self.open:
            wait = 1.0 if schedule is None else next(schedule)
            for key, events in self.selector.select(wait):
                publisher: Publisher = key.data
                if events & selectors.EVENT_WRITE:
                    self._flush(publisher)
                if events & selectors.EVENT_READ:
                    confirmed = self._read(publisher)
                    if schedule is None and confirmed:
                        self._send(publisher, confirmed)
            if time.monotonic() > deadline:
                raise FleetError(f"{self.open} devices still wait for PUBACKs at the time limit")

    def _scheduled(self, rate: float) -> Iterator[float]:
        """Send what is due; yield the seconds until the next. A message's time is the one it was due at."""
        began = time.time()
        total = len(self.outcome.sent)
        for number in range(total):
            due = began + number / rate
            while (ahead := due - time.time()) > 0.001:
                yield ahead
            publisher = self.publishers[number % self.stride]
            self._send(publisher, 1)
            self.outcome.sent[number] = due
            if number % 50 == 0:
                yield 0.0
        while True:
            yield 1.0

    def _send(self, publisher: Publisher, most: int) -> None:
        first = publisher.sent
        last = min(first + most, len(publisher.packets))
        if last == first:
            return
        publisher.sent = last
        at = publisher.device + self.stride * first
        self.outcome.sent[at : at + self.stride * (last - first) : self.stride] = time.time()
        data = b"".join(publisher.packets[first:last])
        if publisher.unsent:
            publisher.unsent += data
            return
        publisher.unsent = data
        self._flush(publisher)

    def _flush(self, publisher: Publisher) -> None:
        waiting = publisher.unsent
        try:
            count = publisher.socket.send(waiting)
        except BlockingIOError:
            count = 0
        publisher.unsent = waiting[count:]
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if publisher.unsent else 0)
        if publisher.unsent or self.selector.get_key(publisher.socket).events != interest:
            self.selector.modify(publisher.socket, interest, publisher)

    def _read(self, publisher: Publisher) -> int:
        """Take the PUBACKs that came; how many."""
        data = publisher.socket.recv(65_536)
        if not data:
            raise FleetError(f"the broker closed the connection of device {publisher.device}")
        data = publisher.unread + data
        whole = len(data) // 4 * 4
        publisher.unread = data[whole:]
        now = time.time()
        acknowledged = self.outcome.acknowledged
        for kind, _, packet_id in struct.iter_unpack(">BBH", data[:whole]):
            message = publisher.device + self.stride * (packet_id - 1)
            if kind != PUBACK or packet_id > publisher.sent or acknowledged[message]:
                raise FleetError(f"device {publisher.device} got packet type {kind:#x} for packet id {packet_id}")
            acknowledged[message] = now
        publisher.acknowledged += whole // 4
        if publisher.done:
            self.open -= 1
        return whole // 4


def packets_of(workload: Publishable) -> list[list[bytes]]:
    """The PUBLISH packets of each device, in order; packet ids count from 1."""
    topics = [_string(each) for each in workload.topics]
    packets: list[list[bytes]] = [[] for _ in topics]
    for number, payload in enumerate(workload.payloads()):
        device, turn = number % workload.devices, number // workload.devices
        body = topics[device] + (turn + 1).to_bytes(2, "big") + payload
        packets[device].append(b"\x32" + _length(len(body)) + body)
    if packets and len(packets[0]) > 65_535:
        raise ValueError(f"{len(packets[0])} messages a device; must be at most 65535, one packet id each")
    return packets


def serve(pipe: Connection, accounts: Sequence[Account]) -> None:
    """Be the publishing process. Each request gets an answer, which is an exception where it failed.

    Answers None once all are connected. A `Publishable` is loaded: None. A rate (0 for full speed) publishes what is
    loaded: `Outcome`. End of the pipe ends it.
    """
    try:
        fleet = Fleet(accounts)
        pipe.send(None)
        while True:
            request = pipe.recv()
            if isinstance(request, float):
                pipe.send(fleet.run(request or None))
            else:
                fleet.load(request)
                pipe.send(None)
    except EOFError:
        fleet.close()
    except (FleetError, OSError) as error:
        pipe.send(error)


def _open(account: Account) -> socket.socket:
    opened = socket.create_connection((account.host, account.port), timeout=ANSWER_TIMEOUT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    flags = 0x02  # clean session
    fields = _string(account.client_id)
    if account.username is not None:
        flags |= 0xC0
        fields += _string(account.username) + _string(account.password or "")
    body = _string("MQTT") + bytes((4, flags)) + KEEPALIVE_S.to_bytes(2, "big") + fields
    opened.sendall(b"\x10" + _length(len(body)) + body)
    return opened


def _await_connack(connection: socket.socket, account: Account) -> None:
    answer = connection.recv(4)
    if answer != CONNACK_ACCEPTED:
        raise FleetError(f"the broker refused device {account.client_id}: CONNACK {answer.hex() or 'missing'}")


def _string(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _length(size: int) -> bytes:
    """MQTT's variable-length "remaining length"."""
    digits = bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(digits)
