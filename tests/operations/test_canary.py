"""The canary: what it counts as through, and that it sees its own readings and nobody else's."""

import pytest

from monitor.api.feed import ChannelItem, Hub, visible
from monitor.api.scope import CANARY, PERMISSIONS, Permission
from operations.canary import PATIENCE_S, Flight, arrivals
from registry import canary
from registry.model import Registry


def test_a_message_is_through_when_it_or_a_newer_one_arrives() -> None:
    """The feed leaves out what is overtaken, so a frame ends the wait of all before it."""
    flight = Flight(started=100.0)
    for at in (101.0, 102.0, 103.0):
        flight.send(at)
    assert flight.detail(104.0) is None, "too early to say"
    flight.arrive(102.0, 104.0)
    told = flight.detail(104.5)
    assert told is not None
    assert (told["sent"], told["through"], told["last_ms"], told["silent_s"]) == (3, 2, 2000.0, 0.5)
    assert told["p50_ms"] == pytest.approx(2500.0)


def test_a_chain_that_never_worked_is_told_after_a_while() -> None:
    """At the start nothing is said; then the silence since the start is."""
    flight = Flight(started=100.0)
    flight.send(101.0)
    assert flight.detail(100.0 + PATIENCE_S - 1) is None
    told = flight.detail(100.0 + PATIENCE_S + 1)
    assert told is not None
    assert (told["silent_s"], told["last_ms"], told["p99_ms"]) == (PATIENCE_S + 1, None, None)


def test_only_its_own_readings_of_a_frame_count() -> None:
    """Frames of other kinds and other channels say nothing of the canary."""
    items = [
        {"channel_id": 4, "ts": "2026-01-01T00:00:00Z"},
        {"channel_id": canary.CHANNEL, "ts": "1970-01-01T00:00:01.500Z"},
    ]
    assert list(arrivals({"type": "latest", "items": items})) == [1.5]
    assert list(arrivals({"type": "health"})) == []


def test_it_sees_itself_alone_and_nobody_sees_it() -> None:
    """On the live feed it gets its own channel only; it may do nothing and counts as no viewer."""
    hub, registry = Hub(), Registry.of([], [], [], [])
    items = [ChannelItem(canary.CHANNEL, b'{"channel_id":1}'), ChannelItem(7, b'{"channel_id":7}')]
    viewer = hub.join(CANARY)
    viewer.put_present(visible(items, registry, CANARY))
    assert viewer.waiting == 1
    assert len(hub) == 0
    assert PERMISSIONS[CANARY.role] == frozenset()
    assert not CANARY.may(Permission.READ_ALARMS)
    assert not CANARY.sees(canary.SITE)
