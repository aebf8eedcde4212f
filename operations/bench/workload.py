"""What the ingest benchmark publishes, decided by a seed: registry, payloads, and the rows they must come to.

Pure, and made anew in each process that needs it, so that publisher and judge share nothing but the settings.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store.connections import Connection
from store.registry_rows import save_registry

LONGEST_PAST_MS: Final = 450_000
"""The oldest reading's age at the start: under the late rule's 10 minutes, whatever the run takes."""

LONGEST_STEP_MS: Final = 1_000
FURTHEST_DELAY: Final = 20
"""By how many of its device's messages a late one comes after its turn, at most."""

REGISTERED: Final = datetime(2024, 1, 1, tzinfo=UTC)
SITES_A_COUNTY: Final = 5


class Publishable(Protocol):
    """What devices publish, in turn: anything that a rig can be run with."""

    @property
    def devices(self) -> int:
        """How many publish."""

    @property
    def registry(self) -> Registry:
        """The devices, in their order."""

    @property
    def topics(self) -> list[str]:
        """The topic of each."""

    def payloads(self) -> Iterator[bytes]:
        """The messages, each device's in turn."""

    def save(self, connection: Connection) -> None:
        """Register everything."""


@dataclass(frozen=True)
class Workload:
    """`messages` messages of `values` readings each, from `devices` devices in turn, ending near `now_ms`.

    A share `late` of each device's messages comes after newer ones of the same device.
    """

    devices: int
    messages: int
    values: int
    now_ms: int
    late: float = 0.0
    seed: int = 1

    @property
    def readings(self) -> int:
        """Readings in all."""
        return self.messages * self.values

    @cached_property
    def indicators(self) -> tuple[str, ...]:
        """What each device measures."""
        if not 1 <= self.values <= len(INDICATORS):
            raise ValueError(f"values is {self.values}; must be 1 to {len(INDICATORS)}, the number of indicators")
        return tuple(INDICATORS)[: self.values]

    @cached_property
    def registry(self) -> Registry:
        """The devices over all counties of Nantong; channel ids count from 1, a device's beside one another."""
        sites = [
            Site(f"bench-{number}", county, SiteStatus.SIMULATED, "测速", "Benchmark", 120.9, 32.0, REGISTERED)
            for number, county in enumerate([each for each in COUNTIES for _ in range(SITES_A_COUNTY)])
        ]
        codes = [f"bench-{number:04d}" for number in range(self.devices)]
        return Registry.of(
            sites,
            [SamplingPoint(site.code, "basin", "池", "Pool") for site in sites],
            [Device(code, sites[number % len(sites)].code, "basin") for number, code in enumerate(codes)],
            [
                Channel(1 + number * self.values + place, code, indicator)
                for number, code in enumerate(codes)
                for place, indicator in enumerate(self.indicators)
            ],
        )

    @cached_property
    def topics(self) -> list[str]:
        """The telemetry topic of each device."""
        return [self.registry.topic_of(device, "telemetry") for device in self.registry.devices.values()]

    @cached_property
    def device(self) -> NDArray[np.int64]:
        """The device's number by message, shape (messages,)."""
        return np.arange(self.messages, dtype=np.int64) % self.devices

    @cached_property
    def ts_ms(self) -> NDArray[np.int64]:
        """Device time by message in ms, shape (messages,); no device has the same twice."""
        turns = -(-self.messages // self.devices)
        step = max(1, min(LONGEST_STEP_MS, LONGEST_PAST_MS // turns))
        turn = np.arange(turns, dtype=np.int64)
        order = np.empty((turns, self.devices), dtype=np.int64)
        random = np.random.default_rng(self.seed)
        for device in range(self.devices):
            delayed = (random.random(turns) < self.late) * random.integers(1, FURTHEST_DELAY + 1, turns)
            order[:, device] = np.argsort(turn + delayed, kind="stable")
        return self.now_ms - step * (turns - order.reshape(-1)[: self.messages])

    @cached_property
    def values_of(self) -> NDArray[np.float64]:
        """The readings by message, shape (messages, values): physical ranges' lower part, two decimals."""
        random = np.random.default_rng(self.seed + 1)
        steps = random.integers(0, 2_000, (self.messages, self.values))
        return steps / 100.0

    def save(self, connection: Connection) -> None:
        """Register the devices."""
        save_registry(connection, self.registry)

    def payloads(self) -> Iterator[bytes]:
        """The native payload of each message, as a device's JSON library would write it."""
        names = [json.dumps(each) for each in self.indicators]
        pattern = '{"ts":%d,"seq":%d,"values":{' + ",".join(f"{each}:%.2f" for each in names) + '},"flag":"N"}'
        for number, (ts, values) in enumerate(zip(self.ts_ms.tolist(), self.values_of.tolist(), strict=True)):
            yield (pattern % (ts, number // self.devices, *values)).encode()

    def rows(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """Channel id, time in us and value of each reading in the order of publishing, each of shape (readings,)."""
        channels = 1 + self.device[:, None] * self.values + np.arange(self.values)
        ts = np.repeat(self.ts_ms * 1_000, self.values)
        return channels.reshape(-1).astype(np.int32), ts, self.values_of.reshape(-1)
