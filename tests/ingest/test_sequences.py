"""What the numbering of devices shows to be missing, whatever order their messages come in."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.assembly import assemble
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.sequences import MOST_LEFT_OUT, Change, Numbered, SequenceWatch
from registry.model import Registry
from store.connections import connect
from store.sequences import add_gaps, devices_with_gaps
from tests.brokers import NatsBroker
from tests.ingest.world import Publisher, ago, ingesting, make_registry, now_ms, topic, wait_until


def noted(*numbers: tuple[int, int]) -> SequenceWatch:
    """A watch that saw these numbers of one device, each with its time."""
    watch = SequenceWatch()
    watch.note(Numbered(place, "d", seq, ts) for place, (seq, ts) in enumerate(numbers))
    return watch


def test_what_is_left_out_is_missing_until_it_comes() -> None:
    """A gap counts its messages; one that comes late is missing no more; a repetition changes nothing."""
    watch = noted((1, 1), (2, 2), (5, 5))
    assert (watch.missing, watch.changes()) == (2, [Change("d", 2, 1, 0)])
    watch.told()
    watch.note([Numbered(0, "d", 3, 3), Numbered(1, "d", 3, 3), Numbered(2, "d", 2, 2)])
    assert (watch.missing, watch.changes()) == (1, [Change("d", -1, 0, 0)])
    watch.note([Numbered(0, "d", 4, 4), Numbered(1, "d", 6, 6)])
    assert watch.missing == 0
    assert watch.changes() == [Change("d", -2, 0, 0)], "what was not told yet is told together"


def test_a_device_that_counts_anew_has_lost_nothing() -> None:
    """A smaller number with a newer time, or a jump beyond belief, is another numbering."""
    watch = noted((500, 1), (1, 2), (2, 3), (4 + MOST_LEFT_OUT, 4), (5 + MOST_LEFT_OUT, 5))
    assert (watch.missing, watch.changes()) == (0, [Change("d", 0, 0, 2)])


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(2, 60)), st.randoms())
def test_in_any_order_only_what_never_came_is_missing(lost: set[int], random: object) -> None:
    """Messages delivered out of order by a few places, and again: the missing are exactly the lost."""
    sent = [seq for seq in range(1, 62) if seq not in lost]
    shuffled = sorted(sent, key=lambda seq: seq + random.uniform(0, 5) if seq > 1 else 0)  # type: ignore[attr-defined]
    watch = noted(*((seq, seq) for seq in [*shuffled, *shuffled[-3:]]))
    assert watch.missing == len([seq for seq in lost if seq < max(sent)])


def test_numbers_are_read_from_messages_on_either_way_and_in_their_order(world: Registry) -> None:
    """Quick messages, lists, and messages that are wrong but for their number: all are counted, none twice."""
    at = now_ms()
    arrived = at * 1000
    bodies = [
        f'{{"ts": {at}, "seq": 1, "values": {{"ph": 7}}}}',
        f'[{{"ts": {at + 1}, "seq": 2, "values": {{"ph": 7}}}}, {{"ts": "x", "seq": 3, "values": {{"ph": 7}}}}]',
        f'{{"ts": {at + 2}, "seq": 4, "values": {{"ph": "wet"}}}}',
        f'{{"ts": {at + 99_000_000}, "seq": 5, "values": {{"ph": 7}}}}',
        f'{{"ts": {at + 3}, "values": {{"ph": 7}}}}',
        f'{{"ts": {at + 4}, "seq": 6, "values": {{"ph": 7}}}}',
    ]
    deliveries = [Delivery(1, n, topic(), body.encode(), arrived) for n, body in enumerate(bodies)]
    assembled = assemble(deliveries, Directory(world))
    assert [each.seq for each in assembled.numbers] == [1, 2, 3, 4, 5, 6]
    assert {each.device for each in assembled.numbers} == {"dev-0"}


def test_gaps_are_kept_by_device_and_add_up_over_restarts(registered: str, nats: NatsBroker) -> None:
    """Ingest tells what is missing in its heartbeat and in the table, which another process adds to."""
    with connect(registered, autocommit=True) as connection:
        add_gaps(connection, [("dev-0", 2, 1, 0), ("dev-1", 0, 0, 1)], ago(hours=1))
    with ingesting(registered, nats.ingest_url) as service, Publisher(nats.mqtt_port) as publisher:
        at = now_ms()
        for seq in (7, 8, 12):
            publisher.send(topic(), f'{{"ts": {at + seq}, "seq": {seq}, "values": {{"ph": 7}}}}'.encode())
        wait_until(lambda: service.writer.counters.missing == 3, what="the gap")
        with connect(registered, autocommit=True) as connection:
            wait_until(lambda: [tuple(each)[:4] for each in devices_with_gaps(connection, 9)] == [("dev-0", 5, 2, 0)])
        assert service.detail()["missing"] == 3
    assert make_registry(1).devices.keys() == {"dev-0"}
