import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulators.outbox import Outbox, Sample, payload_of


def sample(seq: int) -> Sample:
    """A sample that is known by its number."""
    return Sample(seq, seq * 60_000, {"ph": 7.3})


def numbers(samples: tuple[Sample, ...]) -> list[int]:
    """Sequence numbers."""
    return [each.seq for each in samples]


def test_one_sample_is_an_object_and_several_are_a_list() -> None:
    """The native payload, with every field of the contract."""
    one = json.loads(payload_of((Sample(3, 1_700_000_000_000, {"ph": 7.31, "orp": 712}),)))
    assert one == {"ts": 1_700_000_000_000, "seq": 3, "values": {"ph": 7.31, "orp": 712}, "flag": "N"}
    several = json.loads(payload_of((sample(1), sample(2))))
    assert [each["seq"] for each in several] == [1, 2]


def test_backlog_is_sent_in_batches_in_order() -> None:
    """A backlog goes out oldest first, many samples a message."""
    outbox = Outbox(batch=3)
    for seq in range(7):
        outbox.add(sample(seq))
    sent = []
    while samples := outbox.take():
        sent.append(numbers(samples))
        outbox.sent(len(sent), samples)
    assert sent == [[0, 1, 2], [3, 4, 5], [6]]


def test_window_bounds_messages_on_their_way() -> None:
    """No more than `window` messages are unacknowledged at once; an acknowledgement opens the window."""
    outbox = Outbox(batch=1, window=2)
    for seq in range(3):
        outbox.add(sample(seq))
    outbox.sent(10, outbox.take())
    outbox.sent(11, outbox.take())
    assert outbox.take() == ()
    assert numbers(outbox.acknowledged(10)) == [0]
    assert numbers(outbox.take()) == [2]


def test_beyond_its_capacity_the_oldest_sample_is_dropped_and_counted() -> None:
    """A device off line for too long keeps the newest samples."""
    outbox = Outbox(capacity=3, batch=10)
    for seq in range(5):
        outbox.add(sample(seq))
    assert outbox.dropped == 2
    assert numbers(outbox.take()) == [2, 3, 4]


@given(st.integers(0, 6), st.integers(0, 6))
def test_lost_connection_puts_what_was_on_its_way_first(acknowledged: int, waiting: int) -> None:
    """Whatever was not acknowledged is sent again before anything newer."""
    outbox = Outbox(batch=2, window=10)
    for seq in range(12):
        outbox.add(sample(seq))
    for mid in range(6):
        outbox.sent(mid, outbox.take())
    for seq in range(12, 12 + waiting):
        outbox.add(sample(seq))
    for mid in range(acknowledged):
        outbox.acknowledged(mid)
    outbox.connection_lost()
    left = []
    while samples := outbox.take():
        left += numbers(samples)
        outbox.sent(100 + len(left), samples)
        outbox.acknowledged(100 + len(left))
    assert left == list(range(2 * acknowledged, 12 + waiting))


class Delivery(RuleBasedStateMachine):
    """Any order of sampling, sending, acknowledging and losing the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(capacity=10_000, batch=3, window=4)
        self.seq = 0
        self.mid = 0
        self.flying: list[int] = []
        self.delivered: list[int] = []

    @rule()
    def add(self) -> None:
        self.outbox.add(sample(self.seq))
        self.seq += 1

    @rule()
    def send(self) -> None:
        samples = self.outbox.take()
        if samples:
            self.mid += 1
            self.outbox.sent(self.mid, samples)
            self.flying.append(self.mid)

    @precondition(lambda self: self.flying)
    @rule()
    def acknowledge(self) -> None:
        self.delivered += numbers(self.outbox.acknowledged(self.flying.pop(0)))

    @rule()
    def lose(self) -> None:
        self.outbox.connection_lost()
        self.flying.clear()

    @invariant()
    def every_sample_is_delivered_or_kept_in_order(self) -> None:
        """Delivered are the first samples, each once; the rest is kept."""
        assert self.delivered == list(range(len(self.delivered)))
        assert len(self.outbox) == self.seq - len(self.delivered)


Delivery.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDelivery = Delivery.TestCase
