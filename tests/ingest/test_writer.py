"""The writer's failure law: accept, reject the bad row, or keep the batch; never a good row as a dead letter."""

import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import ingest.writer
from ingest.assembly import assemble
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.writer import CLEAN_BATCHES, Load, StoppingError, Writer
from registry.model import Registry
from store.backoff import Backoff
from store.connections import connect
from store.readings import CommitUnknownError, WriteMode, write_batch
from tests.ingest.world import dead_letters, now_ms, payload, stored, topic, wait_until

REFUSING = """
CREATE TABLE refusing ();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.value >= 666 AND EXISTS (SELECT FROM refusing) THEN
        RAISE EXCEPTION 'no % here', NEW.value USING ERRCODE = '{state}', CONSTRAINT = 'refuse';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO refusing DEFAULT VALUES;
"""


@contextmanager
def refusing(dsn: str, state: str) -> Iterator[None]:
    """A database that answers values from 666 on with an error of this SQLSTATE, until the end of the block."""
    with connect(dsn, autocommit=True) as connection:
        connection.execute(REFUSING.format(state=state))
        yield
        # Not DROP TRIGGER: its lock and the writer's could wait for one another.
        connection.execute("DELETE FROM refusing")


def load_of(registry: Registry, *bodies: bytes) -> Load:
    """A batch of messages of dev-0."""
    directory = Directory(registry)
    arrived = now_ms() * 1000
    deliveries = [Delivery(1, index + 1, topic(), body, arrived) for index, body in enumerate(bodies)]
    return Load(deliveries, assemble(deliveries, directory), directory)


@pytest.fixture
def writer(registered: str) -> Iterator[Writer]:
    """A writer with short pauses."""
    made = Writer(registered, stopping=threading.Event(), on_outage=lambda: None, backoff=Backoff(0.01, 0.05))
    yield made
    made.close()


@contextmanager
def writing(writer: Writer, load: Load) -> Iterator[threading.Thread]:
    """Write in a thread; the block must make it possible, and it must have succeeded soon after."""
    thread = threading.Thread(target=writer.write, args=(load,), daemon=True)
    thread.start()
    yield thread
    thread.join(10)
    assert not thread.is_alive(), "the batch was never written"


@pytest.mark.parametrize("state", ["22003", "23514"])
def test_a_row_the_database_refuses_for_its_value_is_a_dead_letter_and_the_others_are_stored(
    writer: Writer, registered: str, world: Registry, state: str
) -> None:
    """Classes 22 and 23: the batch is bisected; good rows of the same message survive too."""
    ts = now_ms()
    bodies = [payload(ts - 100 + index, ph=7, orp=600 + index) for index in range(66)]
    bodies += [payload(ts, ph=7.5, orp=700), payload(ts + 1, orp=800)]
    with refusing(registered, state):
        writer.write(load_of(world, *bodies))
    assert len(stored(registered)) == 66 * 2 + 1
    letters = dead_letters(registered)
    assert [(each["reason"], each["field"], each["payload"]) for each in letters] == [
        ("rejected_by_database", "orp", bodies[66]),
        ("rejected_by_database", "orp", bodies[67]),
    ]
    assert "no 700 here" in letters[0]["detail"]
    counters = writer.counters
    assert (counters.committed, counters.dead_messages, dict(counters.dead)) == (67, 1, {"rejected_by_database": 2})


@pytest.mark.parametrize("state", ["53100", "40P01", "25006", "57014", "58030", "42501", "XX000"])
def test_any_other_failure_keeps_the_batch_until_it_can_be_written(
    writer: Writer, registered: str, world: Registry, state: str
) -> None:
    """Disk full, deadlock, read-only, cancelled, I/O, right missing, bug: kept, and stored when that has passed."""
    load = load_of(world, payload(now_ms(), ph=7, orp=700))
    with refusing(registered, state):
        thread = threading.Thread(target=writer.write, args=(load,), daemon=True)
        thread.start()
        wait_until(lambda: writer._backoff.attempts >= 3, what="repeated attempts")
        assert stored(registered) == {}
    thread.join(10)
    assert len(stored(registered)) == 2
    assert dead_letters(registered) == []
    assert writer.counters.committed == 1


