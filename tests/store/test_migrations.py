"""The schema on every engine."""

import threading

import psycopg
import pytest

from store.connections import connect, is_timescale
from store.migrations import migrate
from tests.databases import Engine, Server


def test_migrate_is_idempotent(engine: Engine) -> None:
    """Migrating a migrated database applies nothing."""
    assert migrate(engine.dsn) == []


@pytest.mark.needs("hypertables")
def test_readings_are_a_hypertable_where_timescaledb_is(engine: Engine) -> None:
    """On TimescaleDB the extension is created and `reading` is a hypertable with weekly chunks."""
    with engine.connect() as connection:
        assert is_timescale(connection)
        row = connection.execute(
            "SELECT time_interval::text FROM timescaledb_information.dimensions WHERE hypertable_name = 'reading'"
        ).fetchone()
    assert row == ("7 days",)


@pytest.mark.needs("partitions")
def test_readings_are_partitioned_without_timescaledb(engine: Engine) -> None:
    """On plain PostgreSQL `reading` is range-partitioned and has a DEFAULT partition."""
    with engine.connect() as connection:
        row = connection.execute("SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass").fetchone()
        default = connection.execute("SELECT to_regclass('reading_default')").fetchone()
    assert row is not None
    assert row[0] in ("p", b"p")
    assert default != (None,)


def test_services_that_migrate_at_once_take_turns(database_server: Server) -> None:
    """Of several concurrent migrations one applies everything and the others nothing; none fails."""
    with database_server.new_database(migrated=False) as dsn:
        applied: list[list[str]] = []
        threads = [threading.Thread(target=lambda: applied.append(migrate(dsn))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(map(bool, applied)) == [False, False, False, True]


def test_a_lock_left_by_a_killed_migration_does_not_block(database_server: Server) -> None:
    """A row in yoyo's lock table, which a process killed in mid-migration leaves, is removed."""
    with database_server.new_database() as dsn:
        with connect(dsn) as connection:
            connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
        assert migrate(dsn) == []


def test_a_failed_connection_names_the_server(database_server: Server) -> None:
    """Migrating an unreachable server raises an operational error, not something of yoyo's."""
    with pytest.raises(psycopg.OperationalError, match="connection"):
        migrate("postgresql://landun@127.0.0.1:1/landun")
