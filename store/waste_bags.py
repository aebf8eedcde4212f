"""Table ``waste_bag``: the current state of every bag, and what screens ask of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from store.connections import Connection

STEPS: Final = ("collected", "stored", "handed", "received", "treated")
WEIGHED: Final = (1, 3, 5, 6)
"""Events that the balance adds up: collected, stored in, handed over, received."""
COLUMNS: Final = (
    "key",
    "simulated",
    "tag",
    "site",
    "parent",
    "ward",
    "store",
    "vehicle",
    "named",
    "receiver",
    "plant",
    "category",
    "categories",
    *(f"{step}_at" for step in STEPS),
    *(f"{step}_g" for step in STEPS),
    "signs",
    "own",
    "late",
    "manifest",
    "step",
    "again_at",
    "again_g",
    "again_ward",
    "opened_at",
    "newest",
    "arrived",
    "found",
    "open",
)
_WRITE: Final = (
    f"INSERT INTO waste_bag ({', '.join(COLUMNS)}, revision) "  # noqa: S608 -- constants
    f"VALUES ({', '.join(f'%({column})s' for column in COLUMNS)}, %(revision)s) "
    "ON CONFLICT (key, simulated) DO UPDATE SET "
    + ", ".join(f"{column} = EXCLUDED.{column}" for column in (*COLUMNS[2:], "revision"))
)


def write_bags(connection: Connection, rows: Iterable[Mapping[str, Any]], revision: int) -> None:
    """Insert or replace bags, each a mapping of every column of `COLUMNS`. The caller holds the transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, ({**row, "revision": revision} for row in rows))


def bags_by_key(connection: Connection, keys: Sequence[int], *, simulated: bool) -> list[dict[str, Any]]:
    """Bags by their keys, in order of key; those that are not known are left out."""
    return _rows(
        connection,
        "SELECT * FROM waste_bag WHERE key = ANY (%(keys)s) AND simulated = %(simulated)s ORDER BY key",
        {"keys": list(keys), "simulated": simulated},
    )


def bag(connection: Connection, tag: str, *, simulated: bool) -> dict[str, Any] | None:
    """A bag by the code on it, None where it is not known."""
    sql = "SELECT * FROM waste_bag WHERE tag = %(tag)s AND simulated = %(simulated)s"
    found = _rows(connection, sql, {"tag": tag, "simulated": simulated})
    return found[0] if found else None


def counts_by_step(connection: Connection, sites: Sequence[str], at: datetime) -> list[dict[str, Any]]:
    """Bags that are not treated, by site and last step: how many, kilograms as last weighed, hours of the oldest."""
    return _rows(
        connection,
        """
        SELECT site, step, count(*) AS bags,
               sum(coalesce(received_g, handed_g, stored_g, collected_g, 0)) / 1000.0 AS kg,
               extract(epoch FROM %(at)s - min(coalesce(stored_at, collected_at, handed_at, received_at))) / 3600
                   AS oldest_h,
               count(*) FILTER (WHERE open <> 0) AS open
        FROM waste_bag WHERE treated_at IS NULL AND site = ANY (%(sites)s)
        GROUP BY site, step ORDER BY site, step
        """,
        {"sites": list(sites), "at": at},
    )


def open_bags(
    connection: Connection, sites: Sequence[str], rules: int, *, limit: int = 500, offset: int = 0
) -> list[dict[str, Any]]:
    """Bags about which one of the rules (bits) is open, those that wait longest first: the overdue list."""
    return _rows(
        connection,
        """
        SELECT * FROM waste_bag WHERE open <> 0 AND open & %(rules)s <> 0 AND site = ANY (%(sites)s)
        ORDER BY least(collected_at, stored_at, handed_at, received_at), tag LIMIT %(limit)s OFFSET %(offset)s
        """,
        {"sites": list(sites), "rules": rules, "limit": limit, "offset": offset},
    )


