"""The live fleet: physics that follows the clock, devices that sample and publish, commands and faults.

Everything runs in the one thread that is in `Fleet.run`; other threads hand in commands by `Fleet.call`.
"""

import logging
import queue
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import numpy as np

from registry.indicators import INDICATORS
from registry.model import Device
from simulators import disk
from simulators.clock import FASTEST_SPEED, SECOND_US, SLOWEST_SPEED, PhysicsClock, physics_minute
from simulators.connector import Connector
from simulators.device import Presence, SimulatedDevice
from simulators.dialects.cast import Cast
from simulators.disk import DiskGuard
from simulators.engine import INDICATOR_ROWS
from simulators.errors import NotAllowedError, UnknownError
from simulators.every_fault import SPECS, kind_of
from simulators.fault_kinds import FaultKind, PlantKind
from simulators.faults import HOUR_US, Fault
from simulators.keeper import Keeper
from simulators.ledger import Ledger
from simulators.link import Address
from simulators.outbox import Sample
from simulators.plant import plant_kind
from simulators.recorder import Recorder
from simulators.schedule import Schedule
from simulators.settings import SimulatorSettings
from simulators.state import FleetState
from simulators.waste.live import WasteLife, waste_devices

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_POLL_S: Final = 0.25
GOODBYE_S: Final = 3.0
CALL_TIMEOUT_S: Final = 4.0
NAP_US: Final = 30 * SECOND_US
"""A gap in the loop of more than this is a machine that slept; a faster physics does not make up for it."""
"""One sample a second at most, so seconds since a fixed day never fall behind the numbers of an earlier run."""


def wall_clock() -> int:
    """µs since the epoch."""
    return time.time_ns() // 1000


