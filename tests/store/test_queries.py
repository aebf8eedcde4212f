"""The read side on every engine."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store import audit, journal, people, queries
from store.connections import Connection
from store.people import Person
from store.readings import WriteMode, write_batch
from store.records import READING, DeadLetter, Readings, from_us, to_us
from store.registry_rows import load_registry, save_registry
from tests.databases import Engine

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def small_registry(*, opening: OpeningHours | None = None) -> Registry:
    """Two sites: one with a device of two channels, one off line without devices."""
    sites = [
        Site("p1", "320602", SiteStatus.SIMULATED, "一号泳池", "Pool one", 120.9, 32.0, LONG_AGO),
        Site(
            "p2",
            "320612",
            SiteStatus.OFFLINE,
            "二号泳池",
            "Pool two",
            121.0,
            32.1,
            LONG_AGO,
            opening=opening or OpeningHours.daily(360, 1320),
        ),
    ]
    return Registry.of(
        sites,
        [SamplingPoint("p1", "b1", "深水池", "Deep basin", volume_m3=750.5)],
        [Device("d1", "p1", "b1", period_s=60)],
        [Channel(1, "d1", "ph"), Channel(2, "d1", "free_chlorine")],
    )


def fill(connection: Connection, rows: int, channels: int = 2) -> Readings:
    """A reading a minute of each channel, `rows` each, the value counting up; returns them."""
    made = np.zeros(rows * channels, dtype=READING)
    made["channel_id"] = np.tile(np.arange(1, channels + 1), rows)
    made["ts"] = to_us(NOW) + np.repeat(np.arange(rows), channels) * 60_000_000
    made["value"] = np.arange(rows * channels)
    write_batch(connection, made, messages=[], dead=[], recorded_at=NOW, mode=WriteMode.ON_CONFLICT)
    return made


def test_the_registry_comes_back_as_it_was_saved(engine: Engine) -> None:
    """Every field of every entry survives, and saving again with a change updates it."""
    with engine.connect() as connection:
        save_registry(connection, small_registry())
        assert load_registry(connection) == small_registry()
        digest = queries.registry_digest(connection)
        assert queries.registry_digest(connection) == digest
        changed = small_registry(opening=OpeningHours(week=(((0, 60), (120, 180)), *((),) * 6)))
        save_registry(connection, changed)
        assert load_registry(connection) == changed
        assert queries.registry_digest(connection) != digest


def test_buckets_hold_minimum_maximum_mean_and_count(engine: Engine) -> None:
    """SQL and numpy agree on every bucket; the first instant is included, the last is not."""
    with engine.connect() as connection:
        rows = fill(connection, 100)
        first, last = NOW + timedelta(minutes=3), NOW + timedelta(minutes=93)
        found = queries.reading_buckets(connection, 1, first, last, timedelta(minutes=10))
    mine = rows[rows["channel_id"] == 1][3:93]
    bucket = mine["ts"] - mine["ts"] % 600_000_000
    starts, where = np.unique(bucket, return_inverse=True)
    groups = [mine["value"][where == i] for i in range(len(starts))]
    np.testing.assert_array_equal(found.ts, starts)
    np.testing.assert_array_equal(found.lowest, [group.min() for group in groups])
    np.testing.assert_array_equal(found.highest, [group.max() for group in groups])
    np.testing.assert_allclose(found.mean, [group.mean() for group in groups])
    np.testing.assert_array_equal(found.count, [len(group) for group in groups])


def test_nothing_in_a_range_is_an_empty_answer(engine: Engine) -> None:
    """A channel without readings has no buckets, no rows and a count of zero."""
    with engine.connect() as connection:
        buckets = queries.reading_buckets(connection, 1, NOW, NOW + timedelta(days=7), timedelta(minutes=10))
        assert [len(column) for column in (buckets.ts, buckets.mean, buckets.count)] == [0, 0, 0]
        assert len(queries.reading_rows(connection, [1, 2], NOW, NOW + timedelta(days=7)).ts) == 0
        assert list(queries.raw_readings(connection, [1, 2], NOW, NOW + timedelta(days=7))) == []
        assert queries.reading_count(connection, 1, NOW, NOW + timedelta(days=7)) == 0


def test_raw_readings_come_in_order_of_time_and_channel(engine: Engine) -> None:
    """An export over several days holds every reading of the wanted channels once, in order."""
    with engine.connect() as connection:
        rows = fill(connection, 24 * 60 + 30)
        last = NOW + timedelta(days=1, minutes=10)
        exported = list(queries.raw_readings(connection, [2, 1], NOW + timedelta(minutes=5), last))
        limited = queries.reading_rows(connection, [1, 2], NOW, last, limit=3)
        assert queries.reading_count(connection, 1, NOW, last) == 24 * 60 + 10
        assert queries.reading_count(connection, 1, NOW, last, at_most=7) == 7
    wanted = rows[(rows["ts"] >= to_us(NOW + timedelta(minutes=5))) & (rows["ts"] < to_us(last))]
    assert exported == [(int(row["channel_id"]), from_us(int(row["ts"])), float(row["value"])) for row in wanted]
    assert limited.channel_id.tolist() == [1, 2, 1]


@given(seconds=st.integers(1, 5 * 366 * 86_400), points=st.integers(1, 5_000))
def test_bucket_width_never_makes_more_points_than_wanted(seconds: int, points: int) -> None:
    """Whole buckets of the chosen width number at most `points`."""
    width = queries.bucket_width(NOW, NOW + timedelta(seconds=seconds), points)
    assert width >= timedelta(seconds=1)
    assert seconds / width.total_seconds() <= points


def test_newest_times_come_from_the_readings_themselves(engine: Engine) -> None:
    """Each registered channel with readings has its newest device time; one without is absent."""
    with engine.connect() as connection:
        save_registry(connection, small_registry())
        connection.commit()
        fill(connection, 5, channels=1)
        assert queries.newest_ts(connection) == {1: NOW + timedelta(minutes=4)}


def test_transmission_counts_received_and_due_by_site(engine: Engine) -> None:
    """Due is one reading a channel and period; a site without devices is not in the list."""
    with engine.connect() as connection:
        save_registry(connection, small_registry())
        connection.commit()
        fill(connection, 30)
        found = queries.transmission(connection, NOW, NOW + timedelta(hours=1))
    assert found == [("p1", 60, 120.0)]


def test_latest_values_are_found_by_revision(engine: Engine) -> None:
    """Rows at or after a revision come back, oldest revision first."""
    with engine.connect() as connection:
        for channel_id, revision in ((1, 5), (2, 4), (3, 3)):
            connection.execute(
                "INSERT INTO channel_latest (channel_id, ts, value, state, since, batch, revision) "
                "VALUES (%s, %s, 7.2, 'normal', NULL, 1, %s)",
                (channel_id, NOW, revision),
            )
        found = queries.latest_since(connection, 4)
    assert [(row.channel_id, row.revision) for row in found] == [(2, 4), (1, 5)]
    assert (found[0].ts, found[0].value, found[0].state, found[0].since) == (NOW, 7.2, "normal", None)


def raise_alarm(connection: Connection, alarm_id: int, **columns: object) -> None:
    """Insert an alarm with an event `raised`."""
    row = {
        "id": alarm_id,
        "kind": "limit",
        "condition": f"channel:{alarm_id}:low",
        "site": "p1",
        "simulated": True,
        "priority": "high",
        "state": "unacknowledged",
        "since": NOW,
        "raised_at": NOW + timedelta(minutes=alarm_id),
        **columns,
    }
    names = ", ".join(row)
    values = ", ".join(f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO alarm ({names}) VALUES ({values})", row)  # noqa: S608 -- names above
    connection.execute(
        "INSERT INTO alarm_event (alarm_id, journal_id, at, event, state) VALUES (%s, %s, %s, 'raised', %s)",
        (alarm_id, alarm_id * 10, NOW, row["state"]),
    )


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"open": True}, [4, 2, 1]),
        ({"open": False}, [3]),
        ({"states": ["acknowledged", "normal"]}, [3, 2]),
        ({"priorities": ["low"]}, [2]),
        ({"simulated": False}, [4]),
        ({"sites": ["p2"]}, [4]),
        ({"sites": []}, []),
        ({"first": NOW + timedelta(minutes=2), "last": NOW + timedelta(minutes=4)}, [3, 2]),
        ({"open": True, "priorities": ["high"], "sites": ["p1"]}, [1]),
    ],
)
def test_alarms_are_filtered(engine: Engine, conditions: dict[str, object], expected: list[int]) -> None:
    """Filters combine; newest first; the total counts all pages."""
    with engine.connect() as connection:
        raise_alarm(connection, 1)
        raise_alarm(connection, 2, state="acknowledged", priority="low")
        raise_alarm(connection, 3, state="normal")
        raise_alarm(connection, 4, site="p2", simulated=False)
        total, rows = queries.alarms(connection, **conditions)  # type: ignore[arg-type]
        assert ([row["id"] for row in rows], total) == (expected, len(expected))
        total, rows = queries.alarms(connection, limit=1, offset=1, **conditions)  # type: ignore[arg-type]
        assert ([row["id"] for row in rows], total) == (expected[1:2], len(expected))


def test_an_alarms_history_and_changes_can_be_followed(engine: Engine) -> None:
    """A poller that remembers the last event sees each changed alarm as it is now; an action's event can be awaited."""
    with engine.connect() as connection:
        assert queries.alarms_changed_since(connection, 0) == (0, [])
        raise_alarm(connection, 1)
        raise_alarm(connection, 2, state="returned_unacknowledged")
        last, changed = queries.alarms_changed_since(connection, 0)
        assert ([row["id"] for row in changed], last) == ([1, 2], queries.last_alarm_event(connection))
        assert queries.alarms_changed_since(connection, last) == (last, [])
        found = queries.alarm(connection, 1)
        assert found is not None
        assert found["condition"] == "channel:1:low"
        assert queries.alarm(connection, 99) is None
        assert [event["event"] for event in queries.alarm_events(connection, 1)] == ["raised"]
        assert queries.alarm_event_of(connection, 1, 10) is not None
        assert queries.alarm_event_of(connection, 1, 11) is None
        assert queries.open_alarm_counts(connection) == [("p1", "high", 1)]


