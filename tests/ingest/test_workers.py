"""Several ingest workers: divided by county, or dealt to by the broker."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.neighbours import OverlapError
from ingest.service import IngestSettings, Service
from ingest.subtrees import Subscription, Subtree, share_out
from registry.canary import COUNTY as CANARY_COUNTY
from registry.counties import COUNTIES
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store import journal
from store.connections import connect
from tests.brokers import MosquittoBroker, NatsBroker
from tests.ingest.world import (
    INDICATORS,
    REGISTERED,
    Publisher,
    expected,
    ingesting,
    now_ms,
    payload,
    register,
    stored,
    wait_until,
)

TWO = ("320602", "320623")
MESSAGES = 200


@pytest.fixture
def two_counties(database: str) -> Registry:
    """A registered device in each of two counties."""
    registry = Registry.of(
        [Site(f"pool-{each}", each, SiteStatus.SIMULATED, "池", "Pool", 120.9, 32.0, REGISTERED) for each in TWO],
        [SamplingPoint(f"pool-{each}", "basin", "池", "Pool") for each in TWO],
        [Device(f"dev-{each}", f"pool-{each}", "basin") for each in TWO],
        [
            Channel(1 + 8 * number + place, f"dev-{each}", indicator)
            for number, each in enumerate(TWO)
            for place, indicator in enumerate(INDICATORS)
        ],
    )
    register(database, registry)
    return registry


@pytest.fixture
def mosquitto(tmp_path: Path, two_counties: Registry) -> Iterator[MosquittoBroker]:
    """A running mosquitto as configured for operation."""
    with MosquittoBroker(tmp_path / "mosquitto", two_counties) as broker:
        yield broker


def publish(publisher: Publisher, registry: Registry, messages: int, counties: Sequence[str] = TWO) -> None:
    """Messages of the counties' devices in turn, each newer than the one before, noted in the publisher's journal."""
    base = now_ms(-60)
    for number in range(messages):
        for county in counties:
            device = registry.devices[f"dev-{county}"]
            values = {"ph": 7.0 + number / 1000, "orp": 700.0 + number}
            publisher.publish(device.code, base + number, values, registry.topic_of(device, "telemetry"))


def timely_order(dsn: str) -> None:
    """Assert that in the order of the journal each reading not marked late is newer than all of its channel before."""
    newest: dict[int, int] = {}
    with connect(dsn) as connection:
        entries = journal.read_after(connection, 0, 1_000_000)
    for entry in entries:
        if entry.kind == "readings":
            for channel, ts, _, _, late in journal.readings_of(entry).tolist():
                assert late == (ts <= newest.get(channel, 0)), f"journal row {entry.id}: channel {channel} at {ts}"
                newest[channel] = max(ts, newest.get(channel, 0))


@pytest.mark.parametrize("kind", [NatsBroker, MosquittoBroker])
def test_each_worker_stores_its_counties_and_together_they_store_all(
    kind: type[NatsBroker] | type[MosquittoBroker], tmp_path: Path, database: str, two_counties: Registry
) -> None:
    """Every reading once, none late, one journal in order with its chain intact; and each worker brought its own."""
    first, second = Subtree((TWO[0],)), Subtree((TWO[1],), rest=False)
    with (
        kind(tmp_path / "broker", two_counties) as broker,
        ingesting(database, broker.ingest_url, subtree=first) as one,
        ingesting(database, broker.ingest_url, subtree=second) as other,
        Publisher(broker.mqtt_port) as publisher,
    ):
        publish(publisher, two_counties, MESSAGES)
        wait_until(lambda: len(stored(database)) == 4 * MESSAGES, what="all readings")
        assert one.session.received == other.session.received == MESSAGES
    assert stored(database) == expected(two_counties, publisher.journal)
    timely_order(database)
    with connect(database) as connection:
        assert journal.verify(connection).ok


def test_members_of_a_share_divide_the_messages_and_the_order_of_commits_says_what_is_late(
    database: str, two_counties: Registry, mosquitto: MosquittoBroker
) -> None:
    """Each reading is stored once; what one worker commits after a newer one of the other is marked late."""
    whole = [Subtree(member=name) for name in ("a", "b")]
    with (
        ingesting(database, mosquitto.ingest_url, subtree=whole[0]) as one,
        ingesting(database, mosquitto.ingest_url, subtree=whole[1], batch_window_s=0.15) as other,
        Publisher(mosquitto.mqtt_port) as publisher,
    ):
        # One device, so that the broker deals its messages to both workers in turn.
        publish(publisher, two_counties, MESSAGES, TWO[:1])
        wait_until(lambda: len(stored(database)) == 2 * MESSAGES, what="all readings")
        received = one.session.received, other.session.received
        assert sum(received) == MESSAGES
        assert min(received) > MESSAGES / 4
    assert stored(database) == expected(two_counties, publisher.journal)
    timely_order(database)


def test_what_a_worker_had_not_taken_waits_in_its_own_session(
    database: str, two_counties: Registry, mosquitto: MosquittoBroker
) -> None:
    """A worker of two comes back after its county's messages were published; the other worker never sees them."""
    first, second = Subtree((TWO[0],)), Subtree((TWO[1],), rest=False)
    with ingesting(database, mosquitto.ingest_url, subtree=second):
        pass
    with ingesting(database, mosquitto.ingest_url, subtree=first) as one, Publisher(mosquitto.mqtt_port) as publisher:
        publish(publisher, two_counties, 20)
        wait_until(lambda: len(stored(database)) == 2 * 20, what="the first county's readings")
        with ingesting(database, mosquitto.ingest_url, subtree=second):
            wait_until(lambda: len(stored(database)) == 4 * 20, what="the second county's readings")
        assert one.session.received == 20
    assert stored(database) == expected(two_counties, publisher.journal)


