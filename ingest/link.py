"""One MQTT connection of ingest: a persistent session with one subscription, paho behind one small class.

paho's sharp edges, and what is done about them:

- ``ack(mid)`` checks nothing: a packet id of a lost connection may belong to another message on the next one.
  So every delivery carries the connection's epoch, and acknowledgements of another epoch are dropped.
- An exception in a callback can end paho's thread: they only append to a queue.
- The broker delivers an unacknowledged message again on the live connection, DUP with the same packet id: it is
  ignored while the first is still pending, so that a long database outage does not fill memory.
- NATS gives a retained message a place among what a session may have unacknowledged, and keeps it over reconnects. With
  devices' retained statuses in such places it sends as many readings too many, drops them for want of a packet id, and
  sends them again `ack_wait` after there is room, behind newer ones. So a retained message is acknowledged at once: it
  is the broker's to keep, and comes again with each subscription.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.bulk_client import BulkClient
from ingest.delivery import Delivery
from ingest.publish_packets import Publish
from ingest.subtrees import Subscription

KEEPALIVE_S: Final = 30
MAX_IN_FLIGHT: Final = 8_192
"""Unacknowledged messages the broker delivers at most (operations/broker.py); mosquitto delivers more at times."""

NEVER_EXPIRES: Final = 0xFFFF_FFFF
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


class Intake(Protocol):
    """Where a link's deliveries go, and who is told what becomes of it. Called from the link's own thread."""

    def next_epoch(self) -> int:
        """A number that no connection had before."""

    def opened(self, link: "Link", *, resumed: bool) -> None:
        """The link is connected; `resumed` says that the broker had kept its session."""

    def lost(self, link: "Link") -> None:
        """The link has lost its connection."""

    def receive(self, deliveries: Sequence[Delivery]) -> None:
        """What has come, in order of receipt."""

    def has_room(self) -> bool:
        """Whether to read on. A broker whose messages are not read keeps them."""


class Link:
    """A persistent QoS 1 session with one subscription, reconnecting by itself.

    One subscription a session, because NATS bounds what a *session* has unacknowledged by the bound of one
    subscription: what is beyond comes only after `ack_wait`, out of order.
    """

    def __init__(self, address: BrokerAddress, subscription: Subscription, intake: Intake) -> None:
        self.address = address
        self.subscription = subscription
        self.received = 0
        self.acknowledged = 0
        self.repeated = 0
        self.connected = False
        self.connected_since = 0
        self.failure: Exception | None = None
        self.subscribed = threading.Event()
        self._client_id = subscription.client_id(address.password)
        self._intake = intake
        self._pending: dict[int, Delivery] = {}
        self._topics: dict[bytes, str] = {}
        self._epoch = intake.next_epoch()
        # Held to change epoch or to acknowledge, so that no acknowledgement slips from one connection to the next.
        self._fence = threading.Lock()
        self._client: BulkClient | None = None

    def start(self) -> None:
        """Begin connecting, in the background and for as long as it takes."""
        if self._client is not None:
            return
        # Only MQTT 5 has shared subscriptions; all else is 3.1.1, which every broker speaks.
        shared = bool(self.subscription.member)
        client = BulkClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if shared else False,
            protocol=MQTTProtocolVersion.MQTTv5 if shared else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        _authenticate(client, self.address)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publishes = self._on_publishes
        client.has_room = self._intake.has_room
        client.on_disconnect = self._on_disconnect
        client.reconnect_delay_set(min_delay=1, max_delay=8)
        if shared:
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
        """Whether the link is connected or trying to be; False after `stop`."""
        return self._client is not None

    @property
    def alive(self) -> bool:
        """Whether paho's thread lives; an error in it must not leave a session that is deaf for ever."""
        name = f"paho-mqtt-client-{self._client_id}"
        return any(thread.name == name for thread in threading.enumerate())

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, in the order given, those of this connection; the broker sends those of an earlier one again."""
        with self._fence:
            epoch, pending = self._epoch, self._pending
            # Packet id 0 is QoS 0: nothing to acknowledge.
            due = [each for each in deliveries if each.epoch == epoch and each.mid]
            if due and self._client is not None:
                for each in due:
                    if pending.get(each.mid) is each:
                        del pending[each.mid]
                self._client.ack_all([each.mid for each in due])
                self.acknowledged += len(due)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 0; it is lost without a connection."""
        client = self._client
        if client is not None:
            client.publish(topic, payload, qos=0)

    # Callbacks, in paho's thread.

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error(
                "broker refused the connection of user %r: %s; check its credential", self.address.username, reason
            )
            return
        self._renew()
        self._intake.opened(self, resumed=flags.session_present)
        _log.log(
            # A worker of several counties has a dozen sessions; most of them are there for what seldom comes.
            logging.INFO if self.subscription.topics.startswith("landun/") else logging.DEBUG,
            "connected to broker %s:%d for %s, session %s",
            self.address.host,
            self.address.port,
            self.subscription.filter,
            "resumed" if flags.session_present else "new",
        )
        client.subscribe(self.subscription.filter, qos=1)  # at every connect: a broker may have lost the session

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.failure = SubscriptionRefusedError(
                f"broker refused the subscription to {self.subscription.filter!r} (SUBACK {reasons[0]}): user "
                f"{self.address.username!r} must be allowed to read it, and max_ack_pending of the session must stay "
                "under 65535"
            )
            client.disconnect()
        else:
            self.connected_since = time.time_ns() // 1000
            self.connected = True
            self.subscribed.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """A message that paho read by itself."""
        self._on_publishes([Publish(message.mid, message.dup, message.retain, message._topic, bytes(message.payload))])

    def _on_publishes(self, publishes: Sequence[Publish]) -> None:
        epoch, arrived = self._epoch, time.time_ns() // 1000
        pending, topics = self._pending, self._topics
        deliveries: list[Delivery] = []
        kept: list[int] = []
        for mid, dup, retained, topic, payload in publishes:
            if retained and mid:
                kept.append(mid)
                mid = 0  # noqa: PLW2901 - nothing left to acknowledge
            if dup and self._is_pending(mid, payload):
                self.repeated += 1
                continue
            delivery = Delivery(epoch, mid, topics.get(topic) or self._topic(topic), payload, arrived)
            if mid:
                pending[mid] = delivery
            deliveries.append(delivery)
        self.received += len(deliveries)
        if kept:
            self._acknowledge_retained(kept)
        self._intake.receive(deliveries)

    def _acknowledge_retained(self, mids: Sequence[int]) -> None:
        with self._fence:
            if self._client is not None:
                self._client.ack_all(mids)
                self.acknowledged += len(mids)

    def _is_pending(self, mid: int, payload: bytes) -> bool:
        """Whether a message delivered again is the one we have: mosquitto gives an id to two while 65 535 wait."""
        pending = self._pending.get(mid)
        return pending is not None and pending.payload == payload

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
        self._renew()
        self._intake.lost(self)
        self.connected = False

    def _renew(self) -> None:
        with self._fence:
            self._epoch = self._intake.next_epoch()
            self._pending.clear()


def remove_session(address: BrokerAddress, subscription: Subscription, *, timeout_s: float = 15.0) -> None:
    """End a session at the broker, which keeps nothing for it any more. Raises `TimeoutError`."""
    gone = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id=subscription.client_id(address.password), clean_session=True)
    _authenticate(client, address)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: None if reason.is_failure else gone.set()
    client.connect_async(address.host, address.port, keepalive=KEEPALIVE_S)
    client.loop_start()
    try:
        if not gone.wait(timeout_s):
            raise TimeoutError(f"broker {address.host}:{address.port} did not end the session within {timeout_s:g} s")
    finally:
        client.disconnect()
        client.loop_stop()


def _authenticate(client: Client, address: BrokerAddress) -> None:
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.tls:
        client.tls_set()
