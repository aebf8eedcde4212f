"""A day's waste from ward to furnace, as it ought to go: every event of the bags that are fetched on that day.

Rounds go through the wards at their hours; each bag is weighed and labelled there, weighed again at the store, put
into a turnover box, handed over with the box to the vehicle, received at the disposer and treated. A clinic closes
its bags once before the vehicle comes, every second day, and hands them over without boxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from registry.waste.catalogue import Event, category_numbers
from simulators.noise import Floats
from simulators.waste.model import DAY_US, EVENT, MINUTE_US, NOBODY, City, Events, Ints, Tier, WardKind, bag, box
from simulators.waste.routes import Halt, Tour, driven
from simulators.waste.scales import shown

LOCAL_US: Final = 8 * 60 * MINUTE_US
"""Local time is so far ahead of UTC (Asia/Shanghai)."""

ROUNDS: Final = (7.0 * 60, 15.0 * 60)
"""Minutes of the local day at which hospitals collect."""
CLINIC_ROUND: Final = 16.5 * 60
ROUND_MIN: Final = 40.0
BEFORE_PICKUP_MIN: Final = 130.0
AFTER_PICKUP_MIN: Final = 60.0
"""No round begins so shortly before or after the vehicle: what is collected is in the store in time."""

BAG_G: Final = 4_200.0
SHARPS_G: Final = 1_600.0
BAG_TARE_G: Final = 60
SHARPS_TARE_G: Final = 250
BOX_TARE_G: Final = 3_200
BOX_HOLDS: Final = 8
WARD_DIVISION_G: Final = 10
GATE_DIVISION_G: Final = 20
PLANT_DIVISION_G: Final = 20

LEAST_G: Final = 60.0
WEIGHING_MIN: Final = 0.15

SHARPS: Final = category_numbers()["sharps"]
_SHARES: Final = np.array(
    # By kind of ward: share of each category, in the order of the catalogue's numbers.
    [
        [0.88, 0.12, 0.0, 0.0, 0.0],  # beds
        [0.60, 0.15, 0.25, 0.0, 0.0],  # theatre
        [0.55, 0.10, 0.0, 0.35, 0.0],  # laboratory
        [0.0, 0.0, 0.0, 0.0, 1.0],  # pharmacy
        [0.80, 0.20, 0.0, 0.0, 0.0],  # out-patients
    ]
)
_WEEK_BEDS: Final = np.array([1.04, 1.03, 1.02, 1.01, 1.0, 0.96, 0.94])
_WEEK_VISITS: Final = np.array([1.18, 1.10, 1.05, 1.02, 1.0, 0.88, 0.77])
"""Monday first."""


@dataclass(frozen=True, slots=True)
class Day:
    """The events of the bags that are fetched on a day, and the tours that fetch them, by vehicle."""

    events: Events
    tours: dict[int, Tour]


def day_of(city: City, day: int, halts: Mapping[int, Halt] = MappingProxyType({})) -> Day:
    """Everything that happens to what is fetched on `day` (since the epoch, local): a pure function of its arguments.

    Events are in order of bags, not of time; the first are of the day before, the last of the day after. `halts` are
    stops on no plan, by vehicle.
    """
    rng = np.random.default_rng([city.seed, 90, day])
    tours = {
        vehicle: driven(city.routes[2 * vehicle + day % 2], rng, halts.get(vehicle))
        for vehicle in range(len(city.vehicle_codes))
    }
    pickup = np.full(len(city), np.nan)
    back = np.full(len(city), np.nan)
    for tour in tours.values():
        pickup[tour.route.stops] = tour.arrival
        back[tour.route.stops] = tour.back
    bags = _bags(city, day, ~np.isnan(pickup), rng)
    return Day(_events(city, day, bags, pickup, back, rng), tours)


@dataclass(frozen=True, slots=True)
class _Bags:
    """Bags of a day by institution, in order of collection; arrays of one length.

    `gross_g` is the true weight with the packaging, `minute` that of the collection and `round_began` that of its
    round, both local and counted from the midnight before the pick-up; `number` counts an institution's bags.
    """

    institution: Ints
    ward: Ints
    category: Ints
    gross_g: Floats
    minute: Floats
    round_began: Floats
    number: Ints

    @property
    def tare_g(self) -> Ints:
        """Of the packaging."""
        return np.where(self.category == SHARPS, SHARPS_TARE_G, BAG_TARE_G)


def _bags(city: City, day: int, visited: NDArray[np.bool_], rng: np.random.Generator) -> _Bags:
    """What the wards of the institutions that are visited have given since the last time."""
    size = len(city)
    of_day = np.exp(rng.normal(0.0, 0.05, size))  # an institution has busier and quieter days
    early, late = _window(city)
    hospital = city.tier != Tier.CLINIC
    wards = np.flatnonzero((visited & hospital)[city.ward_of])
    parts = []
    for number, hour in enumerate(ROUNDS):
        began = _out_of_the_way(hour, early, late)
        last = number == len(ROUNDS) - 1
        parts.append(_round(city, day, wards, began, of_day / len(ROUNDS), len(ROUNDS) * last, rng))
    clinics = np.flatnonzero((visited & ~hospital)[city.ward_of])
    parts.append(_round(city, day, clinics, np.full(size, CLINIC_ROUND - 1_440.0), 2 * of_day, 1, rng))
    ward, category, gross, minute, began = (np.concatenate(each) for each in zip(*parts, strict=True))
    institution = city.ward_of[ward]
    order = np.lexsort((category, minute, institution))
    return _Bags(
        institution[order],
        ward[order],
        category[order],
        gross[order],
        minute[order],
        began[order],
        _nth(institution[order]),
    )


def _window(city: City) -> tuple[Floats, Floats]:
    """The earliest and the latest nominal minute at which each institution is visited."""
    early, late = np.full(len(city), np.inf), np.full(len(city), -np.inf)
    for route in city.routes:
        early[route.stops] = np.minimum(early[route.stops], route.arrival)
        late[route.stops] = np.maximum(late[route.stops], route.arrival)
    return early, late


def _out_of_the_way(hour: float, early: Floats, late: Floats) -> Floats:
    """When a round begins, minutes from the pick-up's midnight: not shortly before the vehicle comes, nor after it."""
    began = np.where(
        (early - BEFORE_PICKUP_MIN < hour) & (hour < late + AFTER_PICKUP_MIN), late + AFTER_PICKUP_MIN, hour
    )
    return np.where(began > early, began - 1_440.0, began)