def test_a_drained_worker_stores_what_was_kept_ends_its_session_and_ends(
    database: str, two_counties: Registry, nats: NatsBroker
) -> None:
    """The handover to another division of the counties: nothing stays behind, and nothing is kept any more."""
    with ingesting(database, nats.ingest_url):
        pass
    with Publisher(nats.mqtt_port) as publisher:
        publish(publisher, two_counties, 20)
        wait_until(lambda: publisher.outstanding == 0, what="the PUBACKs")
    with ingesting(database, nats.ingest_url, drain=True) as draining:
        wait_until(lambda: not draining.session.running, what="the end")
    assert stored(database) == expected(two_counties, publisher.journal)
    with Publisher(nats.mqtt_port) as publisher:
        publish(publisher, two_counties, 1)
        wait_until(lambda: publisher.outstanding == 0, what="the PUBACKs")
    with ingesting(database, nats.ingest_url) as after, Publisher(nats.mqtt_port, client_id="later") as publisher:
        publish(publisher, two_counties, 1)
        wait_until(lambda: after.session.received >= 2, what="what came since")
        assert after.session.received == 2


def test_a_worker_whose_topics_another_reads_does_not_start(
    database: str, two_counties: Registry, mosquitto: MosquittoBroker
) -> None:
    """It would write every reading twice; the error names both workers and what to change."""
    with ingesting(database, mosquitto.ingest_url, subtree=Subtree(TWO)) as one:
        wait_until(lambda: one.session.received == 0 and beats(database), what="its heartbeat")
        overlapping = IngestSettings(database, mosquitto.ingest_url, subtree=Subtree((TWO[0],), rest=False))
        with pytest.raises(OverlapError, match=r"ingest-320602 would read what ingest reads.*--no-rest"):
            Service(overlapping, threading.Event()).run()


def beats(dsn: str) -> int:
    """How many services have said that they live."""
    with connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM heartbeat").fetchone()
        return row[0] if row else 0


@given(st.integers(1, len(COUNTIES)))
def test_counties_are_shared_out_whole_and_without_overlap(workers: int) -> None:
    """Every county and the canary's have one worker; one worker reads what names no county."""
    parts = share_out(list(COUNTIES), workers)
    assert len(parts) == len({each.service for each in parts}) == workers
    assert sum(each.rest for each in parts) == 1
    if workers > 1:
        assert sorted(county for each in parts for county in each.counties) == sorted([*COUNTIES, CANARY_COUNTY])
        assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)
        assert not any(each.overlaps(each) for each in [Subtree(("1",), member="a")])


@pytest.mark.parametrize("workers", [0, len(COUNTIES) + 1])
def test_more_workers_than_counties_are_refused(workers: int) -> None:
    """The error says how many there may be."""
    with pytest.raises(ValueError, match="must be 1 to 7"):
        share_out(list(COUNTIES), workers)


def test_overlaps_is_about_what_would_be_stored_twice() -> None:
    """The same county, everything, the rest twice, a lone worker beside members; not members of one share."""
    a, b = Subtree(("1", "2")), Subtree(("3",), rest=False)
    assert not a.overlaps(b)
    assert a.overlaps(Subtree(("2",), rest=False))
    assert a.overlaps(Subtree())
    assert a.overlaps(Subtree(("3",)))
    shared = Subtree(("1",), member="x")
    assert not shared.overlaps(Subtree(("1",), member="y"))
    assert shared.overlaps(Subtree(("1",)))


def test_a_sessions_name_depends_on_password_and_topics_and_cannot_be_guessed() -> None:
    """Whoever knows the name can end the session; and a county's session is the same whichever worker reads it."""
    whole = Subscription("landun/v1/#")
    assert whole.client_id("one").startswith("landun-ingest-")
    assert whole.client_id("one") != whole.client_id("two")
    names = {each.client_id("one") for each in (whole, Subscription("landun/v1/1/#"), Subscription("landun/v1/#", "a"))}
    assert len(names) == 3


@pytest.mark.parametrize("counties", ["320602,32 0623", "320602,320602", "a/b"])
def test_counties_that_are_no_codes_are_refused(counties: str) -> None:
    """A county is part of a topic: the error names what it must be of."""
    with pytest.raises(ValueError, match=r"ingest worker: .*(letters, digits|named twice)"):
        Subtree.parse(counties)


def test_a_malformed_message_of_a_county_is_a_dead_letter_of_its_worker(
    database: str, two_counties: Registry, mosquitto: MosquittoBroker
) -> None:
    """A worker's part is everything below its counties, whatever is wrong with it."""
    with (
        ingesting(database, mosquitto.ingest_url, subtree=Subtree((TWO[0],))) as one,
        Publisher(mosquitto.mqtt_port) as publisher,
    ):
        publisher.send(f"landun/v1/{TWO[0]}/pool/dev/telemetry", payload(now_ms(), ph=7))
        publisher.send(f"landun/v1/{TWO[0]}/too/short", b"?")
        wait_until(lambda: one.writer.counters.dead_messages == 2, what="both dead letters")
