"""The physics of a whole fleet, advanced minute by minute: water, instruments, surroundings, noise and faults."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from registry.model import Registry
from registry.opening import MICROSECONDS_A_MINUTE
from simulators import instrument, physics
from simulators.faults import Fault, Faults, faults_at
from simulators.instrument import INDICATOR_ROWS, Instruments, calibration_of, initial_instruments, observe
from simulators.noise import Floats, NormalBlocks
from simulators.physics import Water, initial_water, step, true_orp
from simulators.plant import plant_of, simulated_devices
from simulators.surroundings import SurroundingsBlocks

STEP_S: Final = 60.0
SPIN_UP_MINUTES: Final = 48 * 60
"""How long the physics runs before anybody looks: two nights, so that every filter has been washed once."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that the physics of a fleet depends on at a minute, besides its seed."""

    minute: int
    water: Water
    instruments: Instruments


class Engine:
    """Simulated basins at a minute of the physics (minutes since the epoch).

    The series is a pure function of the registry, the seed, the checkpoint or the minute it was started at, and
    the faults. It does not depend on how far one call of `advance` goes.
    """

    def __init__(self, registry: Registry, seed: int, minute: int, checkpoint: Checkpoint | None = None) -> None:
        self.devices = simulated_devices(registry)
        self.plant = plant_of(registry, self.devices, seed)
        self.columns: Mapping[str, int] = {device.code: column for column, device in enumerate(self.devices)}
        self._calibration = calibration_of(self.plant, seed)
        self._noise = NormalBlocks(seed, self.plant.devices, physics.NOISE_STREAMS + instrument.NOISE_STREAMS)
        self._surroundings = SurroundingsBlocks(registry, self.devices, self.plant, seed)
        self._faults: tuple[Fault, ...] = ()
        self._mask = Faults.none(len(self.plant))
        self._mask_changes: int | None = None  # instant from which the mask may be another, µs
        if checkpoint is None:
            water = initial_water(self.plant)
            checkpoint = Checkpoint(minute, water, initial_instruments(water, self.plant))
        self.minute = checkpoint.minute
        self.water = checkpoint.water
        self.instruments = checkpoint.instruments

    @classmethod
    def settled(cls, registry: Registry, seed: int, minute: int) -> "Engine":
        """An engine at `minute` that has run for `SPIN_UP_MINUTES` before it."""
        engine = cls(registry, seed, minute - SPIN_UP_MINUTES)
        engine.advance(minute)
        return engine

    @property
    def readings(self) -> Floats:
        """Shape (probes, basins), rows as in `instrument.PROBES`: what the devices would report at this minute."""
        return self.instruments.readings

    @property
    def checkpoint(self) -> Checkpoint:
        """The state to go on from."""
        return Checkpoint(self.minute, self.water, self.instruments)

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

    def truth(self) -> Mapping[str, Floats]:
        """The true state of every basin: arrays of shape (basins,) by indicator code, in the indicators' units."""
        water = self.water
        return {
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

    def _step(self) -> None:
        minute = self.minute + 1
        instant = minute * MICROSECONDS_A_MINUTE
        faults = self._faults_at(instant)
        normals = self._noise.at(minute)
        around = self._surroundings.at(minute)
        split = physics.NOISE_STREAMS
        self.water = step(self.water, self.plant, around, self.instruments.sensed, faults, normals[:split], STEP_S)
        self.instruments = observe(
            self.instruments, self.water, self.plant, self._calibration, faults, normals[split:], STEP_S
        )
        self.minute = minute

    def _faults_at(self, instant: int) -> Faults:
        if self._mask_changes is not None and instant >= self._mask_changes:
            self._mask = faults_at(self._faults, self.plant.devices, instant)
            edges = [edge for fault in self._faults for edge in (fault.starts, fault.ends) if edge is not None]
            self._mask_changes = min((edge for edge in edges if edge > instant), default=None)
        return self._mask


def arrays_of(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """A checkpoint as named arrays, for a file."""
    arrays = {f"water.{each.name}": getattr(checkpoint.water, each.name) for each in fields(Water)}
    arrays |= {f"instruments.{each.name}": getattr(checkpoint.instruments, each.name) for each in fields(Instruments)}
    return arrays | {"minute": np.array(checkpoint.minute)}


def checkpoint_of(arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that `arrays_of` made arrays of. Raises `KeyError` where one is missing."""
    return Checkpoint(
        minute=int(arrays["minute"]),
        water=Water(**{each.name: arrays[f"water.{each.name}"] for each in fields(Water)}),
        instruments=Instruments(**{each.name: arrays[f"instruments.{each.name}"] for each in fields(Instruments)}),
    )
