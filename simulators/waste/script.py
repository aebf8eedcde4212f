"""What is going to happen in a small city that lives on: events and tours of some days, with the faults put into it.

Everything is computed anew from the city, the days and the faults, so that a fleet that was away takes up where it
was: the same faults meet the same bags.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from simulators.noise import Floats
from simulators.waste.chain import LOCAL_US, day_of
from simulators.waste.fault_kinds import SPECS, Scope, WasteFault
from simulators.waste.model import DAY_US, EVENT, MINUTE_US, City, Events, Ints
from simulators.waste.planting import NoVictimError, Wish, plant
from simulators.waste.routes import METRES_A_DEGREE, Halt, Tour

BEFORE_DAYS: Final = 4
AHEAD_DAYS: Final = 4
"""A bag that is collected today is treated by then, whatever happens to it."""
OPEN_ENDED_DAYS: Final = 30
DETOUR_US: Final = 30 * MINUTE_US
UNDER_WAY_MIN: Final = 15.0
CLEAR_M: Final = 900.0
"""A halt is in the middle of a leg of at least this length, away from every stop."""


@dataclass(frozen=True, slots=True)
class Order:
    """A fault of an institution or vehicle (its number), from one instant to another; `size` in its kind's unit."""

    id: str
    kind: WasteFault
    place: int
    size: float
    starts: int
    ends: int | None


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a vehicle is, WGS-84 degrees, its speed in km/h and its course in degrees from north."""

    lon: float
    lat: float
    speed_kmh: float
    heading: float


class Script:
    """The days around an instant.

    Parameters
    ----------
    born : bags that were collected before this instant (µs) do not exist

    """

    def __init__(self, city: City, born: int, at: int, orders: Sequence[Order] = ()) -> None:
        self.city = city
        self._detours = [each for each in orders if each.kind is WasteFault.DETOUR]
        oldest = min([at, *(each.starts for each in orders)])
        first, last = _day(oldest) - BEFORE_DAYS, _day(at) + AHEAD_DAYS
        self._days = range(first, last + 1)
        halts = self._halts([each for each in orders if each.kind is WasteFault.UNPLANNED_STOP])
        lived = {day: day_of(city, day, halts.get(day, {})) for day in self._days}
        self._tours = {day: each.tours for day, each in lived.items()}
        events = _since(np.concatenate([each.events for each in lived.values()]), born)
        for order in sorted(orders, key=lambda each: (each.starts, each.id)):
            if SPECS[order.kind].scope is not Scope.VEHICLE:
                events = _planted(events, order)
        self.events: Events = events[np.argsort(events["said"], kind="stable")]
        """In the order they are said; see `model.EVENT`."""

    def said(self, after: int, until: int) -> Events:
        """The events that are said after one instant and until another."""
        begin, end = np.searchsorted(self.events["said"], [after, until], side="right")
        return self.events[begin:end]

    def fix(self, vehicle: int, at: int, rng: np.random.Generator) -> Fix | None:
        """Where a vehicle's tracker says it is; None while it is switched off, outside its tours."""
        tour = self._tours.get(_day(at), {}).get(vehicle)
        minute = _minute(at)
        if tour is None or not tour.route.departure - 10 <= minute <= tour.back + 10:
            return None
        metres = np.interp([minute, minute + 0.25], tour.minutes, tour.metres)
        points = np.stack(
            [np.interp(metres, tour.route.along, each) for each in (tour.route.lon, tour.route.lat)], axis=1
        )
        ahead = (points[1] - points[0]) * METRES_A_DEGREE
        noise = np.clip(rng.normal(0.0, 6.0, 2), -18.0, 18.0)
        place = points[0] + (noise + self._astray(vehicle, at, ahead)) / METRES_A_DEGREE
        kmh = float(metres[1] - metres[0]) / 0.25 * 0.06
        return Fix(float(place[0]), float(place[1]), round(kmh, 1), float(np.degrees(np.arctan2(*ahead))) % 360)

    def _astray(self, vehicle: int, at: int, ahead: Floats) -> Floats:
        """How far a detour takes a vehicle off its line, m to the east and north."""
        for order in self._detours:
            if order.place != vehicle:
                continue
            begins = self._under_way(vehicle, order.starts)
            if begins <= at < begins + DETOUR_US and (order.ends is None or at < order.ends):
                # Out within the first fifth, back within the last.
                part = np.interp((at - begins) / DETOUR_US, [0.0, 0.2, 0.8, 1.0], [0.0, 1.0, 1.0, 0.0])
                across = np.array([-ahead[1], ahead[0]]) / max(float(np.hypot(*ahead)), 1e-9)
                return np.asarray(order.size * part * across)
        return np.zeros(2)

    def _under_way(self, vehicle: int, starts: int) -> int:
        """The first instant from `starts` on at which a vehicle is well on a tour."""
        for day in (_day(starts), _day(starts) + 1):
            route = self.city.routes[2 * vehicle + day % 2]
            begin = max(_minute(starts) if day == _day(starts) else 0.0, route.departure + UNDER_WAY_MIN)
            if begin < route.back - UNDER_WAY_MIN:
                return day * DAY_US - LOCAL_US + round(begin * MINUTE_US)
        return starts

    def _halts(self, orders: Sequence[Order]) -> Mapping[int, Mapping[int, Halt]]:
        """The halts of each day by vehicle."""
        found: dict[int, dict[int, Halt]] = {}
        for order in orders:
            begins = self._under_way(order.place, order.starts)
            day = _day(begins)
            tour = _driven_alone(self.city, day, order.place)
            metres = float(np.interp(_minute(begins), tour.minutes, tour.metres))
            stops = np.unique(np.concatenate([[0.0], tour.route.stop_along, tour.route.along[-1:]]))
            legs = [
                (begin + end) / 2
                for begin, end in pairwise(stops.tolist())
                if end - begin > CLEAR_M and (begin + end) / 2 > metres
            ]
            if legs:
                found.setdefault(day, {})[order.place] = Halt(legs[0], order.size)
        return found


def _driven_alone(city: City, day: int, vehicle: int) -> Tour:
    return day_of(city, day).tours[vehicle]


def _since(events: Events, born: int) -> Events:
    """Without the loads of which something was collected before `born`."""
    days = np.where(events["manifest"] >= 0, events["manifest"], events["unit"] >> 20) & 0xFFFFF
    group: Ints = events["institution"].astype(np.int64) << 20 | days
    return events[~np.isin(group, group[events["said"] < born])]


def _planted(events: Events, order: Order) -> Events:
    """The events with a fault in them, or as they were where nothing has happened that it could happen to."""
    ends = order.ends if order.ends is not None else order.starts + OPEN_ENDED_DAYS * DAY_US
    first = _day(order.starts) + 1
    days = max(1, _day(ends) - first + 1)
    own = events["institution"] == order.place
    try:
        planted = plant(events[own], Wish(order.kind, order.starts, order.size, first, days, ends)).events
    except NoVictimError:
        return events
    return np.concatenate([events[~own], planted.astype(EVENT)])


def _day(at: int) -> int:
    """The local day of an instant, since the epoch."""
    return (at + LOCAL_US) // DAY_US


def _minute(at: int) -> float:
    """The minute of the local day of an instant."""
    return (at + LOCAL_US) % DAY_US / MINUTE_US
