"""Readings over time: downsampled to buckets, or row by row.

Buckets come from the readings themselves, or from the coarsest aggregate that divides them, so that a year costs as
much as a day. They show the values in force (`store.aggregates`), rows what was reported. Arrays come back in
PostgreSQL's binary form, without a Python object a value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from store import aggregates
from store.connections import Connection, binary_row, scalar
from store.copy_format import (
    decode_float8_array,
    decode_int4_array,
    decode_int8_array,
    decode_timestamptz_array,
)
from store.records import from_us

_WIDTHS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200, 86_400),
)

_FROM_READINGS: Final = """
SELECT array_agg(bucket), array_agg(lowest), array_agg(highest), array_agg(mean), array_agg(readings), array_agg(beyond)
FROM (
    SELECT bucket, min(value) AS lowest, max(value) AS highest, avg(value) AS mean, count(value) AS readings,
           sum(beyond) AS beyond
    FROM (
        SELECT date_bin(%(width)s, ts, %(origin)s) AS bucket, value, 0 AS beyond
        FROM reading
        WHERE channel_id = %(channel_id)s AND ts >= %(first)s AND ts < %(last)s
            AND NOT EXISTS (SELECT FROM correction WHERE correction.channel_id = %(channel_id)s
                            AND correction.ts = reading.ts AND superseded_by IS NULL)
        UNION ALL
        SELECT date_bin(%(width)s, ts, %(origin)s), value, 0
        FROM correction
        WHERE channel_id = %(channel_id)s AND ts >= %(first)s AND ts < %(last)s AND superseded_by IS NULL
        UNION ALL
        SELECT date_bin(%(width)s, ts, %(origin)s), NULL, 1
        FROM reading_flag
        WHERE channel_id = %(channel_id)s AND ts >= %(first)s AND ts < %(last)s AND test = 'limit'
            AND NOT EXISTS (SELECT FROM correction WHERE correction.channel_id = %(channel_id)s
                            AND correction.ts = reading_flag.ts AND superseded_by IS NULL)
    ) AS in_force
    GROUP BY 1 HAVING count(value) > 0 ORDER BY 1
) AS buckets
"""
# Buckets of several hours or days are put together by the wall clock, so that a day begins at midnight all year.
_FROM_AGGREGATE: Final = """
SELECT array_agg(whole), array_agg(lowest), array_agg(highest), array_agg(mean), array_agg(readings), array_agg(beyond)
FROM (
    SELECT date_bin({width}, bucket AT TIME ZONE {zone}, TIMESTAMP '2000-01-01') AT TIME ZONE {zone} AS whole,
           min(min) AS lowest, max(max) AS highest, sum(sum) / sum(count)::float8 AS mean,
           sum(count)::bigint AS readings, sum(beyond)::bigint AS beyond
    FROM {view}
    WHERE channel_id = {channel_id} AND bucket > {first} AND bucket < {last}
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


class Source(StrEnum):
    """What buckets were made from: the readings, or the aggregates of a unit of time."""

    READINGS = "readings"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


HOUR: Final = timedelta(hours=1)
MANY: Final = 50_000
"""So many readings are summed up by the minute first, where minutes are kept: five weeks of a reading a minute."""

_UNITS: Final = (
    # coarsest first
    (Source.DAY, "reading_1d", timedelta(days=1)),
    (Source.HOUR, "reading_1h", HOUR),
    (Source.MINUTE, "reading_1m", timedelta(minutes=1)),
)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Readings of one channel by bucket, arrays of shape (n,), oldest first; empty buckets are left out.

    `ts` is the bucket's begin in us since the Unix epoch; `lowest`, `highest`, `mean` in the indicator's unit;
    `beyond` of the `count` readings were judged beyond the limit in force.
    """

    ts: NDArray[np.int64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    beyond: NDArray[np.int64]
    source: Source


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


def chart(
    connection: Connection, channel_id: int, first: datetime, last: datetime, points: int, zone: str = "UTC"
) -> tuple[timedelta, Buckets]:
    """At most about `points` buckets of a channel, and their width; width 0 where its readings are no more than that.

    The way of every chart: single readings, buckets of them, or buckets of aggregates, by range.
    """
    width = bucket_width(first, last, points)
    enough = points + 1 if width >= HOUR else max(points + 1, MANY)
    count = reading_count(connection, channel_id, first, last, at_most=enough)
    if count <= points:
        return timedelta(0), single_readings(connection, channel_id, first, last)
    minutes = count >= MANY
    return width, reading_buckets(connection, channel_id, first, last, width, zone, minutes=minutes)


def reading_buckets(
    connection: Connection,
    channel_id: int,
    first: datetime,
    last: datetime,
    width: timedelta,
    zone: str = "UTC",
    *,
    minutes: bool = True,
) -> Buckets:
    """Minimum, maximum, mean, count and judgements of a channel's readings from `first` to `last`, by bucket.

    Buckets begin at multiples of `width` since a midnight of `zone`, the zone of the channel's site, so that they
    stay where they are as time goes on. From the readings themselves `first` is included and `last` is not; an
    aggregate gives whole hours or days (or `minutes`), the one that holds `first` included.
    """
    for source, view, unit in _UNITS:
        if width >= unit and width % unit == timedelta(0) and _offers(connection, source, minutes=minutes):
            return _from_aggregate(connection, source, view, channel_id, (first - unit, last), width, zone)
    return _from_readings(connection, channel_id, first, last, width, zone)


def single_readings(connection: Connection, channel_id: int, first: datetime, last: datetime) -> Buckets:
    """Every value in force of a channel from `first` (included) to `last`, each as a bucket of its own."""
    return _from_readings(connection, channel_id, first, last, timedelta(microseconds=1), "UTC")


def _offers(connection: Connection, source: Source, *, minutes: bool) -> bool:
    """Whether there are aggregates of a source: all only once they were made, minutes where they are stored."""
    if source is Source.MINUTE and not (minutes and aggregates.keeps_minutes(connection)):
        return False
    return aggregates.built(connection)


def _from_readings(
    connection: Connection, channel_id: int, first: datetime, last: datetime, width: timedelta, zone: str
) -> Buckets:
    parameters = {
        "width": width,
        "origin": datetime(2000, 1, 1, tzinfo=ZoneInfo(zone)),
        "channel_id": channel_id,
        "first": first,
        "last": last,
    }
    return _decoded(binary_row(connection, _FROM_READINGS, parameters), Source.READINGS)


def _from_aggregate(
    connection: Connection,
    source: Source,
    view: str,
    channel_id: int,
    within: tuple[datetime, datetime],
    width: timedelta,
    zone: str,
) -> Buckets:
    # Written into the statement: a plan made for any range would look into every part there is.
    query = sql.SQL(_FROM_AGGREGATE).format(
        view=sql.Identifier(view),
        width=sql.Literal(width),
        zone=sql.Literal(zone),
        channel_id=sql.Literal(channel_id),
        first=sql.Literal(within[0]),
        last=sql.Literal(within[1]),
    )
    return _decoded(binary_row(connection, query, ()), source)


def _decoded(columns: Sequence[bytes | None], source: Source) -> Buckets:
    bucket, lowest, highest, mean, count, beyond = columns
    return Buckets(
        ts=decode_timestamptz_array(bucket),
        lowest=decode_float8_array(lowest),
        highest=decode_float8_array(highest),
        mean=decode_float8_array(mean),
        count=decode_int8_array(count),
        beyond=decode_int8_array(beyond),
        source=source,
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
