"""Partitions of the big tables on plain PostgreSQL: some weeks of rows each, a million journal rows each.

On TimescaleDB those by time are hypertables and make their own chunks; the journal is partitioned everywhere.
Each table has a DEFAULT partition, so that a row never has nowhere to go; what landed there is moved out when
its own partition is made.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from store.connections import Connection, is_timescale, scalar
from store.records import from_us, to_us

WEEK_US: Final = 7 * 86_400 * 1_000_000
READINGS: Final = ("reading", "reading_flag", "position")
"""What devices measured and where they were, and what is said about it: kept equally long."""

WASTE: Final = ("waste_event",)
WEEKS: Final[Mapping[str, int]] = {**dict.fromkeys(READINGS, 1), "waste_event": 4}
"""How many weeks a partition of each table holds. Whether a device has used an event's id is asked of every one."""

_MONDAY_US: Final = 4 * 86_400 * 1_000_000  # the epoch was a Thursday; 1970-01-05 was a Monday
JOURNAL_ROWS: Final = 1_000_000
LOCK_PARTITIONS: Final = 0x4C44_5054
"""Advisory lock held while partitions are made, so that two writers do not make the same one."""

LOCK_TIMEOUT_MS: Final = 1_000
"""How long others may hold up the making of a partition. While it waits, it holds up readers of the DEFAULT one."""

_log = logging.getLogger(__name__)

# What this process knows to exist. A connection that has seen a partition need not ask again.
_known: "WeakKeyDictionary[Connection, set[tuple[str, int]]]" = WeakKeyDictionary()
_journal_ahead: "WeakKeyDictionary[Connection, int]" = WeakKeyDictionary()


def ensure_partitions(connection: Connection, first: datetime, last: datetime) -> list[str]:
    """Make the partitions by time from `first` to `last` (both included) and the next ones of `journal`.

    Returns the names of those made; one that a long transaction of somebody else keeps from being made is left for
    the next call, with a warning. None by time are made on TimescaleDB. Opens and commits its own transaction
    (a savepoint if one is open).
    """
    weeks = range(week_of(to_us(first)), week_of(to_us(last)) + 1)
    by_time = [name for table in WEEKS for name in _unless_locked(connection, ensure_weeks, weeks, table)]
    return by_time + _unless_locked(connection, ensure_journal)


def ensure_for(connection: Connection, ts: NDArray[np.int64], table: str = "reading") -> None:
    """Make the partitions of a table that these device times (us) need; free once the connection knows them.

    The way of every write: it does not wait for long, since the DEFAULT partition takes the rows meanwhile.
    """
    if len(ts) == 0:
        return
    step = WEEKS[table]
    weeks = {(table, number * step) for number in np.unique((ts - _MONDAY_US) // (WEEK_US * step)).tolist()}
    missing = weeks - _known.setdefault(connection, set())
    if missing:
        _unless_locked(connection, ensure_weeks, sorted(week for _, week in missing), table)
        _known[connection] |= missing  # once tried is enough here: `ensure_partitions` comes by from time to time


def _unless_locked(connection: Connection, make: Callable[..., list[str]], *arguments: Any) -> list[str]:
    try:
        return make(connection, *arguments)
    except psycopg.errors.LockNotAvailable:
        _log.warning(
            "partitions not made now: another transaction has held the DEFAULT partition for more than %d ms; "
            "its rows are kept there meanwhile",
            LOCK_TIMEOUT_MS,
        )
        return []


def week_of(us: int) -> int:
    """The number of the week of an instant: 0 begins on Monday 1970-01-05, 00:00 UTC."""
    return (us - _MONDAY_US) // WEEK_US


def week_name(week: int, table: str = "reading") -> str:
    """The partition's name, by its Monday: ``reading_w20260105``."""
    return f"{table}_w{from_us(_MONDAY_US + week * WEEK_US):%Y%m%d}"


def ensure_weeks(connection: Connection, weeks: Iterable[int], table: str = "reading") -> list[str]:
    """Make the partitions of these weeks and return the names of those made."""
    step = WEEKS[table]
    wanted = sorted({week - week % step for week in weeks})
    known = _known.setdefault(connection, set())
    with connection.transaction():
        made = [] if is_timescale(connection) else _make_weeks(connection, wanted, table)
    known.update((table, week) for week in wanted)
    return made


def _make_weeks(connection: Connection, weeks: list[int], table: str) -> list[str]:
    bounds = {
        week_name(week, table): (
            from_us(_MONDAY_US + week * WEEK_US).isoformat(),
            from_us(_MONDAY_US + (week + WEEKS[table]) * WEEK_US).isoformat(),
        )
        for week in weeks
    }
    return _make(connection, table, "ts", bounds)


def ensure_journal(connection: Connection, *, ahead: int = 1) -> list[str]:
    """Make the journal's partitions up to `ahead` beyond that of the newest row; return the names of those made."""
    with connection.transaction():
        row = connection.execute("SELECT id FROM journal ORDER BY id DESC LIMIT 1").fetchone()
        newest = (row[0] if row else 0) // JOURNAL_ROWS
        bounds = {
            f"journal_m{number}": (number * JOURNAL_ROWS, (number + 1) * JOURNAL_ROWS)
            for number in range(newest, newest + ahead + 1)
        }
        return _make(connection, "journal", "id", bounds)


def ensure_journal_for(connection: Connection, journal_id: int) -> None:
    """Make the journal's next partition when the newest row has passed the middle of its own; free otherwise."""
    number = journal_id // JOURNAL_ROWS
    if journal_id % JOURNAL_ROWS >= JOURNAL_ROWS // 2 and _journal_ahead.get(connection) != number:
        _unless_locked(connection, ensure_journal)
        _journal_ahead[connection] = number


def settle(connection: Connection) -> None:
    """Vacuum and analyse the readings after a bulk load, so that their index answers alone from then on.

    Needs an autocommit connection; readers and writers go on meanwhile. Autovacuum would come to it in its time.
    """
    connection.execute("VACUUM (ANALYZE) reading")


def _make(connection: Connection, table: str, key: str, bounds: dict[str, tuple[Any, Any]]) -> list[str]:
    if not _absent(connection, table, bounds):
        return []
    before = scalar(connection, "SELECT current_setting('lock_timeout')")
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_TIMEOUT_MS}ms",))
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_PARTITIONS,))
    absent = _absent(connection, table, bounds)
    for name in absent:
        _attach(connection, table, key, name, *bounds[name])
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (before,))
    return absent


