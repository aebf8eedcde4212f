"""Vehicles' tours: their order of stops, their line along streets, their timetable, and the fixes of a tracker."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.noise import Floats
from simulators.waste.model import FIX, MINUTE_US, Events, Ints, Route

METRES_A_DEGREE: Final = np.array([111_320.0 * np.cos(np.radians(32.1)), 110_900.0])
"""Metres of a degree of longitude and of latitude, at the city."""
SPEED_M_MIN: Final = 640.0  # 38 km/h, lights included
SERVICE_MIN: Final = 4.0
SERVICE_PER_BED_MIN: Final = 0.012
LATE_SIGMA_MIN: Final = 5.0
LATE_MOST_MIN: Final = 15.0
FIX_EVERY_US: Final = 30 * 1_000_000
GPS_SIGMA_M: Final = 6.0
AT_PLANT_MIN: Final = 10.0
"""How long a tracker reports before and after the tour, minutes."""


def planned(
    lon: Floats, lat: Floats, beds: Ints, every: Ints, parity: Ints, vehicle: Ints, plants: Floats, departures: Floats
) -> tuple[Route, ...]:
    """The routes of vehicle v on days of parity p, as number 2 v + p.

    `plants` has shape (vehicles, 2): where each vehicle begins and ends, degrees; `departures` are minutes of the
    local day.
    """
    places = np.stack([lon, lat], axis=1)
    routes = []
    for number, (plant, departure) in enumerate(zip(plants, departures.tolist(), strict=True)):
        own = np.flatnonzero(vehicle == number)
        for day in (0, 1):
            stops = _nearest_next(places, plant, own[(every[own] == 1) | (parity[own] == day)])
            routes.append(_route(number, places, plant, stops, beds, departure))
    return tuple(routes)


def _nearest_next(places: Floats, begin: Floats, wanted: Ints) -> Ints:
    """An order of the stops: always to the nearest that is left."""
    left = list(wanted.tolist())
    at, order = begin, []
    while left:
        distances = np.abs((places[left] - at) * METRES_A_DEGREE).sum(axis=1)
        order.append(left.pop(int(np.argmin(distances))))
        at = places[order[-1]]
    return np.array(order, dtype=np.int64)


def _route(vehicle: int, places: Floats, plant: Floats, stops: Ints, beds: Ints, departure: float) -> Route:
    corners = [plant]
    at_vertex = []
    for stop in stops:
        # Streets run along the compass: first east or west, then north or south.
        corners += [np.array([places[stop][0], corners[-1][1]]), places[stop]]
        at_vertex.append(len(corners) - 1)
    corners += [np.array([plant[0], corners[-1][1]]), plant]
    line = np.array(corners)
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(line, axis=0) * METRES_A_DEGREE).sum(axis=1))])
    stop_along = along[at_vertex]
    service: Floats = SERVICE_MIN + SERVICE_PER_BED_MIN * beds[stops].astype(np.float64)
    arrival = departure + stop_along / SPEED_M_MIN + np.cumsum(service) - service
    back = departure + along[-1] / SPEED_M_MIN + service.sum()
    return Route(vehicle, line[:, 0], line[:, 1], along, stops, stop_along, arrival, service, departure, float(back))


@dataclass(frozen=True, slots=True)
class Tour:
    """A route as it was driven on a day: `minutes` and `metres` are the knots of its progress, equal in length.

    `arrival` is at the stops, minutes of the local day; `back` at the disposer.
    """

    route: Route
    minutes: Floats
    metres: Floats
    arrival: Floats
    back: float


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop that is on no plan: so far along the line, for so long."""

    metres: float
    minutes: float


