"""Readings over time: downsampled to buckets, or row by row.

Both are answered from the primary key's index alone, which holds the value. Arrays come back in PostgreSQL's
binary form, without a Python object a value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from store.connections import Connection, binary_row, scalar
from store.copy_format import (
    decode_float8_array,
    decode_int4_array,
    decode_int8_array,
    decode_timestamptz_array,
)
from store.records import EPOCH, from_us

_WIDTHS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200, 86_400),
)

_BUCKETS: Final = """
SELECT array_agg(bucket), array_agg(lowest), array_agg(highest), array_agg(mean), array_agg(readings)
FROM (
    SELECT date_bin(%(width)s, ts, %(epoch)s) AS bucket,
           min(value) AS lowest, max(value) AS highest, avg(value) AS mean, count(*) AS readings
    FROM reading
    WHERE channel_id = %(channel_id)s AND ts >= %(first)s AND ts < %(last)s
    GROUP BY 1 ORDER BY 1
) AS buckets
"""
_ROWS: Final = """
SELECT array_agg(channel_id), array_agg(ts), array_agg(value)
FROM (
    SELECT channel_id, ts, value FROM reading
    WHERE channel_id = ANY(%(channel_ids)s) AND ts >= %(first)s AND ts < %(last)s
    ORDER BY ts, channel_id LIMIT %(limit)s
) AS rows
"""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Readings of one channel by bucket, arrays of shape (n,), oldest first; empty buckets are left out.

    `ts` is the bucket's begin in us since the Unix epoch; `lowest`, `highest`, `mean` in the indicator's unit.
    """

    ts: NDArray[np.int64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings of some channels, arrays of shape (n,), by time and then channel; `ts` in us since the Unix epoch."""

    channel_id: NDArray[np.int32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]


def bucket_width(first: datetime, last: datetime, points: int) -> timedelta:
    """The smallest usual width (1 s, 2 s, 5 s, …, 1 d, whole days) that makes at most `points` whole buckets."""
    if points < 1:
        raise ValueError(f"points is {points}, must be at least 1")
    exact = max((last - first).total_seconds(), 0.0) / points
    seconds = next((width for width in _WIDTHS_S if width >= exact), None)
    return timedelta(seconds=seconds) if seconds else timedelta(days=-(-exact // 86_400))


def reading_buckets(
    connection: Connection, channel_id: int, first: datetime, last: datetime, width: timedelta
) -> Buckets:
    """Minimum, maximum, mean and count of a channel's readings from `first` (included) to `last`, by bucket.

    Buckets begin at multiples of `width` since the Unix epoch, so that they stay where they are as time goes on.
    """
    columns = binary_row(
        connection,
        _BUCKETS,
        {"width": width, "epoch": EPOCH, "channel_id": channel_id, "first": first, "last": last},
    )
    bucket, lowest, highest, mean, count = columns
    return Buckets(
        ts=decode_timestamptz_array(bucket),
        lowest=decode_float8_array(lowest),
        highest=decode_float8_array(highest),
        mean=decode_float8_array(mean),
        count=decode_int8_array(count),
    )


def reading_rows(
    connection: Connection,
    channel_ids: Sequence[int],
    first: datetime,
    last: datetime,
    *,
    limit: int | None = None,
) -> Rows:
    """The readings of some channels from `first` (included) to `last`, by time and then channel.

    They are held in memory at once: export long ranges piece by piece, or give a `limit`.
    """
    channel_id, ts, value = binary_row(
        connection, _ROWS, {"channel_ids": list(channel_ids), "first": first, "last": last, "limit": limit}
    )
    return Rows(decode_int4_array(channel_id), decode_timestamptz_array(ts), decode_float8_array(value))


def reading_count(
    connection: Connection, channel_id: int, first: datetime, last: datetime, *, at_most: int = 1_000_000
) -> int:
    """How many readings a channel has from `first` (included) to `last`; counting stops at `at_most`."""
    return int(
        scalar(
            connection,
            "SELECT count(*) FROM "
            "(SELECT FROM reading WHERE channel_id = %s AND ts >= %s AND ts < %s LIMIT %s) AS counted",
            (channel_id, first, last, at_most),
        )
    )


def raw_readings(
    connection: Connection, channel_ids: Sequence[int], first: datetime, last: datetime
) -> Iterator[tuple[int, datetime, float]]:
    """(channel id, device time, value) from `first` (included) to `last`, by time and then channel, for exports.

    Fetched a day at a time, so that a range of years neither fills the memory nor keeps a transaction open.
    """
    begin = first
    while begin < last:
        end = min(begin + timedelta(days=1), last)
        rows = reading_rows(connection, channel_ids, begin, end)
        for channel_id, ts, value in zip(rows.channel_id.tolist(), rows.ts.tolist(), rows.value.tolist(), strict=True):
            yield channel_id, from_us(ts), value
        begin = end
