"""kill -9 of ingest, broker and database under load: nothing acknowledged to a publisher is missing afterwards."""

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from operations.ports import any_free
from registry.model import Registry
from store.connections import connect
from store.embedded import EmbeddedPostgres
from store.migrations import migrate
from tests.brokers import NatsBroker
from tests.databases import server_folder
from tests.ingest.world import (
    IngestProcess,
    Publisher,
    dead_letters,
    expected,
    ingesting,
    late_of_journal,
    now_ms,
    register,
    stored,
    wait_until,
)

LOAD_PAUSE_S = 0.004


@contextmanager
def load(publisher: Publisher, registry: Registry) -> Iterator[None]:
    """Publish from every device in turn until the end of the block, then wait for every PUBACK."""
    done = threading.Event()

    def work() -> None:
        devices = list(registry.devices)
        step = 0
        ts = now_ms()
        while not done.is_set():
            # Never twice the same instant for a device, and never ahead of the clock.
            ts = max(ts + 1, now_ms())
            publisher.publish(devices[step % len(devices)], ts, {"ph": 7 + step % 100 / 100, "orp": step})
            step += 1
            done.wait(LOAD_PAUSE_S)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(10)
    wait_until(lambda: publisher.outstanding == 0, timeout=30, what="every PUBACK")


def check_nothing_lost(dsn: str, registry: Registry, publisher: Publisher) -> None:
    """Every acknowledged publish is stored with its values, and nothing is stored that was never published."""
    acknowledged = expected(registry, [each for each in publisher.journal if each.acknowledged])
    everything = expected(registry, publisher.journal)
    assert len(acknowledged) > 500, "too little load to mean anything"
    wait_until(lambda: len(stored(dsn)) >= len(acknowledged), timeout=40, what="everything acknowledged stored")
    found = stored(dsn)
    assert {key: found.get(key) for key in acknowledged} == acknowledged
    assert found.items() <= everything.items()
    assert dead_letters(dsn) == []


def repeatedly(times: int, kill: Callable[[], None]) -> None:
    """Kill so many times, at random moments within the load."""
    generator = random.Random(4711)  # noqa: S311 -- moments, not secrets
    for _ in range(times):
        time.sleep(0.5 + generator.random())
        kill()


@pytest.mark.timeout(180)
def test_kill_of_ingest_loses_nothing(nats_as_shipped: NatsBroker, registered: str, world: Registry) -> None:
    """SIGKILL of ingest in the middle of batches, three times: every acknowledged reading is stored once, none late."""
    nats = nats_as_shipped
    with IngestProcess(registered, nats.ingest_url) as ingest, Publisher(nats.mqtt_port) as publisher:
        wait_until(lambda: subscribed(registered), what="ingest's first session")

        def kill() -> None:
            ingest.stop(signal.SIGKILL)
            ingest.start()

        with load(publisher, world):
            repeatedly(3, kill)
        check_nothing_lost(registered, world, publisher)
        assert ingest.stop() < 5
    with connect(registered) as connection:
        # The broker sends the unacknowledged after the new: without the hold these would be late.
        assert late_of_journal(connection) == 0


@pytest.mark.timeout(180)
def test_kill_of_the_broker_loses_nothing(nats: NatsBroker, registered: str, world: Registry) -> None:
    """SIGKILL of the broker under load, three times: every acknowledged reading is stored."""
    with ingesting(registered, nats.ingest_url, hold_s=2.0), Publisher(nats.mqtt_port) as publisher:

        def kill() -> None:
            nats.stop(signal.SIGKILL)
            nats.start()

        with load(publisher, world):
            repeatedly(3, kill)
        check_nothing_lost(registered, world, publisher)


@pytest.mark.timeout(180)
def test_kill_of_the_database_loses_nothing(nats: NatsBroker, world: Registry) -> None:
    """SIGKILL of PostgreSQL under load, twice: ingest keeps its batch, comes back, and everything is stored."""
    with server_folder() as folder:
        database = EmbeddedPostgres(folder / "postgres", port=any_free(), password=secrets.token_urlsafe(12))
        database.prepare()
        database.start()
        try:
            migrate(database.dsn)
            register(database.dsn, world)
            with ingesting(database.dsn, nats.ingest_url), Publisher(nats.mqtt_port) as publisher:

                def kill() -> None:
                    assert database.pid is not None
                    os.kill(database.pid, signal.SIGKILL)
                    database.stop()
                    database.start()

                with load(publisher, world):
                    repeatedly(2, kill)
                check_nothing_lost(database.dsn, world, publisher)
        finally:
            database.stop()


@pytest.mark.timeout(120)
def test_a_long_outage_of_the_database_leaves_the_messages_to_the_broker(
    nats_as_shipped: NatsBroker, world: Registry
) -> None:
    """Past the limit ingest leaves the broker, memory does not grow, and all is stored when the database returns."""
    nats = nats_as_shipped
    with server_folder() as folder:
        database = EmbeddedPostgres(folder / "postgres", port=any_free(), password=secrets.token_urlsafe(12))
        database.prepare()
        database.start()
        try:
            migrate(database.dsn)
            register(database.dsn, world)
            with (
                ingesting(database.dsn, nats.ingest_url, outage_s=1.0, hold_s=6.0) as service,
                Publisher(nats.mqtt_port) as publisher,
            ):
                with load(publisher, world):
                    wait_until(lambda: service.writer.counters.committed > 50, what="readings before the outage")
                    database.stop()
                    wait_until(lambda: not service.session.running, what="ingest leaving the broker")
                    received = service.session.received
                    time.sleep(2)
                    assert service.session.received == received
                    database.start()
                    wait_until(lambda: service.session.connected, what="ingest coming back")
                check_nothing_lost(database.dsn, world, publisher)
                with connect(database.dsn) as connection:
                    assert late_of_journal(connection) == 0
        finally:
            database.stop()


@pytest.mark.timeout(60)
def test_end_within_five_seconds_while_the_database_is_away(nats: NatsBroker) -> None:
    """SIGTERM ends ingest at once even when it has a batch it cannot write."""
    with IngestProcess(f"postgresql://nobody@127.0.0.1:{any_free()}/none", nats.ingest_url) as ingest:
        time.sleep(1)
        assert ingest.stop() < 5


def subscribed(dsn: str) -> bool:
    """Whether ingest's heartbeat says that it is connected to the broker."""
    with connect(dsn) as connection:
        row = connection.execute("SELECT detail ->> 'broker' FROM heartbeat WHERE service = 'ingest'").fetchone()
    return row is not None and row[0] == "connected"
