"""JT/T 808, the terminals of Chinese road vehicles (2011, 2013 and 2019): framing, escaping, and locations as fixes.

``7E`` + header + body + XOR of all of these + ``7E``; within, ``7E`` is written ``7D 02`` and ``7D`` ``7D 01``. The
header of 2019 (bit 14 of its attributes) has a version and a telephone number of 10 bytes instead of 6. Times are UTC+8
in BCD. Locations are degrees in millionths, WGS-84 unless status bit 5 says that a map's shift (GCJ-02) is in them.

The listener that owns the connections is `ingest.jt808`; here is only what is pure.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from ingest.decoders.frames import FrameCutter
from ingest.decoders.model import Decoded, Fix
from ingest.decoders.position import FASTEST_KMH
from ingest.decoders.timestamps import BEIJING, to_us
from ingest.rejection import Reason
from registry.geodesy import gcj02_to_wgs84

FLAG: Final = 0x7E
LONGEST_FRAME: Final = 2 * (21 + 1_023 + 1) + 2
"""Header, body and checksum with every byte escaped, between its flags."""

MOST_PARTS: Final = 64
"""A message in more parts than this is no message of positions."""

_VERSION_2019: Final = 0x4000
_IN_PARTS: Final = 0x2000
_ENCRYPTED: Final = 0x1C00
_LENGTH: Final = 0x03FF
_LOCATION: Final = struct.Struct(">IIIIHHH6s")
_POSITIONED, _SOUTH, _WEST, _SHIFTED = 1 << 1, 1 << 2, 1 << 3, 1 << 5


class Message(IntEnum):
    """The message ids used here."""

    HEARTBEAT = 0x0002
    DEREGISTER = 0x0003
    ASK_TIME = 0x0004
    REGISTER = 0x0100
    AUTHENTICATE = 0x0102
    LOCATION = 0x0200
    LOCATIONS = 0x0704
    GENERAL_ANSWER = 0x8001
    TIME = 0x8004
    REGISTERED = 0x8100


class Result(IntEnum):
    """What the platform's general answer says."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    UNSUPPORTED = 3


class Registered(IntEnum):
    """What the answer to a registration says."""

    DONE = 0
    VEHICLE_TAKEN = 1
    NO_SUCH_VEHICLE = 2
    TERMINAL_TAKEN = 3
    NO_SUCH_TERMINAL = 4


DATA: Final = frozenset((Message.LOCATION, Message.LOCATIONS))
"""Messages that bring positions."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A frame's fields. `phone` is without leading zeros; `version` None before 2019; `part` counts from 1."""

    message: int
    phone: str
    version: int | None
    serial: int
    body: bytes
    parts: int = 1
    part: int = 1
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """What a terminal says of itself when it registers."""

    terminal: str
    plate: str


class FrameReader(FrameCutter):
    """Cuts a stream into frames from flag to flag."""

    def _next(self) -> bytes | None:
        buffer = self._buffer
        while True:
            first = buffer.find(FLAG)
            self._skip(len(buffer) if first < 0 else first)
            second = buffer.find(FLAG, 1)
            if second < 0:
                if len(buffer) > LONGEST_FRAME:
                    self._skip(len(buffer))
                return None
            if second == 1 or second >= LONGEST_FRAME:
                # Two flags side by side are the end of one frame and the beginning of the next.
                self._skip(second)
                continue
            return self._take(second + 1)


def decode(payload: bytes) -> Decoded:
    """The fixes of one message of positions, in one frame or in several."""
    decoded = Decoded()
    frames = FrameReader().feed(payload)
    packets = [packet for frame in frames if (packet := read_packet(frame, decoded)) is not None]
    if decoded.rejections:
        return decoded
    if not packets:
        decoded.reject(Reason.MALFORMED_FRAME, f"{len(payload)} bytes hold no frame; must be 7E … 7E")
        return decoded
    first = packets[0]
    if first.encrypted:
        decoded.reject(Reason.MALFORMED_FRAME, "the body is encrypted; switch the terminal's RSA encryption off")
    elif [each.part for each in packets] != list(range(1, first.parts + 1)):
        listed = ", ".join(str(each.part) for each in packets)
        decoded.reject(Reason.MALFORMED_FRAME, f"parts {listed} of {first.parts} came; must be all of them in order")
    else:
        _read_body(first.message, b"".join(each.body for each in packets), decoded)
    return decoded


def _read_body(message: int, body: bytes, into: Decoded) -> None:
    match message:
        case Message.LOCATION:
            _read_location(body, "", into)
        case Message.LOCATIONS:
            _read_locations(body, into)
        case _:
            into.reject(Reason.MALFORMED_FRAME, f"message {message:#06x} brings no position; must be 0x0200 or 0x0704")


