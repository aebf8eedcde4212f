"""The schema on every engine."""

import threading
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest
from yoyo import read_migrations

from store import migrations, partitions
from store.aggregates import Keeper
from store.connections import connect, is_timescale
from store.migrations import migrate
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
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


def test_a_database_of_the_first_version_keeps_its_data(
    database_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readings and flags stored before the newer migrations are there afterwards, in the weeks they belong to."""
    at = datetime(2026, 11, 4, 8, 0, tzinfo=UTC)
    with database_server.new_database(migrated=False) as dsn:
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "read_migrations", _first_version)
            assert migrate(dsn)[-1] == "0005_operation"
        with connect(dsn, autocommit=True) as connection:
            reading = np.array([(1, to_us(at), 8.5, to_us(at), False)], dtype=READING)
            write_batch(connection, reading, messages=(), dead=(), recorded_at=at, mode=WriteMode.ON_CONFLICT)
            connection.execute(
                "INSERT INTO reading_flag VALUES (1, %s, 'gross_range', 4), (1, %s, 'limit', 3)", (at, at)
            )
            assert migrate(dsn)[0] == "0010_flags_by_time"
            partitions.ensure_partitions(connection, at, at)
            keeper = Keeper(connection, leader=None)
            while keeper.step(at):
                pass
            flags = connection.execute("SELECT test, flag FROM reading_flag ORDER BY test").fetchall()
            hours = connection.execute("SELECT count, max, beyond FROM reading_1h").fetchall()
            if not is_timescale(connection):
                assert connection.execute("SELECT count(*) FROM reading_flag_w20261102").fetchone() == (2,)
    assert flags == [("gross_range", 4), ("limit", 3)]
    assert hours == [(1, 8.5, 1)]


def _first_version(*sources: str) -> Any:
    return read_migrations(*sources).filter(lambda migration: migration.id < "0010")
