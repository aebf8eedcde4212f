"""Dead letters replayed: stored once when what was wrong is put right, left alone when it is not."""

import getpass
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ingest.assembly import assemble
from ingest.delivery import Delivery
from ingest.directory import Directory
from operations.chaos.accounting import journaled_readings
from operations.replay import Filter, replay
from registry.model import Registry
from store import audit
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import DeadLetter, to_us
from store.registry_rows import load_registry
from tests.ingest.waste_world import register_waste, scan, waste_world
from tests.ingest.world import make_registry, payload, register, stored, topic

ARRIVED = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
TS = int(ARRIVED.timestamp() * 1000)


@pytest.fixture
def before(database: str) -> str:
    """A database that knows one device, ``dev-0``."""
    register(database, make_registry(1))
    return database


def bury(dsn: str, *messages: tuple[str, bytes], registry: Registry, at: datetime = ARRIVED) -> None:
    """Let messages come to what they come to, as ingest does at their arrival."""
    deliveries = [Delivery(1, n, where, body, to_us(at)) for n, (where, body) in enumerate(messages)]
    assembled = assemble(deliveries, Directory(registry))
    with connect(dsn, autocommit=True) as connection:
        write_batch(
            connection,
            assembled.readings,
            messages=assembled.messages(deliveries, assembled.owners),
            dead=assembled.letters,
            recorded_at=at,
            mode=WriteMode.ON_CONFLICT,
        )


def write_letter(connection: Connection, letter: DeadLetter) -> None:
    """Store a dead letter and nothing else."""
    readings = assemble([], Directory(make_registry(1))).readings
    write_batch(connection, readings, messages=(), dead=[letter], recorded_at=ARRIVED, mode=WriteMode.COPY)


def load(dsn: str) -> Registry:
    """The registry as it is stored."""
    with connect(dsn) as connection:
        return load_registry(connection)


def letters(dsn: str) -> list[tuple[Any, ...]]:
    """Reason, field, who replayed it and how many readings that brought, in order."""
    with connect(dsn) as connection:
        return connection.execute(
            "SELECT reason, field, replayed_by, replayed_readings FROM dead_letter ORDER BY id"
        ).fetchall()


def test_messages_of_a_device_registered_later_are_stored_once_as_history(before: str) -> None:
    """A dry run changes nothing; the replay stores, marks and notes who did it; another finds nothing to do."""
    bodies = [payload(TS + n, ph=7 + n / 10, orp=700) for n in range(3)]
    bury(before, *[(topic("dev-1"), body) for body in bodies], registry=make_registry(1))
    assert [each[0] for each in letters(before)] == ["unknown_device"] * 3
    assert replay(before, Filter(), actor="anna").still_dead == Counter(unknown_device=3)
    register(before, make_registry(2))

    told = replay(before, Filter(), actor="anna", dry_run=True)
    assert (told.letters, told.replayed, told.readings_stored) == (3, 3, 6)
    assert stored(before) == {}
    assert {each[2] for each in letters(before)} == {None}

    done = replay(before, Filter(), actor="anna")
    assert (done.replayed, done.readings_stored, done.readings_known) == (3, 6, 0)
    assert letters(before) == [("unknown_device", None, "anna", 2)] * 3
    assert len(stored(before)) == 6
    with connect(before) as connection:
        journaled = journaled_readings(connection).readings
        assert audit.verify(connection).ok
        assert connection.execute("SELECT actor, action FROM audit_log").fetchall() == [("anna", "replay")] * 2
    assert journaled["late"].all()
    assert set(journaled["arrived"].tolist()) == {to_us(ARRIVED)}
    assert replay(before, Filter(), actor="anna").letters == 0


def test_a_replay_that_was_killed_before_its_mark_doubles_nothing(before: str) -> None:
    """Replayed again, readings are known by their key and new letters by what they say."""
    body = payload(TS, ph=7, mystery=1)
    bury(before, (topic("dev-1"), body), registry=make_registry(1))
    register(before, make_registry(2))
    for _ in range(2):
        replay(before, Filter(), actor="x")
        with connect(before, autocommit=True) as connection:
            connection.execute("UPDATE dead_letter SET replayed_at = NULL")
    assert [each[:2] for each in letters(before)] == [("unknown_device", None), ("unknown_indicator", "mystery")]
    with connect(before) as connection:
        journaled = journaled_readings(connection).readings
    assert len(stored(before)) == len(journaled) == len(np.unique(journaled[["channel_id", "ts"]])) == 1


def test_what_is_still_wrong_stays_dead_and_the_rest_of_its_message_is_not_doubled(before: str) -> None:
    """A value that is no number, one that conflicts and nonsense stay; nothing new is buried, nothing stored twice."""
    world = make_registry(1)
    bury(before, (topic(), payload(TS, ph=7, orp="wet")), (topic(), b"nonsense"), registry=world)
    bury(before, (topic(), payload(TS, ph=7.5)), registry=world, at=ARRIVED + timedelta(seconds=1))
    known = letters(before)
    assert [each[0] for each in known] == ["not_a_number", "malformed_json", "conflict"]
    conflict = stored(before)
    with connect(before, autocommit=True) as connection:  # as ingest names it, which `bury` does not
        connection.execute(
            "UPDATE dead_letter SET topic = %s, payload = %s, field = 'ph' WHERE reason = 'conflict'",
            (topic(), payload(TS, ph=7.5)),
        )
    done = replay(before, Filter(), actor="x")
    assert (done.replayed, done.readings_stored, done.new_letters) == (0, 0, 0)
    assert done.still_dead == Counter(not_a_number=1, malformed_json=1, conflict=1)
    assert [each[0] for each in letters(before)] == [each[0] for each in known]
    assert stored(before) == conflict


