"""Puts faults into the events of an institution: what would have been recorded, had this gone wrong.

Each function takes all events of one institution and gives them as they are with the fault, and the units it touched.
Weights stay true to what is in a box: a bag that is lost is not in the box that the scale of the gate weighs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.waste.catalogue import Event
from simulators.waste.chain import GATE_DIVISION_G, SHARPS
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.model import DAY_US, MINUTE_US, NOBODY, Events, is_box

HOUR_US: Final = 60 * MINUTE_US
AFTER_BAG: Final = (Event.BOXED, Event.HANDED_OVER, Event.RECEIVED, Event.TREATED)
ON_ROAD: Final = (Event.HANDED_OVER, Event.RECEIVED, Event.TREATED)
_RENEWED: Final = 2_000
"""Added to the number of a box."""
GOES_OVERDUE_US: Final = 49 * HOUR_US
"""A bag that is forgotten goes with the first vehicle that comes when it is so old."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A fault that is wanted: from an instant on, of a size in its kind's unit, over some days (since the epoch).

    One that happens to a single bag or load happens to none any more after `ends`. `unregistered` is the number of a
    vehicle or receiver that nobody knows.
    """

    kind: WasteFault
    starts: int
    size: float
    first_day: int
    days: int
    ends: int = 2**62
    unregistered: int = 9_999


@dataclass(frozen=True, slots=True)
class Planted:
    """The institution's events with the fault, the units that it touched, and its first and last instant."""

    events: Events
    units: tuple[int, ...]
    begins: int
    ends: int


class NoVictimError(LookupError):
    """There is nothing at the institution that this could happen to, at the time it is wanted."""


def plant(rows: Events, wish: Wish) -> Planted:
    """The events of an institution with one fault more. Raises `NoVictimError`."""
    return _PLANTERS[wish.kind](rows.copy(), wish)


# Looking for a victim.


def _of(rows: Events, *events: Event) -> NDArray[np.bool_]:
    return np.isin(rows["event"], events)


def _day_of(rows: Events) -> NDArray[np.int64]:
    """The day of the pick-up that each row belongs to: in a bag's unit, in a load's manifest."""
    of_bag: NDArray[np.int64] = np.where(_of(rows, *ON_ROAD), rows["manifest"], rows["unit"] >> 20) & 0xFFFFF
    return of_bag


def _first(rows: Events, among: NDArray[np.bool_], starts: int, ends: int = 2**62) -> int:
    """The row of the first of these from one instant to another."""
    able = np.flatnonzero(among & (rows["ts"] >= starts) & (rows["ts"] < ends))
    if not len(able):
        raise NoVictimError
    return int(able[np.argmin(rows["ts"][able])])


def _bag(rows: Events, wish: Wish, among: NDArray[np.bool_] | None = None) -> int:
    """The first bag that is collected from the wish's instant on."""
    collected = _of(rows, Event.COLLECTED)
    row = _first(rows, collected if among is None else collected & among, wish.starts, wish.ends)
    return int(rows["unit"][row])


def _life(rows: Events, unit: int) -> NDArray[np.bool_]:
    return np.asarray(rows["unit"] == unit)


def _net(rows: Events) -> NDArray[np.int64]:
    return np.asarray(rows["gross_g"].astype(np.int64) - rows["tare_g"])


def _box_rows(rows: Events, unit: int) -> NDArray[np.bool_]:
    """The rows of the load that a bag is in: none where it travels by itself."""
    boxed = np.flatnonzero(_life(rows, unit) & _of(rows, Event.BOXED))
    if not len(boxed):
        return np.zeros(len(rows), dtype=np.bool_)
    row = rows[boxed[0]]
    when = np.abs(rows["ts"] - row["ts"])
    return np.asarray((rows["unit"] == row["parent"]) & _of(rows, *ON_ROAD) & (when < 2 * DAY_US))


def _lighter(rows: Events, box: NDArray[np.bool_], unit: int, sign: int = -1) -> None:
    """Take a bag's weight out of a load, or put it in (`sign` 1)."""
    collected = rows[_life(rows, unit) & _of(rows, Event.COLLECTED)][0]
    weighed = box & (rows["gross_g"] > 0)
    rows["gross_g"][weighed] += sign * round(int(collected["gross_g"]) / GATE_DIVISION_G) * GATE_DIVISION_G
    rows["tare_g"][weighed] += sign * int(collected["tare_g"])


def _moved(rows: Events, own: NDArray[np.bool_], by: int) -> None:
    """Let these happen so much later, µs."""
    rows["ts"][own] += by
    rows["said"][own] += by


