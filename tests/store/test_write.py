"""The write path on every engine."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest

from store import journal, partitions
from store.connections import connect
from store.readings import CommitUnknownError, WriteMode, rejected_rows, write_batch
from store.records import READING, DeadLetter, Message, Readings, from_us, to_us
from tests.databases import Engine
from tests.store.commit_cutter import CommitCutter

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
MODES = [pytest.param(WriteMode.COPY, marks=pytest.mark.needs("copy")), WriteMode.ON_CONFLICT]


def readings(*rows: tuple[int, int, float]) -> Readings:
    """Readings from (channel id, seconds after `NOW`, value)."""
    made = np.zeros(len(rows), dtype=READING)
    for i, (channel_id, seconds, value) in enumerate(rows):
        made[i] = (channel_id, to_us(NOW + timedelta(seconds=seconds)), value, to_us(NOW) + i, False)
    return made


def stored(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """What is in `reading`, by key, without the batch."""
    return connection.execute("SELECT channel_id, ts, value FROM reading ORDER BY 1, 2").fetchall()


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_stored_and_journaled_in_one_row(engine: Engine, mode: WriteMode) -> None:
    """Readings come back with their exact times and values, and the journal row holds them and their messages."""
    batch = readings((1, 0, 0.1), (2, 0, -273.15), (1, 60, 1e300))
    batch["late"][2] = True
    messages = [Message("landun/v1/c/s/d/telemetry", b'{"ts":1}', 5), Message("泳池", b"\x00\xff", 6)]
    with engine.connect() as connection:
        result = write_batch(connection, batch, messages=messages, dead=[], recorded_at=NOW, mode=mode)
        assert stored(connection) == [
            (1, NOW, 0.1),
            (1, NOW + timedelta(seconds=60), 1e300),
            (2, NOW, -273.15),
        ]
        (entry,) = journal.read_after(connection, 0, 10, with_raw=True)
    assert result.written.all()
    assert (result.journal_id, result.dead_journal_id, result.duplicates) == (entry.id, None, 0)
    assert (entry.kind, entry.rows, entry.recorded_at, entry.batch) == ("readings", 3, NOW, result.batch)
    np.testing.assert_array_equal(journal.readings_of(entry), batch)
    assert journal.messages_of(entry) == messages


@pytest.mark.needs("copy")
def test_copy_refuses_a_stored_key_and_writes_nothing(engine: Engine) -> None:
    """In mode COPY one stored key refuses the whole batch: no reading, no dead letter, no journal row."""
    letter = DeadLetter(NOW, "t", b"x", "malformed_json", "no")
    with engine.connect() as connection:
        write_batch(connection, readings((1, 0, 1.0)), messages=[], dead=[], recorded_at=NOW, mode=WriteMode.COPY)
        with pytest.raises(psycopg.errors.UniqueViolation):
            write_batch(
                connection,
                readings((2, 0, 2.0), (1, 0, 1.0)),
                messages=[],
                dead=[letter],
                recorded_at=NOW,
                mode=WriteMode.COPY,
            )
        assert stored(connection) == [(1, NOW, 1.0)]
        assert connection.execute("SELECT count(*) FROM dead_letter").fetchone() == (0,)
        assert journal.last_id(connection) == 1


def test_duplicates_are_counted_and_conflicts_become_dead_letters(engine: Engine) -> None:
    """Same key and value is a duplicate; another value is a dead letter `conflict`; only what is new is journaled."""
    with engine.connect() as connection:
        mode = WriteMode.ON_CONFLICT
        write_batch(connection, readings((1, 0, 1.0)), messages=[], dead=[], recorded_at=NOW, mode=mode)
        batch = readings((1, 0, 1.0), (1, 0, 1.5), (2, 0, 2.0), (2, 0, 2.0), (2, 0, 2.5))
        result = write_batch(
            connection,
            batch,
            messages=[],
            dead=[],
            recorded_at=NOW,
            mode=mode,
            conflict_letter=lambda i, value: DeadLetter(NOW, f"row {i}", b"p", "conflict", f"{value} is stored"),
        )
        assert result.written.tolist() == [False, False, True, False, False]
        assert result.conflicts.tolist() == [False, True, False, False, True]
        assert result.duplicates == 2
        assert stored(connection) == [(1, NOW, 1.0), (2, NOW, 2.0)]
        letters = connection.execute("SELECT topic, reason, detail, batch FROM dead_letter ORDER BY id").fetchall()
        entries = journal.read_after(connection, 1, 10)
    assert letters == [
        ("row 1", "conflict", "1.0 is stored", result.batch),
        ("row 4", "conflict", "2.0 is stored", result.batch),
    ]
    assert [entry.id for entry in entries] == [result.journal_id, result.dead_journal_id]
    assert journal.readings_of(entries[0])["channel_id"].tolist() == [2]
    assert [item["reason"] for item in journal.event_of(entries[1])] == ["conflict", "conflict"]


def test_a_batch_of_duplicates_only_leaves_no_journal_row(engine: Engine) -> None:
    """A redelivered batch changes nothing and is not journaled again."""
    batch = readings((1, 0, 1.0), (2, 0, 2.0))
    with engine.connect() as connection:
        for _ in range(2):
            result = write_batch(connection, batch, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.ON_CONFLICT)
        assert (result.journal_id, result.dead_journal_id, result.duplicates) == (None, None, 2)
        assert journal.last_id(connection) == 1


def test_dead_letters_alone_are_stored_with_any_bytes_and_text(engine: Engine) -> None:
    """A message with nothing good is one dead letter; NUL and lone surrogates in its text do not stop it."""
    letter = DeadLetter(NOW, "a\x00b", b"\x00\xff{", "malformed_json", "bad \ud800 text", device="d-1", field="ph\x00")
    with engine.connect() as connection:
        result = write_batch(
            connection, readings(), messages=[], dead=[letter], recorded_at=NOW, mode=WriteMode.ON_CONFLICT
        )
        rows = connection.execute(
            "SELECT topic, payload, reason, detail, site, device, field FROM dead_letter"
        ).fetchall()
        (entry,) = journal.read_after(connection, 0, 10)
    assert rows == [("a\\x00b", b"\x00\xff{", "malformed_json", "bad \\ud800 text", None, "d-1", "ph\\x00")]
    assert result.dead_journal_id == entry.id
    assert (entry.kind, entry.rows) == ("dead", 1)
    assert journal.event_of(entry)[0]["device"] == "d-1"


def test_the_caller_may_not_hold_a_transaction(engine: Engine) -> None:
    """A batch is committed by `write_batch` itself, so an open transaction is refused instead of silently joined."""
    with engine.connect() as connection:
        connection.execute("SELECT 1")
        with pytest.raises(ValueError, match="INTRANS"):
            write_batch(connection, readings(), messages=[], dead=[], recorded_at=NOW, mode=WriteMode.ON_CONFLICT)
        connection.rollback()


def test_rejected_rows_are_found_and_nothing_else(engine: Engine) -> None:
    """Of 50 rows exactly those the database refuses for their values are named, and none is written by the search."""
    batch = readings(*((channel, 0, float(channel)) for channel in range(50)))
    with engine.connect(autocommit=True) as connection:
        connection.execute("ALTER TABLE reading ADD CONSTRAINT sane CHECK (value NOT IN (7, 8, 49))")
        try:
            found = rejected_rows(connection, batch)
            assert sorted(found) == [7, 8, 49]
            assert all("sane" in message for message in found.values())
            assert stored(connection) == []
        finally:
            connection.execute("ALTER TABLE reading DROP CONSTRAINT sane")


@pytest.mark.needs("copy")
def test_an_error_of_the_server_is_no_rejected_row(engine: Engine) -> None:
    """Out of disk space on some rows is raised to the caller: good rows never become dead letters for it."""
    with engine.connect(autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END$$"
        )
        connection.execute(
            "CREATE TRIGGER fail BEFORE INSERT ON reading FOR EACH ROW WHEN (NEW.value = 2) EXECUTE FUNCTION fail()"
        )
        with pytest.raises(psycopg.errors.DiskFull):
            rejected_rows(connection, readings((1, 0, 1.0), (2, 0, 2.0)))


def test_times_are_exact_to_the_microsecond_in_both_directions(engine: Engine) -> None:
    """Microseconds survive from array to `timestamptz` and back, before 2000 and far from now."""
    instants = [0, 1, 946_684_799_999_999, 946_684_800_000_001, to_us(NOW) + 123_457, 4_102_444_800_000_000 - 1]
    batch = np.zeros(len(instants), dtype=READING)
    batch["ts"] = instants
    with engine.connect() as connection:
        write_batch(connection, batch, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.ON_CONFLICT)
        assert [row[1] for row in stored(connection)] == [from_us(us) for us in instants]


@pytest.mark.needs("concurrency")
def test_writers_with_the_same_keys_in_opposite_order_do_not_deadlock(engine: Engine) -> None:
    """Two writers that redeliver the same rows, one backwards, both finish; each row is stored once."""
    batch = readings(*((channel, second, float(channel)) for channel in range(40) for second in range(10)))
    outcomes: list[int | Exception] = []

    def write(rows: Readings) -> None:
        try:
            with engine.connect() as connection:
                for _ in range(10):
                    result = write_batch(
                        connection, rows, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.ON_CONFLICT
                    )
                    outcomes.append(int(result.written.sum()))
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=write, args=(rows,)) for rows in (batch, batch[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes, key=str) == [*([0] * 19), 400]


@pytest.mark.parametrize("delivered", [True, False])
def test_an_answer_lost_during_commit_is_told_apart_from_a_failure(database: str, delivered: bool) -> None:
    """A connection that breaks at COMMIT raises `CommitUnknownError`; asked afterwards, the database knows."""
    batch = readings((1, 0, 1.0))
    with CommitCutter(database, delivered=delivered) as cutter, closing(connect(cutter.dsn)) as connection:
        partitions.ensure_for(connection, batch["ts"])
        cutter.armed = True
        with pytest.raises(CommitUnknownError) as unknown:
            write_batch(connection, batch, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.COPY)
    with connect(database) as observer:
        assert journal.holds_batch(observer, unknown.value.result.batch) is delivered
        assert stored(observer) == [(1, NOW, 1.0)] * delivered
