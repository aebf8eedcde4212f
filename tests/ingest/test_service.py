"""Ingest as a whole: real broker, real database."""

import json
import math
from datetime import UTC, datetime

import pytest

from registry.credentials import device_password
from registry.model import Registry
from store import journal
from store.connections import connect
from tests.brokers import DEVICE_MASTER, NatsBroker
from tests.ingest.world import (
    Publisher,
    dead_letters,
    expected,
    ingesting,
    make_registry,
    now_ms,
    payload,
    register,
    stored,
    topic,
    wait_until,
)

BAD_INPUT = [
    ("unknown_device", topic("stranger"), payload(now_ms(), ph=7.2), None),
    ("unknown_indicator", topic(), payload(now_ms(), radon=1.0), "radon"),
    ("malformed_json", topic(), b'{"ts": 1', None),
    ("not_finite", topic(), b'{"ts": %d, "values": {"ph": NaN}}' % now_ms(), "ph"),
    ("not_finite", topic(), b'{"ts": %d, "values": {"ph": 1e400}}' % now_ms(), "ph"),
    ("not_finite", topic(), b'{"ts": %d, "values": {"ph": 1%s}}' % (now_ms(), b"0" * 5000), "ph"),
    ("not_a_number", topic(), payload(now_ms(), ph="7.2"), "ph"),
    ("not_a_number", topic(), payload(now_ms(), ph=True), "ph"),
    ("too_old", topic(), payload(0, ph=7.2), "ts"),
    ("in_future", topic(), payload(4_291_747_200_000, ph=7.2), "ts"),
    ("in_future", topic(), payload("2106-01-01T00:00:00Z", ph=7.2), "ts"),
    ("bad_timestamp", topic(), payload("yesterday", ph=7.2), "ts"),
    ("before_registration", topic(), payload("2023-06-01T00:00:00+08:00", ph=7.2), "ts"),
    ("wrong_shape", topic(), b'{"ts": %d, "values": []}' % now_ms(), "values"),
    ("too_large", topic(), b" " * 1_000_000 + payload(now_ms(), ph=7.2), None),
    ("bad_topic", topic(kind="gossip"), payload(now_ms(), ph=7.2), None),
    ("bad_topic", "landun/v1/320602/other-pool/dev-0/telemetry", payload(now_ms(), ph=7.2), None),
]


def test_every_bad_input_is_a_dead_letter_and_good_ones_beside_it_are_stored(
    nats: NatsBroker, registered: str, world: Registry
) -> None:
    """Each kind of bad message ends as one dead letter with its reason; no good message among them is lost."""
    with ingesting(registered, nats.ingest_url) as service, Publisher(nats.mqtt_port) as publisher:
        for index, (_, bad_topic, bad_payload, _) in enumerate(BAD_INPUT):
            publisher.send(bad_topic, bad_payload)
            publisher.publish("dev-1", now_ms() - 1000 + index, {"ph": 7.0, "orp": 700 + index})
        wait_until(lambda: len(stored(registered)) == 2 * len(BAD_INPUT), what="good readings stored")
        wait_until(lambda: service.writer.counters.settled == service.session.received)
        counters = service.writer.counters
        assert counters.dead_messages == len(BAD_INPUT)
        assert counters.committed == len(BAD_INPUT)
    letters = dead_letters(registered)
    assert [(each["reason"], each["topic"], each["field"]) for each in letters] == [
        (reason, sent_topic, field) for reason, sent_topic, _, field in BAD_INPUT
    ]
    assert [each["payload"] for each in letters] == [sent for _, _, sent, _ in BAD_INPUT]
    assert stored(registered) == expected(world, publisher.journal)


def test_good_fields_of_a_message_survive_the_bad_ones(nats: NatsBroker, registered: str, world: Registry) -> None:
    """The good values of a message are stored; each bad field is a dead letter of its own with the whole payload."""
    ts = now_ms()
    body = b'{"ts": %d, "values": {"ph": 7.31, "orp": "high", "radon": 3, "turbidity": Infinity, "bathers": 4}}' % ts
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), body)
        wait_until(lambda: len(stored(registered)) == 2, what="good values stored")
    ids = world.channel_ids
    assert stored(registered) == {(ids["dev-0", "ph"], ts * 1000): 7.31, (ids["dev-0", "bathers"], ts * 1000): 4.0}
    letters = dead_letters(registered)
    assert {(each["field"], each["reason"]) for each in letters} == {
        ("orp", "not_a_number"),
        ("radon", "unknown_indicator"),
        ("turbidity", "not_finite"),
    }
    assert all(each["payload"] == body and each["device"] == "dev-0" and each["site"] == "pool-1" for each in letters)
    assert any("'high'" in each["detail"] and "must be a number" in each["detail"] for each in letters)


def test_a_device_publishes_with_its_own_credential(nats: NatsBroker, registered: str, world: Registry) -> None:
    """A registered device's credential is accepted on its own topic and its readings are stored."""
    password = device_password(DEVICE_MASTER, "dev-2")
    with (
        ingesting(registered, nats.ingest_url),
        Publisher(nats.mqtt_port, "dev-2", password, client_id="dev-2") as publisher,
    ):
        publisher.publish("dev-2", now_ms(), {"ph": 7.2})
        wait_until(lambda: stored(registered) == expected(world, publisher.journal), what="the device's reading")


