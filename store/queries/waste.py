"""What screens ask of medical waste beside its bags (`store.waste_bags`): where vehicles were, when last collected."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from store.connections import Connection


def newest_positions(connection: Connection, devices: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest fix of each tracker; those that never had one are missing."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT d.code AS device, p.ts, p.lat, p.lon, p.speed_kmh FROM unnest(%s::text[]) AS d (code) "
            "CROSS JOIN LATERAL (SELECT ts, lat, lon, speed_kmh FROM position WHERE device = d.code "
            "ORDER BY ts DESC LIMIT 1) p",
            (list(devices),),
        ).fetchall()
    return {row.pop("device"): row for row in rows}


def track(connection: Connection, device: str, first: datetime, last: datetime, most: int) -> list[dict[str, Any]]:
    """A tracker's fixes in order, thinned evenly to at most about `most`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "WITH fixes AS (SELECT ts, lat, lon, speed_kmh, row_number() OVER (ORDER BY ts) AS n, count(*) OVER () AS "
            "total FROM position WHERE device = %s AND ts >= %s AND ts < %s) "
            "SELECT ts, lat, lon, speed_kmh FROM fixes WHERE n = total OR n %% greatest(1, (total / %s)::int) = 1 "
            "OR total <= %s ORDER BY ts",
            (device, first, last, most, most),
        ).fetchall()


def scans(connection: Connection, site: str, first: datetime, last: datetime, limit: int) -> list[dict[str, Any]]:
    """What was scanned at a site, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM waste_event WHERE site = %s AND ts >= %s AND ts < %s ORDER BY ts DESC, event_id LIMIT %s",
            (site, first, last, limit),
        ).fetchall()
