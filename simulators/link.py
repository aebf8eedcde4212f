"""One MQTT connection, driven by somebody else's selector: the only module that knows paho.

A link is used for one connection and thrown away, so nothing of paho's own queues outlives it: what is to be
sent again is the outbox's business.
"""

import json
import logging
import selectors
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from simulators.dialects.voice import Voice, Words
from simulators.outbox import WINDOW

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 30
CONNECT_TIMEOUT_S: Final = 2.0
ONLINE: Final = json.dumps({"online": True}).encode()
OFFLINE: Final = json.dumps({"online": False}).encode()


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker listens, and whether it speaks TLS (with a certificate of a CA this machine trusts)."""

    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is to the broker."""

    code: str
    password: str
    status_topic: str


@dataclass(frozen=True, slots=True)
class Listener:
    """What a link tells its owner: connected or refused (with why), lost, and each acknowledged packet id."""

    connected: Callable[[], None]
    refused: Callable[[str], None]
    lost: Callable[[str], None]
    acknowledged: Callable[[int], None]


class Wire(Protocol):
    """A connection of a device, to the broker or to a server of its dialect, driven by somebody else's selector."""

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""

    def open(self, address: Address) -> None:
        """Connect. Raises `OSError` where nobody can be reached."""

    def say(self, words: Iterable[Words]) -> None:
        """Send what is no sample and waits for no answer."""

    def publish(self, topic: str, payload: bytes) -> int | None:
        """Send a message; the number that its acknowledgement will have, None where the connection is gone."""

    def ready(self, mask: int) -> None:
        """The selector says that the socket can be read or written."""

    def tick(self) -> None:
        """About once a second."""

    def say_goodbye(self) -> None:
        """Leave in order."""

    def abort(self) -> None:
        """Leave without a word."""


class Link:
    """A connection of a device to the broker. Its socket is registered in `selector` with the link as data.

    The owner calls `ready` for each event of the selector and `tick` about once a second.
    """

    def __init__(self, identity: Identity, selector: selectors.BaseSelector, listener: Listener, voice: Voice) -> None:
        self._selector = selector
        self._voice = voice
        self._listener = listener
        self._status_topic = identity.status_topic
        self._ended = False
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=identity.code, clean_session=True, reconnect_on_failure=False
        )
        client.username_pw_set(identity.code, identity.password)
        will = voice.will()
        if will is None:
            client.will_set(identity.status_topic, OFFLINE, qos=1, retain=True)
        else:
            client.will_set(*will, qos=1)
        client.max_inflight_messages_set(WINDOW + 2)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        self._client = client

    def open(self, address: Address) -> None:
        """Connect the socket and send CONNECT. Raises `OSError` where the broker cannot be reached."""
        if address.tls:
            self._client.tls_set()
        self._client.connect(address.host, address.port, KEEPALIVE_S)

    def publish(self, topic: str, payload: bytes) -> int | None:
        """Send at QoS 1; the packet id, or None where the connection is gone."""
        info = self._client.publish(topic, payload, qos=1)
        return info.mid if info.rc is MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def say(self, words: Iterable[Words]) -> None:
        """Send what is no sample and waits for no answer."""
        for topic, payload in words:
            self._client.publish(topic, payload, qos=1)

    def ready(self, mask: int) -> None:
        """The selector says that the socket can be read or written."""
        if mask & selectors.EVENT_READ:
            self._client.loop_read()
            # What TLS has decrypted already does not make the socket readable again.
            while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
                self._client.loop_read()
        if mask & selectors.EVENT_WRITE and self._client.socket() is not None:
            self._client.loop_write()

    def tick(self) -> None:
        """Keep the connection alive, or find it dead."""
        if self._client.socket() is not None:
            self._client.loop_misc()

    def say_goodbye(self) -> None:
        """Leave in order: status off line, then DISCONNECT. The end is told by `closed`."""
        self._ended = True
        if self._client.is_connected():
            self._client.publish(self._status_topic, OFFLINE, qos=1, retain=True)
            self._client.disconnect()
        else:
            self.abort()

    def abort(self) -> None:
        """Cut the connection without a word, as a power cut does: the broker publishes the last will."""
        self._ended = True
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("socket was closed already", exc_info=True)
            while self._client.socket() is not None:
                self._client.loop_read()  # reads what had arrived, then sees the end and closes

    @property
    def closed(self) -> bool:
        """Whether the socket is gone."""
        return self._client.socket() is None

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._ended:
            return
        if reason.is_failure:
            self._ended = True
            self._listener.refused(str(reason))
            return
        self._client.publish(self._status_topic, ONLINE, qos=1, retain=True)
        for ear in self._voice.ears():
            self._client.subscribe(ear, qos=0)  # as commands are sent
        self._listener.connected()

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._ended:
            self._ended = True
            self._listener.lost(str(reason))

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if not self._ended:
            self._listener.acknowledged(mid)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not self._ended:
            self.say(self._voice.hear(bytes(message.payload)))

    def _on_socket_open(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._selector.register(sock, selectors.EVENT_READ, self)

    def _on_socket_close(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._selector.unregister(sock)

    def _on_register_write(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def _on_unregister_write(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        self._selector.modify(sock, selectors.EVENT_READ, self)
