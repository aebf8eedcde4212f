"""Vehicles on their way: leaving the planned route, and standing where nothing is planned. At least three fixes speak.

A vehicle deviates when `route_fixes` fixes in a row lie outside every corridor of its routes and outside every fence,
and is back after as many within. It stands when for `stop_min` and at least three fixes it stays within `stop_m` of
where it came to rest, outside every fence, slower than `stop_kmh`. Fixes not newer than the vehicle's last are left.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import FIX, NEVER, Verdicts, empty_verdicts
from monitor.waste.geometry import Corridors, apart
from monitor.waste.keys import Ints
from monitor.waste.rules import Rule, Tolerances
from monitor.waste.world import World

if TYPE_CHECKING:
    from monitor.waste.state import State

_LEAST_FIXES: Final = 3
MINUTE_US: Final = 60_000_000


@dataclass(slots=True)
class Journey:
    """What is known of a vehicle: its fixes outside (or, while it deviates, inside) in a row, and where it rests."""

    last: int = -NEVER
    run: int = 0
    run_since: int = NEVER
    off_route: bool = False
    furthest: float = 0.0
    rest_since: int = NEVER
    rest_fixes: int = 0
    rest_lon: float = 0.0
    rest_lat: float = 0.0
    stopped: bool = False


@dataclass
class Vehicles:
    """Every vehicle that was heard, by its code's number; and the corridors of a world, made once."""

    journeys: dict[int, Journey] = field(default_factory=dict)
    _ways: "_Ways | None" = None

    def ways(self, world: World) -> "_Ways":
        """Corridors of routes and fences."""
        if self._ways is None or self._ways.world is not world:
            self._ways = _Ways(world)
        return self._ways


class _Ways:
    def __init__(self, world: World) -> None:
        self.world = world
        self.routes = Corridors([np.array(each.line) for each in world.routes], [r.tolerance_m for r in world.routes])
        self.fences = Corridors([np.array(each.line) for each in world.fences], [f.radius_m for f in world.fences])

    def of(self, vehicle: str) -> Ints:
        """The routes that a vehicle may drive."""
        may = [n for n, each in enumerate(self.world.routes) if not each.vehicles or vehicle in each.vehicles]
        return np.array(may, dtype=np.int64)


def locate(state: "State", fixes: NDArray[Any]) -> None:
    """Take positions in (dtype `FIX`, shape (n,)); `sweep` tells what they come to."""
    if fixes.dtype != FIX:
        raise TypeError(f"positions are of dtype {fixes.dtype}, must be monitor.waste.FIX")
    if not fixes.size:
        return
    ways = state.vehicles.ways(state.world)
    points = np.stack([fixes["lon"], fixes["lat"]], axis=1)
    fenced = np.zeros(fixes.size, dtype=np.bool_)
    fenced[ways.fences.within(points)[0]] = True
    index, route = ways.routes.within(points)
    found: list[tuple[Any, ...]] = []
    for vehicle in np.unique(fixes["vehicle"]).tolist():
        mine = fixes["vehicle"] == vehicle
        allowed = ways.of(state.codes.names[vehicle])
        on_route = np.zeros(fixes.size, dtype=np.bool_)
        on_route[index[np.isin(route, allowed)]] = True
        if not allowed.size:
            on_route[:] = True
        journey = state.vehicles.journeys.setdefault(vehicle, Journey())
        for row in np.flatnonzero(mine).tolist():
            fix = fixes[row]
            at = int(fix["ts"])
            if at <= journey.last:
                continue
            journey.last = at
            where = (float(fix["lon"]), float(fix["lat"]))
            good = bool(on_route[row] or fenced[row])
            off = 0.0 if good else ways.routes.distance(points[row], allowed)
            found += _follow_route(journey, state.tolerances, vehicle, at, good, off)
            found += _follow_rest(
                journey, state.tolerances, vehicle, at, where, float(fix["speed_kmh"]), bool(fenced[row])
            )
    if found:
        state.pending.append(_verdicts(found, state.tolerances))


def _follow_route(
    journey: Journey, tolerances: Tolerances, vehicle: int, at: int, good: bool, off_m: float
) -> list[tuple[Any, ...]]:
    # What counts is a run against what holds now: outside while on the route, inside while off it.
    if good is not journey.off_route:
        journey.run, journey.run_since = 0, NEVER
        if not good:
            journey.furthest = max(journey.furthest, off_m)
        else:
            journey.furthest = 0.0
        return []
    journey.run += 1
    journey.run_since = min(journey.run_since, at)
    if not good:
        journey.furthest = max(journey.furthest, off_m)
    if journey.run < max(tolerances.route_fixes, _LEAST_FIXES):
        return []
    since, furthest = journey.run_since, journey.furthest
    journey.off_route, journey.run, journey.run_since = not good, 0, NEVER
    if good:
        journey.furthest = 0.0
    return [(Rule.ROUTE, not good, vehicle, since, furthest)]


def _follow_rest(
    journey: Journey,
    tolerances: Tolerances,
    vehicle: int,
    at: int,
    where: tuple[float, float],
    kmh: float,
    fenced: bool,
) -> list[tuple[Any, ...]]:
    slow = not kmh >= tolerances.stop_kmh  # a tracker that tells no speed (NaN) is judged by place alone
    rest = (journey.rest_lon, journey.rest_lat)
    stays = slow and not fenced and journey.rest_fixes > 0 and apart(rest, where) <= tolerances.stop_m
    if stays:
        journey.rest_fixes += 1
    else:
        journey.rest_fixes, journey.rest_since = int(slow and not fenced), at
        journey.rest_lon, journey.rest_lat = where
        if journey.stopped:
            journey.stopped = False
            return [(Rule.STOP, False, vehicle, at, np.nan)]
        return []
    stood = (at - journey.rest_since) / MINUTE_US
    if journey.stopped or stood <= tolerances.stop_min or journey.rest_fixes < _LEAST_FIXES:
        return []
    journey.stopped = True
    return [(Rule.STOP, True, vehicle, journey.rest_since, stood)]


def _verdicts(found: list[tuple[Any, ...]], tolerances: Tolerances) -> Verdicts:
    verdicts = empty_verdicts(len(found))
    for row, (rule, on, vehicle, at, value) in zip(verdicts, found, strict=True):
        row["rule"], row["on"], row["at"], row["value"] = rule, on, at, value
        row["key"] = row["subject"] = row["code"] = vehicle
        row["limit"] = tolerances.stop_min if rule == Rule.STOP else np.nan
    return verdicts
