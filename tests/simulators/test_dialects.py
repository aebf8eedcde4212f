"""What simulated devices say in each dialect comes to what they measured, read by ingest's decoders."""

from datetime import UTC, datetime
from typing import Final

import pytest

from ingest.assembly import assemble
from ingest.delivery import Delivery
from ingest.directory import Directory
from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from simulators.dialects.choice import gateway_voice, voice_of
from simulators.dialects.sparkplug import Sparkplug
from simulators.outbox import Sample

TS: Final = 1_795_000_000_000
NOW_US: Final = (TS + 1_000) * 1000
SITE: Final = Site("s1", "320602", SiteStatus.SIMULATED, "馆", "Hall", 120.9, 32.0, datetime(2026, 1, 1, tzinfo=UTC))
CHANNELS: Final = (
    Channel(1, "d1", "free_chlorine", ("w21001",), "ppb"),
    Channel(2, "d1", "ph", ("w01001",)),
    Channel(3, "d1", "orp", ("w21002",), "V"),
    Channel(4, "d1", "water_temperature", ("w01010",), "degF"),
)
VALUES: Final = {"free_chlorine": 0.52, "ph": 7.31, "orp": 702.0, "water_temperature": 27.3}
SAMPLES: Final = (Sample(1, TS, VALUES), Sample(2, TS + 1_000, {**VALUES, "ph": 7.4}))


def registry_of(dialect: Dialect) -> Registry:
    """One device of the dialect, which gives chlorine in ppb, the potential in V and the temperature in °F."""
    device = Device("d1", "s1", "b1", 60, dialect, identity="320602SWIM00000000000001")
    return Registry.of([SITE], [SamplingPoint("s1", "b1", "池", "Pool")], [device], CHANNELS)


def heard(registry: Registry, words: list[tuple[str, bytes]]) -> list[tuple[int, int, float]]:
    """The readings (ts in ms, channel, value) that ingest makes of messages, none of which may be a dead letter."""
    deliveries = [Delivery(1, number, topic, payload, NOW_US) for number, (topic, payload) in enumerate(words, 1)]
    assembled = assemble(deliveries, Directory(registry))
    assert assembled.letters == []
    return [
        (int(row["ts"]) // 1000, int(row["channel_id"]), round(float(row["value"]), 4)) for row in assembled.readings
    ]


SAID: Final = [
    (sample.ts, number, sample.values[channel.indicator])
    for sample in SAMPLES
    for number, channel in enumerate(CHANNELS, 1)
]


@pytest.mark.parametrize(
    "dialect",
    [each for each in Dialect if each not in (Dialect.NATIVE, Dialect.HJ212, Dialect.MODBUS, Dialect.JT808)],
)
def test_what_is_measured_arrives(dialect: Dialect) -> None:
    """Names and units are the maker's on the wire and the indicator's once read, in every dialect over MQTT."""
    registry = registry_of(dialect)
    voice = voice_of(registry, registry.devices["d1"], "password")
    step = voice.most_samples
    words = [*voice.greet(), *(voice.say(SAMPLES[start : start + step]) for start in range(0, len(SAMPLES), step))]
    assert heard(registry, words) == SAID


def test_an_instrument_is_known_by_its_mn() -> None:
    """An HJ 212 frame comes to what was measured, on the topic that the listener gives it."""
    registry = registry_of(Dialect.HJ212)
    voice = voice_of(registry, registry.devices["d1"], "password")
    words = [("hj212/320602SWIM00000000000001", voice.say((sample,))[1]) for sample in SAMPLES]
    assert heard(registry, words) == SAID
    assert b"PW=passwo;" in words[0][1]


def test_a_gateway_speaks_for_its_own_and_no_other() -> None:
    """A gateway's message brings the readings of a device registered to it; another's is a dead letter that says so."""
    gateway = Device("g1", "s1", "b1", 60, Dialect.THINGSBOARD_GATEWAY)
    ward = Device("d1", "s1", "b1", 60, Dialect.NATIVE, gateway="g1", identity="Pool 1")
    stranger = Device("d2", "s1", "b1", 60)
    points = [SamplingPoint("s1", "b1", "池", "Pool")]
    registry = Registry.of([SITE], points, [gateway, ward, stranger], [*CHANNELS, Channel(9, "d2", "ph")])
    voice = gateway_voice(registry, gateway, ward)
    topic, payload = voice.say(SAMPLES)
    assert heard(registry, [(topic, payload)]) == SAID
    forged = payload.replace(b"Pool 1", b"d2")
    assembled = assemble([Delivery(1, 1, topic, forged, NOW_US)], Directory(registry))
    assert len(assembled.readings) == 0
    assert [each.reason for each in assembled.letters] == ["wrong_identity"]
    assert "'d2'" in assembled.letters[0].detail


def test_a_sparkplug_backlog_is_history() -> None:
    """Samples that waited are marked historical, so that they page nobody; the newest is live."""
    registry = registry_of(Dialect.SPARKPLUG)
    voice = voice_of(registry, registry.devices["d1"], "password")
    words = [*voice.greet(), voice.say(SAMPLES)]
    deliveries = [Delivery(1, number, topic, payload, NOW_US) for number, (topic, payload) in enumerate(words, 1)]
    assembled = assemble(deliveries, Directory(registry))
    assert assembled.historical.tolist() == [True] * 4 + [False] * 4


def test_births_and_deaths_say_who_is_on_line() -> None:
    """A node that dies is off line at once, without waiting for its silence."""
    registry = registry_of(Dialect.SPARKPLUG)
    voice = voice_of(registry, registry.devices["d1"], "password")
    death = voice.will()
    assert death is not None
    words = [*voice.greet(), death]
    deliveries = [Delivery(1, number, topic, payload, NOW_US) for number, (topic, payload) in enumerate(words, 1)]
    assembled = assemble(deliveries, Directory(registry))
    assert [(each.device, each.online) for each in assembled.statuses] == [("d1", True), ("d1", False)]


def test_a_sparkplug_node_is_born_again_when_asked() -> None:
    """After a rebirth command the node counts from 0 and declares all it has, with its newest values."""
    registry = registry_of(Dialect.SPARKPLUG)
    voice = voice_of(registry, registry.devices["d1"], "password")
    assert isinstance(voice, Sparkplug)
    first = voice.say(SAMPLES[:1])
    alone = assemble([Delivery(1, 1, *first, NOW_US)], Directory(registry))
    assert [each.reason for each in alone.letters] == ["before_birth"]
    assert list(alone.rebirths) == ["d1"]
    birth = list(voice.hear(b"..Node Control/Rebirth.."))
    assert heard(registry, [*birth, voice.say(SAMPLES[1:])]) == [*SAID[:4], *SAID[4:]]
