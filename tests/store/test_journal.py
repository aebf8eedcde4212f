"""The journal: its order, its chain, what it holds."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from store import journal
from store.connections import Connection, connect
from store.journal_body import decode_messages, decode_readings, encode_messages, encode_readings
from store.readings import WriteMode, write_batch
from store.records import READING, Message, Readings, to_us
from tests.databases import Engine

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def fill(connection: Connection, rows: int) -> None:
    """Append a mixture of rows, a transaction each."""
    for i in range(rows):
        with connection.transaction():
            if i % 3 == 0:
                journal.append(connection, "readings", bytes([i]), rows=1, recorded_at=NOW, raw=b"raw", batch=i)
            else:
                journal.append_event(connection, "tick", {"now": i}, NOW + timedelta(seconds=i))


def test_ids_count_from_one_and_rows_come_back_as_written(engine: Engine) -> None:
    """Ids are 1, 2, 3 …; an event's body is canonical JSON; a cursor reads on from where it is."""
    with engine.connect(autocommit=True) as connection:
        assert journal.last_id(connection) == 0
        fill(connection, 5)
        first, second, *_ = entries = journal.read_after(connection, 0, 100, with_raw=True)
        assert [entry.id for entry in entries] == [1, 2, 3, 4, 5]
        assert (first.kind, first.body, first.raw, first.batch) == ("readings", b"\x00", b"raw", 0)
        assert (second.body, second.recorded_at) == (b'{"now":1}', NOW + timedelta(seconds=1))
        assert journal.event_of(second) == {"now": 1}
        assert [entry.id for entry in journal.read_after(connection, 3, 1)] == [4]
        assert journal.read_after(connection, 3, 1)[0].raw is None
        assert journal.last_id(connection) == 5
        assert first.prev_hash == journal.FIRST_PREV_HASH
        assert second.prev_hash == first.hash


def test_a_rollback_leaves_no_gap(engine: Engine) -> None:
    """The id of a row whose transaction rolled back is given to the next one."""
    with engine.connect(autocommit=True) as connection:
        fill(connection, 1)
        with connection.transaction(force_rollback=True):
            assert journal.append_event(connection, "tick", {"now": 0}, NOW) == 2
        with connection.transaction():
            assert journal.append_event(connection, "tick", {"now": 1}, NOW) == 2
        assert journal.verify(connection).ok


@pytest.mark.needs("concurrency")
def test_id_order_is_commit_order_with_three_writers_and_a_foreign_transaction(engine: Engine) -> None:
    """A consumer that follows one id misses no row while three writers commit and a foreign transaction stays open."""
    writers, batches = 3, 60
    stop = threading.Event()
    seen: list[int] = []
    failures: list[Exception] = []

    def write(writer: int) -> None:
        rows = np.zeros(20, dtype=READING)
        rows["channel_id"] = np.arange(20) + writer * 100
        with engine.connect() as connection:
            for i in range(batches):
                rows["ts"] = to_us(NOW) + i
                write_batch(connection, rows, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.COPY)

    def follow() -> None:
        with engine.connect(autocommit=True) as connection:
            while not (stop.is_set() and (not seen or seen[-1] == journal.last_id(connection))):
                seen.extend(entry.id for entry in journal.read_after(connection, seen[-1] if seen else 0, 50))

    def guarded(target: Callable[..., None], *arguments: int) -> None:
        try:
            target(*arguments)
        except Exception as error:
            failures.append(error)

    with engine.connect() as foreign:
        foreign.execute("SELECT nextval('batch_number'), pg_current_xact_id()")
        foreign.execute(
            "INSERT INTO reading (channel_id, ts, value, batch) VALUES (9999, %s, 1, 0)", (NOW - timedelta(weeks=4),)
        )
        follower = threading.Thread(target=guarded, args=(follow,))
        threads = [threading.Thread(target=guarded, args=(write, n)) for n in range(writers)]
        for thread in [follower, *threads]:
            thread.start()
        for thread in threads:
            thread.join(60)
        foreign.commit()
    stop.set()
    follower.join(60)
    assert failures == []
    assert seen == list(range(1, writers * batches + 1))
    with engine.connect() as connection:
        assert journal.verify(connection) == journal.Verification(True, writers * batches, None, "")


