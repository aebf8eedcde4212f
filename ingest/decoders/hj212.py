"""HJ 212-2017, the packet of Chinese pollution monitoring: framing, checksum, and its data as samples.

``##`` + length of the data segment in 4 decimal digits + data segment (at most 1 024 bytes) + checksum in 4
hexadecimal digits + CR LF. The checksum is the standard's own (appendix A) and not Modbus's: each byte is xored into
the register's upper half shifted down. Times are UTC+8. Only data flagged N may be judged (table 6).

The listener that owns the connections is `ingest.hj212`; here is only what is pure.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final

from ingest.decoders.frames import FrameCutter
from ingest.decoders.model import NORMAL_FLAG, Decoded, Sample
from ingest.decoders.timestamps import read_beijing
from ingest.rejection import Reason, shown

LONGEST_SEGMENT: Final = 1024
_HEAD: Final = b"##"
_TAIL: Final = b"\r\n"
_HEAD_BYTES: Final = 6
_CHECKSUM_BYTES: Final = 4
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z", re.ASCII)
_SUFFIXES: Final = {"Rtd": "", "Avg": "-Avg", "Min": "-Min", "Max": "-Max", "Cou": "-Cou"}


def _shift_out(low: int) -> int:
    """What eight shifts of the register make of its low byte."""
    for _ in range(8):
        low = (low >> 1) ^ 0xA001 if low & 1 else low >> 1
    return low


_SHIFTED: Final = tuple(_shift_out(low) for low in range(256))


class Command(IntEnum):
    """The command numbers (CN) used here (HJ 212-2017 table 5)."""

    SET_CLOCK = 1012
    SET_REALTIME_INTERVAL = 1062
    REALTIME = 2011
    DAY = 2031
    MINUTE = 2051
    HOUR = 2061
    REQUEST_ANSWER = 9011
    EXECUTION_RESULT = 9012
    NOTICE_ANSWER = 9013
    DATA_ANSWER = 9014


DATA: Final = frozenset((Command.REALTIME, Command.DAY, Command.MINUTE, Command.HOUR))
"""Commands that upload readings."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A data segment's fields; `cp` is the text between ``&&`` and ``&&``."""

    qn: str
    st: str
    cn: int
    pw: str
    mn: str
    flag: int
    cp: str

    @property
    def wants_answer(self) -> bool:
        """Bit A of Flag."""
        return bool(self.flag & 1)

    @property
    def version(self) -> int:
        """Bits V5 to V0 of Flag: 0 is HJ/T 212-2005, 1 is HJ 212-2017, 2 is HJ 212-2025."""
        return self.flag >> 2


class FrameReader(FrameCutter):
    """Cuts a stream into frames from ``##`` to CR LF."""

    def _next(self) -> bytes | None:
        while True:
            self._skip_to_head()
            if len(self._buffer) < _HEAD_BYTES:
                return None
            digits = bytes(self._buffer[2:_HEAD_BYTES])
            if not digits.isdigit() or int(digits) > LONGEST_SEGMENT:
                self._skip(1)
                continue
            end = _HEAD_BYTES + int(digits) + _CHECKSUM_BYTES + len(_TAIL)
            if len(self._buffer) < end:
                return None
            if self._buffer[end - len(_TAIL) : end] != _TAIL:
                # A wrong length: look for the next frame inside, so that a good one behind it is not lost.
                self._skip(1)
                continue
            return self._take(end)

    def _skip_to_head(self) -> None:
        at = self._buffer.find(_HEAD)
        if at < 0:
            keep = 1 if self._buffer.endswith(_HEAD[:1]) else 0
            self._skip(len(self._buffer) - keep)
        elif at > 0:
            self._skip(at)