def test_dead_letters_are_listed_and_counted(engine: Engine) -> None:
    """Newest first, filtered by reason and device, with the payload's beginning and its whole size."""
    letters = [
        DeadLetter(NOW - timedelta(days=2), "t", b"x" * 20_000, "too_large", "big", device="d1"),
        DeadLetter(NOW, "t", b"{", "malformed_json", "no", device="d2"),
        DeadLetter(NOW, "t", b"[", "malformed_json", "no", device="d1"),
    ]
    with engine.connect() as connection:
        empty = np.empty(0, dtype=READING)
        write_batch(connection, empty, messages=[], dead=letters, recorded_at=NOW, mode=WriteMode.ON_CONFLICT)
        total, rows = queries.dead_letters(connection)
        assert (total, [row["payload"][:1] for row in rows]) == (3, [b"[", b"{", b"x"])
        assert (rows[2]["payload_bytes"], len(rows[2]["payload"])) == (20_000, 8_000)
        total, rows = queries.dead_letters(connection, reason="malformed_json", device="d1", limit=5)
        assert (total, rows[0]["payload"]) == (1, b"[")
        assert queries.dead_letters(connection, limit=1, offset=1)[1][0]["payload"] == b"{"
        assert queries.dead_letter_counts(connection, NOW - timedelta(days=1)) == {"malformed_json": 2}