@pytest.mark.needs("concurrency")
def test_an_appender_waits_for_the_one_before_it(engine: Engine) -> None:
    """While a transaction that has appended is open another cannot append; it then follows on, with the right hash."""
    with engine.connect() as first, engine.connect() as second:
        journal.append_event(first, "tick", {"now": 1}, NOW)
        second.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            journal.append_event(second, "tick", {"now": 2}, NOW)
        second.rollback()
        first.commit()
        assert journal.append_event(second, "tick", {"now": 2}, NOW) == 2
        second.commit()
        assert journal.verify(second).ok


@pytest.mark.needs("concurrency")
def test_whether_a_doubtful_commit_happened_is_answered_finally(engine: Engine) -> None:
    """`holds_batch` waits for a transaction that may still commit, and then knows."""
    with engine.connect() as doubtful:
        journal.append(doubtful, "readings", b"", rows=0, recorded_at=NOW, batch=77)
        answers: list[bool] = []

        def ask() -> None:
            with engine.connect(autocommit=True) as other:
                answers.append(journal.holds_batch(other, 77))

        asker = threading.Thread(target=ask)
        asker.start()
        asker.join(0.2)
        assert asker.is_alive(), "it must wait while the answer is open"
        doubtful.commit()
        asker.join(30)
    assert answers == [True]
    with engine.connect(autocommit=True) as connection:
        assert not journal.holds_batch(connection, 78)


