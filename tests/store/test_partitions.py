"""Partitions of readings and journal on plain PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from psycopg import sql

from store import journal, partitions
from store.connections import Connection, connect
from store.flags import write_flags
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from tests.databases import Engine

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


def count(connection: Connection, table: str) -> int:
    """Rows in a table or partition."""
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    return next(int(n) for (n,) in connection.execute(query).fetchall())


def write(connection: Connection, *times: datetime) -> None:
    """Store one reading at each time."""
    rows = np.zeros(len(times), dtype=READING)
    rows["ts"] = [to_us(at) for at in times]
    write_batch(connection, rows, messages=[], dead=[], recorded_at=MONDAY, mode=WriteMode.ON_CONFLICT)


@pytest.mark.needs("partitions")
def test_weeks_begin_on_monday_midnight_utc_and_are_made_once(engine: Engine) -> None:
    """Both ends of a range get their week, the last microsecond of Sunday its own; a second call makes nothing."""
    with engine.connect() as connection:
        made = partitions.ensure_partitions(connection, MONDAY - timedelta(microseconds=1), MONDAY + timedelta(days=7))
        assert made == [
            *(
                f"{table}_w{monday}"
                for table in ("reading", "reading_flag", "position")
                for monday in ("20261026", "20261102", "20261109")
            ),
            "waste_event_w20261026",  # of four weeks
        ]
        assert partitions.ensure_partitions(connection, MONDAY, MONDAY) == []


@pytest.mark.needs("partitions")
def test_a_write_makes_the_partitions_it_needs(engine: Engine) -> None:
    """Readings of a week without partition get one on demand, so that the DEFAULT partition stays empty."""
    with engine.connect() as connection:
        write(connection, MONDAY - timedelta(microseconds=1), MONDAY, datetime(1971, 1, 1, tzinfo=UTC))
        assert count(connection, "reading_default") == 0
        assert count(connection, "reading_w20261026") == 1
        assert count(connection, "reading_w20261102") == 1
        assert count(connection, "reading") == 3


@pytest.mark.needs("partitions")
def test_rows_in_the_default_partition_move_to_their_own(engine: Engine) -> None:
    """What was stored before its partition existed is moved when it is made, and only that."""
    with engine.connect(autocommit=True) as connection:
        for days in (0, 1, 8):
            connection.execute(
                "INSERT INTO reading (channel_id, ts, value, batch) VALUES (1, %s, 1, 1)", (MONDAY + timedelta(days),)
            )
        partitions.ensure_partitions(connection, MONDAY, MONDAY)
        assert count(connection, "reading_w20261102") == 2
        assert count(connection, "reading_default") == 1


@pytest.mark.needs("partitions", "concurrency")
def test_a_write_does_not_wait_for_a_foreign_transaction(engine: Engine) -> None:
    """Readings go to the DEFAULT partition while somebody holds it, and to their own when it can be made."""
    with engine.connect() as foreign, engine.connect() as connection:
        foreign.execute("LOCK TABLE reading_default IN ROW EXCLUSIVE MODE")
        write(connection, MONDAY)
        assert count(connection, "reading_default") == 1
        connection.rollback()
        made = partitions.ensure_partitions(connection, MONDAY, MONDAY)
        assert "reading_flag_w20261102" in made
        assert "reading_w20261102" not in made
        foreign.rollback()
        assert partitions.ensure_partitions(connection, MONDAY, MONDAY) == ["reading_w20261102"]
        assert count(connection, "reading_w20261102") == 1


def test_flags_go_with_their_readings(engine: Engine) -> None:
    """A flag lies in the partition of its week, made on demand, and is dropped when its reading is."""
    times = np.array([to_us(MONDAY - timedelta(days=10)), to_us(MONDAY)])
    with engine.connect() as connection:
        write_flags(connection, "limit", np.array([1, 1], np.int32), times, np.array([4, 3], np.int16))
        connection.commit()
        partitions.drop_readings_before(connection, MONDAY)
        assert connection.execute("SELECT ts, flag FROM reading_flag").fetchall() == [(MONDAY, 3)]


def test_the_journal_is_partitioned_ahead_of_its_newest_row(database: str) -> None:
    """The partition of the newest row and the next exist; rows that went to DEFAULT meanwhile are moved."""
    with connect(database, autocommit=True) as connection:
        assert partitions.ensure_journal(connection) == [], "migrating has made the first two"
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": 0}, MONDAY)
        assert count(connection, "journal_m0") == 1
        connection.execute("UPDATE journal SET id = 2500000")  # as if so many had come
        write(connection, MONDAY)
        assert partitions.ensure_journal(connection) == [], "the write has made the next two"
        assert count(connection, "journal_m3") == 0
        assert (count(connection, "journal_m2"), count(connection, "journal_default")) == (2, 0)


def test_old_journal_partitions_are_dropped_but_never_the_newest_row(database: str) -> None:
    """Retention drops whole partitions before an id and leaves the chain's end, from which it goes on."""
    with connect(database, autocommit=True) as connection:
        partitions.ensure_journal(connection)
        with connection.transaction():
            journal.append_event(connection, "tick", {"now": 0}, MONDAY)
        assert partitions.drop_journal_before(connection, 5_000_000) == []
        connection.execute("UPDATE journal SET id = 1999999")
        partitions.ensure_journal(connection)
        assert partitions.drop_journal_before(connection, 5_000_000) == ["journal_m0"]
        with connection.transaction():
            assert journal.append_event(connection, "tick", {"now": 1}, MONDAY) == 2_000_000


def test_old_readings_are_dropped_by_whole_weeks(engine: Engine) -> None:
    """Retention drops only what lies wholly before the instant; a later write makes the week anew."""
    with engine.connect() as connection:
        write(connection, MONDAY - timedelta(days=10), MONDAY + timedelta(days=1))
        connection.commit()
        dropped = partitions.drop_readings_before(connection, MONDAY + timedelta(days=2))
        connection.commit()
        assert len(dropped) == 1
        assert count(connection, "reading") == 1
        connection.rollback()
        write(connection, MONDAY - timedelta(days=10))
        assert count(connection, "reading") == 2


@pytest.mark.needs("partitions", "concurrency")
def test_writers_that_need_the_same_new_partition_make_it_once(engine: Engine) -> None:
    """Several writers that meet a new week at once all succeed, whichever of them makes the partition."""
    outcomes: list[object] = []
    together = threading.Barrier(4)

    def ensure() -> None:
        try:
            with engine.connect() as connection:
                for week in range(10):
                    together.wait(30)
                    outcomes.extend(partitions.ensure_weeks(connection, [week]))
        except Exception as error:
            outcomes.append(error)
            together.abort()

    threads = [threading.Thread(target=ensure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == [partitions.week_name(week) for week in range(10)]
