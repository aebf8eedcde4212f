"""Keeps a fleet's commands and water in its folder, and takes them up again at the next start."""

import logging
from typing import Final

from simulators.backfill import CHECKPOINT_NAME
from simulators.clock import SECOND_US, PhysicsClock, physics_minute
from simulators.engine import Engine
from simulators.ledger import Ledger
from simulators.settings import SimulatorSettings
from simulators.state import FleetState, load_checkpoint, load_state, save_checkpoint, save_state

log = logging.getLogger(__name__)

SAVE_EVERY_US: Final = 60 * SECOND_US
LONGEST_CATCH_UP_MINUTES: Final = 7 * 24 * 60
"""Water that was kept longer ago than this is not run on: fresh water is settled instead."""


class Keeper:
    """Reads and writes ``<data>/simulators``. A disk that cannot be written is reported and survived."""

    def __init__(self, settings: SimulatorSettings) -> None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._state_file = settings.folder / "state.json"
        self._checkpoint_file = settings.folder / CHECKPOINT_NAME
        self._next_save = 0

    def state_at_start(self, now: int) -> FleetState:
        """The commands as they were kept, with the clock of a start at `now` (µs since the epoch)."""
        known = load_state(self._state_file)
        self._next_save = now + SAVE_EVERY_US
        if known is None:
            return FleetState(PhysicsClock(wall=now, physics=now))
        return FleetState(_clock_at_start(known, now), known.stopped, known.faults)

    def engine_at_start(self, ledger: Ledger, physics: int) -> Engine:
        """The water as it was kept, run on to an instant of the physics; or fresh water, run for two days."""
        registry, seed, minute = self._settings.registry, self._settings.seed, physics_minute(physics)
        names = Engine(registry, seed, minute).names
        kept = load_checkpoint(self._checkpoint_file, names, seed)
        if kept is None or not minute - LONGEST_CATCH_UP_MINUTES <= kept.minute <= minute:
            engine = Engine.settled(registry, seed, minute)
        else:
            engine = Engine(registry, seed, kept.minute, kept)
        engine.set_faults(ledger)
        engine.advance(minute)
        return engine

    def keep_commands(self, state: FleetState) -> None:
        """Write the commands."""
        try:
            save_state(self._state_file, state)
        except OSError as error:
            log.warning("simulator state %s cannot be written: %s", self._state_file, error)

    def keep_water(self, engine: Engine) -> None:
        """Write the state of the water."""
        try:
            save_checkpoint(self._checkpoint_file, engine.checkpoint, engine.names, self._settings.seed)
        except OSError as error:
            log.warning("physics checkpoint %s cannot be written: %s", self._checkpoint_file, error)

    def due(self, now: int) -> bool:
        """Whether a minute has passed since everything was written last."""
        if now < self._next_save:
            return False
        self._next_save = now + SAVE_EVERY_US
        return True


def _clock_at_start(known: FleetState, now: int) -> PhysicsClock:
    """The physics clock of a start.

    It shows wall time, so that day and night fit; only while a fault is at work in water that had run ahead does
    it go on from where it was.
    """
    faulty = any(fault.ended_at is None for fault in known.faults)
    physics = known.clock.physics + max(0, now - known.clock.wall) if faulty else now
    return PhysicsClock(wall=now, physics=physics, speed=known.clock.speed)
