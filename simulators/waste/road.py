"""Faults of vehicles: halts where nothing is to be fetched, and detours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.noise import Floats
from simulators.waste.chain import LOCAL_US
from simulators.waste.fault_kinds import SPECS, WasteFault
from simulators.waste.model import DAY_US, MINUTE_US, City, Events
from simulators.waste.routes import METRES_A_DEGREE, Halt, Tour, astray, fixes, off_line

FAR_M: Final = 330.0
"""A detour is so far from every line of the vehicle, and a halt so far from every place where it may stop."""
LEAST_FIXES: Final = 5
_TRIES: Final = 2_000


class CrowdedError(ValueError):
    """So many faults do not fit into so few institutions, vehicles or days."""


@dataclass(frozen=True, slots=True)
class Detour:
    """So many fixes from one on that are up to so many metres off the line, on one side or the other."""

    begin: int
    count: int
    metres: float
    sign: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A fault on the road: kind, vehicle, size, and when (µs since the epoch)."""

    kind: WasteFault
    vehicle: int
    size: float
    begins: int
    ends: int


def tracked(city: City, day: int, tour: Tour, detour: Detour | None = None) -> Events:
    """What a vehicle's tracker reports on a day (since the epoch, local): rows of `FIX`."""
    rng = np.random.default_rng([city.seed, 92, day, tour.route.vehicle])
    rows = fixes(tour, day * DAY_US - LOCAL_US, rng)
    return rows if detour is None else astray(rows, detour.begin, detour.count, detour.metres, detour.sign)


class Road:
    """Draws the faults of a month's tours: halts before they are driven, detours after. At most one a tour."""

    def __init__(self, city: City, first: int, days: tuple[int, int], rng: np.random.Generator) -> None:
        self._city, self._first, self._days, self._rng = city, first, days, rng
        places = np.stack(
            [np.concatenate([city.lon, city.receiver_lon]), np.concatenate([city.lat, city.receiver_lat])], axis=1
        )
        self._places = places * METRES_A_DEGREE
        self._halts: dict[int, dict[int, Halt]] = {}
        self._taken: set[tuple[int, int]] = set()
        self.detours: dict[tuple[int, int], Detour] = {}

    def halts_of(self, day: int) -> Mapping[int, Halt]:
        """The halts of a day by vehicle."""
        return self._halts.get(day, {})

    def halt(self, position: float) -> None:
        """Draw a halt; `position` (0–1) says where in the range its size lies. Raises `CrowdedError`."""
        for _ in range(_TRIES):
            day, vehicle = self._free()
            route = self._city.routes[2 * vehicle + day % 2]
            metres = float(self._rng.uniform(0.05, 0.95) * route.along[-1])
            point = np.array([np.interp(metres, route.along, route.lon), np.interp(metres, route.along, route.lat)])
            if len(route.stops) and self._far_from_places(point):
                self._taken.add((day, vehicle))
                self._halts.setdefault(day, {})[vehicle] = Halt(metres, _size(WasteFault.UNPLANNED_STOP, position))
                return
        raise CrowdedError("no tour is left on which a vehicle could halt: take more institutions or fewer faults")

    def halted(self, tours: Mapping[int, Sequence[Tour]]) -> list[Trip]:
        """When the halts were, once the tours have been driven."""
        found = []
        for day, halts in self._halts.items():
            for vehicle, halt in halts.items():
                tour = tours[day][vehicle]
                begin = day * DAY_US - LOCAL_US + round(_reached(tour, halt.metres) * MINUTE_US)
                end = begin + round(halt.minutes * MINUTE_US)
                found.append(Trip(WasteFault.UNPLANNED_STOP, vehicle, halt.minutes, begin, end))
        return found

    def detour(self, position: float, tours: Mapping[int, Sequence[Tour]]) -> Trip:
        """Draw a detour of a tour that has been driven. Raises `CrowdedError`."""
        metres = _size(WasteFault.DETOUR, position)
        for _ in range(_TRIES):
            day, vehicle = self._free()
            rows = tracked(self._city, day, tours[day][vehicle])
            if len(rows) < 60:
                continue
            count = int(self._rng.integers(10, 24))
            detour = Detour(int(self._rng.integers(25, len(rows) - count - 25)), count, metres, self._side())
            part = slice(detour.begin, detour.begin + count)
            if (rows["speed_kmh"][part] < 10.0).any():
                continue
            moved = tracked(self._city, day, tours[day][vehicle], detour)[part]
            if self._far_from_lines(np.stack([moved["lon"], moved["lat"]], axis=1), vehicle):
                self._taken.add((day, vehicle))
                self.detours[day, vehicle] = detour
                return Trip(WasteFault.DETOUR, vehicle, metres, int(moved["ts"][0]), int(moved["ts"][-1]))
        raise CrowdedError("no tour is left on which a vehicle could stray: take more institutions or fewer faults")

    def _free(self) -> tuple[int, int]:
        while True:
            day = self._first + int(self._rng.integers(*self._days))
            vehicle = int(self._rng.integers(len(self._city.vehicle_codes)))
            if (day, vehicle) not in self._taken:
                return day, vehicle
            if len(self._taken) >= (self._days[1] - self._days[0]) * len(self._city.vehicle_codes):
                raise CrowdedError("every tour has a fault already: take more institutions or fewer faults")

    def _side(self) -> int:
        return 1 if self._rng.random() < 0.5 else -1

    def _far_from_places(self, point: Floats) -> bool:
        return bool(np.hypot(*(self._places - point * METRES_A_DEGREE).T).min() > FAR_M)

    def _far_from_lines(self, points: Floats, vehicle: int) -> bool:
        """Whether several fixes in a row are far from every line that the vehicle may drive, and from every place."""
        off = np.minimum(*(off_line(points, self._city.routes[2 * vehicle + parity]) for parity in (0, 1)))
        far = (off > FAR_M) & np.array([self._far_from_places(point) for point in points])
        return bool(np.convolve(far, np.ones(LEAST_FIXES), "valid").max() >= LEAST_FIXES)


def _reached(tour: Tour, metres: float) -> float:
    """The minute at which a tour first comes to a point of its line."""
    return float(tour.minutes[int(np.searchsorted(tour.metres, metres))])


def _size(kind: WasteFault, position: float) -> float:
    spec = SPECS[kind]
    return float(spec.smallest * (spec.largest / spec.smallest) ** position)