def driven(route: Route, rng: np.random.Generator, halt: Halt | None = None) -> Tour:
    """The route with a day's delays: late as a whole by some minutes, and a little at each leg.

    After a halt that was not planned everything is as much later.
    """
    late = float(np.clip(rng.normal(0.0, LATE_SIGMA_MIN), -LATE_MOST_MIN, LATE_MOST_MIN))
    # What is lost on a leg is made up on the next ones.
    wobble = np.clip(rng.normal(0.0, 1.0, len(route.stops)), -2.0, 2.0)
    arrival = np.maximum.accumulate(route.arrival + late + wobble)
    leave = arrival + route.service - 1.0
    arrival = np.maximum(arrival, np.concatenate([[0.0], leave[:-1] + 0.1])) if len(arrival) else arrival
    leave = arrival + route.service - 1.0
    back = max(route.back + late, float(leave[-1]) + 1.0) if len(leave) else route.back + late
    minutes = np.concatenate([[route.departure + late - 1.0], np.stack([arrival, leave], axis=1).ravel(), [back]])
    metres = np.concatenate([[0.0], np.repeat(route.stop_along, 2), [route.along[-1]]])
    if halt is not None:
        at = float(np.interp(halt.metres, metres, minutes))
        after = int(np.searchsorted(metres, halt.metres))
        minutes = np.concatenate([minutes[:after], [at, at + halt.minutes], minutes[after:] + halt.minutes])
        metres = np.insert(metres, after, [halt.metres, halt.metres])
        arrival = arrival + halt.minutes * (route.stop_along > halt.metres)
        back += halt.minutes
    return Tour(route, minutes, metres, arrival, back)


def fixes(tour: Tour, midnight_us: int, rng: np.random.Generator) -> Events:
    """What the vehicle's tracker reports of a tour: rows of `FIX`, every 30 s, a few metres off."""
    first = midnight_us + round((tour.minutes[0] - AT_PLANT_MIN) * MINUTE_US)
    last = midnight_us + round((tour.back + AT_PLANT_MIN) * MINUTE_US)
    ts = np.arange(first // FIX_EVERY_US + 1, last // FIX_EVERY_US + 1, dtype=np.int64) * FIX_EVERY_US
    minute = (ts - midnight_us) / MINUTE_US
    found = np.zeros(len(ts), dtype=FIX)
    metres = np.interp(minute, tour.minutes, tour.metres)
    noise = np.clip(rng.normal(0.0, GPS_SIGMA_M, (2, len(ts))), -3 * GPS_SIGMA_M, 3 * GPS_SIGMA_M)
    found["ts"] = ts
    found["lon"] = np.interp(metres, tour.route.along, tour.route.lon) + noise[0] / METRES_A_DEGREE[0]
    found["lat"] = np.interp(metres, tour.route.along, tour.route.lat) + noise[1] / METRES_A_DEGREE[1]
    found["speed_kmh"] = np.round(np.diff(metres, append=metres[-1:]) * (3.6e6 / FIX_EVERY_US), 1)
    found["vehicle"] = tour.route.vehicle
    return found


def off_line(points: Floats, route: Route) -> Floats:
    """How far each point (shape (n, 2), degrees) is from a route's line, m."""
    line = np.stack([route.lon, route.lat], axis=1) * METRES_A_DEGREE
    begin, way = line[:-1], np.diff(line, axis=0)
    length2 = np.maximum((way**2).sum(axis=1), 1e-9)
    from_begin = (points * METRES_A_DEGREE)[:, None, :] - begin
    part = np.clip((from_begin * way).sum(axis=2) / length2, 0.0, 1.0)
    off: Floats = np.sqrt(((from_begin - part[:, :, None] * way) ** 2).sum(axis=2)).min(axis=1)
    return off


def astray(rows: Events, begin: int, count: int, metres: float, sign: int) -> Events:
    """The fixes with so many from `begin` on taken off the line, out and back again, at most by so many metres."""
    moved = rows.copy()
    part = slice(begin, begin + count)
    ends = np.array([[rows[name][at] for name in ("lon", "lat")] for at in (begin, begin + count)])
    ahead = (ends[1] - ends[0]) * METRES_A_DEGREE
    across = np.array([-ahead[1], ahead[0]]) / max(float(np.hypot(*ahead)), 1.0) * sign
    out = metres * np.sin(np.linspace(0.0, np.pi, count + 2)[1:-1])
    moved["lon"][part] += out * across[0] / METRES_A_DEGREE[0]
    moved["lat"][part] += out * across[1] / METRES_A_DEGREE[1]
    return moved
