"""Table `reading` itself: rows in by COPY or tolerantly, and what is stored under keys that were taken."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from store.connections import Connection, binary_row
from store.copy_format import (
    COPY_HEADER,
    COPY_TRAILER,
    decode_float8_array,
    decode_int4_array,
    decode_timestamptz_array,
    encode_copy,
    float8_array,
    int4_array,
    timestamptz_array,
)
from store.records import Readings

_COPY: Final = "COPY reading (channel_id, ts, value, batch) FROM STDIN (FORMAT BINARY)"
_INSERT: Final = """
WITH inserted AS (
    INSERT INTO reading (channel_id, ts, value, batch)
    SELECT channel_id, ts, value, %s::bigint
    FROM unnest(%s::integer[], %s::timestamptz[], %s::float8[]) AS new (channel_id, ts, value)
    ON CONFLICT DO NOTHING
    RETURNING channel_id, ts
)
SELECT array_agg(channel_id), array_agg(ts) FROM inserted
"""
# LATERAL with LIMIT: one index probe a key, whatever the planner thinks of the table's size.
_STORED: Final = """
SELECT array_agg(wanted.channel_id), array_agg(wanted.ts), array_agg(stored.value)
FROM unnest(%s::integer[], %s::timestamptz[]) AS wanted (channel_id, ts),
     LATERAL (SELECT value FROM reading
              WHERE reading.channel_id = wanted.channel_id AND reading.ts = wanted.ts LIMIT 1) AS stored
"""


def copy_rows(connection: Connection, readings: Readings, batch: int) -> None:
    """Insert rows by binary COPY. Raises `psycopg.errors.UniqueViolation` if one of their keys is taken."""
    if len(readings) == 0:
        return
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(COPY_HEADER + encode_copy(_by_key(readings), batch) + COPY_TRAILER)


def _by_key(readings: Readings) -> Readings:
    """The same rows in the order of the primary key, rows with one key in the order they came.

    Neighbours in the index are then inserted one after the other, which halves the server's work a row on a batch of
    many minutes; and two writers take the same keys in the same order, so they cannot deadlock.
    """
    return readings[np.lexsort((readings["ts"], readings["channel_id"]))]


def insert_new(connection: Connection, readings: Readings, batch: int) -> NDArray[np.bool_]:
    """Insert what is new and return its mask; of rows with the same key in one batch the first counts."""
    if len(readings) == 0:
        return np.zeros(0, dtype=np.bool_)
    ordered = _by_key(readings)
    parameters = (
        batch,
        int4_array(ordered["channel_id"]),
        timestamptz_array(ordered["ts"]),
        float8_array(ordered["value"]),
    )
    channel_ids, ts = binary_row(connection, _INSERT, parameters)
    first = np.zeros(len(readings), dtype=np.bool_)
    keys = _keys(readings["channel_id"], readings["ts"])
    first[np.unique(keys, return_index=True)[1]] = True
    return np.asarray(first & np.isin(keys, _keys(decode_int4_array(channel_ids), decode_timestamptz_array(ts))))


def _keys(channel_ids: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.void]:
    """Keys as 12 opaque bytes, shape (n,), so that numpy sorts and compares pairs as one."""
    pairs = np.empty(len(ts), dtype=[("channel_id", ">i4"), ("ts", ">i8")])
    pairs["channel_id"] = channel_ids
    pairs["ts"] = ts
    return pairs.view("V12").reshape(-1)


def find_conflicts(
    connection: Connection, readings: Readings, written: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of the rows not written differ from what is stored, and the stored values (NaN where not looked up)."""
    conflicts = np.zeros(len(readings), dtype=np.bool_)
    stored = np.full(len(readings), np.nan)
    rest = np.flatnonzero(~written)
    if len(rest) == 0:
        return conflicts, stored
    asked = readings[rest]
    channel_ids, ts, values = binary_row(
        connection, _STORED, (int4_array(asked["channel_id"]), timestamptz_array(asked["ts"]))
    )
    keys = zip(decode_int4_array(channel_ids).tolist(), decode_timestamptz_array(ts).tolist(), strict=True)
    found = dict(zip(keys, decode_float8_array(values).tolist(), strict=True))
    for index, channel_id, at, value in zip(
        rest.tolist(), asked["channel_id"].tolist(), asked["ts"].tolist(), asked["value"].tolist(), strict=True
    ):
        stored[index] = found.get((channel_id, at), value)  # retention dropped it meanwhile: nothing to differ from
        conflicts[index] = stored[index] != value
    return conflicts, stored
