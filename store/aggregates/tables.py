"""Hours and days as tables, on PostgreSQL without continuous aggregates: the touched buckets are computed anew."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from registry.model import HOME_ZONE
from store.connections import Connection
from store.copy_format import int4_array, timestamptz_array
from store.records import from_us, to_us

QUARTER_US: Final = 15 * 60 * 1_000_000
"""Every zone's hours begin at a multiple of a quarter of an hour, so quarters name hours in any of them."""

PIECE: Final = timedelta(days=7)
CHANNELS_A_PIECE: Final = 200
"""How much of the past is built in one transaction."""

Span = tuple[int, datetime, datetime]
"""A channel with the times of its oldest and newest reading."""

_HOURS: Final = """
WITH touched AS MATERIALIZED (
    SELECT DISTINCT given.channel_id, date_trunc('hour', given.ts, coalesce(zone, %(zone)s)) AS bucket
    FROM unnest(%(channel_ids)s::integer[], %(ts)s::timestamptz[]) AS given (channel_id, ts)
    LEFT JOIN channel_zone USING (channel_id)
), fresh AS MATERIALIZED (
    SELECT touched.channel_id, touched.bucket, stored.*, judged.*
    FROM touched,
    LATERAL (
        SELECT count(value) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max
        FROM (
            SELECT CASE WHEN correction.id IS NULL THEN reading.value ELSE correction.value END AS value
            FROM reading
            LEFT JOIN correction ON correction.channel_id = reading.channel_id AND correction.ts = reading.ts
                AND correction.superseded_by IS NULL
            WHERE reading.channel_id = touched.channel_id
                AND reading.ts >= touched.bucket AND reading.ts < touched.bucket + INTERVAL '1 hour'
                AND reading.ts >= %(least)s AND reading.ts < %(most)s
        ) AS in_force
    ) AS stored,
    LATERAL (
        SELECT count(*) AS beyond
        FROM reading_flag AS flag
        WHERE flag.channel_id = touched.channel_id AND flag.test = 'limit'
            AND flag.ts >= touched.bucket AND flag.ts < touched.bucket + INTERVAL '1 hour'
            AND flag.ts >= %(least)s AND flag.ts < %(most)s
            AND NOT EXISTS (SELECT FROM correction WHERE correction.channel_id = flag.channel_id
                            AND correction.ts = flag.ts AND correction.superseded_by IS NULL)
    ) AS judged
), emptied AS (
    DELETE FROM reading_hour AS kept USING fresh
    WHERE fresh.count = 0 AND kept.channel_id = fresh.channel_id AND kept.bucket = fresh.bucket
)
INSERT INTO reading_hour (channel_id, bucket, count, beyond, sum, min, max)
SELECT channel_id, bucket, count, beyond, sum, min, max FROM fresh WHERE count > 0
ORDER BY channel_id, bucket
ON CONFLICT (channel_id, bucket) DO UPDATE SET count = excluded.count, beyond = excluded.beyond,
    sum = excluded.sum, min = excluded.min, max = excluded.max
"""
_DAYS: Final = """
WITH touched AS MATERIALIZED (
    SELECT DISTINCT given.channel_id, coalesce(zone, %(zone)s) AS zone,
           date_trunc('day', given.ts, coalesce(zone, %(zone)s)) AS bucket
    FROM unnest(%(channel_ids)s::integer[], %(ts)s::timestamptz[]) AS given (channel_id, ts)
    LEFT JOIN channel_zone USING (channel_id)
), fresh AS MATERIALIZED (
    SELECT touched.channel_id, touched.bucket, hours.*
    FROM touched,
    LATERAL (
        SELECT sum(count) AS count, sum(beyond) AS beyond, sum(sum) AS sum, min(min) AS min, max(max) AS max
        FROM reading_hour AS hour
        WHERE hour.channel_id = touched.channel_id AND hour.bucket >= touched.bucket
            -- A day by the calendar: 23 or 25 hours long where clocks are changed.
            AND hour.bucket < ((touched.bucket AT TIME ZONE zone) + INTERVAL '1 day') AT TIME ZONE zone
    ) AS hours
), emptied AS (
    DELETE FROM reading_day AS kept USING fresh
    WHERE fresh.count IS NULL AND kept.channel_id = fresh.channel_id AND kept.bucket = fresh.bucket
)
INSERT INTO reading_day (channel_id, bucket, count, beyond, sum, min, max)
SELECT channel_id, bucket, count, beyond, sum, min, max FROM fresh WHERE count IS NOT NULL
ORDER BY channel_id, bucket
ON CONFLICT (channel_id, bucket) DO UPDATE SET count = excluded.count, beyond = excluded.beyond,
    sum = excluded.sum, min = excluded.min, max = excluded.max
"""
# One index probe a channel and partition, where SELECT DISTINCT would read every reading.
_CHANNELS: Final = """
WITH RECURSIVE found AS (
    SELECT min(channel_id) AS channel_id FROM reading
    UNION ALL
    SELECT (SELECT min(channel_id) FROM reading WHERE channel_id > found.channel_id) FROM found
    WHERE found.channel_id IS NOT NULL
)
SELECT channel_id,
       (SELECT min(ts) FROM reading WHERE reading.channel_id = found.channel_id),
       (SELECT max(ts) FROM reading WHERE reading.channel_id = found.channel_id)
FROM found WHERE channel_id IS NOT NULL
"""