def _absent(connection: Connection, table: str, names: Iterable[str]) -> list[str]:
    # Not by to_regclass: it may remember, over the wait for the lock, that a table was not there.
    present = set(_partitions(connection, table))
    return [name for name in names if name not in present]


def _attach(connection: Connection, table: str, key: str, name: str, lo: Any, hi: Any) -> None:
    """Make a partition beside the table, move into it what the DEFAULT partition holds of its range, attach it.

    ATTACH, unlike CREATE … PARTITION OF, lets others read and write the rest of the table meanwhile.
    """
    names = {
        "table": sql.Identifier(table),
        "fallback": sql.Identifier(f"{table}_default"),
        "name": sql.Identifier(name),
        "key": sql.Identifier(key),
        "lo": sql.Literal(lo),
        "hi": sql.Literal(hi),
    }
    for statement in (
        "CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)",
        # Without this lock a row could arrive in the DEFAULT partition between the move and the attachment.
        "LOCK TABLE {fallback} IN ACCESS EXCLUSIVE MODE",
        "WITH moved AS (DELETE FROM {fallback} WHERE {key} >= {lo} AND {key} < {hi} RETURNING *) "
        "INSERT INTO {name} SELECT * FROM moved",
        "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({lo}) TO ({hi})",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def drop_readings_before(connection: Connection, before: datetime) -> list[str]:
    """Drop what lies wholly before an instant, by whole weeks (TimescaleDB: chunks), and return the names.

    Readings, the flags about them and positions go together; their aggregates stay.
    """
    return _drop_before(connection, READINGS, before)


def drop_waste_before(connection: Connection, before: datetime) -> list[str]:
    """Drop the partitions (TimescaleDB: chunks) of custody events that lie wholly before an instant; their names."""
    return _drop_before(connection, WASTE, before)


def _drop_before(connection: Connection, tables: Sequence[str], before: datetime) -> list[str]:
    if is_timescale(connection):
        dropped = [
            str(name)
            for table in tables
            for (name,) in connection.execute("SELECT drop_chunks(%s::regclass, older_than => %s)", (table, before))
        ]
    else:
        with connection.transaction():
            dropped = [
                name
                for table in tables
                for name in _partitions(connection, table, f"{table}_w")
                if datetime.strptime(f"{name[-8:]}+0000", "%Y%m%d%z") + timedelta(weeks=WEEKS[table]) <= before
            ]
            _drop(connection, dropped)
    for known in _known.values():
        known.clear()
    return dropped


def drop_journal_before(connection: Connection, before_id: int) -> list[str]:
    """Drop the journal's partitions that lie wholly before an id; return their names. Never the newest row's."""
    with connection.transaction():
        row = connection.execute("SELECT id FROM journal ORDER BY id DESC LIMIT 1").fetchone()
        bound = min(before_id, row[0] if row else 0)
        dropped = [
            name
            for name in _partitions(connection, "journal", "journal_m")
            if (int(name.removeprefix("journal_m")) + 1) * JOURNAL_ROWS <= bound
        ]
        _drop(connection, dropped)
        return dropped


def _partitions(connection: Connection, table: str, prefix: str = "") -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(%s) ORDER BY 1",
        (table,),
    ).fetchall()
    return [name for (name,) in rows if name.startswith(prefix)]


def _drop(connection: Connection, names: Iterable[str]) -> None:
    for name in names:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
