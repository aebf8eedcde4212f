"""TimescaleDB's continuous aggregates: minutes for everybody, hours and days for each zone in use.

A zone is data, so its aggregates are made when a site first uses it (`ensure_zones`), each from the next finer one.
They show only what is materialized (`materialized_only`), as the tables of plain PostgreSQL do, and the monitor
refreshes what was touched: a refresh computes the buckets of a window that TimescaleDB noted as changed, so several
touched buckets near to each other are one window, and nothing else in it is computed.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from registry.model import HOME_ZONE
from store.connections import Connection
from store.records import from_us

WINDOWS: Final = 32
"""Most windows that one refresh is split into; what is nearest to each other is taken together."""

MINUTE_US: Final = 60 * 1_000_000
COMPRESS_AFTER: Final = timedelta(days=7)
"""As in migration 0013."""

_VALUES: Final = """
CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT channel_id, time_bucket({width}::interval, bucket, {zone}) AS bucket,
       sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max
FROM {finer} GROUP BY 1, time_bucket({width}::interval, bucket, {zone}) WITH NO DATA
"""
_LIMITS: Final = """
CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT channel_id, time_bucket({width}::interval, bucket, {zone}) AS bucket, sum(beyond) AS beyond
FROM {finer} GROUP BY 1, time_bucket({width}::interval, bucket, {zone}) WITH NO DATA
"""
# Conditions on channel and bucket pass through GROUP BY and UNION ALL down to the index of each part.
_VIEW: Final = """
CREATE OR REPLACE VIEW {view} AS
SELECT channel_id, bucket, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
       sum(sum) / sum(count)::float8 AS mean, sum(beyond)::bigint AS beyond,
       sum(beyond)::float8 / sum(count)::float8 AS share