def _round(
    city: City, day: int, wards: Ints, began: Floats, factor: Floats, small: int, rng: np.random.Generator
) -> tuple[NDArray[Any], ...]:
    """Ward, category, gross weight, minute and the round's minute of each bag of a round through these wards.

    `began` and `factor` are of institutions; `small` is for how many rounds the round takes along what is not
    infectious, which fills one bag a day.
    """
    institution, kind = city.ward_of[wards], city.ward_kind[wards]
    weekday = (day + 3) % 7  # the epoch was a Thursday
    week = np.where(kind == WardKind.OUTPATIENT, _WEEK_VISITS[weekday], _WEEK_BEDS[weekday])
    grams = city.ward_g[wards] * factor[institution] * week * np.exp(rng.normal(0.0, 0.12, len(wards)))
    by_category = grams[:, None] * _SHARES[kind]
    by_category[:, 1:] *= small
    row, column = np.nonzero(by_category)
    grams = np.maximum(by_category[row, column], LEAST_G)
    count = np.ceil(grams / np.where(column == SHARPS - 1, SHARPS_G, BAG_G)).astype(np.int64)
    each = np.repeat(np.arange(len(row)), count)
    mass = (grams / count)[each] * (1 + np.clip(rng.normal(0.0, 0.10, len(each)), -0.3, 0.3))
    ward, category = wards[row[each]], column[each] + 1
    start = began[city.ward_of[ward]]
    minute = start + city.ward_rank[ward] * ROUND_MIN + rng.uniform(0.0, 0.5, len(each))
    tare = np.where(category == SHARPS, SHARPS_TARE_G, BAG_TARE_G)
    return ward, category, np.rint(mass) + tare, minute, start


@dataclass(frozen=True, slots=True)
class _Load:
    """What a vehicle takes: boxes of hospitals, bags of clinics; arrays of one length, by institution."""

    unit: Ints
    institution: Ints
    category: Ints
    gross_g: Floats
    tare_g: Ints


