"""JT/T 808 frames written out by the standard's tables, and round trips of whatever a terminal may say."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders import jt808
from ingest.decoders.jt808 import FrameReader, Message, Packet, Registered, Result, encode, read_packet
from ingest.decoders.model import Decoded, Fix
from ingest.rejection import Reason
from registry.geodesy import wgs84_to_gcj02
from tests.ingest.decoders.custody_examples import BODY, CUSTODY_EXAMPLES, HEAD_2013, HEAD_2019, framed
from tests.ingest.decoders.examples import TS

WHERE = (TS, 32.016732, 120.865088, 41.5, 270.0)


def packet(frame: bytes) -> Packet:
    """The fields of a good frame."""
    decoded = Decoded()
    found = read_packet(frame, decoded)
    assert decoded.rejections == []
    assert found is not None
    return found


@pytest.mark.parametrize("head", [HEAD_2013, HEAD_2019])
def test_a_location_is_a_fix(head: str) -> None:
    """Millionths of degrees, tenths of km/h, BCD in UTC+8; with the header of 2013 and of 2019, and escapes."""
    frame = framed(head + BODY)
    assert b"\x7d\x01" in frame
    decoded = jt808.decode(frame)
    assert decoded.rejections == []
    (fix,) = decoded.fixes
    assert (fix.ts, fix.lat, fix.lon, fix.speed_kmh, fix.heading) == WHERE
    assert (packet(frame).phone, packet(frame).serial) == ("13900000001", 7)


def test_a_batch_holds_its_items() -> None:
    """0x0704: each item with its length before it, in order."""
    fixes = jt808.decode(CUSTODY_EXAMPLES["jt808"][2]).fixes
    assert [each.ts - TS for each in fixes] == [30_000_000, 0]


def test_a_message_in_parts_is_put_together() -> None:
    """Parts are a frame each; their bodies make one."""
    body = jt808.locations([jt808.location(Fix(*WHERE))] * 3)
    frames = [
        encode(Message.LOCATIONS, "1", 9 + part, body[at : at + 40], part=(3, part))
        for part, at in ((1, 0), (2, 40), (3, 80))
    ]
    assert [each.lat for each in jt808.decode(b"".join(frames)).fixes] == [32.016732] * 3
    (rejection,) = jt808.decode(frames[0] + frames[2]).rejections
    assert "parts 1, 3 of 3 came" in rejection.detail


def test_south_and_west_and_a_shifted_map() -> None:
    """Status bits 2 and 3 are signs; with bit 5 the coordinates are a map's (GCJ-02) and are put straight."""
    south_west = jt808.location(Fix(TS, -12.5, -70.25, 0, 0))
    (fix,) = jt808.decode(encode(Message.LOCATION, "1", 1, south_west)).fixes
    assert (fix.lat, fix.lon) == (-12.5, -70.25)
    lon, lat = wgs84_to_gcj02(120.865088, 32.016732)
    shifted = bytearray(jt808.location(Fix(TS, float(lat), float(lon), 41.5, 270.0)))
    shifted[7] |= 1 << 5
    (fix,) = jt808.decode(encode(Message.LOCATION, "1", 1, bytes(shifted))).fixes
    assert (fix.lat, fix.lon) == pytest.approx((32.016732, 120.865088), abs=1.1e-6)


def test_a_terminal_without_a_fix_says_nothing() -> None:
    """Neither a place nor an error: a vehicle in a tunnel."""
    body = bytearray.fromhex(BODY.replace(" ", ""))
    body[7] = 0x01
    decoded = jt808.decode(encode(Message.LOCATION, "1", 1, bytes(body)))
    assert (decoded.fixes, decoded.rejections) == ([], [])
    assert decoded.nothing


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (lambda body: body[:20], Reason.MALFORMED_FRAME, "has 20 bytes; must have at least 28"),
        (
            lambda body: body[:8] + b"\x7f\xff\xff\xff" + body[12:],
            Reason.WRONG_SHAPE,
            "lat is 2147.48; must be at most 90",
        ),
        (lambda body: body[:18] + b"\xff\xff" + body[20:], Reason.WRONG_SHAPE, "speed_kmh is 6553.5"),
        (
            lambda body: body[:22] + b"\x26\x13\x15\x10\x15\x00",
            Reason.BAD_TIMESTAMP,
            "ts is 261315101500; must be a time",
        ),
        (lambda body: body[:22] + b"\xaa" * 6, Reason.BAD_TIMESTAMP, "as BCD"),
    ],
)
def test_what_is_wrong_with_a_location_is_named(change: object, reason: Reason, words: str) -> None:
    """The field, what it holds, and what would be right."""
    body = change(bytes.fromhex(BODY.replace(" ", "")))  # type: ignore[operator]
    decoded = jt808.decode(encode(Message.LOCATION, "1", 1, body))
    assert decoded.fixes == []
    assert [each.reason for each in decoded.rejections] == [reason]
    assert words in decoded.rejections[0].detail


