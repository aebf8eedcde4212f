"""The MQTT session against real brokers: what it promises about acknowledgement, redelivery and refusal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.delivery import Delivery
from ingest.session import BrokerAddress, Session, SubscriptionRefusedError, open_session
from operations import broker
from operations.chaos.wires import Weather, Wires
from registry.model import Registry
from tests.brokers import NatsBroker
from tests.ingest.world import Publisher, now_ms, payload, topic, wait_until


@contextmanager
def session_at(nats: NatsBroker, **options: float) -> Iterator[Session]:
    """A connected session without a hold, ended at the end of the block."""
    session = Session(BrokerAddress.parse(nats.ingest_url), **{"hold_s": 0.0, **options})  # type: ignore[arg-type]
    session.start()
    try:
        wait_until(lambda: session.connected or session.failure, what="subscription")
        yield session
    finally:
        session.stop()


def take(session: Session, count: int, timeout: float = 15.0) -> list[Delivery]:
    """Take until so many deliveries are there."""
    taken: list[Delivery] = []
    deadline = time.monotonic() + timeout
    while len(taken) < count and time.monotonic() < deadline:
        taken += session.take(count - len(taken), 0.02, 0.1).deliveries
    assert len(taken) == count, f"{len(taken)} deliveries of {count}"
    return taken


def numbered(deliveries: list[Delivery]) -> list[int]:
    """The numbers `publish_numbered` gave."""
    return [int(each.payload) for each in deliveries]


def publish_numbered(publisher: Publisher, first: int, last: int) -> None:
    """Publish the numbers from `first` to `last` and wait for their PUBACKs."""
    for number in range(first, last + 1):
        publisher.send(topic(), str(number).encode())


def test_what_is_acknowledged_is_not_delivered_again_and_the_rest_is(nats: NatsBroker) -> None:
    """A new connection of the session gets exactly what the last one did not acknowledge."""
    with Publisher(nats.mqtt_port) as publisher:
        with session_at(nats) as session:
            publish_numbered(publisher, 1, 6)
            taken = take(session, 6)
            assert numbered(taken) == [1, 2, 3, 4, 5, 6]
            session.ack(taken[:4])
        with session_at(nats) as session:
            assert sorted(numbered(take(session, 2))) == [5, 6]


def test_a_redelivery_of_what_is_pending_is_ignored_and_acknowledging_ends_it(nats: NatsBroker) -> None:
    """After ack_wait the broker delivers again on the live connection; that fills no memory."""
    with session_at(nats) as session, Publisher(nats.mqtt_port) as publisher:
        publish_numbered(publisher, 1, 5)
        taken = take(session, 5)
        wait_until(lambda: session.repeated >= 5, timeout=15, what="the broker's redelivery")
        assert session.waiting == 0
        session.ack(taken)
        publish_numbered(publisher, 6, 6)
        assert numbered(take(session, 1)) == [6]
        assert session.received == 6


def test_an_acknowledgement_of_an_earlier_connection_is_dropped(nats: NatsBroker) -> None:
    """Its packet id may name another message by now, which must not be lost."""
    with session_at(nats) as session, Publisher(nats.mqtt_port) as publisher:
        publish_numbered(publisher, 1, 3)
        before = take(session, 3)
        session.stop()
        session.start()
        wait_until(lambda: session.connected, what="second connection")
        again = take(session, 3)
        assert {each.epoch for each in before}.isdisjoint(each.epoch for each in again)
        session.ack(before)
        session.stop()
        session.start()
        assert sorted(numbered(take(session, 3))) == [1, 2, 3]


def test_a_resumed_session_holds_until_old_and_new_are_there(nats: NatsBroker) -> None:
    """After a reconnect everything comes as one held batch, the unacknowledged of before included."""
    with Publisher(nats.mqtt_port) as publisher:
        with session_at(nats) as session:
            publish_numbered(publisher, 1, 3)
            take(session, 3)
        publish_numbered(publisher, 4, 6)
        with session_at(nats, hold_s=2.0) as session:
            began = time.monotonic()
            while not (batch := session.take(1, 0.02, 0.2)).deliveries:
                assert time.monotonic() - began < 10
            assert batch.held
            assert sorted(numbered(batch.deliveries)) == [1, 2, 3, 4, 5, 6]
            assert time.monotonic() - began > 1.5


def test_a_hold_goes_on_over_a_connection_lost_meanwhile(nats: NatsBroker) -> None:
    """What came in part of a hold waits until all of it has come, or new readings would overtake older ones."""
    with Wires({"broker": nats.mqtt_port}) as wires, Publisher(nats.mqtt_port) as publisher:
        port = wires.port("broker")
        with session_at(nats) as session:
            publish_numbered(publisher, 1, 3)
            take(session, 3)  # and dies before it has acknowledged them
        publish_numbered(publisher, 4, 6)
        address = BrokerAddress.parse(nats.ingest_url.replace(str(nats.mqtt_port), str(port)))
        session = Session(address, hold_s=2.0)
        session.start()
        try:
            wait_until(lambda: session.waiting >= 3, what="the new ones, before the old ones")
            wires.change("broker", Weather.CUT)
            wait_until(lambda: not session.connected, what="the loss")
            assert session.take(10, 0.02, 2.5).deliveries == []
            wires.change("broker", Weather.FAIR)
            began = time.monotonic()
            while not (batch := session.take(1, 0.02, 0.2)).deliveries:
                assert time.monotonic() - began < 15
            assert batch.held
            assert set(numbered(batch.deliveries)) == {1, 2, 3, 4, 5, 6}
        finally:
            session.stop()


def test_beyond_its_bound_nothing_more_is_read_until_there_is_room(nats: NatsBroker) -> None:
    """What ingest cannot take waits at the broker; nothing is dropped, and it all comes in the end, in order."""
    body = b"x" * 100_000
    with session_at(nats, most_waiting=3) as session, Publisher(nats.mqtt_port) as publisher:
        for number in range(60):
            publisher.send(topic(), b"%d" % number + body)
        wait_until(lambda: session.paused, what="the reading to pause")
        waiting = session.waiting
        publish_numbered(publisher, 60, 62)
        assert session.waiting == waiting < 60
        taken: list[Delivery] = []
        while len(taken) < 63:
            some = take(session, 1)
            session.ack(some)
            taken += some
        assert [int(each.payload.rstrip(b"x")) for each in taken] == list(range(63))


def test_retained_messages_take_no_place_of_readings(
    tmp_path: Path, world: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the broker's bound is reached readings come in order, whatever statuses it retains.

    A retained message that is never acknowledged keeps its place in the session, over reconnects too; NATS then sends
    as many readings more than there are places, drops them, and sends them again behind newer ones.
    """
    bound, statuses = 20, len(world.devices)
    monkeypatch.setattr(broker, "MAX_ACK_PENDING", bound)
    with NatsBroker(tmp_path / "nats", world, ack_wait_s=1) as nats:
        open_session(nats.ingest_url)
        with Publisher(nats.mqtt_port) as publisher:
            for device in world.devices:
                publisher.send(topic(device, "status"), b"{}", retain=True)
            with session_at(nats) as session:
                take(session, 2 * statuses)  # as published and as retained; and dies before it acknowledges any
            publish_numbered(publisher, 1, 2 * bound)
        with session_at(nats, hold_s=3.0) as session:
            readings: list[int] = []
            while len(readings) < 2 * bound:
                wait_until(lambda: session.waiting, what="more readings")
                batch = session.take(bound, 0.2, 5.0)
                session.ack(batch.deliveries)
                some = numbered([each for each in batch.deliveries if each.topic == topic()])
                readings += [each for each in (sorted(some) if batch.held else some) if each not in readings]
            assert readings == list(range(1, 2 * bound + 1))