def _packed(bags: _Bags, unit: Ints, in_box: NDArray[np.bool_], day: int) -> tuple[Ints, _Load]:
    """The box of each bag that has one, and the load: bags of a category to a box, at most `BOX_HOLDS` of them."""
    own, category = bags.institution[in_box], bags.category[in_box]
    group = own * 8 + category
    order = np.argsort(group, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = _nth(group[order])
    keys, which = np.unique(group * 100_000 + place // BOX_HOLDS, return_inverse=True)
    institution = keys // 100_000 // 8
    # Three sets go round: one is filled, one is at the disposer, one comes back clean.
    boxes = box(institution, _nth(institution) + 300 * (day % 3))
    gross = np.bincount(which, weights=bags.gross_g[in_box], minlength=len(keys)) + BOX_TARE_G
    tare = np.bincount(which, weights=bags.tare_g[in_box], minlength=len(keys)).astype(np.int64) + BOX_TARE_G
    load = _Load(
        np.concatenate([boxes, unit[~in_box]]),
        np.concatenate([institution, bags.institution[~in_box]]),
        np.concatenate([keys // 100_000 % 8, bags.category[~in_box]]),
        np.concatenate([gross, bags.gross_g[~in_box]]),
        np.concatenate([tare, bags.tare_g[~in_box]]),
    )
    return boxes[which], load


def _events(city: City, day: int, bags: _Bags, pickup: Floats, back: Floats, rng: np.random.Generator) -> Events:
    midnight = day * DAY_US - LOCAL_US
    own, unit = bags.institution, bag(bags.institution, day, bags.number)
    in_box = city.tier[own] != Tier.CLINIC
    box_of, load = _packed(bags, unit, in_box, day)

    collected = _rows(Event.COLLECTED, unit, own, midnight, bags.minute)
    collected["ward"], collected["signatures"] = bags.ward, 2
    collected["gross_g"] = shown(bags.gross_g, WARD_DIVISION_G, rng)
    # At the store, after the round, one bag after the other.
    walk = rng.uniform(6.0, 12.0, len(city))[own]
    at_store = (
        bags.round_began
        + ROUND_MIN
        + walk
        + WEIGHING_MIN * _nth(own * 4_096 + np.rint(bags.round_began).astype(np.int64) + 2_048)
    )
    stored = _rows(Event.STORED_IN, unit, own, midnight, at_store)
    stored["gross_g"], stored["signatures"] = shown(bags.gross_g, GATE_DIVISION_G, rng), 1
    for each in (collected, stored):
        each["category"], each["tare_g"] = bags.category, bags.tare_g
    before = pickup[own] - 16.0 + 0.02 * bags.number
    boxed = _rows(Event.BOXED, unit, own, midnight, before)[in_box]
    boxed["parent"], boxed["category"] = box_of, bags.category[in_box]

    owner = load.institution
    handed = _rows(
        Event.HANDED_OVER, load.unit, owner, midnight, pickup[owner] + 1.0 + np.minimum(0.05 * _nth(owner), 2.0)
    )
    received = _rows(Event.RECEIVED, load.unit, owner, midnight, back[owner] + rng.uniform(5.0, 30.0, len(owner)))
    treated = _rows(Event.TREATED, load.unit, owner, midnight, back[owner] + rng.uniform(60.0, 300.0, len(owner)))
    vehicle = city.vehicle[owner]
    for each, division, signatures in ((handed, GATE_DIVISION_G, 2), (received, PLANT_DIVISION_G, 1), (treated, 0, 1)):
        each["vehicle"], each["receiver"] = vehicle, city.receiver_of[vehicle]
        each["category"], each["signatures"] = load.category, signatures
        each["manifest"] = manifest(owner, day)
        if division:
            each["gross_g"], each["tare_g"] = shown(load.gross_g, division, rng), load.tare_g
    return np.concatenate([collected, stored, boxed, handed, received, treated])


def manifest(institution: Ints, day: int) -> Ints:
    """The number of an institution's manifest of a day."""
    return (institution.astype(np.int64) << 20) | day


def _rows(event: Event, unit: Ints, institution: Ints, midnight: int, minute: Floats) -> Events:
    """Rows of an event at these minutes, to the millisecond; what else they say is left open."""
    found = np.zeros(len(unit), dtype=EVENT)
    found["ts"] = midnight + np.rint(minute * 60_000).astype(np.int64) * 1_000
    found["said"] = found["ts"]
    found["unit"], found["institution"], found["event"] = unit, institution, event
    for field in ("parent", "ward", "manifest", "vehicle", "receiver"):
        found[field] = NOBODY
    return found


def _nth(groups: Ints) -> Ints:
    """For each row how many rows before it are of its group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(groups) else np.zeros(0, dtype=np.bool_)
    place = np.arange(len(groups))
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = place - np.maximum.accumulate(np.where(first, place, 0))
    return found