def _read_locations(body: bytes, into: Decoded) -> None:
    """A batch: number of items, kind, and each item with its length before it."""
    if len(body) < 3:
        into.reject(Reason.MALFORMED_FRAME, f"0x0704 has {len(body)} bytes; must have a number of items and a kind")
        return
    count, at = int.from_bytes(body[:2], "big"), 3
    for index in range(count):
        length = int.from_bytes(body[at : at + 2], "big")
        item = body[at + 2 : at + 2 + length]
        at += 2 + length
        if len(item) < length or length == 0:
            detail = f"0x0704 says it has {count} items, and ends in item {index}; must hold all of them"
            into.reject(Reason.MALFORMED_FRAME, detail, f"[{index}]")
            return
        _read_location(item, f"[{index}].", into)
    if count == 0 or at != len(body):
        into.reject(Reason.MALFORMED_FRAME, f"0x0704 has {len(body)} bytes for {count} items of {at} bytes in all")


def _read_location(body: bytes, where: str, into: Decoded) -> None:
    """One location; that of a terminal which does not know where it is gives nothing."""
    if len(body) < _LOCATION.size:
        detail = f"{where}location has {len(body)} bytes; must have at least {_LOCATION.size}"
        into.reject(Reason.MALFORMED_FRAME, detail, where.removesuffix(".") or None)
        return
    _, status, lat_e6, lon_e6, _, speed_e1, heading, time = _LOCATION.unpack_from(body)
    if not status & _POSITIONED:
        into.nothing = "the terminal has no fix"
        return
    wrong = [
        (name, f"{where}{name} is {value:g}; must be at most {most:g} {unit}")
        for name, value, most, unit in (
            ("lat", lat_e6 / 1e6, 90.0, "degrees"),
            ("lon", lon_e6 / 1e6, 180.0, "degrees"),
            ("speed_kmh", speed_e1 / 10, FASTEST_KMH, "km/h"),
            ("heading", heading, 360.0, "degrees"),
        )
        if value > most
    ]
    for name, detail in wrong:
        into.reject(Reason.WRONG_SHAPE, detail, where + name)
    ts = _read_time(time)
    if ts is None:
        detail = f"{where}ts is {time.hex()}; must be a time in UTC+8 as BCD, YYMMDDhhmmss"
        into.reject(Reason.BAD_TIMESTAMP, detail, f"{where}ts")
    if wrong or ts is None:
        return
    lat = lat_e6 / (-1e6 if status & _SOUTH else 1e6)
    lon = lon_e6 / (-1e6 if status & _WEST else 1e6)
    if status & _SHIFTED:
        straight_lon, straight_lat = gcj02_to_wgs84(lon, lat)
        lon, lat = round(float(straight_lon), 6), round(float(straight_lat), 6)
    into.fixes.append(Fix(ts, lat + 0.0, lon + 0.0, speed_e1 / 10, float(heading), where))


def _read_time(bcd: bytes) -> int | None:
    digits = bcd.hex()
    try:
        year, *rest = (int(digits[at : at + 2]) for at in range(0, 12, 2))
        return to_us(datetime(2000 + year, *rest, tzinfo=BEIJING))  # type: ignore[misc,arg-type]
    except ValueError:  # a digit above 9, or no such date
        return None


def read_packet(frame: bytes, into: Decoded) -> Packet | None:
    """The fields of a frame; None, and a rejection saying what would be right, for one that is damaged."""
    inside = _unescaped(frame[1:-1]) if len(frame) >= 2 and frame[0] == frame[-1] == FLAG else None
    if inside is None or len(inside) < 13:
        into.reject(Reason.MALFORMED_FRAME, f"{len(frame)} bytes are no frame; must be 7E, header, body, XOR, 7E")
        return None
    if (found := checksum(inside[:-1])) != inside[-1]:
        into.reject(Reason.BAD_CHECKSUM, f"checksum is {inside[-1]:02X}; the XOR of header and body is {found:02X}")
        return None
    message, attributes = struct.unpack_from(">HH", inside)
    is_2019 = bool(attributes & _VERSION_2019)
    phone_at, phone_bytes = (5, 10) if is_2019 else (4, 6)
    phone = inside[phone_at : phone_at + phone_bytes].hex()
    at = phone_at + phone_bytes
    body_at = at + (6 if attributes & _IN_PARTS else 2)
    length = attributes & _LENGTH
    if body_at + length + 1 != len(inside):
        detail = f"length is {length}; the body has {max(0, len(inside) - 1 - body_at)} bytes"
        into.reject(Reason.MALFORMED_FRAME, detail)
        return None
    if not phone.isdecimal():
        into.reject(Reason.MALFORMED_FRAME, f"terminal's number is {phone}; must be of decimal digits")
        return None
    serial = int.from_bytes(inside[at : at + 2], "big")
    parts, part = struct.unpack_from(">HH", inside, at + 2) if attributes & _IN_PARTS else (1, 1)
    if not 1 <= part <= parts <= MOST_PARTS:
        into.reject(Reason.MALFORMED_FRAME, f"part {part} of {parts}; must be at most {MOST_PARTS} parts")
        return None
    return Packet(
        message=message,
        phone=phone.lstrip("0"),
        version=inside[4] if is_2019 else None,
        serial=serial,
        body=inside[body_at:-1],
        parts=parts,
        part=part,
        encrypted=bool(attributes & _ENCRYPTED),
    )


