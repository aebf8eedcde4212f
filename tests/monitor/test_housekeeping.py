"""Partitions made ahead and old rows dropped, on a real database."""

from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.housekeeping import Retention, keep_house
from store import journal
from store.connections import Connection
from store.partitions import week_name, week_of
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, to_us

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def reading(at: datetime) -> Readings:
    """One reading of channel 1."""
    return np.array([(1, to_us(at), 7.3, to_us(at), False)], dtype=READING)


def partitions_of(connection: Connection, table: str) -> set[str]:
    """The names of a table's partitions."""
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    return {name for (name,) in connection.execute(query, (table,)).fetchall()}


def test_partitions_stand_two_weeks_ahead(connection: Connection) -> None:
    """After a pass the weeks to come have their partitions, so that no write has to make one."""
    connection.autocommit = True
    keep_house(connection, NOW, Retention())
    weeks = {week_name(week_of(to_us(NOW + timedelta(days=days)))) for days in (0, 7, 14)}
    assert weeks <= partitions_of(connection, "reading")


def test_readings_past_their_time_go_and_others_stay(connection: Connection) -> None:
    """Readings older than the retention are dropped by the week; younger ones are untouched."""
    connection.autocommit = True
    for days in (400, 5):
        write_batch(
            connection,
            reading(NOW - timedelta(days=days)),
            messages=(),
            dead=(),
            recorded_at=NOW,
            mode=WriteMode.COPY,
        )
    keep_house(connection, NOW, Retention(readings=timedelta(days=365)))
    left = connection.execute("SELECT ts FROM reading").fetchall()
    assert left == [(NOW - timedelta(days=5),)]


def test_the_journal_is_kept_from_the_retention_and_from_the_oldest_snapshot_on(connection: Connection) -> None:
    """A row of the journal is needed while it is young, or while no snapshot has taken it in."""
    connection.autocommit = True
    for days in (50, 40, 30, 1):
        at = NOW - timedelta(days=days)
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": to_us(at)}, at)
    cutoff = NOW - timedelta(days=35)
    assert journal.first_needed(connection, cutoff) == 0  # nobody has a snapshot: all of it
    journal.save_snapshot(connection, "monitor", 4, b"state", NOW)
    assert journal.first_needed(connection, cutoff) == 3
    journal.save_snapshot(connection, "monitor", 1, b"state", NOW)
    assert journal.first_needed(connection, cutoff) == 2
    journal.save_snapshot(connection, "monitor", 4, b"state", NOW)
    journal.move_cursor(connection, "aggregates", 0, NOW)
    assert journal.first_needed(connection, cutoff) == 1  # another consumer has not read it yet
    keep_house(connection, NOW, Retention())
    rows = connection.execute("SELECT count(*) FROM journal").fetchone()
    assert rows == (4,)  # a partition goes whole or not at all
