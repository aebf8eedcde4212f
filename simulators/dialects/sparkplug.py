"""A Sparkplug B 3.0 edge node: births with aliases, data by alias alone, a death as its will, rebirth on command."""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from simulators.dialects.voice import Terms, Words
from simulators.outbox import BATCH, Sample

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_UINT64, _DOUBLE, _BOOLEAN, _STRING = 8, 10, 11, 12
_SEQ_MODULUS: Final = 256


class Sparkplug:
    """The voice of an edge node of group `group`, whose device code is its node id."""

    most_samples = BATCH
    resolution_ms = 1

    def __init__(self, group: str, node: str, terms: Terms) -> None:
        self._topic = f"spBv1.0/{group}/{{kind}}/{node}"
        self._terms = terms
        self._alias = {indicator: number for number, indicator in enumerate(terms, start=1)}
        self._seq = 0
        self._bd_seq = 0
        self._last: Sample | None = None

    def greet(self) -> Sequence[Words]:
        """The birth, which counts from 0 again and gives the newest values, or none where there are none yet."""
        self._seq = 0
        values = self._last.values if self._last else {}
        ts = self._last.ts if self._last else None
        metrics = [_metric("bdSeq", datatype=_UINT64, integer=self._bd_seq)]
        metrics.append(_metric("Node Control/Rebirth", datatype=_BOOLEAN, boolean=False))
        for indicator, term in self._terms.items():
            number = term.value(values[indicator]) if indicator in values else None
            metrics.append(
                _metric(term.name, self._alias[indicator], datatype=_DOUBLE, number=number, unit=term.unit, ts=ts)
            )
        return ((self._topic.format(kind="NBIRTH"), _payload(metrics, seq=self._next_seq(), ts=ts)),)

    def say(self, samples: tuple[Sample, ...]) -> Words:
        """One NDATA; samples that waited are marked historical."""
        self._last = samples[-1]
        metrics = [
            _metric(
                "",
                self._alias[indicator],
                number=self._terms[indicator].value(value),
                ts=sample.ts,
                historical=sample is not samples[-1],
            )
            for sample in samples
            for indicator, value in sample.values.items()
        ]
        return self._topic.format(kind="NDATA"), _payload(metrics, seq=self._next_seq(), ts=samples[-1].ts)

    def will(self) -> Words | None:
        """The death that belongs to the birth of this connection."""
        self._bd_seq = (self._bd_seq + 1) % _SEQ_MODULUS
        return self._topic.format(kind="NDEATH"), _payload(
            [_metric("bdSeq", datatype=_UINT64, integer=self._bd_seq)], seq=None, ts=None
        )

    def ears(self) -> Sequence[str]:
        """The node's commands."""
        return (self._topic.format(kind="NCMD"),)

    def hear(self, payload: bytes) -> Sequence[Words]:
        """A birth, when a command asks for one."""
        return self.greet() if b"Node Control/Rebirth" in payload else ()

    def _next_seq(self) -> int:
        number = self._seq
        self._seq = (self._seq + 1) % _SEQ_MODULUS
        return number


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, wire: int, body: bytes) -> bytes:
    key = _varint(number << 3 | wire)
    return key + (_varint(len(body)) + body if wire == _BYTES else body)


def _metric(
    name: str,
    alias: int | None = None,
    *,
    datatype: int | None = None,
    number: float | None = None,
    integer: int | None = None,
    boolean: bool | None = None,
    unit: str = "",
    ts: int | None = None,
    historical: bool = False,
) -> bytes:
    """A metric in protobuf (specification, 6.4.1): field numbers are the specification's."""
    out = _field(1, _BYTES, name.encode()) if name else b""
    if alias is not None:
        out += _field(2, _VARINT, _varint(alias))
    if ts is not None:
        out += _field(3, _VARINT, _varint(ts))
    if datatype is not None:
        out += _field(4, _VARINT, _varint(datatype))
    if historical:
        out += _field(5, _VARINT, b"\x01")
    if unit:
        value = _field(1, _VARINT, _varint(_STRING)) + _field(8, _BYTES, unit.encode())
        out += _field(9, _BYTES, _field(1, _BYTES, b"engUnit") + _field(2, _BYTES, value))
    if integer is not None:
        return out + _field(11, _VARINT, _varint(integer))
    if boolean is not None:
        return out + _field(14, _VARINT, _varint(boolean))
    if number is None:
        return out + _field(7, _VARINT, b"\x01")
    return out + _field(13, _FIXED64, struct.pack("<d", number))


def _payload(metrics: Iterable[bytes], *, seq: int | None, ts: int | None) -> bytes:
    out = _field(1, _VARINT, _varint(ts)) if ts is not None else b""
    out += b"".join(_field(2, _BYTES, each) for each in metrics)
    return out + (_field(3, _VARINT, _varint(seq)) if seq is not None else b"")
