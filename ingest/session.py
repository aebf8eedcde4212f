"""The MQTT session: paho behind one small class that hands out deliveries and acknowledges them.

paho's sharp edges, and what is done about them:

- ``ack(mid)`` checks nothing: a packet id of a lost connection may belong to another message on the next one.
  So every delivery carries the connection's epoch, and acknowledgements of an older epoch are dropped.
- An exception in ``on_message`` can end paho's thread: it only appends to a queue.
- The broker delivers an unacknowledged message again on the live connection, DUP with the same packet id: it is
  ignored while the first is still pending, so that a long database outage does not fill memory.
- After a reconnect the broker (NATS) sends new messages at once and the unacknowledged ones only after its
  ``ack_wait``: what arrives is held until both are there, then handed out as one batch to be ordered by time.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.bulk_client import BulkClient
from ingest.delivery import Delivery
from ingest.publish_packets import Publish
from ingest.subtrees import Subtree

KEEPALIVE_S: Final = 30
ACK_WAIT_S: Final = 5.0
"""The broker's ack_wait (operations/broker.py)."""

MAX_IN_FLIGHT: Final = 8_192
"""Unacknowledged messages the broker delivers at most (operations/broker.py); mosquitto delivers more at times."""

NEVER_EXPIRES: Final = 0xFFFF_FFFF
WHOLE_TREE: Final = Subtree()
MOST_TOPICS: Final = 100_000
"""Topics kept in their decoded form."""

_log = logging.getLogger(__name__)


class SubscriptionRefusedError(Exception):
    """The broker answered the subscription with a refusal; nothing would ever arrive."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are there."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Read ``mqtt://user:password@host:port`` (``mqtts`` with TLS). Raises `ValueError` without showing secrets."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"MQTT address has scheme {parts.scheme!r}; must be mqtt://user:password@host:port")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )


class Batch(NamedTuple):
    """What `Session.take` hands out. `held` batches hold a reconnect's deliveries in no useful order."""

    deliveries: list[Delivery]
    held: bool