CHANGES = {
    "id": "UPDATE journal SET id = 1000 WHERE id = 4",
    "kind": "UPDATE journal SET kind = 'action' WHERE id = 4",
    "recorded_at": "UPDATE journal SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = 4",
    "rows": "UPDATE journal SET rows = rows + 1 WHERE id = 4",
    "batch": "UPDATE journal SET batch = coalesce(batch, 0) + 1 WHERE id = 4",
    "batch null": "UPDATE journal SET batch = NULL WHERE id = 4",
    "body": "UPDATE journal SET body = set_byte(body, 0, (get_byte(body, 0) + 1) %% 256) WHERE id = 4",
    "raw": "UPDATE journal SET raw = set_byte(raw, 2, 0) WHERE id = 4",
    "raw null": "UPDATE journal SET raw = NULL WHERE id = 4",
    "raw empty": "UPDATE journal SET raw = '' WHERE id = 4",
    "prev_hash": "UPDATE journal SET prev_hash = set_byte(prev_hash, 31, get_byte(prev_hash, 31) # 1) WHERE id = 4",
    "hash": "UPDATE journal SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE id = 4",
    "removed": "DELETE FROM journal WHERE id = 4",
    "last removed": "DELETE FROM journal WHERE id = 6",
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_a_row_is_found(engine: Engine, change: str) -> None:
    """Changing any column of a row, or removing it, breaks the chain at that row or the next."""
    with engine.connect(autocommit=True) as connection:
        fill(connection, 6)
        journal.move_cursor(connection, "monitor", 6, NOW)
        assert journal.verify(connection) == journal.Verification(True, 6, None, "")
        connection.execute(CHANGES[change], ())
        found = journal.verify(connection)
    assert not found.ok
    assert found.first_bad_id in ({6} if change == "last removed" else {4, 5})
    assert found.why


def test_part_of_the_chain_can_be_verified(engine: Engine) -> None:
    """A range is checked against the row before it; one that reaches beyond the end is reported as missing."""
    with engine.connect(autocommit=True) as connection:
        fill(connection, 6)
        assert journal.verify(connection, 3, 5) == journal.Verification(True, 3, None, "")
        assert journal.verify(connection, 3, 9).first_bad_id == 7
        connection.execute("DELETE FROM journal WHERE id < 4")
        assert journal.verify(connection, chunk=1).ok, "rows that retention dropped are not missed"


def test_cursors_and_snapshots_are_kept_by_consumer(engine: Engine) -> None:
    """A consumer's cursor and snapshot are its own, and a later one replaces the one before."""
    with engine.connect(autocommit=True) as connection:
        assert journal.cursor(connection, "monitor") == 0
        assert journal.load_snapshot(connection, "monitor") is None
        for journal_id in (5, 9):
            journal.move_cursor(connection, "monitor", journal_id, NOW)
            journal.save_snapshot(connection, "monitor", journal_id, bytes([journal_id]), NOW)
        journal.move_cursor(connection, "other", 1, NOW)
        assert journal.cursor(connection, "monitor") == 9
        assert journal.load_snapshot(connection, "monitor") == (9, b"\x09")


def test_reading_a_row_as_what_it_is_not_is_an_error(engine: Engine) -> None:
    """`readings_of` and `event_of` name the row and its kind instead of returning nonsense."""
    with engine.connect(autocommit=True) as connection:
        fill(connection, 2)
        readings, tick = journal.read_after(connection, 0, 2)
    with pytest.raises(ValueError, match="row 2 is of kind 'tick'"):
        journal.readings_of(tick)
    with pytest.raises(ValueError, match="row 1 is of kind 'readings'"):
        journal.event_of(readings)


def test_events_refuse_what_json_cannot_say(database: str) -> None:
    """NaN in an event is an error at once, not an unreadable row for ever; a lone surrogate is written escaped."""
    with connect(database) as connection:
        with pytest.raises(ValueError, match="JSON compliant"):
            journal.append_event(connection, "tick", {"now": float("nan")}, NOW)
        journal.append_event(connection, "dead", [{"topic": "\ud800泳池"}], NOW)
        (entry,) = journal.read_after(connection, 0, 1)
    assert journal.event_of(entry) == [{"topic": "\ud800泳池"}]


@given(
    rows=npst.arrays(
        READING,
        st.integers(0, 50),
        elements=st.tuples(
            st.integers(-(2**31), 2**31 - 1),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(),
            st.integers(-(2**63), 2**63 - 1),
            st.booleans(),
        ),
    )
)
def test_readings_survive_packing_bit_for_bit(rows: Readings) -> None:
    """Any array of readings, NaN and signed zero included, comes back with the same bytes."""
    assert decode_readings(encode_readings(rows)).tobytes() == rows.tobytes()


@given(
    messages=st.lists(
        st.builds(
            Message,
            topic=st.text(st.characters(), max_size=20),
            payload=st.binary(max_size=50),
            arrived=st.integers(-(2**63), 2**63 - 1),
        ),
        max_size=10,
    )
)
def test_messages_survive_packing(messages: list[Message]) -> None:
    """Any topics and payloads come back as they were, empty ones and lone surrogates included."""
    assert decode_messages(encode_messages(messages)) == messages


@given(st.data())
def test_any_changed_bit_of_the_content_changes_the_hash(data: st.DataObject) -> None:
    """Flipping one bit anywhere in body or raw gives another chain hash."""
    body, raw = data.draw(st.binary(min_size=1, max_size=64)), data.draw(st.binary(min_size=1, max_size=64))
    whole = bytearray(body + raw)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << (bit % 8)
    changed = bytes(whole[: len(body)]), bytes(whole[len(body) :])

    def digest(one: bytes, other: bytes) -> bytes:
        content = journal.content_digest("readings", to_us(NOW), 1, None, one, other)
        return journal.chain_hash(journal.FIRST_PREV_HASH, 1, content)

    assert digest(*changed) != digest(body, raw)
