"""A small world with devices of every dialect, and what they say: payloads of eight values for measuring decoders."""

import random
from datetime import UTC, datetime
from typing import Final

from ingest.decoders import modbus
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.hj212 import EPOCH
from operations.bench import custodians
from registry.credentials import device_password
from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from simulators.dialects.choice import voice_of
from simulators.dialects.voice import Words
from simulators.outbox import Sample

INDICATORS: Final = (
    "free_chlorine",
    "ph",
    "orp",
    "turbidity",
    "water_temperature",
    "circulation_flow",
    "makeup_water",
    "combined_chlorine",
)
READING: Final = tuple(each for each in Dialect if each is not Dialect.JT808)
"""The dialects whose devices have readings."""

TONGUES: Final = (*(str(each) for each in READING), "waste", "position", str(Dialect.JT808))
"""All that a message may be: the dialects of readings, events of custody, and positions in two dialects."""

DEVICES: Final = 100
MASTER: Final = "secret of a measurement"
_SITE: Final = Site("s1", "320602", SiteStatus.SIMULATED, "馆", "Hall", 120.9, 32.0, datetime(2024, 1, 1, tzinfo=UTC))
_NEOPOOL: Final = {"ph": 0x102, "orp": 0x103, "free_chlorine": 0x104, "water_temperature": 0x106}


def spoken(tongue: str, count: int, now_us: int, seed: int) -> tuple[Directory, list[Delivery]]:
    """`count` good messages of one of `TONGUES` up to now, and the directory that knows who says them."""
    say = {"waste": custodians.scans, "position": custodians.fixes, str(Dialect.JT808): custodians.frames}.get(tongue)
    if say is not None:
        return Directory(*custodians.world()), say(count, now_us, seed)
    registry = world(Dialect(tongue))
    return Directory(registry), deliveries(registry, count, now_us, seed)


def world(dialect: Dialect) -> Registry:
    """`DEVICES` devices of a dialect with the eight indicators each."""
    devices = [
        Device(
            f"d{number}",
            "s1",
            "b1",
            60,
            dialect,
            identity=f"{number:024d}" if dialect is Dialect.HJ212 else "",
            address=f"modbus://127.0.0.1:502/{number % 248}?map=neopool" if dialect is Dialect.MODBUS else "",
        )
        for number in range(DEVICES)
    ]
    names = {
        each: (f"w{21900 + number}",) if dialect is Dialect.HJ212 else () for number, each in enumerate(INDICATORS)
    }
    channels = [
        Channel(1 + len(INDICATORS) * at + number, device.code, indicator, names[indicator])
        for at, device in enumerate(devices)
        for number, indicator in enumerate(INDICATORS)
    ]
    return Registry.of([_SITE], [SamplingPoint("s1", "b1", "池", "Pool")], devices, channels)


def deliveries(registry: Registry, count: int, now_us: int, seed: int) -> list[Delivery]:
    """`count` messages, a minute apart for each device up to now; a Sparkplug node's births come first, uncounted."""
    chance = random.Random(seed)  # noqa: S311 - figures to measure with
    devices = list(registry.devices.values())
    voices = (
        {}
        if devices[0].dialect is Dialect.MODBUS
        else {each.code: voice_of(registry, each, device_password(MASTER, each.code)) for each in devices}
    )
    made: list[Words] = [words for voice in voices.values() for words in voice.greet()]
    rounds = -(-count // len(devices))
    for at in range(count):
        device = devices[at % len(devices)]
        ts = now_us // 1000 - (rounds - at // len(devices)) * 60_000
        values = {name: round(chance.uniform(0.1, 9.9), 2) for name in INDICATORS}
        sample = Sample(at, ts - ts % 1000, values)
        if device.code in voices:
            topic, payload = voices[device.code].say((sample,))
        else:
            topic, payload = registry.topic_of(device, "telemetry"), _poll(sample)
        made.append((topic or f"hj212/{device.identity}", payload))
    epoch = EPOCH if devices[0].dialect is Dialect.HJ212 else 1
    return [Delivery(epoch, number, topic, payload, now_us) for number, (topic, payload) in enumerate(made, 1)]


def _poll(sample: Sample) -> bytes:
    meaning = modbus.register_map("neopool")
    words = {at: round(sample.values[name] / meaning.registers[at].scale) for name, at in _NEOPOOL.items()}
    registers = ",".join(f'"{at}":{words.get(at, 0)}' for at in range(0x102, 0x107))
    return f'{{"ts":{sample.ts},"map":"neopool","registers":{{{registers}}}}}'.encode()