class Session:
    """A persistent QoS 1 session, reconnecting by itself. All methods but the callbacks belong to one thread.

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
        self._client_id = subtree.client_id(address.password)
        self.received = 0
        self.acknowledged = 0
        self.repeated = 0
        self.paused = 0
        self.connected = False
        self.connected_since = 0
        self.failure: Exception | None = None
        self.subscribed = threading.Event()
        self._hold_s = hold_s
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._queue: deque[Delivery] = deque()
        # One counter a thread: an addition from two of them could lose one.
        self._bytes_in = 0
        self._bytes_out = 0
        self._pending: dict[int, Delivery] = {}
        self._topics: dict[bytes, str] = {}
        self._full = False
        self._epoch = 0
        self._hold_until: float | None = None
        self._arrival = threading.Event()
        # Held to change epoch or to acknowledge, so that no acknowledgement slips from one connection to the next.
        self._fence = threading.Lock()
        self._client: BulkClient | None = None

    def start(self) -> None:
        """Begin connecting, in the background and for as long as it takes."""
        if self._client is not None:
            return
        # Only MQTT 5 has shared subscriptions; all else is 3.1.1, which every broker speaks.
        version = MQTTProtocolVersion.MQTTv5 if self.subtree.member else MQTTProtocolVersion.MQTTv311
        client = BulkClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if self.subtree.member else False,
            protocol=version,
            manual_ack=True,
        )
        if self.address.username is not None:
            client.username_pw_set(self.address.username, self.address.password)
        if self.address.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publishes = self._on_publishes
        client.has_room = self._has_room
        client.on_disconnect = self._on_disconnect
        client.reconnect_delay_set(min_delay=1, max_delay=8)
        if self.subtree.member:
            kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            kept.SessionExpiryInterval = NEVER_EXPIRES
            kept.ReceiveMaximum = MAX_IN_FLIGHT
            client.connect_async(
                self.address.host, self.address.port, keepalive=KEEPALIVE_S, clean_start=False, properties=kept
            )
        else:
            client.connect_async(self.address.host, self.address.port, keepalive=KEEPALIVE_S)
        self._client = client
        client.loop_start()

    def stop(self) -> None:
        """Disconnect and end the background thread. What is not acknowledged stays with the broker."""
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect()
        client.loop_stop()
        self._lose_connection()

    @property
    def running(self) -> bool:
        """Whether the session is connected or trying to be; False after `stop`."""
        return self._client is not None

    @property
    def alive(self) -> bool:
        """Whether paho's thread lives; an error in it must not leave a session that is deaf for ever."""
        name = f"paho-mqtt-client-{self._client_id}"
        return any(thread.name == name for thread in threading.enumerate())

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

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Acknowledge in the order given; deliveries of an earlier connection are the broker's to send again."""
        with self._fence:
            # Packet id 0 is QoS 0: nothing to acknowledge.
            epoch = self._epoch
            due = [each for each in deliveries if each.epoch == epoch and each.mid]
            if due and self._client is not None:
                mids = [each.mid for each in due]
                pending = self._pending
                for each in due:
                    if pending.get(each.mid) is each:
                        del pending[each.mid]
                self._client.ack_all(mids)
                self.acknowledged += len(mids)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a command at QoS 0; it is lost without a connection, and asked for again by whoever needs it."""
        client = self._client
        if client is not None:
            client.publish(topic, payload, qos=0)

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
        self._bytes_out += sum(len(each.payload) for each in popped)
        return popped

    # Callbacks, in paho's thread.

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error(
                "broker refused the connection of user %r: %s; check its credential", self.address.username, reason
            )
            return
        with self._fence:
            self._epoch += 1
            self._pending.clear()
        # What is held from a connection that was lost meanwhile waits for what this one brings.
        if flags.session_present or self._hold_until is not None:
            self._hold_until = time.monotonic() + self._hold_s
        _log.info(
            "connected to broker %s:%d, session %s",
            self.address.host,
            self.address.port,
            "resumed" if flags.session_present else "new",
        )
        # At every connect: a broker may have lost the session.
        client.subscribe([(each, 1) for each in self.subtree.filters])

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.failure = SubscriptionRefusedError(
                f"broker refused the subscription to {', '.join(self.subtree.filters)} (SUBACK {reasons[0]}): "
                f"user {self.address.username!r} must be allowed to read it, and max_ack_pending of the session "
                "must stay under 65535"
            )
            client.disconnect()
        else:
            self.connected_since = time.time_ns() // 1000
            self.connected = True
            self.subscribed.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """A message that paho read by itself."""
        self._on_publishes([Publish(message.mid, message.dup, message._topic, bytes(message.payload))])

    def _on_publishes(self, publishes: Sequence[Publish]) -> None:
        epoch, arrived = self._epoch, time.time_ns() // 1000
        for mid, dup, topic, payload in publishes:
            if dup and self._is_pending(mid, payload):
                self.repeated += 1
                continue
            delivery = Delivery(epoch, mid, self._topics.get(topic) or self._topic(topic), payload, arrived)
            if mid:
                self._pending[mid] = delivery
            self._bytes_in += len(payload)
            self.received += 1
            self._queue.append(delivery)
        self._arrival.set()

    def _is_pending(self, mid: int, payload: bytes) -> bool:
        """Whether a message delivered again is the one we have: mosquitto gives an id to two while 65 535 wait."""
        pending = self._pending.get(mid)
        return pending is not None and pending.payload == payload

    def _has_room(self) -> bool:
        """Whether to read on. A broker whose messages are not read keeps them, and slows its publishers down."""
        room = len(self._queue) < self._most_waiting and self._bytes_in - self._bytes_out < self._most_bytes
        if not room and not self._full:
            self.paused += 1
        self._full = not room
        return room

    def _topic(self, topic: bytes) -> str:
        if len(self._topics) >= MOST_TOPICS:
            self._topics.clear()
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            text = "not UTF-8"
        self._topics[topic] = text
        return text

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self.connected and reason.is_failure:
            _log.warning("connection to the broker lost: %s; reconnecting", reason)
        self._lose_connection()

    def _lose_connection(self) -> None:
        with self._fence:
            self._epoch += 1
            self._pending.clear()
        if self._hold_until is not None:
            # The unacknowledged of before are still to come: what came after them must not go on without them.
            self._hold_until = math.inf
        self.connected = False


def open_session(url: str, subtree: Subtree = WHOLE_TREE, *, timeout_s: float = 15.0) -> None:
    """Make ingest's persistent session at a broker that may not have it yet, and leave.

    A broker keeps a QoS 1 message only for a session that subscribes to it: without this, what devices publish
    before ingest's first start would be acknowledged and dropped. Raises `TimeoutError` or `SubscriptionRefusedError`.
    """
    session = Session(BrokerAddress.parse(url), subtree)
    session.start()
    try:
        if not session.subscribed.wait(timeout_s):
            raise session.failure or TimeoutError(
                f"no session at broker {session.address.host}:{session.address.port} within {timeout_s:g} s"
            )
    finally:
        session.stop()


def remove_session(address: BrokerAddress, subtree: Subtree, *, timeout_s: float = 15.0) -> None:
    """End a worker's session at the broker, which keeps nothing for it any more. Raises `TimeoutError`."""
    gone = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id=subtree.client_id(address.password), clean_session=True)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.tls:
        client.tls_set()
    client.on_connect = lambda _client, _data, _flags, reason, _properties: None if reason.is_failure else gone.set()
    client.connect_async(address.host, address.port, keepalive=KEEPALIVE_S)
    client.loop_start()
    try:
        if not gone.wait(timeout_s):
            raise TimeoutError(f"broker {address.host}:{address.port} did not end the session within {timeout_s:g} s")
    finally:
        client.disconnect()
        client.loop_stop()