def test_the_journal_keeps_readings_and_their_original_messages(
    nats: NatsBroker, registered: str, world: Registry
) -> None:
    """What was stored can be read back from the journal, with the very messages that brought it."""
    body = payload(now_ms(), ph=7.2, orp=705)
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), body)
        wait_until(lambda: len(stored(registered)) == 2)
    with connect(registered) as connection:
        entries = [each for each in journal.read_after(connection, 0, 100, with_raw=True) if each.kind == "readings"]
        assert journal.verify(connection).ok
    assert [(each.topic, each.payload) for each in journal.messages_of(entries[0])] == [(topic(), body)]
    readings = journal.readings_of(entries[0])
    assert sorted(readings["value"].tolist()) == [7.2, 705.0]
    assert not readings["late"].any()
    assert world.channels[int(readings["channel_id"][0])].device == "dev-0"


def test_the_same_reading_again_is_a_duplicate_and_another_value_a_conflict(
    nats: NatsBroker, registered: str, world: Registry
) -> None:
    """A repeated reading is counted and dropped; another value for the same instant is a dead letter `conflict`."""
    ts = now_ms()
    with ingesting(registered, nats.ingest_url) as service, Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), payload(ts, ph=7.2, orp=700))
        publisher.send(topic(), payload(ts, ph=7.2, orp=700))
        publisher.send(topic(), payload(ts, ph=7.9, orp=700))
        wait_until(lambda: service.writer.counters.settled == 3)
        assert (service.writer.counters.duplicate, service.writer.counters.conflict) == (3, 1)
    ids = world.channel_ids
    assert stored(registered) == {(ids["dev-0", "ph"], ts * 1000): 7.2, (ids["dev-0", "orp"], ts * 1000): 700.0}
    (letter,) = dead_letters(registered)
    assert (letter["reason"], letter["field"], letter["device"]) == ("conflict", "ph", "dev-0")
    assert "7.9" in letter["detail"]
    assert "7.2" in letter["detail"]


def test_status_messages_are_neither_readings_nor_dead_letters(nats: NatsBroker, registered: str) -> None:
    """A right status is taken silently, its clearing too; a wrong one is a dead letter."""
    with ingesting(registered, nats.ingest_url) as service, Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(kind="status"), b'{"online": true}', retain=True)
        publisher.send(topic(kind="status"), b"", retain=True)
        publisher.send(topic(kind="status"), b'{"online": "maybe"}')
        wait_until(lambda: service.writer.counters.settled == service.session.received >= 3)
        assert service.writer.counters.silent == 2
    assert [each["reason"] for each in dead_letters(registered)] == ["wrong_shape"]


def test_a_flagged_sample_is_stored_as_history_with_its_flag(
    nats: NatsBroker, registered: str, world: Registry
) -> None:
    """A sample whose device flags it (here: maintenance) is stored, flagged suspect and not judged."""
    ts = now_ms()
    body = json.dumps({"ts": ts, "values": {"ph": 3.0}, "flag": "M"}).encode()
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), body)
        wait_until(lambda: len(stored(registered)) == 1)
    with connect(registered) as connection:
        flags = connection.execute("SELECT channel_id, test, flag FROM reading_flag").fetchall()
        entry = journal.read_after(connection, 0, 1)[0]
    assert flags == [(world.channel_ids["dev-0", "ph"], "device_flag", 3)]
    assert journal.readings_of(entry)["late"].all()


def test_a_device_registered_while_ingest_runs_is_known_without_a_restart(nats: NatsBroker, registered: str) -> None:
    """The registry is read again when an unknown device turns up, so a new device's first reading is stored."""
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        register(registered, make_registry(5))
        publisher.send(topic("dev-4"), payload(now_ms(), ph=7.2))
        wait_until(lambda: len(stored(registered)) == 1, what="the new device's reading")
    assert dead_letters(registered) == []


def test_a_config_row_in_the_journal_makes_ingest_read_the_registry_again(nats: NatsBroker, registered: str) -> None:
    """A journal row of kind `config` is noticed within seconds, without any message."""
    with ingesting(registered, nats.ingest_url) as service:
        register(registered, make_registry(6))
        with connect(registered) as connection:
            journal.append_event(connection, "config", {"what": "registry"}, datetime.now(UTC))
        wait_until(lambda: "dev-5" in service._directory.registry.devices, what="the new registry")


def test_the_heartbeat_tells_figures_that_reconcile(nats: NatsBroker, registered: str) -> None:
    """Received = committed + dead + silent + in flight, in the heartbeat row."""
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), payload(now_ms(), ph=7.2))
        publisher.send(topic(), b"nonsense")

        def heartbeat() -> dict[str, object]:
            with connect(registered) as connection:
                row = connection.execute("SELECT detail FROM heartbeat WHERE service = 'ingest'").fetchone()
            return row[0] if row else {}

        wait_until(lambda: heartbeat().get("received") == 2, what="a heartbeat that counts both messages")
        detail = heartbeat()
    assert detail["broker"] == "connected"
    assert detail["dead"] == {"malformed_json": 1}
    assert (detail["committed"], detail["dead_messages"], detail["silent"], detail["in_flight"]) == (1, 1, 0, 0)


@pytest.mark.parametrize("value", [-0.0, 0])
def test_minus_zero_is_zero(nats: NatsBroker, registered: str, value: float) -> None:
    """-0 is stored as 0, so that equal readings have equal bytes."""
    with ingesting(registered, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:
        publisher.send(topic(), payload(now_ms(), bathers=value))
        wait_until(lambda: len(stored(registered)) == 1)
    assert [math.copysign(1, each) for each in stored(registered).values()] == [1.0]
