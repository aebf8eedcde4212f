"""How custody events and positions are packed into journal rows of kind ``waste`` and ``position``.

A body is zlib over: number of strings and of rows (two little-endian uint32), the strings in UTF-8 with a NUL after
each, and the packed rows with their bytes transposed as in `store.journal_body`. Rows refer to strings by their place
in the table; place 0 is the empty string, which says "not given".
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.waste.catalogue import MOST_SIGNATURES, tag_key
from store.journal import Entry

NOT_GIVEN: Final = -1
"""A weight or a seal that a message did not say."""

WASTE: Final = np.dtype(
    [
        ("ts", "<i8"),
        ("arrived", "<i8"),
        ("tag", "<i8"),
        ("parent", "<i8"),
        ("gross_g", "<i4"),
        ("tare_g", "<i4"),
        ("event", "u1"),
        ("kind", "u1"),
        ("category", "u1"),
        ("sealed", "i1"),
        ("tag_text", "<u4"),
        ("parent_text", "<u4"),
        ("device", "<u4"),
        ("id", "<u4"),
        ("site", "<u4"),
        ("ward", "<u4"),
        ("place", "<u4"),
        ("to", "<u4"),
        ("vehicle", "<u4"),
        ("manifest", "<u4"),
        ("signed_by", "<u4", (MOST_SIGNATURES,)),
    ]
)
"""One custody event. Times in us; `tag` and `parent` are `tag_key`s, 0 for none; weights in g, `NOT_GIVEN` if unsaid.

`event`, `kind` and `category` are numbers of `registry.waste.catalogue` (category 0: not given); `sealed` is 1, 0 or
`NOT_GIVEN`; the rest are places in the table of strings. `tare_g` is the container's own where the message gave none.
"""

POSITION: Final = np.dtype(
    [
        ("ts", "<i8"),
        ("arrived", "<i8"),
        ("lat", "<f8"),
        ("lon", "<f8"),
        ("speed_kmh", "<f4"),
        ("heading", "<f4"),
        ("device", "<u4"),
    ]
)
"""One fix: times in us, WGS-84 degrees, km/h and degrees from north (NaN if unsaid), device in the table of strings."""

Rows = NDArray[Any]


class WasteRow(NamedTuple):
    """One custody event in Python's values; fields as of `WASTE`, with the strings themselves."""

    ts: int
    arrived: int
    device: str
    id: str
    site: str
    event: int
    tag: str
    kind: int
    parent: str = ""
    category: int = 0
    ward: str = ""
    gross_g: int = NOT_GIVEN
    tare_g: int = NOT_GIVEN
    signed_by: tuple[str, ...] = ()
    place: str = ""
    to: str = ""
    vehicle: str = ""
    manifest: str = ""
    sealed: int = NOT_GIVEN


class PositionRow(NamedTuple):
    """One fix in Python's values; fields as of `POSITION`."""

    ts: int
    arrived: int
    device: str
    lat: float
    lon: float
    speed_kmh: float
    heading: float


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of dtype `WASTE` or `POSITION`, shape (n,), and the strings they refer to; ``strings[0]`` is empty."""

    rows: Rows
    strings: tuple[str, ...]

    def texts(self, column: str) -> list[str]:
        """A column of strings as the strings themselves."""
        return [self.strings[place] for place in self.rows[column].tolist()]


def pack_waste(events: Iterable[WasteRow]) -> Packed:
    """Custody events as an array, in order."""
    places: dict[str, int] = {"": 0}

    def at(string: str) -> int:
        return places.setdefault(string, len(places))

    nobody = (0,) * MOST_SIGNATURES
    rows = [
        (
            each.ts,
            each.arrived,
            tag_key(each.tag),
            tag_key(each.parent) if each.parent else 0,
            each.gross_g,
            each.tare_g,
            each.event,
            each.kind,
            each.category,
            each.sealed,
            at(each.tag),
            at(each.parent),
            at(each.device),
            at(each.id),
            at(each.site),
            at(each.ward),
            at(each.place),
            at(each.to),
            at(each.vehicle),
            at(each.manifest),
            (*map(at, each.signed_by), *nobody)[:MOST_SIGNATURES],
        )
        for each in events
    ]
    return Packed(np.array(rows, dtype=WASTE), tuple(places))


def pack_positions(fixes: Iterable[PositionRow]) -> Packed:
    """Fixes as an array, in order."""
    places: dict[str, int] = {"": 0}
    rows = [
        (ts, arrived, lat, lon, speed, heading, places.setdefault(device, len(places)))
        for ts, arrived, device, lat, lon, speed, heading in fixes
    ]
    return Packed(np.array(rows, dtype=POSITION), tuple(places))


def encode(packed: Packed) -> bytes:
    """A journal row's body. Raises `ValueError` for a string that holds a NUL."""
    if any("\0" in each for each in packed.strings):
        raise ValueError("a string of a journal row holds a NUL; strings are codes and never do")
    table = b"".join(each.encode() + b"\0" for each in packed.strings)
    rows = np.ascontiguousarray(packed.rows)
    shuffled = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize).T
    return zlib.compress(struct.pack("<II", len(packed.strings), len(table)) + table + shuffled.tobytes(), 1)


def waste_of(entry: Entry) -> Packed:
    """The custody events of a row of kind ``waste``. Raises `ValueError` on another kind."""
    return _decode(entry, "waste", WASTE)


def positions_of(entry: Entry) -> Packed:
    """The fixes of a row of kind ``position``. Raises `ValueError` on another kind."""
    return _decode(entry, "position", POSITION)


def _decode(entry: Entry, kind: str, dtype: np.dtype[Any]) -> Packed:
    if entry.kind != kind:
        raise ValueError(f"journal row {entry.id} is of kind {entry.kind!r}, not {kind!r}")
    return decode(entry.body, dtype)


def decode(body: bytes, dtype: np.dtype[Any]) -> Packed:
    """Unpack what `encode` made of rows of a dtype. Raises `zlib.error`, `struct.error` or `ValueError` otherwise."""
    content = zlib.decompress(body)
    count, size = struct.unpack_from("<II", content)
    table = content[8 : 8 + size].decode().split("\0")[:-1]
    if len(table) != count:
        raise ValueError(f"the table of strings holds {len(table)}, its head says {count}")
    shuffled = np.frombuffer(content, dtype=np.uint8, offset=8 + size).reshape(dtype.itemsize, -1)
    return Packed(np.ascontiguousarray(shuffled.T).view(dtype).reshape(-1), tuple(table))
