"""PUBLISH packets out of what a socket gave, many in one turn (MQTT 3.1.1 and 5, section 3.3). Pure.

A library that reads packet by packet spends most of a subscriber's processor time on it; everything but PUBLISH is
left to that library.
"""

from typing import Final, NamedTuple

PUBLISH: Final = 0x30
DUP: Final = 0x08
RETAIN: Final = 0x01
_LONGEST_LENGTH: Final = 4
"""Bytes of a "remaining length" at most."""


class Publish(NamedTuple):
    """A received message. `mid` is the packet id, 0 at QoS 0; `dup` says that the broker has sent it before.

    `retained` says that it comes because of the subscription, not because it was just published (MQTT-3.3.1-8).
    """

    mid: int
    dup: bool
    retained: bool
    topic: bytes
    payload: bytes


class Split(NamedTuple):
    """The packets at the front of some data, where they end, and whether a PUBLISH begins there that is not whole."""

    publishes: list[Publish]
    end: int
    unfinished: bool


def split_publishes(data: bytes, start: int, *, version: int = 4) -> Split:
    """The whole PUBLISH packets that `data` holds one after the other from `start` on.

    Stops before a packet of another type, and before anything malformed or of QoS 2, which is for others to judge.
    `version` is MQTT's protocol level: 4 for 3.1.1, 5 for 5.0, whose packets carry properties.
    """
    found: list[Publish] = []
    size = len(data)
    at = start
    while at < size:
        first = data[at]
        if first & 0xF4 != PUBLISH:  # 0x04 is QoS 2
            return Split(found, at, unfinished=False)
        length, body = _variable(data, at + 1)
        if body == 0:
            return Split(found, at, unfinished=size - at - 1 < _LONGEST_LENGTH)
        end = body + length
        if end > size:
            return Split(found, at, unfinished=True)
        topic_end = body + 2 + (data[body] << 8) + data[body + 1] if length >= 2 else end + 1
        payload = topic_end
        mid = 0
        if first & 0x02:
            payload += 2
            if payload <= end:
                mid = (data[topic_end] << 8) + data[topic_end + 1]
        if version >= 5 and payload < end:
            properties, payload = _variable(data, payload)
            payload += properties
        if payload > end or (version >= 5 and payload == 0):
            return Split(found, at, unfinished=False)
        found.append(Publish(mid, first & DUP != 0, first & RETAIN != 0, data[body + 2 : topic_end], data[payload:end]))
        at = end
    return Split(found, at, unfinished=False)


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and where it ends; (0, 0) when it does not end within the data or its four bytes."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return first, at + 1
    value, shift = 0, 0
    for place in range(at, min(at + _LONGEST_LENGTH, len(data))):
        digit = data[place]
        value |= (digit & 0x7F) << shift
        if digit < 0x80:
            return value, place + 1
        shift += 7
    return 0, 0
