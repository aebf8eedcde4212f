"""Readings in PostgreSQL's binary formats, made by numpy: no Python object a value.

COPY BINARY: a row is its field count (int16) and, for each field, its length (int32) and its bytes, all
big-endian, between a fixed header and a trailer (PostgreSQL documentation, COPY, "Binary Format"). An array
parameter is a header and length-prefixed elements in the same way.
"""

import struct
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

from store.records import Readings

POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 UTC, from which `timestamptz` counts, in us since the Unix epoch."""

COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
COPY_TRAILER: Final = struct.pack(">h", -1)

_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("channel_id_size", ">i4"),
        ("channel_id", ">i4"),
        ("ts_size", ">i4"),
        ("ts", ">i8"),
        ("value_size", ">i4"),
        ("value", ">f8"),
        ("batch_size", ">i4"),
        ("batch", ">i8"),
    ]
)


def encode_copy(readings: Readings, batch: int) -> bytes:
    """The rows (channel_id, ts, value, batch) as COPY BINARY data without header and trailer.

    Parameters
    ----------
    readings : dtype `READING`, shape (n,)
    batch : the batch number all of them carry

    """
    rows = np.empty(len(readings), dtype=_ROW)
    rows["fields"] = 4
    rows["channel_id_size"] = 4
    rows["channel_id"] = readings["channel_id"]
    rows["ts_size"] = 8
    rows["ts"] = readings["ts"] - POSTGRES_EPOCH_US
    rows["value_size"] = 8
    rows["value"] = readings["value"]
    rows["batch_size"] = 8
    rows["batch"] = batch
    return rows.tobytes()


class _BinaryArray(bytes):
    """An array parameter already in PostgreSQL's binary format."""

    __slots__ = ()


class Int2Array(_BinaryArray):
    """``smallint[]``."""

    __slots__ = ()


class Int4Array(_BinaryArray):
    """``integer[]``."""

    __slots__ = ()


class Float8Array(_BinaryArray):
    """``float8[]``."""

    __slots__ = ()


class TimestamptzArray(_BinaryArray):
    """``timestamptz[]``."""

    __slots__ = ()


_INT2, _INT4, _FLOAT8, _TIMESTAMPTZ = 21, 23, 701, 1184  # element type oids, fixed in PostgreSQL's catalogue
_ARRAY_HEADER: Final = struct.Struct(">iiIii")


def int2_array(values: NDArray[np.int16]) -> Int2Array:
    """A ``smallint[]`` parameter from an array of shape (n,)."""
    return Int2Array(_encode_array(values, _INT2, ">i2"))


def int4_array(values: NDArray[np.int32]) -> Int4Array:
    """An ``integer[]`` parameter from an array of shape (n,)."""
    return Int4Array(_encode_array(values, _INT4, ">i4"))


def float8_array(values: NDArray[np.float64]) -> Float8Array:
    """A ``float8[]`` parameter from an array of shape (n,)."""
    return Float8Array(_encode_array(values, _FLOAT8, ">f8"))


def timestamptz_array(us: NDArray[np.int64]) -> TimestamptzArray:
    """A ``timestamptz[]`` parameter from microseconds since the Unix epoch, shape (n,)."""
    return TimestamptzArray(_encode_array(us - POSTGRES_EPOCH_US, _TIMESTAMPTZ, ">i8"))


def _encode_array(values: NDArray[Any], oid: int, element: str) -> bytes:
    elements = np.empty(len(values), dtype=[("size", ">i4"), ("value", element)])
    elements["size"] = elements.dtype["value"].itemsize
    elements["value"] = values
    return _ARRAY_HEADER.pack(1, 0, oid, len(values), 1) + elements.tobytes()


def decode_int4_array(data: Buffer | None) -> NDArray[np.int32]:
    """The values of an ``integer[]`` in binary form without NULLs; NULL itself is empty."""
    return _decode_array(data, ">i4").astype(np.int32)


def decode_float8_array(data: Buffer | None) -> NDArray[np.float64]:
    """The values of a ``float8[]`` in binary form without NULLs; NULL itself is empty."""
    return _decode_array(data, ">f8").astype(np.float64)


def decode_int8_array(data: Buffer | None) -> NDArray[np.int64]:
    """The values of a ``bigint[]`` in binary form without NULLs; NULL itself is empty."""
    return _decode_array(data, ">i8").astype(np.int64)


def decode_timestamptz_array(data: Buffer | None) -> NDArray[np.int64]:
    """The values of a ``timestamptz[]`` in binary form without NULLs, as us since the Unix epoch; NULL is empty."""
    return decode_int8_array(data) + POSTGRES_EPOCH_US


def _decode_array(data: Buffer | None, element: str) -> NDArray[Any]:
    dtype = np.dtype([("size", ">i4"), ("value", element)])
    if data is None or len(data) <= 12:  # an empty array has no dimensions
        return np.empty(0, dtype=element)
    return np.frombuffer(data, dtype=dtype, offset=_ARRAY_HEADER.size)["value"]


def _dumper(array_oid: int) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Any) -> Buffer | None:
            return bytes(obj)

        def get_key(self, obj: Any, format: PyFormat) -> Any:  # noqa: A002, ARG002 -- psycopg's name; only binary exists
            return super().get_key(obj, PyFormat.BINARY)

    return ArrayDumper


psycopg.adapters.register_dumper(Int2Array, _dumper(1005))
psycopg.adapters.register_dumper(Int4Array, _dumper(1007))
psycopg.adapters.register_dumper(Float8Array, _dumper(1022))
psycopg.adapters.register_dumper(TimestamptzArray, _dumper(1185))
