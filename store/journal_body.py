"""How readings and original messages are packed into a journal row.

Readings: zlib over the packed array with its bytes transposed (all first bytes, then all second bytes, …:
"byte shuffle", as HDF5 and Blosc do), because neighbours differ only in a few of them. Messages: zlib over
columns: count, topic lengths, payload lengths, arrival times, topics, payloads.
"""

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import numpy as np

from store.records import READING, Message, Readings

_LEVEL: Final = 1  # the fastest: the transposition already does most of the work


def encode_readings(readings: Readings) -> bytes:
    """Pack readings, shape (n,), for a journal row's `body`."""
    packed = np.ascontiguousarray(readings, dtype=READING)
    shuffled = packed.view(np.uint8).reshape(len(packed), READING.itemsize).T
    return zlib.compress(shuffled.tobytes(), _LEVEL)


def decode_readings(body: bytes) -> Readings:
    """Unpack what `encode_readings` made. Raises `zlib.error` or `ValueError` on anything else."""
    shuffled = np.frombuffer(zlib.decompress(body), dtype=np.uint8).reshape(READING.itemsize, -1)
    return np.ascontiguousarray(shuffled.T).view(READING).reshape(-1)


def encode_messages(messages: Sequence[Message]) -> bytes:
    """Pack original messages for a journal row's `raw`."""
    topics = [message.topic.encode("utf-8", "surrogatepass") for message in messages]
    payloads = [message.payload for message in messages]
    columns = (
        struct.pack("<I", len(messages)),
        np.fromiter(map(len, topics), "<u4", len(topics)).tobytes(),
        np.fromiter(map(len, payloads), "<u4", len(payloads)).tobytes(),
        np.fromiter((message.arrived for message in messages), "<i8", len(messages)).tobytes(),
        *topics,
        *payloads,
    )
    return zlib.compress(b"".join(columns), _LEVEL)


def decode_messages(raw: bytes) -> list[Message]:
    """Unpack what `encode_messages` made. Raises `zlib.error`, `struct.error` or `ValueError` on anything else."""
    data = zlib.decompress(raw)
    (count,) = struct.unpack_from("<I", data)
    topic_sizes = np.frombuffer(data, "<u4", count, 4).tolist()
    payload_sizes = np.frombuffer(data, "<u4", count, 4 + 4 * count).tolist()
    arrivals = np.frombuffer(data, "<i8", count, 4 + 8 * count).tolist()
    start = 4 + 16 * count
    bounds = list(accumulate(topic_sizes + payload_sizes, initial=start))
    if bounds[-1] != len(data):
        raise ValueError(f"packed messages are {len(data)} bytes long, their lengths add up to {bounds[-1]}")
    parts = [data[lo:hi] for lo, hi in pairwise(bounds)]
    return [
        Message(topic.decode("utf-8", "surrogatepass"), payload, arrived)
        for topic, payload, arrived in zip(parts[:count], parts[count:], arrivals, strict=True)
    ]