class Fleet:
    """Every simulated device of a registry, as one live system."""

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        now: Callable[[], int] = wall_clock,
        measure_disk: Callable[[], int] | None = None,
    ) -> None:
        self.settings = settings
        self._now = now
        self._keeper = Keeper(settings)
        started = now()
        known = self._keeper.state_at_start(started)
        self.clock = known.clock
        self.ledger = Ledger(known.faults)
        self.engine = self._keeper.engine_at_start(self.ledger, self.clock.at(started))
        of_waste = waste_devices(settings.registry) if settings.waste else ()
        self.registered: Sequence[Device] = (*self.engine.devices, *of_waste)
        """Every device that lives: those of the physics first, in its order."""
        self.stopped = known.stopped & {device.site for device in self.registered}
        self.guard = DiskGuard(settings.min_free_bytes, measure_disk or (lambda: disk.free_bytes(settings.data)))
        self._recorder = Recorder(settings.record, now) if settings.record else None
        self._casting = Cast(settings, 0, self._acknowledged)
        codes = [device.code for device in self.registered]
        self.devices: Sequence[SimulatedDevice] = self._casting.devices(codes)
        self._waste = self._waste_life(settings, started)
        self._fields = [self._fields_of(code) for code in self.engine.names]
        periods = np.array([device.period_s for device in self.engine.devices], dtype=np.int64)
        self.schedule = Schedule(periods, self.engine.phase)
        address = Address(settings.mqtt_host, settings.mqtt_port, settings.mqtt_tls)
        self._connector = Connector(address, self.devices, settings.seed)
        self._commands: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._ending = False
        self._last_now = started
        self._restart_schedule(started)
        self._apply_faults(started)

    # Life.

    def run(self) -> None:
        """Run until `end` is called, then leave the broker in order. Blocks."""
        log.info("%d simulated devices, seed %d, speed %g", len(self.devices), self.settings.seed, self.clock.speed)
        try:
            while not self._ending:
                self.turn()
        finally:
            self._leave()

    def end(self) -> None:
        """Ask `run` to end; may be called from another thread or a signal handler."""
        self._ending = True
        self._connector.wake()

    def call(self, command: Callable[[], T]) -> T:
        """Have a command executed in the fleet's thread, and its result. Raises `TimeoutError` when it is not."""
        future: Future[T] = Future()
        self._commands.put((command, future))
        self._connector.wake()
        return future.result(CALL_TIMEOUT_S)

    def turn(self) -> None:
        """One round of the loop: commands, faults, connections, samples, then wait for the network."""
        now = self._now()
        self._notice_gap(now)
        self._execute_commands()
        if self.ledger.end_due(now, self.clock):
            self._apply_faults(now)
            self._save_state(now)
        self.guard.check(now)
        self._connector.connect_some(now)
        self._sample_due(now)
        if self._waste and not self.guard.low:
            self._waste.turn(now, self.clock)
        self._connector.tick(now)
        if self._recorder:
            self._recorder.flush()
        if self._keeper.due(now):
            self._save_state(now)
            self._keeper.keep_water(self.engine)
            if self._waste:
                self._waste.keep()
        next_at = self.schedule.next_at
        wait = LONGEST_POLL_S if next_at is None else (next_at - self._now()) / SECOND_US
        self._connector.poll(min(max(wait, 0.0), LONGEST_POLL_S))

    # Commands; called in the fleet's thread.

    def start_sites(self, sites: Collection[str] | None) -> None:
        """Put sites (or all) into service. Raises `UnknownError`."""
        now = self._now()
        chosen = self._checked_sites(sites) & self.stopped
        self.stopped -= chosen
        for column, device in enumerate(self.engine.devices):
            if device.site in chosen:
                self.schedule.soon(column, now)
        self._apply_faults(now)
        self._save_state(now)

    def stop_sites(self, sites: Collection[str] | None) -> None:
        """Switch sites (or all) off; their devices leave the broker in order. Raises `UnknownError`."""
        now = self._now()
        self.stopped |= self._checked_sites(sites)
        self._apply_faults(now)
        self._save_state(now)

    def set_speed(self, speed: float) -> None:
        """Let the physics run `speed` times as fast as the wall clock. Raises `NotAllowedError`."""
        if not SLOWEST_SPEED <= speed <= FASTEST_SPEED:
            raise NotAllowedError(f"speed {speed:g}: must be between {SLOWEST_SPEED:g} and {FASTEST_SPEED:g}")
        now = self._now()
        self.clock = self.clock.with_speed(now, speed)
        self.schedule.set_speed(speed, now)
        log.info("speed is now %g; a device publishes its next reading at that pace", speed)
        self._save_state(now)

    def inject(
        self, site: str, sampling_point: str, kind: str, minutes: float | None, size: float | None = None
    ) -> Fault:
        """Put a fault into what a device watches, for `minutes` of the physics.

        Raises `UnknownError`, `NotAllowedError`.

        `sampling_point` may be the device's code as well, where several are at one.

        `size` is in the unit of the kind; without it the fault has its usual size, or is a whole failure.
        """
        if kind not in {each.value for each in SPECS}:
            raise NotAllowedError(f"fault {kind!r}: must be one of {', '.join(SPECS)}")
        wanted = kind_of(kind)
        device = self._device_at(site, sampling_point, SPECS[wanted].plants)
        watches = plant_kind(self.settings.registry, self.settings.registry.devices[device])
        if watches not in SPECS[wanted].plants:
            can = ", ".join(each for each, spec in SPECS.items() if watches in spec.plants)
            raise NotAllowedError(f"fault {kind!r}: device {device} watches a {watches}, which can have {can}")
        now = self._now()
        source = self._source_of_copies(device) if wanted is FaultKind.COPIED_SERIES else None
        fault = self.ledger.begin(device, wanted, minutes, now, self.clock, size=size, source=source)
        log.info("fault %s begins at site %s, sampling point %s", kind, site, sampling_point)
        self._apply_faults(now)
        self._save_state(now)
        return fault

    def end_fault(self, fault_id: str) -> Fault:
        """End a fault. Raises `UnknownError`."""
        now = self._now()
        fault = self.ledger.end(fault_id, now, self.clock)
        self._apply_faults(now)
        self._save_state(now)
        return fault

    @property
    def paused_reason(self) -> str | None:
        """Why nothing is published: disk, operator, or None."""
        if self.guard.low:
            return "disk"
        sites = {device.site for device in self.registered}
        return "operator" if sites and sites <= self.stopped else None

    def truth(self, column: int) -> Mapping[str, float]:
        """What is really so where a device of `registered` is, by indicator; nothing where it measures nothing."""
        return self.engine.truth(column) if column < len(self.engine.devices) else {}

    @property
    def physics_now(self) -> int:
        """The instant of the physics, µs since the epoch."""
        return self.clock.at(self._now())

    # Inside.

    def _sample_due(self, now: int) -> None:
        for instant, column in self.schedule.due(now):
            device = self.devices[column]
            if self.guard.low or not device.presence.samples:
                continue
            physics = self.clock.at(instant)
            self.engine.advance(physics_minute(physics))
            device.sample((instant + self._clock_error(device.code, physics)) // 1000, self._values(column))

    def _clock_error(self, device: str, physics: int) -> int:
        """How far ahead of the time a device's clock is, µs."""
        wrong = [each for each in self.ledger.of(device) if each.kind is FaultKind.CLOCK_8H and each.at_work(physics)]
        return round(sum(each.strength for each in wrong) * HOUR_US)

    def _source_of_copies(self, device: str) -> str:
        """Whose readings a device copies: the next pool's at another site. Raises `NotAllowedError` without one."""
        pools = self.engine.devices[: self.engine.pools]
        place = self.engine.columns[device]
        after = [each for each in (*pools[place + 1 :], *pools[:place]) if each.site != pools[place].site]
        if not after:
            raise NotAllowedError(f"fault 'copied_series': no other simulated site whose readings {device} could copy")
        return after[0].code

    def _values(self, column: int) -> dict[str, float]:
        readings = self.engine.readings
        found: dict[str, float] = {}
        for indicator, row, precision in self._fields[column]:
            value = float(readings[row, column])
            found[indicator] = round(value, precision) if precision else int(value)
        return found

    def _apply_faults(self, now: int) -> None:
        """Hand the faults to the physics, and to each device what becomes of it."""
        self.engine.set_faults(self.ledger)
        if self._waste:
            self._waste.set_faults(self.ledger, self.clock.at(now))
        at_work = {(each.device, each.kind) for each in self.ledger.active if each.at_work(self.clock.at(now))}
        for column, device in enumerate(self.devices):
            presence = Presence.ONLINE
            if self.registered[column].site in self.stopped:
                presence = Presence.STOPPED
            elif (device.code, FaultKind.POWER_CUT) in at_work:
                presence = Presence.POWERLESS
            elif (device.code, FaultKind.DROPOUT) in at_work:
                presence = Presence.CUT_OFF
            leaving = device.set_presence(presence)
            if leaving is not None:
                self._connector.leave(leaving)

    def _execute_commands(self) -> None:
        while True:
            try:
                command, future = self._commands.get_nowait()
            except queue.Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(command())
            except Exception as error:
                future.set_exception(error)

    def _notice_gap(self, now: int) -> None:
        gap = now - self._last_now
        if not 0 <= gap <= NAP_US:
            log.warning("the clock jumped by %.0f s: going on from here", gap / SECOND_US)
            if self.clock.speed > 1 or gap < 0:
                self.clock = PhysicsClock(wall=now, physics=self.clock.at(self._last_now), speed=self.clock.speed)
            self._restart_schedule(now)
        self._last_now = now

    def _restart_schedule(self, now: int) -> None:
        self.schedule.set_speed(self.clock.speed, now)
        for column in range(len(self.engine.devices)):
            self.schedule.soon(column, now)

    def _leave(self) -> None:
        """Say goodbye to the broker, keep the state, fail the commands that came too late."""
        while not self._commands.empty():
            self._commands.get_nowait()[1].cancel()
        for device in self.devices:
            leaving = device.set_presence(Presence.STOPPED)
            if leaving is not None:
                self._connector.leave(leaving)
        deadline = time.monotonic() + GOODBYE_S
        while self._connector.leaving and time.monotonic() < deadline:
            self._connector.poll(0.05)
        self._connector.close()
        self._casting.close()
        self._save_state(self._now())
        self._keeper.keep_water(self.engine)
        if self._waste:
            self._waste.keep()
        if self._recorder:
            self._recorder.close()
        log.info("all simulated devices have left the broker")

    def _acknowledged(self, device: str, samples: tuple[Sample, ...]) -> None:
        if self._recorder and device in self.engine.columns:  # the file is of readings
            self._recorder.note(device, samples)

    def _save_state(self, now: int) -> None:
        clock = self.clock.with_speed(now, self.clock.speed)
        self._keeper.keep_commands(FleetState(clock, set(self.stopped), tuple(self.ledger)))

    def _fields_of(self, code: str) -> list[tuple[str, int, int]]:
        names = [channel.indicator for channel in self.settings.registry.channels_of_device[code]]
        return [(name, INDICATOR_ROWS[name], INDICATORS[name].precision) for name in names]

    def _checked_sites(self, sites: Collection[str] | None) -> set[str]:
        known = {device.site for device in self.registered}
        if sites is None:
            return known
        for site in sites:
            if site not in known:
                raise UnknownError(f"site {site!r} is not a simulated site; known are {', '.join(sorted(known))}")
        return set(sites)

    def _device_at(self, site: str, sampling_point: str, plants: Collection[PlantKind]) -> str:
        """The device at a sampling point, or of this code: of several one that watches one of `plants`."""
        self._checked_sites([site])
        own = [device for device in self.registered if device.site == site]
        found = [each for each in own if sampling_point in (each.sampling_point, each.code)]
        if not found:
            known = ", ".join(dict.fromkeys(each.sampling_point for each in own))
            raise UnknownError(f"sampling point {sampling_point!r} of site {site!r} does not exist; known are {known}")
        able = [each for each in found if plant_kind(self.settings.registry, each) in plants]
        return (able or found)[0].code

    def _waste_life(self, settings: SimulatorSettings, now: int) -> WasteLife | None:
        if settings.waste is None:
            return None
        first = len(self.engine.devices)
        devices = {device.code: device for device in self.devices[first:]}
        return WasteLife(settings.waste, settings.registry, devices, settings.folder, self.clock.at(now))