@pytest.mark.parametrize(
    ("frame", "reason", "words"),
    [
        (framed(HEAD_2013 + BODY)[:-2] + b"\x00\x7e", Reason.BAD_CHECKSUM, "checksum is 00; the XOR"),
        (framed("0200 0027 013900000001 0007" + BODY), Reason.MALFORMED_FRAME, "length is 39; the body has 38 bytes"),
        (framed("0200 0426 013900000001 0007" + BODY), Reason.MALFORMED_FRAME, "encrypted"),
        (framed("0200 0026 0139000000FA 0007" + BODY), Reason.MALFORMED_FRAME, "decimal digits"),
        (framed("0002 0000 013900000001 0007"), Reason.MALFORMED_FRAME, "0x0002 brings no position"),
        (b"\x7e\x02\x00\x7d\x03\x00\x7e", Reason.MALFORMED_FRAME, "are no frame"),
        (b"GET / HTTP/1.1\r\n", Reason.MALFORMED_FRAME, "hold no frame"),
    ],
)
def test_what_is_wrong_with_a_frame_is_named(frame: bytes, reason: Reason, words: str) -> None:
    """A damaged frame brings nothing and says why."""
    decoded = jt808.decode(frame)
    assert decoded.fixes == []
    assert decoded.rejections[0].reason is reason
    assert words in decoded.rejections[0].detail


def test_a_registration_is_read_in_each_version() -> None:
    """Province, city, maker, model, terminal, colour, plate in GBK; the fields have three sets of lengths."""
    plate = "苏F12345".encode("gbk")

    def registration(version: int | None, maker: int, model: int, terminal: int) -> jt808.Registration | None:
        body = struct.pack(">HH", 32, 600) + b"M" * maker + b"T1".ljust(model, b"\0") + b"ID7".ljust(terminal, b"\0")
        return jt808.read_registration(packet(encode(0x0100, "139", 1, body + b"\x02" + plate, version=version)))

    right = jt808.Registration("ID7", "苏F12345")
    assert registration(None, 5, 20, 7) == right
    assert registration(None, 5, 8, 7) == right
    assert registration(1, 11, 30, 30) == right
    assert jt808.read_registration(packet(encode(0x0100, "139", 1, b"\0" * 10))) is None


def test_an_authentication_code_is_read_in_each_version() -> None:
    """Before 2019 it is the whole body; since then it has its length before it, and IMEI and software after it."""
    assert jt808.read_authentication(packet(encode(0x0102, "1", 1, b"code7"))) == "code7"
    body = b"\x05code7" + b"8" * 15 + b"\x03v10"
    assert jt808.read_authentication(packet(encode(0x0102, "1", 1, body, version=1))) == "code7"


def test_the_platform_answers_in_the_terminals_version() -> None:
    """0x8001 with number, message and result; 0x8100 with a code only where it succeeded; 0x8004 in UTC."""
    asked = packet(framed(HEAD_2019 + BODY))
    answer = packet(jt808.general_answer(asked, Result.DONE, 3))
    assert (answer.message, answer.phone, answer.version, answer.serial) == (0x8001, "13900000001", 1, 3)
    assert answer.body == bytes.fromhex("0007 0200 00")
    old = packet(framed(HEAD_2013 + BODY))
    assert packet(jt808.registered_answer(old, Registered.DONE, "abc", 4)).body == b"\x00\x07\x00abc"
    assert packet(jt808.registered_answer(old, Registered.NO_SUCH_VEHICLE, "", 4)).body == b"\x00\x07\x02"
    clock = packet(jt808.time_answer(asked, datetime(2026, 1, 15, 2, 15, 7, tzinfo=UTC), 5))
    assert clock.body == bytes.fromhex("07EA 01 0F 02 0F 07")


@given(
    st.sampled_from([None, 1]),
    st.integers(0, 0xFFFF),
    st.text("0123456789", min_size=1, max_size=12),
    st.integers(0, 0xFFFF),
    st.binary(max_size=1023),
    st.lists(st.integers(1, 40), max_size=60),
    st.binary(max_size=20).filter(lambda data: 0x7E not in data),
)
def test_frames_survive_any_cutting(
    version: int | None, message: int, phone: str, serial: int, body: bytes, cuts: list[int], garbage: bytes
) -> None:
    """Two frames with garbage between them come out of a stream cut anywhere as they went in."""
    frame = encode(message, phone, serial, body, version=version)
    stream, reader, frames = frame + garbage + frame, FrameReader(), list[bytes]()
    for size in cuts:
        frames += reader.feed(stream[:size])
        stream = stream[size:]
    frames += reader.feed(stream)
    assert frames == [frame, frame]
    found = packet(frame)
    assert (found.message, found.phone, found.serial, found.body) == (message, phone.lstrip("0"), serial, body)


def test_a_stream_without_end_does_not_fill_memory() -> None:
    """What can't be a frame any more is dropped and counted."""
    reader = FrameReader()
    assert reader.feed(b"\x7e" + b"x" * 10_000) == []
    assert reader.skipped == 10_001
    assert reader.feed(framed(HEAD_2013 + BODY)) == [framed(HEAD_2013 + BODY)]
