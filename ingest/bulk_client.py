"""paho's client with bulk reading and bulk acknowledgement.

paho reads a packet in three or four `recv` calls, waits in `select` for each, and writes each PUBACK by itself:
about two thirds of ingest's CPU time. Here the socket is read in large pieces, all packets of a piece are handled
in one turn of the loop, and the PUBACKs of a batch are one write. It overrides three methods of paho 2 that are
not public (`_create_socket`, `_sock_recv` by way of it, `_packet_queue` is called); the session's tests hold it
to a real broker, and `constraints.txt` holds paho.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

_PIECE: Final = 256 * 1024
_PACKETS_A_TURN: Final = 500
_PUBACK: Final = 0x40
_PUBACK_PACKET: Final = np.dtype([("type", "u1"), ("length", "u1"), ("mid", ">u2")])


class _BufferedSocket:
    """A socket that reads ahead. Like an SSL socket it tells what it has read with `pending`, which paho asks for."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._piece = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, as `socket.recv`."""
        at = self._at
        if at >= len(self._piece):
            self._piece = self._inner.recv(max(size, _PIECE))
            at = 0
        self._at = at + size
        return self._piece[at : at + size]

    def pending(self) -> int:
        """Bytes read ahead."""
        own = max(len(self._piece) - self._at, 0)
        return own or (self._inner.pending() if hasattr(self._inner, "pending") else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class BulkClient(Client):
    """An MQTT client for a subscriber of many small messages."""

    def _create_socket(self) -> Any:
        return _BufferedSocket(super()._create_socket())  # type: ignore[no-untyped-call,unused-ignore]

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle what has been read, up to a number of packets that leaves the loop time to write and to ping."""
        for _ in range(_PACKETS_A_TURN):
            code = super().loop_read(max_packets)
            socket = cast("_BufferedSocket | None", self._sock)
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS or socket is None or socket.pending() == 0:
                return code
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def ack_all(self, mids: Sequence[int]) -> None:
        """Send the PUBACKs of these packet ids, in order, as one write."""
        packets = np.empty(len(mids), dtype=_PUBACK_PACKET)
        packets["type"] = _PUBACK
        packets["length"] = 2
        packets["mid"] = mids
        self._packet_queue(_PUBACK, packets.tobytes(), mids[0], 1)
