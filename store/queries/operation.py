"""How the parts are doing: heartbeats, transmission rate, simulation speed and truth, size."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from store.connections import Connection, scalar

# One index range a channel: quick however many rows lie outside the period.
_TRANSMISSION: Final = """
SELECT device.site, sum(received.readings)::bigint,
       sum(greatest(extract(epoch FROM %(last)s - greatest(%(first)s, site.registered_at)), 0)::float8
           / device.period_s)
FROM channel
JOIN device ON device.code = channel.device
JOIN site ON site.code = device.site,
LATERAL (SELECT count(*) AS readings FROM reading
         WHERE reading.channel_id = channel.id AND ts >= %(first)s AND ts < %(last)s) AS received
GROUP BY device.site
ORDER BY device.site
"""
_DIGEST: Final = """
SELECT md5(string_agg(digest, '' ORDER BY part)) FROM (
    SELECT 1 AS part, md5(string_agg(site::text, '|' ORDER BY code)) AS digest FROM site
    UNION ALL SELECT 2, md5(string_agg(sampling_point::text, '|' ORDER BY site, code)) FROM sampling_point
    UNION ALL SELECT 3, md5(string_agg(device::text, '|' ORDER BY code)) FROM device
    UNION ALL SELECT 4, md5(string_agg(channel::text, '|' ORDER BY id)) FROM channel
) AS tables
"""
_SPEED: Final = """
SELECT (convert_from(body, 'UTF8')::jsonb ->> 'speed')::float8 FROM journal
WHERE kind = 'config' AND convert_from(body, 'UTF8')::jsonb ->> 'what' = 'simulation'
ORDER BY id DESC LIMIT 1
"""
_TRUTH: Final = """
INSERT INTO simulator_truth (fault_id, site, sampling_point, fault, started_at, ended_at, detail)
VALUES (%(fault_id)s, %(site)s, %(sampling_point)s, %(fault)s, %(started_at)s, %(ended_at)s, %(detail)s)
ON CONFLICT (fault_id) DO UPDATE SET ended_at = EXCLUDED.ended_at, detail = EXCLUDED.detail
"""


def heartbeats(connection: Connection) -> list[tuple[str, timedelta, dict[str, Any]]]:
    """(service, age of its last sign of life by the database's clock, what it said)."""
    return [
        (service, age, detail)
        for service, age, detail in connection.execute(
            "SELECT service, clock_timestamp() - at, detail FROM heartbeat ORDER BY service"
        ).fetchall()
    ]


def write_heartbeat(connection: Connection, service: str, at: datetime, detail: Mapping[str, Any]) -> None:
    """Say that a service lives, and its figures. Does not commit."""
    connection.execute(
        "INSERT INTO heartbeat (service, at, detail) VALUES (%s, %s, %s) "
        "ON CONFLICT (service) DO UPDATE SET at = EXCLUDED.at, detail = EXCLUDED.detail",
        (service, at, Jsonb(dict(detail))),
    )


def forget_heartbeat(connection: Connection, service: str) -> None:
    """Forget a service that has ended for good. Does not commit."""
    connection.execute("DELETE FROM heartbeat WHERE service = %s", (service,))


def transmission(connection: Connection, first: datetime, last: datetime) -> list[tuple[str, int, float]]:
    """(site, readings received, readings due) from `first` (included) to `last`, by device time.

    Due is one reading a channel and reporting period since `first`, or since the site's registration if later.
    """
    rows = connection.execute(_TRANSMISSION, {"first": first, "last": last}).fetchall()
    return [(site, int(received), float(due)) for site, received, due in rows]


def connected_devices(connection: Connection) -> frozenset[str]:
    """The devices whose last status on the broker says that they are there."""
    return frozenset(code for (code,) in connection.execute("SELECT device FROM device_status WHERE online"))


def registry_digest(connection: Connection) -> str:
    """A digest that changes whenever an entry of the registry does."""
    return str(scalar(connection, _DIGEST))


def configured_speed(connection: Connection) -> float | None:
    """The speed of the simulated physics by the journal's newest ``config`` row of it, None if there is none."""
    row = connection.execute(_SPEED).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def configured_speeds(connection: Connection) -> list[tuple[datetime, float]]:
    """When the simulated physics was set to which speed, by the journal's ``config`` rows, oldest first."""
    rows = connection.execute(
        "SELECT recorded_at, convert_from(body, 'UTF8')::jsonb ->> 'speed' FROM journal "
        "WHERE kind = 'config' AND position(convert_to('\"simulation\"', 'UTF8') IN body) > 0 ORDER BY id"
    ).fetchall()
    return [(at, float(speed)) for at, speed in rows]


def truth(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Ground truth of the simulators' faults, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT fault_id, site, sampling_point, fault, started_at, ended_at, detail FROM simulator_truth "
            "ORDER BY started_at DESC, id DESC LIMIT %s",
            (limit,),
        ).fetchall()


def save_truth(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert faults, or update the end and detail of known ones (by `fault_id`). Does not commit."""
    with connection.cursor() as cursor:
        cursor.executemany(_TRUTH, [{**row, "detail": Jsonb(row["detail"])} for row in rows])


def database_bytes(connection: Connection) -> int:
    """Size of the database on disk."""
    return int(scalar(connection, "SELECT pg_database_size(current_database())"))
