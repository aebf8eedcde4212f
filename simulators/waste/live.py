"""A small city of medical waste that lives on beside the pools: its devices say what happens when it happens.

The city runs by the fleet's physics, but never backwards: where the physics was set back (a start after a time at a
greater speed), the city goes on from where it was. What happened while nobody ran is said at the start, late, as by
hand-helds that had no network.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from registry.model import Device, Registry
from simulators.clock import PhysicsClock, publish_interval
from simulators.device import SimulatedDevice
from simulators.fault_kinds import PlantKind
from simulators.faults import Fault
from simulators.plant import plant_kind
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.model import DAY_US, City
from simulators.waste.registering import tracker_of
from simulators.waste.script import Order, Script
from simulators.waste.speech import device_of, message_of

log = logging.getLogger(__name__)

PAST_US: Final = 2 * DAY_US
"""At the very first start so much has happened already."""
LONGEST_AWAY_US: Final = 5 * DAY_US
STATE_NAME: Final = "waste.json"


class WasteLife:
    """The devices of institutions, disposers and vehicles, and what they say.

    Parameters
    ----------
    devices : those of `registry` that speak of waste, each with its simulated device
    folder : where the city's place in time is kept

    """

    def __init__(
        self, city: City, registry: Registry, devices: Mapping[str, SimulatedDevice], folder: Path, physics: int
    ) -> None:
        self.city = city
        self._devices = devices
        self._file = folder / STATE_NAME
        self._place = _places(city, registry, devices)
        self._trackers = [
            (number, devices[code])
            for number in range(len(city.vehicle_codes))
            if (code := tracker_of(city, number)) in devices
        ]
        self._next_fix = 0
        self._rng = np.random.default_rng([city.seed, 93])
        known = _load(self._file)
        self._shift = int(known.get("shift", 0))
        self._told = int(known.get("told", physics - PAST_US))
        self._born = int(known.get("born", self._told))
        self._began: dict[str, int] = {key: int(value) for key, value in known.get("began", {}).items()}
        at = physics + self._shift
        if at < self._told:
            self._shift, at = self._shift + self._told - at, self._told
        self._told = max(self._told, at - LONGEST_AWAY_US)
        self._orders: tuple[Order, ...] = ()
        self._script: Script | None = None
        self._script_day = -1

    def set_faults(self, faults: Iterable[Fault], physics: int) -> None:
        """Replace the faults; each happens from its `starts` to its `ends`."""
        own = [each for each in faults if isinstance(each.kind, WasteFault) and each.device in self._place]
        self._began = {each.id: self._began.get(each.id, each.starts + self._shift) for each in own}
        orders = tuple(self._order(each) for each in own if self._recent(each, physics))
        if orders != self._orders:
            self._orders, self._script = orders, None

    def turn(self, now: int, clock: PhysicsClock) -> None:
        """Say what has happened until an instant of the wall clock, µs."""
        at = clock.at(now) + self._shift
        script = self._script_at(at)
        for row in script.said(self._told, at):
            device = self._devices.get(device_of(self.city, row))
            if device is None or not device.presence.samples:
                continue
            wall = clock.wall_at(int(row["said"]) - self._shift)
            # What a device's clock is wrong by is wrong by any clock.
            device.sample((wall + int(row["ts"]) - int(row["said"])) // 1_000, message_of(self.city, row))
        self._told = max(self._told, at)
        if now >= self._next_fix:
            self._locate(script, now, at, clock.speed)

    def keep(self) -> None:
        """Write where the city is. A disk that cannot be written is reported and survived."""
        content = {"shift": self._shift, "told": self._told, "born": self._born, "began": self._began}
        try:
            whole = self._file.with_suffix(".new")
            whole.write_text(json.dumps(content), encoding="utf-8")
            whole.replace(self._file)
        except OSError as error:
            log.warning("state of the simulated city %s cannot be written: %s", self._file, error)

    def _locate(self, script: Script, now: int, at: int, speed: float) -> None:
        every = publish_interval(30, speed)
        self._next_fix = (now // every + 1) * every
        for vehicle, device in self._trackers:
            fix = script.fix(vehicle, at, self._rng)
            if fix is not None and device.presence.samples:
                said = {
                    "lat": round(fix.lat, 6),
                    "lon": round(fix.lon, 6),
                    "speed_kmh": fix.speed_kmh,
                    "heading": round(fix.heading, 1),
                }
                device.sample(now // 1_000, said)

    def _script_at(self, at: int) -> Script:
        day = at // DAY_US
        if self._script is None or day != self._script_day:
            self._script, self._script_day = Script(self.city, self._born, at, self._orders), day
        return self._script

    def _order(self, fault: Fault) -> Order:
        began = self._began[fault.id]
        ends = None if fault.ends is None else began + fault.ends - fault.starts
        size = fault.strength
        kind = WasteFault(fault.kind)
        return Order(fault.id, kind, self._place[fault.device], size if np.isfinite(size) else 0.0, began, ends)

    def _recent(self, fault: Fault, physics: int) -> bool:
        """Whether what a fault has done is not over and done with yet."""
        return fault.ends is None or fault.ends + 10 * DAY_US > physics


def waste_devices(registry: Registry) -> tuple[Device, ...]:
    """The devices of simulated sites that speak of waste: scales, hand-helds, weighbridges, trackers."""
    speaking = {PlantKind.INSTITUTION, PlantKind.WEIGHBRIDGE, PlantKind.VEHICLE}
    return tuple(
        device
        for device in registry.devices.values()
        if registry.sites[device.site].simulated and plant_kind(registry, device) in speaking
    )


def _places(city: City, registry: Registry, devices: Iterable[str]) -> dict[str, int]:
    """The number of the institution or vehicle that each device belongs to."""
    institutions = {code: number for number, code in enumerate(city.codes)}
    vehicles = {tracker_of(city, number): number for number in range(len(city.vehicle_codes))}
    found = {code: vehicles[code] for code in devices if code in vehicles}
    for code in devices:
        if (site := registry.devices[code].site) in institutions:
            found[code] = institutions[site]
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        log.warning("state of the simulated city %s is damaged (%s): it begins afresh", path, error)
        return {}
    return known
