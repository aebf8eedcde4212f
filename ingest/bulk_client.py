"""paho's client with bulk reading and bulk acknowledgement.

paho reads a packet in three or four `recv` calls, waits in `select` for each, and writes each PUBACK by itself:
most of ingest's CPU time. Here the socket is read in large pieces, the PUBLISH packets of a piece are handed over
together, and the PUBACKs of a batch are one write; connecting, keeping alive and every other packet stay paho's. It
overrides and calls methods of paho 2 that are not public (`_create_socket`, `_in_packet`, `_loop_rc_handle`,
`_packet_queue`, `_last_bytes_received`); the session's tests hold it to real brokers, and `constraints.txt` holds paho.
"""

import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from ingest.publish_packets import Publish, split_publishes

_PIECE: Final = 256 * 1024
_PAUSE_S: Final = 0.01
_PUBACK: Final = 0x40
_PUBACK_PACKET: Final = np.dtype([("type", "u1"), ("length", "u1"), ("mid", ">u2")])


class _BufferedSocket:
    """A socket that reads ahead. Like an SSL socket it tells what it has read with `pending`, which paho asks for."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._piece = b""
        self._at = 0
        self._unfinished = False

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, as `socket.recv`."""
        if self._at >= len(self._piece) and not self.read_ahead():
            return b""
        at = self._at
        self._at = at + size
        return self._piece[at : at + size]

    def read_ahead(self) -> bool:
        """Read one piece more; False at the end of the stream. Raises as `socket.recv` does."""
        more: bytes = self._inner.recv(_PIECE)
        self._piece = self._piece[self._at :] + more
        self._at = 0
        self._unfinished = False
        return bool(more)

    def publishes(self, version: int) -> list[Publish]:
        """The PUBLISH packets at the front of what has been read."""
        split = split_publishes(self._piece, self._at, version=version)
        self._at, self._unfinished = split.end, split.unfinished
        return split.publishes

    def ready(self) -> int:
        """Bytes read ahead that something can be done with."""
        return 0 if self._unfinished else max(len(self._piece) - self._at, 0)

    def pending(self) -> int:
        """Bytes that can be handled or read without waiting for the network."""
        return self.ready() or (self._inner.pending() if hasattr(self._inner, "pending") else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class BulkClient(Client):
    """An MQTT client for a subscriber of many small messages.

    `on_publishes` gets the messages in order of receipt, in paho's thread; while `has_room` says no, nothing is read
    and the broker keeps what it has.
    """

    on_publishes: Callable[[list[Publish]], None]
    has_room: Callable[[], bool]

    def _create_socket(self) -> Any:
        return _BufferedSocket(super()._create_socket())  # type: ignore[no-untyped-call,unused-ignore]

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle what has come: PUBLISH packets here, one other packet as paho does."""
        if not isinstance(self._sock, _BufferedSocket):
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        if not self.has_room():
            time.sleep(_PAUSE_S)
            self._note_receipt()  # the broker is not to blame for a silence of our making
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        if self._in_packet["command"] != 0:  # paho is in the middle of a packet
            return super().loop_read(max_packets)
        if not self._sock.ready():
            try:
                alive = self._sock.read_ahead()
            except (BlockingIOError, ssl.SSLWantReadError):
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            except OSError:
                alive = False
            if not alive:
                return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        publishes = self._sock.publishes(self._protocol)
        if publishes:
            self._note_receipt()
            self.on_publishes(publishes)
        return (
            super().loop_read(max_packets)
            if self._sock is not None and self._sock.ready()
            else MQTTErrorCode.MQTT_ERR_SUCCESS
        )

    def ack_all(self, mids: Sequence[int]) -> None:
        """Send the PUBACKs of these packet ids, in order, as one write."""
        packets = np.empty(len(mids), dtype=_PUBACK_PACKET)
        packets["type"] = _PUBACK
        packets["length"] = 2
        packets["mid"] = mids
        self._packet_queue(_PUBACK, packets.tobytes(), mids[0], 1)

    def _note_receipt(self) -> None:
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