def test_what_the_database_refused_is_stored_when_it_refuses_no_more(before: str) -> None:
    """While the constraint stands the letter stays; afterwards the reading is stored."""
    body = payload(TS, ph=7, orp=1e30)
    letter = DeadLetter(ARRIVED, topic(), body, "rejected_by_database", "x", "pool-1", "dev-0", "orp")
    with connect(before, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading ADD CONSTRAINT believable CHECK (value < 1e29)")
        write_letter(connection, letter)
    first = replay(before, Filter(), actor="x")
    assert (first.still_dead, first.readings_stored) == (Counter(rejected_by_database=1), 1)
    with connect(before, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading DROP CONSTRAINT believable")
    second = replay(before, Filter(), actor="x")
    assert (second.replayed, second.readings_stored, second.readings_known) == (1, 1, 1)
    assert letters(before) == [("rejected_by_database", "orp", "x", 1)]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(), 4),
        (Filter(reason="malformed_json"), 1),
        (Filter(device="dev-8"), 2),
        (Filter(site="pool-1"), 1),
        (Filter(since=ARRIVED + timedelta(hours=1)), 1),
        (Filter(until=ARRIVED + timedelta(hours=1)), 3),
        (Filter(device="dev-8", since=ARRIVED + timedelta(hours=1)), 1),
    ],
)
def test_only_what_the_filter_names_is_replayed(before: str, chosen: Filter, expected: int) -> None:
    """Reason, device, site and time narrow the choice, together."""
    world = make_registry(1)
    bury(
        before,
        (topic(), b"nonsense"),
        (topic("dev-8"), payload(TS, ph=7)),
        (topic("dev-9"), payload(TS, ph=7)),
        registry=world,
    )
    bury(before, (topic("dev-8"), payload(TS, ph=8)), registry=world, at=ARRIVED + timedelta(hours=2))
    found = replay(before, chosen, actor=getpass.getuser(), dry_run=True)
    assert found.letters == expected
    with connect(before) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM dead_letter ORDER BY id").fetchall()]
    assert replay(before, Filter(ids=(ids[0],)), actor="x", dry_run=True).still_dead == Counter(malformed_json=1)


def test_a_letter_without_a_payload_is_counted_and_left(before: str) -> None:
    """A publish that the broker denied left nothing to replay."""
    letter = DeadLetter(ARRIVED, topic("dev-1"), b"", "forbidden_publish", "x")
    with connect(before, autocommit=True) as connection:
        write_letter(connection, letter)
    done = replay(before, Filter(), actor="x")
    assert (done.letters, done.messages, done.without_payload) == (1, 0, 1)
    assert "1 letters hold no payload" in str(done)
    assert json.loads(json.dumps(Filter(since=ARRIVED).described())) == {"since": ARRIVED.isoformat()}


def test_scans_of_a_device_whose_kind_is_registered_later_are_stored_once(database: str) -> None:
    """Nothing is stored while it is unknown what the device is; then all is, once, and a conflict stays dead."""
    registry = register_waste(database)
    directory = Directory(*waste_world())
    scale = "landun/v1/320602/hospital-1/scale-1/waste"
    with connect(database, autocommit=True) as connection:
        connection.execute("UPDATE device SET kind = '' WHERE code = 'scale-1'")
    nameless = Directory(load(database), directory.waste)
    events = [json.dumps(scan(number, TS + number)).encode() for number in (1, 2)]
    other = json.dumps(scan(2, TS + 9)).encode()
    deliveries = [Delivery(1, n, scale, body, to_us(ARRIVED)) for n, body in enumerate([*events, other])]
    with connect(database, autocommit=True) as connection:
        write_batch(
            connection,
            assemble([], directory).readings,
            messages=(),
            dead=assemble(deliveries, nameless).letters,
            recorded_at=ARRIVED,
            mode=WriteMode.ON_CONFLICT,
        )
    assert replay(database, Filter(), actor="x").still_dead == Counter(wrong_identity=3)
    with connect(database, autocommit=True) as connection:
        connection.execute("UPDATE device SET kind = 'smart_scale' WHERE code = 'scale-1'")
    assert replay(database, Filter(), actor="x", dry_run=True).custody_stored == 2
    done = replay(database, Filter(), actor="x")
    assert (done.replayed, done.custody_stored, done.new_letters) == (3, 2, 1), "what is wrong now is another thing"
    with connect(database) as connection:
        rows = connection.execute("SELECT event_id, ts FROM waste_event ORDER BY event_id").fetchall()
    assert [event_id for event_id, _ in rows] == ["e-1", "e-2"]
    again = replay(database, Filter(), actor="x")
    assert (again.replayed, again.custody_stored, again.new_letters) == (0, 0, 0)
    assert again.still_dead == Counter(conflict=1)
    assert registry.devices["scale-1"].kind == "smart_scale"
