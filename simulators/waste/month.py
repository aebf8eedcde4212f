"""A month of a whole city with faults in it, and the truth about them: drawn from a seed, ready to be judged.

Every fault has an institution of its own, or a vehicle and day of its own, so that it is known which one an alarm is
about. Faults that are told by an institution's own history come when there is one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.waste.chain import LOCAL_US, day_of
from simulators.waste.fault_kinds import SPECS, Scope, WasteFault
from simulators.waste.model import DAY_US, City, Events, Ints, Tier
from simulators.waste.planting import NoVictimError, Planted, Wish, plant
from simulators.waste.road import CrowdedError, Detour, Road, tracked
from simulators.waste.routes import Tour

FIRST_FAULT_DAY: Final = 3
HISTORY_DAYS: Final = 16
"""Before them nobody knows what is usual at an institution."""
LAST_DAYS: Final = 5
"""No fault begins so late that it could not be found within the month."""
_TRIES: Final = 400
_WITH_HISTORY: Final = frozenset({WasteFault.HIDDEN_WASTE, WasteFault.HIDDEN_SHARPS, WasteFault.SILENT_INSTITUTION})
_OF_HOSPITALS: Final = frozenset({WasteFault.SHORT_DELIVERY})
_OF_CLINICS: Final = frozenset({WasteFault.LATE_TREATMENT})
_OF_LARGE: Final = frozenset({WasteFault.HIDDEN_WASTE, WasteFault.HIDDEN_SHARPS, WasteFault.SCANNER_CLOCK})
_ELSEWHERE: Final = frozenset({WasteFault.DETOUR, WasteFault.UNPLANNED_STOP, WasteFault.FRIDGE_FAILURE})
LARGE_BEDS: Final = 40
COOLED_BEDS: Final = 200


@dataclass(frozen=True, slots=True)
class Truth:
    """One planted fault: what, where, when (µs since the epoch), which units; `size` in its kind's unit.

    `place` is the position of the institution, or of the vehicle where the kind is one of vehicles.
    """

    kind: WasteFault
    place: int
    size: float
    begins: int
    ends: int
    units: tuple[int, ...]

    @property
    def scope(self) -> Scope:
        """What it happened to."""
        return SPECS[self.kind].scope


@dataclass(frozen=True)
class Month:
    """Events in the order they are said from one midnight to another, the tours behind them, and the faults in both.

    `first` is its first day since the epoch, local. Events of bags that are still on their way after the month are in
    it as far as they fall into it.
    """

    city: City
    first: int
    days: int
    events: Events
    tours: Mapping[int, Sequence[Tour]]
    detours: Mapping[tuple[int, int], Detour]
    truth: tuple[Truth, ...]

    @property
    def span(self) -> tuple[int, int]:
        """Its first instant and the one after its last."""
        return self.first * DAY_US - LOCAL_US, (self.first + self.days) * DAY_US - LOCAL_US

    def fixes(self, day: int) -> Events:
        """What the trackers report on a day, in order of time."""
        rows = [tracked(self.city, day, tour, self.detours.get((day, tour.route.vehicle))) for tour in self.tours[day]]
        together = np.concatenate(rows)
        return together[np.argsort(together["ts"], kind="stable")]


def month(city: City, first: int, days: int, each: int, kinds: Iterable[WasteFault] = tuple(WasteFault)) -> Month:
    """A month of the city with `each` faults of every kind. Raises `CrowdedError` where they do not fit."""
    rng = np.random.default_rng([city.seed, 91])
    wanted = list(kinds)
    road = Road(city, first, (FIRST_FAULT_DAY, days - 1), rng)
    positions = [(number + rng.random()) / each for number in range(each)]
    for position in positions if WasteFault.UNPLANNED_STOP in wanted else []:
        road.halt(position)
    tours, parts = {}, []
    for day in range(first, first + days + 2):
        lived = day_of(city, day, road.halts_of(day))
        tours[day] = tuple(lived.tours[vehicle] for vehicle in range(len(city.vehicle_codes)))
        if day > first:  # what is fetched on the first day was collected before: nobody was watching yet
            parts.append(lived.events)
    trips = road.halted(tours)
    if WasteFault.DETOUR in wanted:
        trips += [road.detour(position, tours) for position in positions]
    at_institutions = [kind for kind in wanted if kind not in _ELSEWHERE]
    events, truth = _with_faults(city, np.concatenate(parts), (first, days), each, at_institutions, rng)
    truth += [Truth(trip.kind, trip.vehicle, trip.size, trip.begins, trip.ends, ()) for trip in trips]
    if WasteFault.FRIDGE_FAILURE in wanted:
        truth += _fridges(city, first, days, each, rng)
    begin, end = first * DAY_US - LOCAL_US, (first + days) * DAY_US - LOCAL_US
    events = events[(events["said"] >= begin) & (events["said"] < end)]
    events = events[np.argsort(events["said"], kind="stable")]
    return Month(city, first, days, events, tours, road.detours, tuple(truth))


def _fridges(city: City, first: int, days: int, each: int, rng: np.random.Generator) -> list[Truth]:
    stores = with_thermometer(city)
    if each > len(stores):
        raise CrowdedError(f"{each} failures of {len(stores)} cold stores: take more institutions or fewer faults")
    found = []
    for place in rng.choice(stores, each, replace=False).tolist():
        lasts = int(rng.integers(*SPECS[WasteFault.FRIDGE_FAILURE].days, endpoint=True))
        day = first + int(rng.integers(FIRST_FAULT_DAY, max(FIRST_FAULT_DAY, days - LAST_DAYS) + 1))
        begins = day * DAY_US - LOCAL_US + int(rng.integers(DAY_US))
        found.append(Truth(WasteFault.FRIDGE_FAILURE, place, 0.0, begins, begins + lasts * DAY_US, ()))
    return found


def with_thermometer(city: City) -> Ints:
    """The institutions whose store is cooled and watched: the large ones."""
    return np.flatnonzero(city.beds >= COOLED_BEDS)


def _with_faults(
    city: City, events: Events, span: tuple[int, int], each: int, kinds: Sequence[WasteFault], rng: np.random.Generator
) -> tuple[Events, list[Truth]]:
    events = events[np.lexsort((events["ts"], events["institution"]))]
    edges = np.searchsorted(events["institution"], np.arange(len(city) + 1))
    free = {int(place) for place in range(len(city))}
    parts: dict[int, Events] = {}
    truth = []
    # Those first that few institutions can have.
    for kind in sorted(kinds, key=lambda one: len(_able(city, one))):
        for number in range(each):
            able = [place for place in _able(city, kind).tolist() if place in free]
            place, planted, size = _somewhere(city, events, edges, kind, able, span, (number, each), rng)
            free.discard(place)
            parts[place] = planted.events
            truth.append(Truth(kind, place, size, planted.begins, planted.ends, planted.units))
    touched = np.isin(events["institution"], list(parts))
    return np.concatenate([events[~touched], *parts.values()]), truth


def _able(city: City, kind: WasteFault) -> Ints:
    """Institutions to which a fault of a kind can happen."""
    hospital = city.tier != Tier.CLINIC
    if kind in _OF_LARGE:
        return np.flatnonzero(city.beds >= LARGE_BEDS)
    if kind in _OF_HOSPITALS:
        return np.flatnonzero(hospital)
    return np.flatnonzero(~hospital) if kind in _OF_CLINICS else np.arange(len(city))


def _somewhere(
    city: City,
    events: Events,
    edges: Ints,
    kind: WasteFault,
    able: Sequence[int],
    span: tuple[int, int],
    turn: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[int, Planted, float]:
    spec = SPECS[kind]
    number, each = turn
    for _ in range(_TRIES if able else 0):
        # Half of them at hospitals, where most of the waste is, though most institutions are clinics.
        hospitals = [place for place in able if city.beds[place] > 0]
        among = hospitals if hospitals and rng.random() < 0.5 else able
        place = int(among[int(rng.integers(len(among)))])
        size = 0.0
        if spec.unit:  # stratified, log-uniform
            size = spec.smallest * (spec.largest / spec.smallest) ** ((number + rng.random()) / each)
        earliest = HISTORY_DAYS if kind in _WITH_HISTORY else FIRST_FAULT_DAY
        lasts = int(rng.integers(spec.days[0], spec.days[1] + 1))
        latest = max(earliest, span[1] - LAST_DAYS - lasts)
        day = span[0] + int(rng.integers(earliest, latest + 1))
        starts = day * DAY_US - LOCAL_US + int(rng.integers(DAY_US))
        wish = Wish(kind, starts, size, day, lasts)
        try:
            return place, plant(events[edges[place] : edges[place + 1]], wish), size
        except NoVictimError:
            continue
    raise CrowdedError(f"no institution is left that {kind.value} could happen to: take more of them or fewer faults")