def recompute(connection: Connection, channel_ids: NDArray[np.int32], ts: NDArray[np.int64]) -> None:
    """Compute anew the hours and days that hold these instants (us), in the caller's transaction.

    Parameters
    ----------
    channel_ids, ts : shape (n,), in any order and as often as they come; times since 1970

    """
    if len(ts) == 0:
        return
    # Both in one integer: a hundred thousand pairs are sorted in a few milliseconds.
    keys = np.unique(channel_ids.astype(np.int64) << 32 | ts // QUARTER_US)
    instants = (keys & 0xFFFF_FFFF) * QUARTER_US
    parameters = {
        "channel_ids": int4_array((keys >> 32).astype(np.int32)),
        "ts": timestamptz_array(instants),
        "zone": HOME_ZONE,
        # The planner leaves out the partitions that none of the hours is in.
        "least": from_us(int(instants.min())) - timedelta(hours=1),
        "most": from_us(int(instants.max())) + timedelta(hours=2),
    }
    connection.execute(_HOURS, parameters)
    connection.execute(_DAYS, parameters)


def build(connection: Connection) -> Iterator[datetime]:
    """Compute everything anew from the readings, a week of some channels a transaction; yields the end of each week.

    Buckets older than the oldest reading stay: what they were made of is past its retention.
    """
    spans: list[Span] = connection.execute(_CHANNELS).fetchall()
    oldest = min((first for _, first, _ in spans), default=None)
    _forget(connection, oldest)
    begin, end = oldest, max((last for _, _, last in spans), default=None)
    while begin is not None and end is not None and begin <= end:
        until = begin + PIECE
        here = [(channel, max(first, begin), min(last, until)) for channel, first, last in spans]
        here = [span for span in here if span[1] <= span[2]]
        for start in range(0, len(here), CHANNELS_A_PIECE):
            with connection.transaction():
                recompute(connection, *_quarters(here[start : start + CHANNELS_A_PIECE]))
        yield until
        begin = until


def _quarters(spans: Sequence[Span]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Channel and begin (us) of every quarter of an hour of these spans, both ends included."""
    begins = [
        np.arange(to_us(first) // QUARTER_US * QUARTER_US, to_us(last) + 1, QUARTER_US, dtype=np.int64)
        for _, first, last in spans
    ]
    channels = np.array([channel for channel, _, _ in spans], dtype=np.int32)
    return np.repeat(channels, [len(each) for each in begins]), np.concatenate(begins)


def _forget(connection: Connection, oldest: datetime | None) -> None:
    """Delete the buckets that can be computed anew, and those of channels that are registered no more."""
    day = timedelta(days=1)
    with connection.transaction():
        for table in ("reading_hour", "reading_day"):
            connection.execute(
                sql.SQL(
                    "DELETE FROM {} AS kept WHERE bucket > %s "
                    "OR NOT EXISTS (SELECT FROM channel WHERE channel.id = kept.channel_id)"
                ).format(sql.Identifier(table)),
                ("infinity" if oldest is None else oldest - (day if table == "reading_day" else day / 24),),
            )


def forget(connection: Connection, channels: Collection[int]) -> None:
    """Delete every bucket of these channels, in the caller's transaction."""
    for statement in (
        "DELETE FROM reading_hour WHERE channel_id = ANY(%s)",
        "DELETE FROM reading_day WHERE channel_id = ANY(%s)",
    ):
        connection.execute(statement, (list(channels),))