FROM ({parts}) AS parts
GROUP BY channel_id, bucket HAVING sum(count) > 0
"""
_PARTS: Final = """
SELECT channel_id, bucket, count::numeric AS count, sum, min, max, 0::numeric AS beyond
FROM {values} AS kept WHERE {is_here} AND NOT {is_corrected}
UNION ALL
SELECT channel_id, bucket, 0, 0, NULL, NULL, beyond::numeric
FROM {limits} AS kept WHERE {is_here} AND NOT {is_corrected}
UNION ALL
SELECT kept.channel_id, kept.bucket, computed.*
FROM (
    SELECT DISTINCT channel_id, time_bucket({width}::interval, ts, {zone}) AS bucket
    FROM correction WHERE superseded_by IS NULL
) AS kept,
LATERAL in_force(kept.channel_id, kept.bucket, {end}) AS computed
WHERE {is_here}
"""
_IS_CORRECTED: Final = (
    "EXISTS (SELECT FROM correction WHERE correction.channel_id = kept.channel_id AND correction.ts >= kept.bucket "
    "AND correction.ts < {end} AND correction.superseded_by IS NULL)"
)
_NEAR: Final = {"minute": 60, "hour": 6 * 60, "day": 7 * 24 * 60}
"""Touched minutes that are no further apart share a window of that unit: a call costs more than looking over a gap."""
_WIDTHS: Final = {"minute": "1 minute", "hour": "1 hour", "day": "1 day"}
_VIEWS: Final = {"minute": "reading_1m", "hour": "reading_1h", "day": "reading_1d"}


def in_use(connection: Connection) -> bool:
    """Whether this database has continuous aggregates: TimescaleDB, Community edition."""
    row = connection.execute("SELECT to_regclass('reading_minute') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def ensure_zones(connection: Connection) -> list[str]:
    """Make the aggregates of zones that sites use and that have none yet; return those zones.

    The three views are made anew when there are any. Raises `ZoneInfoNotFoundError` on a zone that does not exist.
    """
    known = set(_zones_made(connection))
    used = {zone for (zone,) in connection.execute("SELECT DISTINCT zone FROM site")} | {HOME_ZONE}
    new = sorted(used - known)
    if new:
        with connection.transaction():
            for zone in new:
                _make(connection, zone)
            for unit in _VIEWS:
                _make_view(connection, unit, sorted(used | known))
    return new


def _zones_made(connection: Connection) -> list[str]:
    """Zones with aggregates. Their names don't tell the zone exactly; a comment on the day's view does."""
    rows = connection.execute(
        "SELECT obj_description(oid, 'pg_class') FROM pg_class "
        "WHERE relname LIKE 'reading\\_day\\_%%' AND relkind = 'v' AND obj_description(oid, 'pg_class') IS NOT NULL",
        (),
    )
    return [str(zone) for (zone,) in rows]


def _suffix(zone: str) -> str:
    """A zone as part of a name: ``asia_shanghai``. Raises `ZoneInfoNotFoundError` on one that does not exist."""
    return re.sub(r"[^a-z0-9]+", "_", ZoneInfo(zone).key.lower().replace("-", "_minus_").replace("+", "_plus_"))


def _name(kind: str, unit: str, zone: str) -> str:
    return f"{kind}_{unit}" if unit == "minute" else f"{kind}_{unit}_{_suffix(zone)}"


def _make(connection: Connection, zone: str) -> None:
    for unit, finer in (("hour", "minute"), ("day", "hour")):
        for kind, statement in (("reading", _VALUES), ("limit", _LIMITS)):
            connection.execute(
                sql.SQL(statement).format(
                    name=sql.Identifier(_name(kind, unit, zone)),
                    finer=sql.Identifier(_name(kind, finer, zone)),
                    width=sql.Literal(_WIDTHS[unit]),
                    zone=sql.Literal(zone),
                )
            )
    comment = sql.SQL("COMMENT ON VIEW {} IS {}")
    connection.execute(comment.format(sql.Identifier(_name("reading", "day", zone)), sql.Literal(zone)))


def _make_view(connection: Connection, unit: str, zones: list[str]) -> None:
    parts = [_parts(unit, zone, alone=len(zones) == 1) for zone in ([HOME_ZONE] if unit == "minute" else zones)]
    union = sql.SQL(" UNION ALL ").join(parts)
    connection.execute(sql.SQL(_VIEW).format(view=sql.Identifier(_VIEWS[unit]), parts=union))


def _parts(unit: str, zone: str, *, alone: bool) -> sql.Composed:
    width, name = sql.Literal(_WIDTHS[unit]), sql.Literal(zone)
    end: sql.Composable = sql.SQL("kept.bucket + {}::interval").format(width)
    if unit == "day":  # by the calendar: 23 or 25 hours long where clocks are changed
        end = sql.SQL("((kept.bucket AT TIME ZONE {0}) + INTERVAL '1 day') AT TIME ZONE {0}").format(name)
    is_here: sql.Composable = sql.SQL("true")
    if unit != "minute" and not alone:
        # A channel without a site counts to the default zone.
        sign = "NOT EXISTS" if zone == HOME_ZONE else "EXISTS"
        compared = "<>" if zone == HOME_ZONE else "="
        is_here = sql.SQL(
            f"{sign} (SELECT FROM channel_zone AS its "
            f"WHERE its.channel_id = kept.channel_id AND its.zone {compared} {{}})"
        ).format(name)
    return sql.SQL(_PARTS).format(
        values=sql.Identifier(_name("reading", unit, zone)),
        limits=sql.Identifier(_name("limit", unit, zone)),
        is_here=is_here,
        is_corrected=sql.SQL(_IS_CORRECTED).format(end=end),
        width=width,
        zone=name,
        end=end,
    )


def refresh(connection: Connection, ts: NDArray[np.int64]) -> None:
    """Refresh the minutes, hours and days that hold these instants (us), shape (n,).

    On an idle autocommit connection: each refresh commits by itself, and one that is cut short is taken again.
    """
    minutes = np.unique(ts // MINUTE_US)
    if not len(minutes):
        return
    zones = _zones_made(connection)
    for unit, near in _NEAR.items():
        for first, last in _windows(minutes, near):
            begin, end = from_us(first * MINUTE_US), from_us((last + 1) * MINUTE_US)
            for zone in [HOME_ZONE] if unit == "minute" else zones:
                window = _widened(begin, end, zone, unit)
                for kind in ("reading", "limit"):
                    _refresh(connection, _name(kind, unit, zone), *window)


def refresh_all(connection: Connection) -> None:
    """Refresh everything that TimescaleDB noted as changed, or that was never materialized."""
    zones = _zones_made(connection)
    for kind in ("reading", "limit"):
        _refresh(connection, _name(kind, "minute", ""), None, None)
        for zone in zones:
            for unit in ("hour", "day"):
                _refresh(connection, _name(kind, unit, zone), None, None)


def _refresh(connection: Connection, name: str, begin: datetime | None, end: datetime | None) -> None:
    connection.execute(
        "CALL refresh_continuous_aggregate(%s::regclass, %s::timestamptz, %s::timestamptz)", (name, begin, end)
    )


def _windows(minutes: NDArray[np.int64], near: int) -> Iterator[tuple[int, int]]:
    """At most `WINDOWS` spans (first, last) over sorted minutes, cut at the widest gaps of more than `near` minutes."""
    gaps = np.diff(minutes)
    cuts = np.flatnonzero(gaps > near)
    if len(cuts) >= WINDOWS:
        cuts = np.sort(cuts[np.argsort(gaps[cuts], kind="stable")[-(WINDOWS - 1) :]])
    starts = np.concatenate(([0], cuts + 1))
    ends = np.concatenate((cuts, [len(minutes) - 1]))
    yield from zip(minutes[starts].tolist(), minutes[ends].tolist(), strict=True)


def _widened(begin: datetime, end: datetime, zone: str, unit: str) -> tuple[datetime, datetime]:
    """The span widened to whole buckets of a zone, since only whole buckets of a window are refreshed."""
    if unit == "minute":
        return begin, end
    local = ZoneInfo(zone)
    first = _floor(begin.astimezone(local), unit)
    last = _floor((end - timedelta(microseconds=1)).astimezone(local), unit)
    if unit == "day":  # by the wall clock: the next midnight may be 23 or 25 hours away
        return first, last + timedelta(days=1)
    return first, (last.astimezone(UTC) + timedelta(hours=1))


def _floor(at: datetime, unit: str) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return whole.replace(hour=0, fold=0) if unit == "day" else whole


def compress(connection: Connection, now: datetime) -> list[str]:
    """Compress the chunks of `reading_minute` that lie wholly before a week ago; return the names of those done."""
    rows: Iterable[tuple[str]] = connection.execute(
        "SELECT compress_chunk(chunk, if_not_compressed => true)::text "
        "FROM show_chunks('reading_minute', older_than => %s::timestamptz) AS chunk",
        (now - COMPRESS_AFTER,),
    )
    return [name for (name,) in rows if name]
