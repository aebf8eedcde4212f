"""Splitting PUBLISH packets: whatever pieces a socket gives, the same messages come out, and others stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.publish_packets import Publish, split_publishes


def variable(size: int) -> bytes:
    """A variable byte integer (MQTT 5, 1.5.5)."""
    digits = bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(digits)


def packet(message: Publish, *, version: int = 4, properties: bytes = b"") -> bytes:
    """A message as a broker sends it."""
    body = len(message.topic).to_bytes(2, "big") + message.topic
    if message.mid:
        body += message.mid.to_bytes(2, "big")
    if version == 5:
        body += variable(len(properties)) + properties
    body += message.payload
    flags = 0x30 | (0x08 if message.dup else 0) | (0x02 if message.mid else 0) | message.retained
    return bytes([flags]) + variable(len(body)) + body


messages = st.builds(
    Publish,
    mid=st.integers(0, 65_535),
    dup=st.booleans(),
    retained=st.booleans(),
    topic=st.binary(min_size=1, max_size=40),
    payload=st.one_of(st.binary(max_size=300), st.integers(0, 20_000).map(bytes)),
)


@given(st.lists(messages, max_size=8), st.sampled_from([4, 5]), st.binary(max_size=200))
def test_whole_packets_come_out_as_they_went_in(sent: list[Publish], version: int, properties: bytes) -> None:
    """Packet id, DUP, RETAIN, topic and payload of each, in order, in both versions of MQTT."""
    data = b"".join(packet(each, version=version, properties=properties) for each in sent)
    split = split_publishes(data, 0, version=version)
    assert split.publishes == sent
    assert split.end == len(data)
    assert not split.unfinished


@given(st.lists(messages, min_size=1, max_size=6), st.lists(st.integers(1, 2_000), min_size=1), st.sampled_from([4, 5]))
def test_however_the_stream_is_cut_the_same_messages_come_out(
    sent: list[Publish], cuts: list[int], version: int
) -> None:
    """What is unfinished waits for its rest and is read once."""
    data = b"".join(packet(each, version=version) for each in sent)
    got: list[Publish] = []
    rest = b""
    at = step = 0
    while at < len(data):
        size = cuts[step % len(cuts)]
        rest += data[at : at + size]
        at, step = at + size, step + 1
        split = split_publishes(rest, 0, version=version)
        got += split.publishes
        rest = rest[split.end :]
        assert split.unfinished == bool(rest)
    assert got == sent
    assert rest == b""


@pytest.mark.parametrize(
    "other",
    [
        b"\x20\x02\x00\x00",  # CONNACK
        b"\xd0\x00",  # PINGRESP
        b"\x34\x07\x00\x01a\x00\x01xy",  # PUBLISH of QoS 2
        b"\x32\x01\x00",  # too short to hold a topic
        b"\x32\x03\x00\x01a",  # QoS 1 without a packet id
        b"\x30\x04\x00\x09ab",  # a topic longer than its packet
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
    ],
)
def test_what_is_not_a_plain_publish_is_left_where_it_is(other: bytes) -> None:
    """Other packets, QoS 2 and malformed ones are for the library to judge; what came before them is read."""
    first = Publish(7, dup=False, retained=False, topic=b"a/b", payload=b"1")
    data = packet(first) + other + packet(first)
    split = split_publishes(data, 0)
    assert split.publishes == [first]
    assert data[split.end :].startswith(other)
    assert not split.unfinished


@given(st.binary(max_size=64), st.sampled_from([4, 5]))
def test_any_bytes_end_in_messages_and_never_in_an_error(data: bytes, version: int) -> None:
    """A broken stream does not end the thread that reads it."""
    split = split_publishes(data, 0, version=version)
    assert 0 <= split.end <= len(data)