def read_registration(packet: Packet) -> Registration | None:
    """What a terminal registers as; None where the body is too short. Knows the lengths of 2011, 2013 and 2019."""
    body = packet.body
    if packet.version is not None:
        maker, model, terminal = 11, 30, 30
    elif len(body) >= 4 + 5 + 20 + 7 + 1:
        maker, model, terminal = 5, 20, 7
    else:
        maker, model, terminal = 5, 8, 7  # 2011
    terminal_at = 4 + maker + model
    colour_at = terminal_at + terminal
    if len(body) <= colour_at:
        return None
    return Registration(_text(body[terminal_at:colour_at]), _text(body[colour_at + 1 :]))


def read_authentication(packet: Packet) -> str:
    """The authentication code that a terminal presents; before 2019 it is the whole body."""
    if packet.version is None:
        return _text(packet.body)
    return _text(packet.body[1 : 1 + packet.body[0]]) if packet.body else ""


def general_answer(packet: Packet, result: Result, serial: int) -> bytes:
    """The platform's general answer (0x8001) to a packet."""
    body = struct.pack(">HHB", packet.serial, packet.message, result)
    return encode(Message.GENERAL_ANSWER, packet.phone, serial, body, version=packet.version)


def registered_answer(packet: Packet, result: Registered, code: str, serial: int) -> bytes:
    """The answer to a registration (0x8100); only a successful one has a code."""
    body = struct.pack(">HB", packet.serial, result) + (code.encode("gbk") if result is Registered.DONE else b"")
    return encode(Message.REGISTERED, packet.phone, serial, body, version=packet.version)


def time_answer(packet: Packet, now: datetime, serial: int) -> bytes:
    """The platform's clock (0x8004, 2019), which the standard wants in UTC."""
    body = struct.pack(">HBBBBB", now.year, now.month, now.day, now.hour, now.minute, now.second)
    return encode(Message.TIME, packet.phone, serial, body, version=packet.version)


def encode(
    message: int,
    phone: str,
    serial: int,
    body: bytes,
    *,
    version: int | None = None,
    part: tuple[int, int] | None = None,
) -> bytes:
    """A frame, flag to flag. `version` None is the header of 2013; `part` is (number of parts, this part).

    Raises `ValueError` for a body that does not fit.
    """
    if len(body) > _LENGTH:
        raise ValueError(f"body has {len(body)} bytes; a frame holds at most {_LENGTH}")
    attributes = len(body) | (0 if version is None else _VERSION_2019) | (0 if part is None else _IN_PARTS)
    head = struct.pack(">HH", message, attributes)
    head += bytes.fromhex(phone.zfill(12)) if version is None else bytes((version,)) + bytes.fromhex(phone.zfill(20))
    head += struct.pack(">H", serial & 0xFFFF) + (b"" if part is None else struct.pack(">HH", *part))
    inside = head + body
    return bytes((FLAG,)) + _escaped(inside + bytes((checksum(inside),))) + bytes((FLAG,))


def location(fix: Fix, *, extra: bytes = b"") -> bytes:
    """The body of a location (0x0200) in WGS-84, for those who speak as a terminal."""
    status = _POSITIONED | 1 | (_SOUTH if fix.lat < 0 else 0) | (_WEST if fix.lon < 0 else 0)
    at = datetime.fromtimestamp(fix.ts / 1e6, tz=BEIJING)
    return (
        _LOCATION.pack(
            0,
            status,
            round(abs(fix.lat) * 1e6),
            round(abs(fix.lon) * 1e6),
            0,
            round(fix.speed_kmh * 10),
            round(fix.heading) % 360,
            bytes.fromhex(f"{at:%y%m%d%H%M%S}"),
        )
        + extra
    )


def locations(items: Sequence[bytes], *, stored: bool = False) -> bytes:
    """The body of a batch of locations (0x0704); `stored`: kept where there was no network."""
    listed = b"".join(len(each).to_bytes(2, "big") + each for each in items)
    return struct.pack(">HB", len(items), stored) + listed


def checksum(data: Iterable[int]) -> int:
    """The XOR of all bytes."""
    found = 0
    for each in data:
        found ^= each
    return found


def _escaped(data: bytes) -> bytes:
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def _unescaped(data: bytes) -> bytes | None:
    """The bytes as they were before escaping; None where an escape means nothing."""
    first, *others = data.split(b"\x7d")
    if not all(each[:1] in (b"\x01", b"\x02") for each in others):
        return None
    return first + b"".join((b"\x7d" if each[0] == 1 else b"\x7e") + each[1:] for each in others)


def _text(data: bytes) -> str:
    """Text of a fixed or open field: GBK, padded with NULs, spaces or nothing."""
    return data.decode("gbk", "replace").strip("\0 ")