def count_open(connection: Connection, sites: Sequence[str], rules: int) -> int:
    """How many bags one of the rules (bits) is open about."""
    sql = "SELECT count(*) AS bags FROM waste_bag WHERE open <> 0 AND open & %(rules)s <> 0 AND site = ANY (%(sites)s)"
    return int(_rows(connection, sql, {"rules": rules, "sites": list(sites)})[0]["bags"])


def bags_of(
    connection: Connection, sites: Sequence[str], step: int | None, *, limit: int = 500, offset: int = 0
) -> list[dict[str, Any]]:
    """Bags in a state: at their last step (None: any), not treated unless the step is; the oldest first."""
    return _rows(
        connection,
        """
        SELECT * FROM waste_bag WHERE site = ANY (%(sites)s)
          AND CASE WHEN %(step)s::smallint IS NULL THEN treated_at IS NULL ELSE step = %(step)s END
        ORDER BY least(collected_at, stored_at, handed_at, received_at), tag LIMIT %(limit)s OFFSET %(offset)s
        """,
        {"sites": list(sites), "step": step, "limit": limit, "offset": offset},
    )


def balance(
    connection: Connection,
    sites: Sequence[str],
    first: datetime,
    last: datetime,
    zone: str,
    events: Sequence[int] = WEIGHED,
) -> list[dict[str, Any]]:
    """Kilograms by site, local day and event: collected, stored in, handed over, received; one row an event.

    What a disposer received counts for the institution that handed it over last before, on the day it was received.
    `category` is the bag's, 0 of boxes, which hold several.
    """
    return _rows(
        connection,
        """
        WITH weighed AS (
            SELECT site, tag, ts, event, category, gross_g, tare_g FROM waste_event
            WHERE event = ANY (%(events)s) AND gross_g IS NOT NULL AND ts >= %(first)s AND ts < %(last)s),
        counted AS (
            SELECT site, ts, event, category, gross_g, tare_g
            FROM weighed WHERE event <> 6 AND site = ANY (%(sites)s)
            UNION ALL
            SELECT handed.site, ts, event, category, gross_g, tare_g
            FROM weighed, LATERAL (
                SELECT h.site FROM waste_event h WHERE h.tag = weighed.tag AND h.event = 5 AND h.ts <= weighed.ts
                ORDER BY h.ts DESC LIMIT 1) AS handed
            WHERE event = 6 AND handed.site = ANY (%(sites)s))
        SELECT site, (ts AT TIME ZONE %(zone)s)::date AS day, event, coalesce(category, 0) AS category,
               sum(gross_g - coalesce(tare_g, 0)) / 1000.0 AS kg, count(*) AS pieces
        FROM counted
        GROUP BY site, day, event, category ORDER BY site, day, event, category
        """,
        {"sites": list(sites), "first": first, "last": last, "zone": zone, "events": list(events)},
    )


def life(connection: Connection, tag: str, *, simulated: bool) -> list[dict[str, Any]]:
    """Every scan of a bag, and of the boxes it lay in from when it was put in until they were emptied, in order."""
    return _rows(
        connection,
        """
        WITH own AS (
            SELECT e.* FROM waste_event e JOIN site s ON s.code = e.site
            WHERE e.tag = %(tag)s AND (s.status = 'simulated') = %(simulated)s),
        lay AS (
            SELECT o.parent, o.ts AS begins, coalesce((
                SELECT min(t.ts) FROM waste_event t WHERE t.tag = o.parent AND t.event = 7 AND t.ts >= o.ts),
                o.ts + interval '3 days') AS ends
            FROM own o WHERE o.parent IS NOT NULL)
        SELECT * FROM own
        UNION
        SELECT e.* FROM lay JOIN waste_event e ON e.tag = lay.parent AND e.ts BETWEEN lay.begins AND lay.ends
        ORDER BY ts, event
        """,
        {"tag": tag, "simulated": simulated},
    )


def _rows(connection: Connection, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()