def checksum(segment: bytes) -> str:
    """The checksum of a data segment (HJ 212-2017 appendix A), as 4 upper-case hexadecimal digits."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        register = (register >> 8) ^ _SHIFTED[register & 0xFF]
    return f"{register:04X}"


def frame(segment: str) -> bytes:
    """A data segment as a frame."""
    data = segment.encode("ascii")
    return b"##%04d%b%b\r\n" % (len(data), data, checksum(data).encode("ascii"))


def answer(packet: Packet) -> bytes:
    """The data answer (CN 9014) to an upload, with its QN."""
    version = packet.version << 2
    return frame(
        f"QN={packet.qn};ST=91;CN={Command.DATA_ANSWER:d};PW={packet.pw};MN={packet.mn};Flag={version};CP=&&&&"
    )


def command(mn: str, pw: str, qn: str, cn: Command, parameters: Mapping[str, str], *, st: str = "21") -> bytes:
    """A command to a device, such as the clock (CN 1012) or the real-time interval (CN 1062)."""
    cp = ";".join(f"{name}={value}" for name, value in parameters.items())
    return frame(f"QN={qn};ST={st};CN={cn:d};PW={pw};MN={mn};Flag=5;CP=&&{cp}&&")


_QN_RETURNS: Final = {
    1: "ready", 2: "refused", 3: "wrong PW", 4: "wrong MN", 5: "wrong ST", 6: "wrong Flag", 7: "wrong QN",
    8: "wrong CN", 9: "wrong checksum", 100: "unknown error",
}  # fmt: skip
_EXECUTIONS: Final = {
    1: "done", 2: "failed", 3: "bad condition", 4: "timed out", 5: "busy", 6: "faulty", 100: "no data",
}  # fmt: skip


def answer_in_words(packet: Packet) -> str:
    """What an instrument answers to a command: QnRtn of CN 9011, ExeRtn of CN 9012 (HJ 212-2017 tables 7 and 8)."""
    name, _, number = packet.cp.partition("=")
    known = _QN_RETURNS if name == "QnRtn" else _EXECUTIONS
    return known.get(int(number), packet.cp) if number.isdigit() and len(number) < 4 else packet.cp


def read_packet(data: bytes, into: Decoded) -> Packet | None:
    """The packet of a frame; None, and a rejection, where frame, checksum or fields are wrong."""
    length = data[2:_HEAD_BYTES]
    if not data.startswith(_HEAD) or not data.endswith(_TAIL) or not length.isdigit():
        into.reject(Reason.MALFORMED_FRAME, f"frame is {shown(data)}; must be ## length data checksum CR LF")
        return None
    segment = data[_HEAD_BYTES : -_CHECKSUM_BYTES - len(_TAIL)]
    if int(length) != len(segment):
        into.reject(Reason.MALFORMED_FRAME, f"length is {int(length)}, the data segment has {len(segment)} bytes")
        return None
    given = data[-_CHECKSUM_BYTES - len(_TAIL) : -len(_TAIL)]
    right = checksum(segment)
    if given.upper() != right.encode("ascii"):
        into.reject(Reason.BAD_CHECKSUM, f"checksum is {shown(given)}; must be {right} (HJ 212-2017 appendix A)")
        return None
    return _read_segment(segment, into)


def _read_segment(segment: bytes, into: Decoded) -> Packet | None:
    try:
        text = segment.decode("ascii")
    except UnicodeDecodeError as error:
        into.reject(Reason.MALFORMED_FRAME, f"{shown(str(error))}; the data segment must be ASCII")
        return None
    head, marker, rest = text.partition("CP=&&")
    cp, closing, after = rest.partition("&&")
    if not marker or not closing or after.strip(";"):
        into.reject(Reason.MALFORMED_FRAME, f"{shown(text)}; must end with CP=&&…&&")
        return None
    fields: dict[str, str] = {}
    for each in filter(None, head.split(";")):
        name, equals, value = each.partition("=")
        if not equals or name in fields:
            into.reject(Reason.MALFORMED_FRAME, f"{shown(each)}; must be name=value, each name once", name or None)
            return None
        fields[name] = value
    for name in ("QN", "ST", "CN", "MN"):
        if not fields.get(name):
            into.reject(Reason.WRONG_SHAPE, f"{name} is missing; must be given before CP", name)
            return None
    cn, flag = fields["CN"], fields.get("Flag", "0")
    if not (cn.isdigit() and len(cn) == 4) or not (flag.isdigit() and int(flag) < 256):
        into.reject(Reason.WRONG_SHAPE, f"CN is {shown(cn)}, Flag is {shown(flag)}; must be 4 digits and a byte", "CN")
        return None
    return Packet(fields["QN"], fields["ST"], int(cn), fields.get("PW", ""), fields["MN"], int(flag), cp)


def decode(data: bytes) -> Decoded:
    """Samples and rejections of one frame."""
    decoded = Decoded()
    packet = read_packet(data, decoded)
    if packet is not None:
        read_samples(packet, decoded)
    return decoded


def read_samples(packet: Packet, into: Decoded) -> None:
    """Add the samples of an upload (CN 2011, 2051, 2061, 2031), one for each instant and flag.

    A real-time value is named by its factor code, the others by code and kind: ``w01001``, ``w01001-Avg``. The time of
    minute, hour and day data is the start of its period (HJ 212-2017 §6.6).
    """
    if packet.cn not in DATA:
        right = ", ".join(f"{each:d}" for each in sorted(DATA))
        into.reject(Reason.WRONG_SHAPE, f"CN is {packet.cn}; readings come with one of {right}", "CN")
        return
    groups = [_fields(each) for each in packet.cp.split(";") if each]
    data_time = next((group["DataTime"] for group in groups if "DataTime" in group), None)
    read_time = cache(read_beijing)  # one instant for all factors, as a rule
    samples: dict[tuple[int, str], Sample] = {}
    for group in groups:
        if "DataTime" not in group:
            _read_factor(group, data_time, read_time, samples, into)
    if not samples and not into.rejections:
        into.reject(Reason.WRONG_SHAPE, "no factor in CP; must hold code-Rtd=value,code-Flag=N", "CP")
    into.samples += samples.values()


def _fields(group: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for each in group.split(","):
        name, _, value = each.partition("=")
        fields[name] = value
    return fields


def _read_factor(
    group: Mapping[str, str],
    data_time: str | None,
    read_time: Callable[[str | None, str], int],
    samples: dict[tuple[int, str], Sample],
    into: Decoded,
) -> None:
    parts = {tuple(name.rsplit("-", 1)) if "-" in name else (name, ""): value for name, value in group.items()}
    codes = {code for code, _ in parts}
    if len(codes) != 1 or "" in codes:
        into.reject(Reason.WRONG_SHAPE, f"{shown(dict(group))}; the fields of one factor must share its code", "CP")
        return
    (code,) = codes
    by_kind = {kind: value for (_, kind), value in parts.items()}
    own_time = by_kind.get("SampleTime")
    try:
        ts = read_time(own_time or data_time, "SampleTime" if own_time else "DataTime")
    except ValueError as error:
        into.reject(Reason.BAD_TIMESTAMP, str(error), code)
        return
    flag = by_kind.get("Flag", NORMAL_FLAG)
    sample = samples.setdefault((ts, flag), Sample(ts, {}, flag))
    found = False
    for kind, suffix in _SUFFIXES.items():
        if kind not in by_kind:
            continue
        found = True
        text = by_kind[kind]
        if not _NUMBER.match(text) or not math.isfinite(float(text)):
            into.reject(Reason.NOT_A_NUMBER, f"{code}-{kind} is {shown(text)}; must be a number", f"{code}-{kind}")
        elif code + suffix in sample.values:
            into.reject(Reason.WRONG_SHAPE, f"{code}-{kind} is given more than once; must be given once", code)
        else:
            sample.values[code + suffix] = float(text) + 0.0
    if not found:
        into.reject(Reason.WRONG_SHAPE, f"{code} has no value; must have {code}-Rtd=value", code)
    if not sample.values:
        del samples[ts, flag]