def test_heartbeats_speed_truth_and_size(engine: Engine) -> None:
    """The newest heartbeat, speed and state of a fault count; the age is by the database's clock."""
    with engine.connect(autocommit=True) as connection:
        for n in (1, 2):
            queries.write_heartbeat(connection, "ingest", NOW, {"received": n})
        ((service, age, detail),) = queries.heartbeats(connection)
        assert (service, detail) == ("ingest", {"received": 2})
        assert isinstance(age, timedelta)
        assert queries.configured_speed(connection) is None
        for payload in ({"what": "simulation", "speed": 60.0}, {"what": "registry"}):
            journal.append_event(connection, "config", payload, NOW)
        assert queries.configured_speed(connection) == 60.0
        fault = {
            "fault_id": "f1",
            "site": "p1",
            "sampling_point": "b1",
            "fault": "dosing_failure",
            "started_at": NOW,
            "ended_at": None,
            "detail": {},
        }
        queries.save_truth(connection, [fault])
        queries.save_truth(connection, [{**fault, "ended_at": NOW + timedelta(hours=1), "detail": {"a": 1}}])
        assert queries.truth(connection, 10) == [{**fault, "ended_at": NOW + timedelta(hours=1), "detail": {"a": 1}}]
        assert queries.database_bytes(connection) > 0


def test_people_are_kept(engine: Engine) -> None:
    """A person comes back as saved; a new password replaces the old one; an unknown one is told apart."""
    inspector = Person("wang", "王", "inspector", ("320602", "320612"), None, "hash")
    with engine.connect() as connection:
        assert people.count(connection) == 0
        people.save(connection, inspector, NOW)
        people.save(connection, Person("admin", "管理员", "administrator", (), None, "h2"), NOW)
        assert people.set_password_hash(connection, "wang", "new")
        assert not people.set_password_hash(connection, "nobody", "new")
        assert people.find_person(connection, "wang") == inspector._replace(password_hash="new")
        assert people.find_person(connection, "nobody") is None
        assert [person.username for person in people.load_people(connection)] == ["admin", "wang"]
        assert people.count(connection) == 2


AUDIT_CHANGES = {
    "at": "UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = 2",
    "actor": "UPDATE audit_log SET actor = 'somebody' WHERE id = 2",
    "action": "UPDATE audit_log SET action = 'x' WHERE id = 2",
    "subject": "UPDATE audit_log SET subject = 'x' WHERE id = 2",
    "detail": "UPDATE audit_log SET detail = '{}' WHERE id = 2",
    "hash": "UPDATE audit_log SET hash = sha256(hash) WHERE id = 2",
    "prev_hash": "UPDATE audit_log SET prev_hash = sha256(hash) WHERE id = 2",
    "removed": "DELETE FROM audit_log WHERE id = 2",
}


@pytest.mark.parametrize("change", AUDIT_CHANGES)
def test_any_change_of_the_audit_log_is_found(engine: Engine, change: str) -> None:
    """The chain holds over details that jsonb rewrites, and breaks at any changed or removed row."""
    details: list[dict[str, object]] = [{"b": 1, "a": 1e20}, {"text": "已电话通知 \U0001f3ca", "x": [1.0, None]}, {}]
    with engine.connect(autocommit=True) as connection:
        for n, detail in enumerate(details, 1):
            with connection.transaction():
                assert audit.append(connection, "wang", "acknowledge", "alarm:1", detail, NOW) == n
        assert audit.verify(connection) == journal.Verification(True, 3, None, "")
        connection.execute(AUDIT_CHANGES[change])
        found = audit.verify(connection)
    assert not found.ok
    assert found.first_bad_id in {2, 3}