def test_a_refused_subscription_is_an_error_and_not_silence(tmp_path: Path, world: Registry) -> None:
    """SUBACK 0x80 stops the session with an error that says what to look at."""
    with NatsBroker(tmp_path / "nats", world) as nats:
        nats.users = [user for user in nats.users if user.name != broker.INGEST_USER]
        nats.users.append(broker.User(broker.INGEST_USER, "another-password-0123456789", publish=("x",)))
        assert broker.write_config(nats.settings, nats.users)
        assert nats.process is not None
        nats.reload()
        nats.wait_line("Reloaded server configuration")
        session = Session(
            BrokerAddress("127.0.0.1", nats.mqtt_port, broker.INGEST_USER, "another-password-0123456789", tls=False)
        )
        session.start()
        try:
            with pytest.raises(SubscriptionRefusedError, match=r"landun/v1/#.*ingest.*max_ack_pending"):
                take(session, 1)
        finally:
            session.stop()


def test_what_devices_publish_before_ingests_first_start_is_kept(nats: NatsBroker) -> None:
    """`open_session` makes the persistent session, so that the broker keeps what comes from then on."""
    open_session(nats.ingest_url)
    with Publisher(nats.mqtt_port) as publisher:
        publish_numbered(publisher, 1, 2)
    with session_at(nats) as session:
        assert sorted(numbered(take(session, 2))) == [1, 2]


def test_open_session_names_the_broker_it_could_not_reach() -> None:
    """Without a broker it gives up with an error, not a hang."""
    with pytest.raises(TimeoutError, match=r"127\.0\.0\.1:9"):
        open_session("mqtt://ingest:x@127.0.0.1:9", timeout_s=0.5)


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://x", "mqtt://", "mqtt://u:secret@"])
def test_a_malformed_address_is_refused_without_showing_the_password(url: str) -> None:
    """The error says what the address must look like."""
    with pytest.raises(ValueError, match="must be mqtt://") as caught:
        BrokerAddress.parse(url)
    assert "secret" not in str(caught.value)


def test_large_and_small_messages_arrive_whole(nats: NatsBroker) -> None:
    """Reading ahead splits packets anywhere; every byte arrives."""
    bodies = [payload(now_ms(), ph=1), b"x" * 1_000_000, b"", b"y" * 300_000, b"z"]
    with session_at(nats) as session, Publisher(nats.mqtt_port) as publisher:
        for body in bodies:
            publisher.send(topic(), body)
        assert [each.payload for each in take(session, len(bodies))] == bodies
