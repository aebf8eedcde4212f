"""TimescaleDB's compressed chunks: made by the policy, written to as any other, and refreshed from."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from psycopg import sql

from store import partitions, queries
from store.aggregates import Keeper, continuous
from store.connections import Connection, scalar
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, to_us
from tests.databases import Engine

pytestmark = pytest.mark.needs("hypertables")

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""Policies go by the server's clock."""

OLD = NOW - timedelta(days=20)
MODES = [pytest.param(WriteMode.COPY, marks=pytest.mark.needs("copy")), WriteMode.ON_CONFLICT]


def readings(begin: datetime, values: list[float], channel: int = 1, step_s: int = 60) -> Readings:
    """Readings of a channel, one each step."""
    times = to_us(begin) + np.arange(len(values)) * step_s * 1_000_000
    made = np.zeros(len(values), dtype=READING)
    made["channel_id"], made["ts"], made["value"], made["late"] = channel, times, values, True
    return made


def write(connection: Connection, batch: Readings, mode: WriteMode = WriteMode.ON_CONFLICT) -> tuple[int, int, int]:
    """(new, duplicates, conflicts) of a batch."""
    result = write_batch(connection, batch, messages=(), dead=(), recorded_at=NOW, mode=mode)
    return int(result.written.sum()), result.duplicates, int(result.conflicts.sum())


def compressed(connection: Connection, table: str = "reading") -> list[bool]:
    """Whether each chunk is compressed, oldest first."""
    rows = connection.execute(
        "SELECT is_compressed FROM timescaledb_information.chunks WHERE hypertable_name = %s ORDER BY range_start",
        (table,),
    ).fetchall()
    return [bool(value) for (value,) in rows]


def run_policy(connection: Connection, table: str) -> None:
    """What TimescaleDB's scheduler does from time to time."""
    query = (
        "SELECT job_id FROM timescaledb_information.jobs "
        "WHERE proc_name IN ('policy_compression', 'policy_columnstore') AND hypertable_name = %s"
    )
    connection.execute("CALL run_job(%s)", (scalar(connection, query, (table,)),))


def month(connection: Connection) -> None:
    """An hour of readings every day for four weeks, of two channels."""
    for day in range(28):
        for channel in (1, 2):
            write(connection, readings(NOW - timedelta(days=day, hours=1), [7.0] * 60, channel))


def test_the_policy_compresses_what_is_a_week_past_and_nothing_younger(engine: Engine) -> None:
    """Chunks whose end is more than seven days ago are compressed; those a late reading may still come to are not."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        assert not any(compressed(connection))
        run_policy(connection, "reading")
        found = compressed(connection)
        ends = connection.execute(
            "SELECT range_end FROM timescaledb_information.chunks WHERE hypertable_name = 'reading' ORDER BY 1"
        ).fetchall()
        assert found == [end < NOW - timedelta(days=7) for (end,) in ends]
        assert found.count(True) >= 2
        assert queries.reading_count(connection, 1, NOW - timedelta(days=30), NOW) == 28 * 60


@pytest.mark.parametrize("mode", MODES)
def test_readings_three_weeks_late_are_stored(engine: Engine, mode: WriteMode) -> None:
    """A gateway that comes back after three weeks writes into compressed chunks as into any other."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        run_policy(connection, "reading")
        late = readings(OLD - timedelta(hours=6), [7.5] * 60)
        assert write(connection, late, mode) == (60, 0, 0)
        rows = queries.reading_rows(connection, [1], OLD - timedelta(hours=6), OLD - timedelta(hours=5))
        assert rows.value.tolist() == [7.5] * 60


@pytest.mark.needs("copy")
def test_copy_refuses_a_key_that_lies_compressed(engine: Engine) -> None:
    """The primary key holds in compressed chunks too: COPY of a stored reading is refused."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        run_policy(connection, "reading")
        with pytest.raises(psycopg.errors.UniqueViolation):
            write(connection, readings(OLD - timedelta(hours=1), [7.0]), WriteMode.COPY)


def test_duplicates_and_conflicts_are_told_apart_in_compressed_chunks(engine: Engine) -> None:
    """Of readings that lie compressed, the same value is a duplicate, another a conflict; the stored one stays."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        run_policy(connection, "reading")
        again = readings(OLD - timedelta(hours=1), [7.0] * 30 + [9.0] * 10)
        assert write(connection, again) == (0, 30, 10)
        rows = queries.reading_rows(connection, [1], OLD - timedelta(hours=1), OLD)
        assert rows.value.tolist() == [7.0] * 60


def test_aggregates_of_compressed_minutes_follow_late_readings(engine: Engine) -> None:
    """Late readings reach minutes, hours and days that lie compressed, and the compressed readings are counted once."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        keeper = Keeper(connection, leader=None)
        while keeper.step(NOW):
            pass
        run_policy(connection, "reading")
        assert len(continuous.compress(connection, NOW)) >= 2
        write(connection, readings(OLD - timedelta(hours=1) + timedelta(seconds=30), [9.0] * 60))
        while keeper.step(NOW):
            pass
        begin, end = OLD - timedelta(hours=1), OLD
        for view in ("reading_1m", "reading_1h"):
            query = sql.SQL(
                "SELECT sum(count), min(min), max(max), sum(sum) FROM {} "
                "WHERE channel_id = 1 AND bucket >= %s AND bucket < %s"
            ).format(sql.Identifier(view))
            row = connection.execute(query, (begin, end)).fetchone()
            assert row == (120, 7.0, 9.0, 60 * 16.0), view


def test_retention_drops_compressed_chunks(engine: Engine) -> None:
    """Readings past their time go, compressed or not, and younger ones stay."""
    with engine.connect(autocommit=True) as connection:
        month(connection)
        run_policy(connection, "reading")
        before = queries.reading_count(connection, 1, NOW - timedelta(days=40), NOW)
        assert partitions.drop_readings_before(connection, NOW - timedelta(days=8))
        assert 0 < queries.reading_count(connection, 1, NOW - timedelta(days=40), NOW) < before


def test_the_server_can_be_put_to_rest_for_a_restore(engine: Engine) -> None:
    """What `landun restore` says to TimescaleDB before and after: its workers rest, and work again."""
    with engine.connect(autocommit=True) as connection:
        connection.execute("SELECT timescaledb_pre_restore()")
        assert scalar(connection, "SHOW timescaledb.restoring") == "on"
        connection.execute("SELECT timescaledb_post_restore()")
        assert scalar(connection, "SHOW timescaledb.restoring") == "off"
        assert write(connection, readings(NOW, [7.0])) == (1, 0, 0)
