"""Folding the journal again and comparing what comes of it with what is in the tables, byte for byte.

Everything is read in one snapshot of the database, so a running monitor need not be stopped: rows are folded up to
its cursor, which moves in one transaction with what it wrote. What is folded anew is written by the same code into
temporary tables of the same names, which hide the real ones in this session, and is then compared as PostgreSQL
writes rows as text.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor import carrying, latest, output
from monitor.alarms.book import Changes
from monitor.engine import Engine
from monitor.service import first_engine
from registry.canary import with_canary
from store import journal
from store.connections import Connection, scalar
from store.registry_rows import load_registry
from store.waste_registry import load_waste_registry

CONSUMER: Final = "monitor"
ROWS_AT_ONCE: Final = 256
FROM_INGEST: Final = ("device_flag",)
"""Tests whose flags ingest writes, not the monitor."""
SHOWN: Final = 5


class HistoryMissingError(Exception):
    """The journal does not reach back to its first row, and no snapshot tells what was before."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One table: how many rows each side has in the span, how many differ, and some that do."""

    table: str
    stored: int
    recomputed: int
    different: int
    digest: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a recomputation came to: journal rows `first` to `last` were folded, with so many readings."""

    first: int
    last: int
    readings: int
    tables: tuple[Compared, ...]

    @property
    def identical(self) -> bool:
        """Whether every table agrees, byte for byte."""
        return all(table.different == 0 for table in self.tables)


def recompute(
    connection: Connection,
    first: datetime,
    last: datetime,
    said: Callable[[str], None] = lambda _: None,
) -> Recomputed:
    """Fold the journal up to the monitor's cursor and compare alarms, their events and flags from `first` to `last`.

    An alarm counts by when it was raised, an event by its alarm, a flag by its reading's time. `connection` must be
    idle; nothing of it stays. Raises `HistoryMissingError`.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor = journal.cursor(connection, CONSUMER)
        engine, begin = _beginning(connection)
        for table in _ROWS:
            connection.execute(
                f"CREATE TEMP TABLE {table} "
                f"(LIKE public.{table} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES INCLUDING IDENTITY)"
            )
        readings = 0
        for entries in _entries(connection, begin, cursor):
            changes = Changes()
            engine.fold(entries, changes)
            output.write(connection, changes, partitioned=False)
            readings += sum(entry.rows for entry in entries if entry.kind == "readings")
            said(f"folded up to journal row {entries[-1].id} of {cursor}")
        latest.touch_all(engine)
        latest.write_open_extremes(connection, engine)
        tables = tuple(_compared(connection, table, first, last) for table in _ROWS)
    return Recomputed(begin + 1, cursor, readings, tables)


def _beginning(connection: Connection) -> tuple[Engine, int]:
    """The engine before the first row that the journal still has, and that row's predecessor."""
    registry = with_canary(load_registry(connection))
    oldest = journal.first_id(connection)
    if oldest <= 1:
        return first_engine(connection, registry, 0), 0
    row = connection.execute(
        "SELECT journal_id, state FROM journal_snapshot WHERE journal_id >= %s ORDER BY journal_id LIMIT 1",
        (oldest - 1,),
    ).fetchone()
    if row is None:
        raise HistoryMissingError(
            f"the journal begins with row {oldest} (older ones are past their retention) and no snapshot is from there"
        )
    return carrying.load(bytes(row[1]), registry, load_waste_registry(connection)), int(row[0])


def _entries(connection: Connection, after: int, last: int) -> Iterator[list[journal.Entry]]:
    while after < last:
        entries = journal.read_after(connection, after, min(ROWS_AT_ONCE, last - after))
        if not entries:
            return
        yield entries
        after = entries[-1].id


# What is no longer registered cannot be judged again; the monitor ended its alarms when it was removed.
_KNOWN: Final = "AND EXISTS (SELECT 1 FROM site s WHERE s.code = a.site)"
_ROWS: Final = {
    # While an alarm is open its extreme is merged about once a second; then the row is complete.
    "alarm": (
        "SELECT CASE WHEN a.returned_at IS NULL THEN (jsonb_set(to_jsonb(a), '{{extreme}}', 'null'))::text "  # noqa: S608 -- constants
        "ELSE a::text END AS line FROM {schema}.alarm a "
        "WHERE a.raised_at >= %(first)s AND a.raised_at < %(last)s " + _KNOWN
    ),
    "alarm_event": (
        "SELECT (e.alarm_id, e.journal_id, e.at, e.event, e.state, e.actor, e.text, e.detail)::text AS line "
        "FROM {schema}.alarm_event e JOIN {schema}.alarm a ON a.id = e.alarm_id "
        "WHERE a.raised_at >= %(first)s AND a.raised_at < %(last)s " + _KNOWN
    ),
    "reading_flag": (
        "SELECT f::text AS line FROM {schema}.reading_flag f WHERE f.ts >= %(first)s AND f.ts < %(last)s "
        "AND f.test <> ALL (%(from_ingest)s) AND EXISTS (SELECT 1 FROM channel c WHERE c.id = f.channel_id)"
    ),
}


def _compared(connection: Connection, table: str, first: datetime, last: datetime) -> Compared:
    stored, anew = (_ROWS[table].format(schema=schema) for schema in ("public", "pg_temp"))
    values = {"first": first, "last": last, "from_ingest": list(FROM_INGEST)}
    # The texts are constants of this module.
    one = f"SELECT 'stored: ' || line FROM (({stored}) EXCEPT ALL ({anew})) AS rows"  # noqa: S608
    two = f"SELECT 'recomputed: ' || line FROM (({anew}) EXCEPT ALL ({stored})) AS rows"  # noqa: S608
    different = [str(line) for query in (one, two) for (line,) in connection.execute(query, values).fetchall()]
    digest = f"SELECT md5(coalesce(string_agg(line, chr(10) ORDER BY line COLLATE \"C\"), '')) FROM ({anew}) AS r"  # noqa: S608
    return Compared(
        table,
        int(scalar(connection, f"SELECT count(*) FROM ({stored}) AS rows", values)),  # noqa: S608
        int(scalar(connection, f"SELECT count(*) FROM ({anew}) AS rows", values)),  # noqa: S608
        len(different),
        str(scalar(connection, digest, values)),
        tuple(different[:SHOWN]),
    )
