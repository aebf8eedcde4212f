"""What happens when: kills, bad networks and silent devices, drawn from a seed before anything starts."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from operations.chaos.wires import Weather

VICTIMS: Final = ("ingest", "monitor", "broker", "database")
WIRES: Final = ("devices-broker", "ingest-broker", "ingest-database", "monitor-database")
NETWORK_SHARE: Final = 0.5
"""Bad weather on some wire, for each kill."""

LONGEST_WEATHER_S: Final = 5.0
LONGEST_SILENCE_S: Final = 25.0


@dataclass(frozen=True, slots=True)
class Event:
    """At `at` seconds of the run `what` (``kill``, ``silence`` or a `Weather`) befalls `target` for `lasts` seconds."""

    at: float
    what: str
    target: str
    lasts: float = 0.0


def plan(seed: int, kills: int, seconds_between_kills: float, devices: list[str]) -> list[Event]:
    """Events in order of time: as many kills of each part, bad weather and silences between them."""
    generator = random.Random(seed)  # noqa: S311 - moments and victims, not secrets
    end = kills * seconds_between_kills
    moments = sorted(generator.uniform(0, end) for _ in range(kills))
    events = [Event(at, "kill", victim) for at, victim in zip(moments, islice(_dealt(generator), kills), strict=True)]
    for _ in range(round(kills * NETWORK_SHARE)):
        weather = generator.choice([Weather.CUT, Weather.BLACKHOLE, Weather.DELAY])
        lasts = generator.uniform(0.2, LONGEST_WEATHER_S)
        events.append(Event(generator.uniform(0, end), weather, generator.choice(WIRES), lasts))
    silent = generator.sample(devices, min(len(devices), max(1, kills // 8)))
    events += [
        Event(generator.uniform(0, end), "silence", device, generator.uniform(5, LONGEST_SILENCE_S))
        for device in silent
    ]
    return sorted(events, key=lambda each: each.at)


def _dealt(generator: random.Random) -> Iterator[str]:
    """Victims in random order, none more often than another."""
    while True:
        yield from generator.sample(VICTIMS, len(VICTIMS))
