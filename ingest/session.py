"""What ingest hears from the broker: deliveries of all its links in one queue, and their acknowledgement.

After a reconnect the broker (NATS) sends new messages at once and the unacknowledged ones only after its
``ack_wait``: what arrives is held until both are there, then handed out as one batch to be ordered by time.
"""

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from ingest.delivery import Delivery
from ingest.link import MAX_IN_FLIGHT, BrokerAddress, Link, SubscriptionRefusedError, remove_session
from ingest.subtrees import Subtree

__all__ = ["ACK_WAIT_S", "WHOLE_TREE", "Batch", "BrokerAddress", "Session", "SubscriptionRefusedError", "open_session"]

ACK_WAIT_S: Final = 5.0
"""The broker's ack_wait (operations/broker.py)."""

WHOLE_TREE: Final = Subtree()


class Batch(NamedTuple):
    """What `Session.take` hands out. `held` batches hold a reconnect's deliveries in no useful order."""

    deliveries: list[Delivery]
    held: bool


class Session:
    """The links of one worker, a persistent QoS 1 session each. All public methods belong to one thread.

    Parameters
    ----------
    address : the broker
    subtree : what to subscribe to, by default everything
    hold_s : how long deliveries are held after a reconnect to an existing session
    most_waiting, most_bytes : bound of the queue; once it is reached nothing more is read from the broker

    """

    def __init__(
        self,
        address: BrokerAddress,
        subtree: Subtree = WHOLE_TREE,
        *,
        hold_s: float = ACK_WAIT_S + 1.0,
        most_waiting: int = 2 * MAX_IN_FLIGHT,
        most_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.address = address
        self.subtree = subtree
        self.paused = 0
        self._hold_s = hold_s
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._queue: deque[Delivery] = deque()
        self._bytes = 0
        self._full = False
        self._epochs = itertools.count(1)
        self._hold_until: float | None = None
        self._owing: set[Link] = set()
        self._arrival = threading.Event()
        # Held to add to the queue and its size, which several links do.
        self._lock = threading.Lock()
        self._links = [Link(address, each, self) for each in subtree.subscriptions]

    def start(self) -> None:
        """Begin connecting, in the background and for as long as it takes."""
        for link in self._links:
            link.start()

    def stop(self) -> None:
        """Disconnect and end the background threads. What is not acknowledged stays with the broker."""
        for link in self._links:
            link.stop()

    def remove(self) -> None:
        """End the sessions at the broker, which keeps nothing for them any more. Raises `TimeoutError`."""
        self.stop()
        for link in self._links:
            remove_session(self.address, link.subscription)

    @property
    def running(self) -> bool:
        """Whether the session is connected or trying to be; False after `stop`."""
        return any(link.running for link in self._links)

    @property
    def alive(self) -> bool:
        """Whether every link's thread lives."""
        return all(link.alive for link in self._links)

    @property
    def connected(self) -> bool:
        """Whether every link is connected and subscribed."""
        return all(link.connected for link in self._links)

    @property
    def connected_since(self) -> int:
        """When the last of the links connected (us)."""
        return max(link.connected_since for link in self._links)

    @property
    def received(self) -> int:
        """Messages received, without those ignored as repeated."""
        return sum(link.received for link in self._links)

    @property
    def acknowledged(self) -> int:
        """Messages acknowledged to the broker."""
        return sum(link.acknowledged for link in self._links)

    @property
    def repeated(self) -> int:
        """Messages delivered again while they were pending."""
        return sum(link.repeated for link in self._links)

    @property
    def failure(self) -> Exception | None:
        """Why nothing will ever arrive, if so."""
        return next((link.failure for link in self._links if link.failure is not None), None)

    @property
    def waiting(self) -> int:
        """Deliveries received and not yet taken."""
        return len(self._queue)

    @property
    def lag_s(self) -> float:
        """Age of the oldest of them in seconds, 0 without any."""
        try:
            return max(0.0, time.time() - self._queue[0].arrived / 1e6)
        except IndexError:
            return 0.0

    def take(self, most: int, window_s: float, idle_s: float) -> Batch:
        """Deliveries in order of receipt, at most `most`, at most `window_s` after the first; a held batch is whole.

        Returns an empty batch after `idle_s` without any. Raises `SubscriptionRefusedError`.
        """
        deadline = time.monotonic() + idle_s
        while True:
            if self.failure is not None:
                raise self.failure
            now = time.monotonic()
            hold_until = self._hold_until
            if hold_until is not None and now >= hold_until:
                self._hold_until = None
                return Batch(self._pop(len(self._queue)), held=True)
            if hold_until is None and self._queue:
                self._fill(most, window_s)
                if self._hold_until is None:
                    return Batch(self._pop(most), held=False)
                continue  # a reconnect came meanwhile: what is here waits with the rest
            if now >= deadline:
                return Batch([], held=False)
            until = deadline if hold_until is None else min(deadline, hold_until)
            self._wait_for_arrival(max(until - now, 0.001), hold=hold_until is not None)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge in the order given; deliveries of an earlier connection are the broker's to send again."""
        for link in self._links:
            link.ack(deliveries)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a command at QoS 0; it is lost without a connection, and asked for again by whoever needs it."""
        self._links[0].publish(topic, payload)

    def wait_subscribed(self, timeout_s: float) -> bool:
        """Wait until every link has subscribed once; whether it has."""
        deadline = time.monotonic() + timeout_s
        return all(link.subscribed.wait(max(0.0, deadline - time.monotonic())) for link in self._links)

    def _wait_for_arrival(self, timeout: float, *, hold: bool) -> None:
        if hold:
            time.sleep(timeout)
            return
        self._arrival.clear()
        if not self._queue:
            self._arrival.wait(timeout)

    def _fill(self, most: int, window_s: float) -> None:
        """Wait for the batch to fill, in steps: to be woken with every message would cost more than it gives."""
        until = time.monotonic() + window_s
        while len(self._queue) < most and (left := until - time.monotonic()) > 0 and self._hold_until is None:
            time.sleep(min(left, 0.01))

    def _pop(self, most: int) -> list[Delivery]:
        popped = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        with self._lock:
            self._bytes -= sum(len(each.payload) for each in popped)
        return popped

    # As the links' intake, in their threads.

    def next_epoch(self) -> int:
        """A number that no connection had before."""
        return next(self._epochs)

    def opened(self, link: Link, *, resumed: bool) -> None:
        """Hold what arrives on a resumed session until what it still owes is there."""
        # What is held from a connection that was lost meanwhile waits for what this one brings.
        with self._lock:
            self._owing.discard(link)
            if resumed or self._hold_until is not None:
                self._hold_until = math.inf if self._owing else time.monotonic() + self._hold_s

    def lost(self, link: Link) -> None:
        """What a lost connection owes is still to come: what came after it must not go on without it."""
        with self._lock:
            if self._hold_until is not None:
                self._owing.add(link)
                self._hold_until = math.inf

    def receive(self, deliveries: Sequence[Delivery]) -> None:
        """Queue what has come."""
        with self._lock:
            self._bytes += sum(len(each.payload) for each in deliveries)
            self._queue.extend(deliveries)
        self._arrival.set()

    def has_room(self) -> bool:
        """Whether to read on: a broker whose messages are not read keeps them, and slows its publishers down."""
        room = len(self._queue) < self._most_waiting and self._bytes < self._most_bytes
        if not room and not self._full:
            self.paused += 1
        self._full = not room
        return room


def open_session(url: str, subtree: Subtree = WHOLE_TREE, *, timeout_s: float = 15.0) -> None:
    """Make ingest's persistent session at a broker that may not have it yet, and leave.

    A broker keeps a QoS 1 message only for a session that subscribes to it: without this, what devices publish
    before ingest's first start would be acknowledged and dropped. Raises `TimeoutError` or `SubscriptionRefusedError`.
    """
    session = Session(BrokerAddress.parse(url), subtree)
    session.start()
    try:
        if not session.wait_subscribed(timeout_s):
            raise session.failure or TimeoutError(
                f"no session at broker {session.address.host}:{session.address.port} within {timeout_s:g} s"
            )
    finally:
        session.stop()
