"""Small worlds of simulated pools for the tests."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from registry.demonstration import demonstration
from registry.model import Registry
from simulators.engine import INDICATOR_ROWS, Checkpoint, Engine
from simulators.fault_kinds import FaultKind
from simulators.faults import Fault

SEED: Final = 7
REGISTERED: Final = datetime(2025, 1, 1, tzinfo=UTC)
MINUTE_US: Final = 60_000_000


@cache
def city(online: int = 4, offline: int = 0, stores: int = 0) -> Registry:
    """A demonstration registry."""
    return demonstration(SEED, online=online, offline=offline, stores=stores, registered_at=REGISTERED)


def minute_of(*when: int) -> int:
    """Minutes since the epoch of a local time in Nantong: year, month, day, hour, minute."""
    local = datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]
    return int((local - timedelta(hours=8)).timestamp()) // 60


@cache
def settled(minute: int, online: int = 4) -> Checkpoint:
    """The state of a city that has run for two days before a minute."""
    return Engine.settled(city(online), SEED, minute).checkpoint


def engine_at(minute: int, online: int = 4) -> Engine:
    """An engine of its own at that state."""
    return Engine(city(online), SEED, minute, settled(minute, online))


def everywhere(engine: Engine, kind: FaultKind, minutes: int | None = None) -> list[Fault]:
    """A fault in every basin from the engine's present minute on."""
    starts = engine.minute * MINUTE_US
    ends = None if minutes is None else starts + minutes * MINUTE_US
    return [Fault(f"{code}-{kind}", code, kind, starts, ends, starts) for code in engine.plant.devices]


def rows_at(registry: Registry, engine: Engine, minute: int) -> list[tuple[int, int, float, int, bool]]:
    """What every channel measures at the engine's minute, as rows of `store.records.READING`, on time."""
    at = minute * MINUTE_US
    return [
        (each.id, at, float(engine.readings[INDICATOR_ROWS[each.indicator], engine.columns[device.code]]), at, False)
        for device in engine.devices
        for each in registry.channels_of_device[device.code]
    ]
