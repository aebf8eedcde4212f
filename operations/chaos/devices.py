"""The devices of a chaos run: the simulators' own, with drawn values, planted flaws, and a record of everything."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from operations.chaos.record import Flaw, Recorder
from registry.model import Registry
from simulators.connector import Connector
from simulators.device import SimulatedDevice
from simulators.dialects.voice import Plain
from simulators.link import Address, Identity
from simulators.outbox import Sample

USUAL: Final[Mapping[str, tuple[float, float]]] = {
    "free_chlorine": (0.65, 0.1),
    "ph": (7.35, 0.1),
    "orp": (700.0, 20.0),
    "turbidity": (0.3, 0.1),
    "water_temperature": (27.5, 0.3),
    "circulation_flow": (60.0, 5.0),
    "makeup_water": (1.2, 0.2),
    "bathers": (30.0, 9.0),
}
"""Centre and half width of a healthy basin's values, in the indicators' units."""

EXCURSIONS: Final = (
    ("free_chlorine", 0.08),
    ("free_chlorine", 1.9),
    ("ph", 6.5),
    ("ph", 8.4),
    ("turbidity", 4.0),
    ("circulation_flow", 0.5),
)
"""Values beyond their limit, held for a while: what raises alarms."""

UNBELIEVABLE: Final = 1e30
"""A finite number that a constraint planted in the database refuses."""

FLAW_EVERY: Final = 400
LONGEST_POLL_S: Final = 0.05


@dataclass
class _Basin:
    """What a device measures: now healthy, now in an excursion, until `until` (s of the wall clock)."""

    generator: random.Random
    excursion: tuple[str, float] | None = None
    until: float = 0.0

    def values(self, now: float) -> dict[str, Any]:
        """Values at an instant, with as many digits as a real instrument sends."""
        if now >= self.until:
            resting = self.excursion is not None
            self.excursion = None if resting else self.generator.choice(EXCURSIONS)
            self.until = now + (self.generator.uniform(8, 40) if resting else self.generator.uniform(3, 20))
        drawn = {
            name: round(centre + self.generator.uniform(-width, width), 3) for name, (centre, width) in USUAL.items()
        }
        if self.excursion is not None:
            name, value = self.excursion
            drawn[name] = round(value * self.generator.uniform(0.97, 1.03), 3)
        return drawn


def spoil(generator: random.Random, values: dict[str, Any]) -> tuple[Flaw, int]:
    """Make one thing wrong with a sample's values: what, and how many ms its clock is ahead."""
    match generator.randrange(5):
        case 0:
            values["mystery"] = 1.0
            return Flaw("unknown_indicator", "mystery"), 0
        case 1:
            values["turbidity"] = float("nan")
            return Flaw("not_finite", "turbidity"), 0
        case 2:
            values["ph"] = "wet"
            return Flaw("not_a_number", "ph"), 0
        case 3:
            values["orp"] = UNBELIEVABLE
            return Flaw("rejected_by_database", "orp"), 0
        case _:
            return Flaw("in_future", None), 3_600_000


class Devices:
    """Every device of a registry, publishing in a thread of its own from `publish` to the end of the block.

    Parameters
    ----------
    messages_per_s : of all devices together
    password : the credential of a device

    """

    def __init__(
        self,
        registry: Registry,
        port: int,
        recorder: Recorder,
        *,
        seed: int,
        messages_per_s: float,
        password: Callable[[str], str],
    ) -> None:
        self._recorder = recorder
        self._devices = [
            SimulatedDevice(
                Identity(code, password(code), registry.topic_of(device, "status")),
                Plain(registry.topic_of(device, "telemetry"), {}),
                0,
                self._acknowledged,
            )
            for code, device in registry.devices.items()
        ]
        self._basins = [_Basin(random.Random(f"{seed}:{each.code}")) for each in self._devices]  # noqa: S311 - physics
        self._flaws = random.Random(f"{seed}:flaws")  # noqa: S311 - which sample is bad
        self._connector = Connector(Address("127.0.0.1", port), self._devices, seed)
        self._period_s = len(self._devices) / messages_per_s
        self._next = [time.time() + self._period_s * i / len(self._devices) for i in range(len(self._devices))]
        self._silent_until = dict.fromkeys((each.code for each in self._devices), 0.0)
        self._sequence = [0] * len(self._devices)
        self._publishing = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self.failure: BaseException | None = None
        self.published = 0

    def publish(self, *, go_on: bool = True) -> None:
        """Begin to publish, or stop; connections stay."""
        (self._publishing.set if go_on else self._publishing.clear)()

    def silence(self, device: str, seconds: float) -> None:
        """Let a device sample nothing for a while."""
        self._silent_until[device] = time.time() + seconds

    def end_silence(self, device: str) -> None:
        """Let a device sample again."""
        self._silent_until[device] = 0.0

    @property
    def unacknowledged(self) -> int:
        """Samples published or waiting, without a PUBACK."""
        return sum(len(device.outbox) for device in self._devices)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._turn()
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._connector.close()
            self._recorder.flush()

    def _turn(self) -> None:
        now_us = time.time_ns() // 1000
        self._connector.connect_some(now_us)
        for column, due in enumerate(self._next):
            if due <= (now := time.time()):
                self._next[column] = max(due + self._period_s, now)
                if self._publishing.is_set():
                    self._sample(column, now)
        self._connector.tick(now_us)
        self._recorder.flush()
        self._connector.poll(min(max(min(self._next) - time.time(), 0.0), LONGEST_POLL_S))

    def _sample(self, column: int, now: float) -> None:
        device, basin = self._devices[column], self._basins[column]
        if now < self._silent_until[device.code]:
            return
        values = basin.values(now)
        flaw, ahead = spoil(self._flaws, values) if self._flaws.randrange(FLAW_EVERY) == 0 else (None, 0)
        # Two samples of one device never share an instant: the key of a reading is channel and time.
        ts = max(int(now * 1000), (device.last_ts or 0) + 1) if not ahead else int(now * 1000) + ahead
        last = device.last_ts
        self._sequence[column] += 1
        self._recorder.published(device.code, Sample(self._sequence[column], ts, values), flaw)
        self.published += 1
        device.sample(ts, values)
        if ahead:
            device.last_ts = last

    def _acknowledged(self, device: str, samples: tuple[Sample, ...]) -> None:
        self._recorder.acknowledged(device, samples, time.time_ns() // 1000)
