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


def collected(connection: Connection, site: str, first: datetime, last: datetime, most: int) -> list[dict[str, Any]]:
    """What an institution's wards gave in a time, in order, and what became of each (医疗废物管理条例 Art 12)."""
    return _rows(
        connection,
        "SELECT e.ts, e.tag, e.ward, e.category, e.gross_g - coalesce(e.tare_g, 0) AS net_g, e.signed_by, "
        "b.handed_at, b.receiver, b.plant, b.treated_at FROM waste_event e "
        "JOIN site s ON s.code = e.site "
        "LEFT JOIN waste_bag b ON b.tag = e.tag AND b.simulated = (s.status = 'simulated') "
        "WHERE e.site = %(site)s AND e.event = 1 AND e.ts >= %(first)s AND e.ts < %(last)s ORDER BY e.ts, e.tag "
        "LIMIT %(most)s",
        {"site": site, "first": first, "last": last, "most": most},
    )


def handed_over(
    connection: Connection, first: datetime, last: datetime, *, site: str | None = None, vehicle: str | None = None
) -> list[dict[str, Any]]:
    """Every piece that was handed over in a time by a site or to a vehicle, with what the disposer received of it."""
    return _rows(
        connection,
        "SELECT e.ts, e.site, e.tag, e.kind, e.category, e.gross_g - coalesce(e.tare_g, 0) AS net_g, e.signed_by, "
        "e.receiver, e.vehicle, e.manifest, r.net_g AS received_g, r.signed_by AS taken_by FROM waste_event e "
        "LEFT JOIN LATERAL (SELECT gross_g - coalesce(tare_g, 0) AS net_g, signed_by FROM waste_event "
        "WHERE tag = e.tag AND event = 6 AND ts >= e.ts AND ts < e.ts + interval '7 days' "
        "ORDER BY ts LIMIT 1) r ON true "
        "WHERE e.event = 5 AND e.ts >= %(first)s AND e.ts < %(last)s "
        "AND (%(site)s::text IS NULL OR e.site = %(site)s) "
        "AND (%(vehicle)s::text IS NULL OR e.vehicle = %(vehicle)s) "
        "ORDER BY e.ts, e.tag",
        {"site": site, "vehicle": vehicle, "first": first, "last": last},
    )


def labelled(connection: Connection, tags: Sequence[str], *, simulated: bool) -> list[dict[str, Any]]:
    """What stands on the labels of bags: by code, in the order of the codes; those not known are missing."""
    return _rows(
        connection,
        "SELECT tag, site, ward, category, collected_at, collected_g FROM waste_bag "
        "WHERE tag = ANY (%(tags)s) AND simulated = %(simulated)s ORDER BY array_position(%(tags)s, tag)",
        {"tags": list(tags), "simulated": simulated},
    )


def _rows(connection: Connection, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