def _done(rows: Events, touched: NDArray[np.bool_] | None, units: tuple[int, ...]) -> Planted:
    """What is left, and when the fault was at work: the time of the rows it touched."""
    own = np.isin(rows["unit"], units) if touched is None else touched
    ts = rows["ts"][own] if own.any() else rows["ts"]
    return Planted(rows, (*units, *_boxes_of(rows, units)), int(ts.min()), int(ts.max()))


def _boxes_of(rows: Events, units: tuple[int, ...]) -> tuple[int, ...]:
    """The boxes that bags are put into: what is wrong with a bag shows in its box's weight."""
    boxed = np.isin(rows["unit"], units) & _of(rows, Event.BOXED)
    return tuple(np.setdiff1d(rows["parent"][boxed], units).tolist())


# One bag.


def _lost_bag(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    box = _box_rows(rows, unit)
    _lighter(rows, box, unit)
    rows = _without_empty(rows, box)
    rows = rows[~(_life(rows, unit) & ~_of(rows, Event.COLLECTED))]
    return _done(rows, None, (unit,))


def _without_empty(rows: Events, box: NDArray[np.bool_]) -> Events:
    """The rows without those of a box that nothing is in."""
    weighed = box & (rows["gross_g"] > 0)
    empty = weighed.any() and bool((_net(rows)[weighed] < 50).any())
    return rows[~box] if empty else rows


def _overdue(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    life = _life(rows, unit)
    collected = rows[life & _of(rows, Event.COLLECTED)][0]
    box = _box_rows(rows, unit)
    if not box.any():  # a clinic's: the next time but one
        later = _of(rows, Event.HANDED_OVER) & (rows["ts"] > collected["ts"] + GOES_OVERDUE_US)
        model = rows[_first(rows, later, wish.starts)]
        moved = life & _of(rows, *ON_ROAD)
        _moved(rows, moved, int(model["ts"]) - int(rows["ts"][moved].min()))
        rows["manifest"][moved] = model["manifest"]
        return _done(rows, life, (unit,))
    boxed = life & _of(rows, Event.BOXED)
    others = _of(rows, Event.BOXED) & (rows["category"] == collected["category"])
    model = rows[_first(rows, others & (rows["ts"] > collected["ts"] + GOES_OVERDUE_US), wish.starts)]
    _lighter(rows, box, unit)
    _lighter(rows, _box_rows(rows, int(model["unit"])), unit, sign=1)
    _moved(rows, boxed, int(model["ts"]) + 1_000_000 - int(rows["ts"][boxed][0]))
    rows["parent"][boxed] = model["parent"]
    rows = _without_empty(rows, box)
    return _done(rows, _life(rows, unit), (unit,))


def _under_weighed(rows: Events, wish: Wish) -> Planted:
    grams = round(wish.size * 1_000 / GATE_DIVISION_G) * GATE_DIVISION_G
    # Three per cent of a heavy bag are more than a small size: then nobody would say so.
    net = _net(rows)
    unit = _bag(rows, wish, (net > grams + 300) & (0.03 * net < grams - 100))
    stored = _life(rows, unit) & _of(rows, Event.STORED_IN)
    rows["gross_g"][stored] -= grams
    return _done(rows, stored, (unit,))


def _swapped(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    stored = _life(rows, unit) & _of(rows, Event.STORED_IN)
    rows["category"][stored] = rows["category"][stored] % 5 + 1
    return _done(rows, stored, (unit,))


def _unsigned(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    collected = _life(rows, unit) & _of(rows, Event.COLLECTED)
    rows["signatures"][collected] = 1
    return _done(rows, collected, (unit,))


def _unscanned(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    rows = rows[~(_life(rows, unit) & _of(rows, Event.STORED_IN))]
    return _done(rows, None, (unit,))


def _duplicate(rows: Events, wish: Wish) -> Planted:
    first = _bag(rows, wish)
    row = rows[_life(rows, first) & _of(rows, Event.COLLECTED)][0]
    alike = (rows["category"] == row["category"]) & (rows["unit"] != first) & (rows["ts"] > row["ts"] + 20 * MINUTE_US)
    second = _bag(rows, wish, alike)
    rows["unit"][_life(rows, second)] = first
    return _done(rows, None, (first,))


def _opened(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish)
    stored = rows[_life(rows, unit) & _of(rows, Event.STORED_IN)]
    if not len(stored):
        raise NoVictimError
    opened = stored[:1].copy()
    _moved(opened, np.ones(1, dtype=np.bool_), 12 * MINUTE_US)
    opened["event"], opened["gross_g"], opened["tare_g"], opened["signatures"] = Event.OPENED, 0, 0, 0
    return _done(np.concatenate([rows, opened]), None, (unit,))


def _heavy(rows: Events, wish: Wish) -> Planted:
    unit = _bag(rows, wish, rows["category"] != SHARPS)
    life = _life(rows, unit)
    box = _box_rows(rows, unit)
    more = round(wish.size * 1_000 / GATE_DIVISION_G) * GATE_DIVISION_G
    rows["gross_g"][life & (rows["gross_g"] > 0)] += more
    rows["gross_g"][box & (rows["gross_g"] > 0)] += more
    return _done(rows, life, (unit,))


def _clock(rows: Events, wish: Wish) -> Planted:
    """The hand-held at the store is behind for some days: what it books seems to have happened before."""
    behind = (rows["said"] >= wish.starts) & (rows["said"] < min(wish.ends, wish.starts + wish.days * DAY_US))
    behind &= _of(rows, Event.STORED_IN, Event.BOXED, Event.HANDED_OVER)
    if not behind.any():
        raise NoVictimError
    begins, ends = int(rows["said"][behind].min()), int(rows["said"][behind].max())
    rows["ts"][behind] -= round(wish.size * HOUR_US)
    return Planted(rows, (), begins, ends)


# A load: a box, or a clinic's bag.


def _load(rows: Events, wish: Wish, among: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """The rows of the first load that is handed over from the wish's instant on."""
    handed = _of(rows, Event.HANDED_OVER)
    row = rows[_first(rows, handed if among is None else handed & among, wish.starts, wish.ends)]
    found: NDArray[np.bool_] = (
        (rows["unit"] == row["unit"]) & (rows["manifest"] == row["manifest"]) & _of(rows, *ON_ROAD)
    )
    return found


def _lost_load(rows: Events, wish: Wish) -> Planted:
    load = _load(rows, wish)
    gone = load & ~_of(rows, Event.HANDED_OVER)
    units = _with_content(rows, load)
    ts = rows["ts"][load]
    _renew(rows, load)
    return Planted(rows[~gone], units, int(ts.min()), int(ts.max()))


def _renew(rows: Events, load: NDArray[np.bool_]) -> None:
    """A box that is lost does not come back: another goes round in its stead."""
    unit, last = rows["unit"][load][0], rows["ts"][load].max()
    if is_box(np.array([unit]))[0]:
        for field in ("unit", "parent"):
            rows[field][(rows[field] == unit) & (rows["ts"] > last)] += _RENEWED


def _with_content(rows: Events, load: NDArray[np.bool_]) -> tuple[int, ...]:
    """The units of a load and of the bags in its boxes."""
    units = np.unique(rows["unit"][load])
    days = np.unique(rows["manifest"][load] & 0xFFFFF)
    inside = _of(rows, Event.BOXED) & np.isin(rows["parent"], units)
    first, last = rows["ts"][load].min() - 2 * DAY_US, rows["ts"][load].max()
    inside &= (
        (rows["ts"] >= first)
        & (rows["ts"] <= last)
        & np.isin(_day_of(rows), np.concatenate([days, days - 1, days - 2]))
    )
    return tuple(np.union1d(units, rows["unit"][inside]).tolist())


def _short(rows: Events, wish: Wish) -> Planted:
    grams = round(wish.size * 1_000 / GATE_DIVISION_G) * GATE_DIVISION_G
    net = _net(rows)
    able = is_box(rows["unit"]) & (net > grams + 1_000) & (0.02 * net < grams - 150)
    load = _load(rows, wish, able)
    rows["gross_g"][load & _of(rows, Event.RECEIVED)] -= grams
    return _done(rows, load, _with_content(rows, load))


def _no_manifest(rows: Events, wish: Wish) -> Planted:
    load = _load(rows, wish)
    units = _with_content(rows, load)
    ts = rows["ts"][load]
    rows["manifest"][load & ~_of(rows, Event.TREATED)] = NOBODY
    return Planted(rows, units, int(ts.min()), int(ts.max()))


def _unregistered_vehicle(rows: Events, wish: Wish) -> Planted:
    load = _load(rows, wish)
    rows["vehicle"][load] = wish.unregistered
    return _done(rows, load, _with_content(rows, load))


def _unlicensed_receiver(rows: Events, wish: Wish) -> Planted:
    """It is handed to somebody without a licence, and never comes to the disposer."""
    load = _load(rows, wish)
    units = _with_content(rows, load)
    rows["receiver"][load] = wish.unregistered
    ts = rows["ts"][load]
    _renew(rows, load)
    return Planted(rows[~(load & ~_of(rows, Event.HANDED_OVER))], units, int(ts.min()), int(ts.max()))


def _late_treatment(rows: Events, wish: Wish) -> Planted:
    """It stays at the disposer for `size` hours; its box is not used meanwhile."""
    load = _load(rows, wish, ~is_box(rows["unit"]))
    received, treated = (load & _of(rows, each) for each in (Event.RECEIVED, Event.TREATED))
    if not (received.any() and treated.any()):
        raise NoVictimError
    _moved(rows, treated, int(rows["ts"][received][0] - rows["ts"][treated][0]) + round(wish.size * HOUR_US))
    return _done(rows, load, _with_content(rows, load))


# A whole institution, for days.


def _missed(rows: Events, wish: Wish) -> Planted:
    """The vehicle does not come for two days: it fetches everything when it comes again."""
    days = np.unique(_day_of(rows[_of(rows, Event.HANDED_OVER)]))
    after = days[days >= wish.first_day]
    missed = 2 if len(after) > 1 and after[1] - after[0] == 1 else 1  # of a hospital two, of a clinic one
    if len(after) <= missed:
        raise NoVictimError
    stays = np.isin(_day_of(rows), after[:missed]) & _of(rows, *AFTER_BAG)
    begins = _handed_at(rows, int(after[0]))
    on_road = _of(rows, *ON_ROAD)
    for day in after[:missed].tolist():
        own = stays & (_day_of(rows) == day)
        _moved(rows, own, _handed_at(rows, int(after[missed])) - _handed_at(rows, day))
        rows["manifest"][own & on_road] += int(after[missed]) - day
    units = np.unique(np.concatenate([rows["unit"][stays], rows["parent"][stays & (rows["parent"] >= 0)]]))
    return Planted(rows, tuple(units.tolist()), begins, int(rows["ts"][stays].max()))


def _handed_at(rows: Events, day: int) -> int:
    return int(rows["ts"][_of(rows, Event.HANDED_OVER) & (_day_of(rows) == day)].min())


def _silent(rows: Events, wish: Wish) -> Planted:
    gone = (_day_of(rows) >= wish.first_day) & (_day_of(rows) < wish.first_day + wish.days)
    if not gone.any():
        raise NoVictimError
    ts = rows["ts"][gone]
    return Planted(rows[~gone], (), int(ts.min()), int(ts.max()))


def _hidden(rows: Events, wish: Wish, among: Callable[[Events], NDArray[np.bool_]], share: float) -> Planted:
    """Of the bags that are collected on these days a share is never recorded."""
    in_time = (_day_of(rows) >= wish.first_day) & (_day_of(rows) < wish.first_day + wish.days)
    bags = rows[_of(rows, Event.COLLECTED) & in_time & among(rows)]
    if not len(bags):
        raise NoVictimError
    count = np.arange(len(bags))
    chosen = bags[np.floor((count + 1) * share) > np.floor(count * share)]
    for unit in chosen["unit"].tolist():
        _lighter(rows, _box_rows(rows, unit), unit)
    weighed = (rows["gross_g"] > 0) & (_net(rows) < 50)
    empty = np.unique(rows["manifest"][weighed] * 4_096 + (rows["unit"][weighed] & 0xFFF))
    of_empty = np.isin(rows["manifest"] * 4_096 + (rows["unit"] & 0xFFF), empty) & _of(rows, *ON_ROAD)
    ts = bags["ts"]
    kept = rows[~np.isin(rows["unit"], chosen["unit"]) & ~(of_empty & is_box(rows["unit"]))]
    return Planted(kept, (), int(ts.min()), int(ts.max()))


def _hidden_waste(rows: Events, wish: Wish) -> Planted:
    return _hidden(rows, wish, lambda each: each["event"] > 0, wish.size)


def _hidden_sharps(rows: Events, wish: Wish) -> Planted:
    return _hidden(rows, wish, lambda each: each["category"] == SHARPS, 1.0)


_PLANTERS: Final[Mapping[WasteFault, Callable[[Events, Wish], Planted]]] = MappingProxyType(
    {
        WasteFault.LOST_BAG: _lost_bag,
        WasteFault.LOST_LOAD: _lost_load,
        WasteFault.OVERDUE_BAG: _overdue,
        WasteFault.UNDER_WEIGHED: _under_weighed,
        WasteFault.SHORT_DELIVERY: _short,
        WasteFault.SWAPPED_CATEGORY: _swapped,
        WasteFault.UNSIGNED: _unsigned,
        WasteFault.UNSCANNED_BAG: _unscanned,
        WasteFault.DUPLICATE_TAG: _duplicate,
        WasteFault.OPENED_BAG: _opened,
        WasteFault.HEAVY_BAG: _heavy,
        WasteFault.NO_MANIFEST: _no_manifest,
        WasteFault.UNREGISTERED_VEHICLE: _unregistered_vehicle,
        WasteFault.UNLICENSED_RECEIVER: _unlicensed_receiver,
        WasteFault.LATE_TREATMENT: _late_treatment,
        WasteFault.MISSED_PICKUP: _missed,
        WasteFault.SILENT_INSTITUTION: _silent,
        WasteFault.HIDDEN_WASTE: _hidden_waste,
        WasteFault.HIDDEN_SHARPS: _hidden_sharps,
        WasteFault.SCANNER_CLOCK: _clock,
    }
)
