"""The physics of a whole fleet, advanced minute by minute: pools, cold stores, instruments, noise and faults."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from registry.model import Registry
from registry.opening import MICROSECONDS_A_MINUTE, minute_of_week
from simulators import cold_store, instrument, physics
from simulators.cold_store import Air, initial_air, stores_of
from simulators.fault_kinds import PlantKind
from simulators.faults import Fault, Faults, faults_at
from simulators.instrument import PROBES, Instruments, calibration_of, initial_instruments, observe
from simulators.noise import Floats, NormalBlocks
from simulators.physics import Water, initial_water, step, true_orp
from simulators.plant import plant_kind, plant_of, simulated_devices
from simulators.surroundings import SurroundingsBlocks

STEP_S: Final = 60.0
INDICATOR_ROWS: Final[Mapping[str, int]] = {
    **instrument.INDICATOR_ROWS,
    cold_store.INDICATOR: len(PROBES),
}
"""Row of each indicator in the readings of a fleet."""
SPIN_UP_MINUTES: Final = 48 * 60
"""How long the physics runs before anybody looks: two nights, so that every filter has been washed once."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that the physics of a fleet depends on at a minute, besides its seed."""

    minute: int
    water: Water
    instruments: Instruments
    air: Air


class Engine:
    """Simulated pools and cold stores at a minute of the physics (minutes since the epoch).

    `devices` are those of the pools, one a basin, then those of the stores; `columns` and `phase` are of them all,
    `plant` of the pools.

    The series is a pure function of the registry, the seed, the checkpoint or the minute it was started at, and
    the faults. It does not depend on how far one call of `advance` goes.
    """

    def __init__(self, registry: Registry, seed: int, minute: int, checkpoint: Checkpoint | None = None) -> None:
        self.devices = simulated_devices(registry)
        kinds = [plant_kind(registry, device) for device in self.devices]
        self.pools = kinds.count(PlantKind.POOL)
        pools, stores = self.devices[: self.pools], self.devices[self.pools :]
        self.plant = plant_of(registry, pools, seed)
        self.stores = stores_of(tuple(device.code for device in stores), seed)
        self.names = tuple(device.code for device in self.devices)
        self.phase = np.concatenate([self.plant.phase, self.stores.phase])
        self.columns: Mapping[str, int] = {code: column for column, code in enumerate(self.names)}
        self._zone = registry.sites[stores[0].site].zone if stores else "UTC"
        self._calibration = calibration_of(self.plant, seed)
        self._noise = NormalBlocks(seed, self.plant.devices, physics.NOISE_STREAMS + instrument.NOISE_STREAMS)
        self._store_noise = NormalBlocks(seed, self.stores.devices, cold_store.NOISE_STREAMS)
        self._surroundings = SurroundingsBlocks(registry, pools, self.plant, seed)
        self._faults: tuple[Fault, ...] = ()
        self._mask = Faults.none(len(self.devices))
        self._mask_changes: int | None = None  # instant from which the mask may be another, µs
        if checkpoint is None:
            water = initial_water(self.plant)
            checkpoint = Checkpoint(minute, water, initial_instruments(water, self.plant), initial_air(self.stores))
        self.minute = checkpoint.minute
        self.water = checkpoint.water
        self.instruments = checkpoint.instruments
        self.air = checkpoint.air

    @classmethod
    def settled(cls, registry: Registry, seed: int, minute: int) -> "Engine":
        """An engine at `minute` that has run for `SPIN_UP_MINUTES` before it."""
        engine = cls(registry, seed, minute - SPIN_UP_MINUTES)
        engine.advance(minute)
        return engine

    @property
    def readings(self) -> Floats:
        """Shape (indicators, devices), rows as in `INDICATOR_ROWS`: what the devices would report at this minute.

        Not a number where a kind of device has no such probe.
        """
        found = np.full((len(INDICATOR_ROWS), len(self.devices)), np.nan)
        found[: len(PROBES), : self.pools] = self.instruments.readings
        found[len(PROBES), self.pools :] = self.air.readings
        return found

    @property
    def checkpoint(self) -> Checkpoint:
        """The state to go on from."""
        return Checkpoint(self.minute, self.water, self.instruments, self.air)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; each is at work from its `starts` to its `ends`."""
        self._faults = tuple(faults)
        self._mask_changes = -1

    def advance(self, minute: int) -> None:
        """Run until `minute`; a minute in the past changes nothing."""
        while self.minute < minute:
            self._step()

    def reading(self, device: str, indicator: str) -> float:
        """What a device reports of an indicator at this minute."""
        return float(self.readings[INDICATOR_ROWS[indicator], self.columns[device]])

    def truth(self, column: int) -> Mapping[str, float]:
        """The true state of a basin or store by indicator code, in the indicators' units."""
        if column >= self.pools:
            return {cold_store.INDICATOR: float(self.air.temperature[column - self.pools])}
        water = self.water
        found = {
            "free_chlorine": water.free_chlorine,
            "combined_chlorine": water.combined_chlorine,
            "ph": water.ph,
            "orp": true_orp(water, self.plant),
            "turbidity": water.turbidity,
            "water_temperature": water.temperature,
            "circulation_flow": water.flow,
            "makeup_water": water.makeup,
            "bathers": water.bathers,
        }
        return {indicator: float(values[column]) for indicator, values in found.items()}

    def _step(self) -> None:
        minute = self.minute + 1
        instant = minute * MICROSECONDS_A_MINUTE
        faults = self._faults_at(instant)
        self._step_pools(minute, instant, faults.of(slice(0, self.pools)) if len(self.stores) else faults)
        if len(self.stores):
            local = int(minute_of_week(np.array([instant], dtype=np.int64), self._zone)[0])
            normals = self._store_noise.at(minute)
            theirs = faults.of(slice(self.pools, None))
            self.air = cold_store.step(self.air, self.stores, theirs, minute, local, normals, STEP_S)
        self.minute = minute

    def _step_pools(self, minute: int, instant: int, faults: Faults) -> None:
        normals = self._noise.at(minute)
        around = self._surroundings.at(minute)
        split = physics.NOISE_STREAMS
        self.water = step(self.water, self.plant, around, self.instruments.sensed, faults, normals[:split], STEP_S)
        self.instruments = observe(
            self.instruments, self.water, self.plant, self._calibration, faults, normals[split:], STEP_S, instant
        )

    def _faults_at(self, instant: int) -> Faults:
        if self._mask_changes is not None and instant >= self._mask_changes:
            self._mask = faults_at(self._faults, self.columns, instant)
            edges = [edge for fault in self._faults for edge in (fault.starts, fault.ends) if edge is not None]
            self._mask_changes = min((edge for edge in edges if edge > instant), default=None)
        return self._mask


_PARTS: Final = {"water": Water, "instruments": Instruments, "air": Air}


def arrays_of(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """A checkpoint as named arrays, for a file."""
    arrays = {
        f"{part}.{each.name}": getattr(getattr(checkpoint, part), each.name)
        for part, kind in _PARTS.items()
        for each in fields(kind)
    }
    return arrays | {"minute": np.array(checkpoint.minute)}


def checkpoint_of(arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that `arrays_of` made arrays of. Raises `KeyError` where one is missing."""

    def part(name: str) -> Any:
        kind = _PARTS[name]
        return kind(**{each.name: arrays[f"{name}.{each.name}"] for each in fields(kind)})

    return Checkpoint(int(arrays["minute"]), part("water"), part("instruments"), part("air"))