def test_a_missing_table_never_turns_good_rows_into_dead_letters(
    writer: Writer, registered: str, world: Registry
) -> None:
    """Class 42 is the operator's to put right; the batch waits for it."""
    with connect(registered, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading RENAME TO elsewhere")
        with writing(writer, load_of(world, payload(now_ms(), ph=7))):
            wait_until(lambda: writer._backoff.attempts >= 3, what="repeated attempts")
            connection.execute("ALTER TABLE elsewhere RENAME TO reading")
    assert len(stored(registered)) == 1
    assert dead_letters(registered) == []


def test_a_lost_connection_is_opened_again(writer: Writer, registered: str, world: Registry) -> None:
    """A backend ended by an administrator costs a pause, not a reading."""
    writer.write(load_of(world, payload(now_ms(), ph=7)))
    pid = writer.connection().info.backend_pid
    with connect(registered, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    writer.write(load_of(world, payload(now_ms() + 1, ph=7)))
    assert len(stored(registered)) == 2
    assert writer.connection().info.backend_pid != pid


def test_after_a_duplicate_the_tolerant_way_is_kept_until_enough_clean_batches(
    writer: Writer, registered: str, world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unique violation changes COPY to ON CONFLICT for that batch and the next clean ones, then back."""
    modes: list[WriteMode] = []

    def noting(*args: Any, mode: WriteMode, **options: Any) -> Any:
        modes.append(mode)
        return write_batch(*args, mode=mode, **options)

    monkeypatch.setattr(ingest.writer, "write_batch", noting)
    ts = now_ms()
    for offset in itertools.chain([0, 0], range(1, CLEAN_BATCHES + 2)):
        writer.write(load_of(world, payload(ts + offset, ph=7)))
    tolerant = [WriteMode.ON_CONFLICT] * (1 + CLEAN_BATCHES)
    assert modes == [WriteMode.COPY, WriteMode.COPY, *tolerant, WriteMode.COPY]
    assert len(stored(registered)) == CLEAN_BATCHES + 2
    assert writer.counters.duplicate == 1


def test_a_commit_whose_answer_was_lost_is_not_written_twice(
    writer: Writer, registered: str, world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is asked what became of it; the batch's dead letters are not doubled."""
    calls = 0

    def losing_the_answer(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        raise CommitUnknownError("the wire was cut", write_batch(*args, **options))

    monkeypatch.setattr(ingest.writer, "write_batch", losing_the_answer)
    writer.write(load_of(world, payload(now_ms(), ph=7), b"nonsense"))
    assert calls == 1
    assert len(stored(registered)) == 1
    assert [each["reason"] for each in dead_letters(registered)] == ["malformed_json"]
    assert (writer.counters.readings, writer.counters.duplicate) == (1, 0)


def test_flags_that_fail_after_the_commit_do_not_double_the_dead_letters(
    writer: Writer, registered: str, world: Registry
) -> None:
    """What is committed already is not written again when only the flags are missing."""
    flagged = payload(now_ms(), ph=7)[:-1] + b', "flag": "M"}'
    with connect(registered, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading_flag RENAME TO elsewhere")
        with writing(writer, load_of(world, flagged, b"nonsense")):
            wait_until(lambda: writer._backoff.attempts >= 3, what="repeated attempts")
            connection.execute("ALTER TABLE elsewhere RENAME TO reading_flag")
        assert connection.execute("SELECT count(*) FROM reading_flag").fetchone() == (1,)
    assert [each["reason"] for each in dead_letters(registered)] == ["malformed_json"]
    assert (writer.counters.readings, writer.counters.duplicate) == (1, 0)


def test_a_commit_that_did_not_happen_is_written_again(
    writer: Writer, registered: str, world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the journal does not hold the batch, it is written as if for the first time."""
    answers = iter([True, False])

    def failing_once(connection: Any, *args: Any, **options: Any) -> Any:
        if not next(answers):
            return write_batch(connection, *args, **options)
        with connection.transaction(force_rollback=True):
            batch = connection.execute("SELECT nextval('batch_number')").fetchone()[0]
        result = write_batch(connection, *[args[0][:0]], **{**options, "messages": (), "dead": ()})
        raise CommitUnknownError("the wire was cut", type(result)(batch, 1, None, result.written, 0, result.conflicts))

    monkeypatch.setattr(ingest.writer, "write_batch", failing_once)
    writer.write(load_of(world, payload(now_ms(), ph=7)))
    assert len(stored(registered)) == 1


def test_stopping_ends_an_attempt_that_cannot_succeed(world: Registry) -> None:
    """With the database away, `stopping` is answered at once; the batch is given back to the broker."""
    stopping = threading.Event()
    away = Writer("postgresql://nobody@127.0.0.1:9/none", stopping=stopping, on_outage=lambda: None)
    threading.Timer(0.3, stopping.set).start()
    with pytest.raises(StoppingError, match="batch of readings not written"):
        away.write(load_of(world, payload(now_ms(), ph=7)))


def test_an_outage_is_told_only_past_its_limit(world: Registry) -> None:
    """`on_outage` is called once the database has failed for `outage_s`, not before."""
    told: list[int] = []
    stopping = threading.Event()
    backoff = Backoff(0.1, 0.1)

    def on_outage() -> None:
        told.append(backoff.attempts)
        stopping.set()

    away = Writer(
        "postgresql://nobody@127.0.0.1:9/none", stopping=stopping, on_outage=on_outage, outage_s=0.3, backoff=backoff
    )
    with pytest.raises(StoppingError):
        away.write(load_of(world, payload(now_ms(), ph=7)))
    assert told
    assert told[0] >= 3


def test_pauses_double_up_to_a_bound_with_jitter_and_begin_again_after_a_success() -> None:
    """The law of the pauses: half to whole of 0.1, 0.2, 0.4 … at most 5 s."""
    backoff = Backoff(generator=random.Random(1))  # noqa: S311 -- jitter, not secrets
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    pauses = [backoff.next() for _ in bounds]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len(set(pauses)) == len(pauses)
    backoff.reset()
    assert backoff.next() <= 0.1
