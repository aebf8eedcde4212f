"""Judging what an instant or an event may have changed: bags, boxes, institutions, stores; and what left memory."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.boxes import judge_boxes
from monitor.waste.events import HANDED, NEVER, NONE, RECEIVED, STEP_OF_EVENT, Verdicts, empty_verdicts
from monitor.waste.institutions import judge_days
from monitor.waste.judging import Judged, event_of, judge
from monitor.waste.keys import Ints
from monitor.waste.rows import rows_of
from monitor.waste.rules import DAY_US, Rule, us
from monitor.waste.state import TOUCHED_LATE, TOUCHED_TIMELY, State
from monitor.waste.stores import judge_stores

AT_ONCE: Final = 32_768
"""Bags that are judged in one go: what is worked on then stays in the processor's cache."""

_BITS: Final = 24
"""Rules of bags have numbers below this."""

_OF_CONTAINER: Final = {Rule.IN_TRANSIT: HANDED, Rule.DISPOSER_STORAGE: RECEIVED, Rule.UNSCANNED: HANDED}
"""Where the container brought the step, the fault is the container's, however many bags lie in it."""


def sweep(state: State, now: int) -> Verdicts:
    """Judge at an instant of event time (us) all that has changed or come due, and say what is different.

    The result depends on the events taken in and on the instants swept at, not on how the events were cut into calls
    of `step`. An instant before the last one counts as the last one.

    Returns
    -------
    verdicts : dtype `VERDICT`, shape (n,), in order of rule and key

    """
    now = state.now = max(now, state.now)
    found = [*state.pending]
    state.pending = []
    touched, due = state.arrays["touched"], state.arrays["due"]
    slots = np.flatnonzero((touched != 0) | (due <= now))
    slots = slots[np.argsort(state.arrays["key"][slots], kind="stable")]
    done = []
    for begin in range(0, slots.size, AT_ONCE):
        part = slots[begin : begin + AT_ONCE]
        judged = judge(state, part, now)
        found.append(_told(state, part, judged))
        _keep(state, part, judged)
        done.append(part[judged.done])
    found.append(_sweep_boxes(state, now))
    _forget(state, np.concatenate(done) if done else slots, now)
    found.append(_sweep_days(state, now))
    found.append(judge_stores(state.stores, state.world, state.tolerances, now))
    verdicts = np.concatenate(found)
    of_vehicle = (verdicts["rule"] == Rule.ROUTE) | (verdicts["rule"] == Rule.STOP)
    facts = state.codes.facts
    verdicts["site"][of_vehicle] = facts.receiver_site[facts.owner[verdicts["code"][of_vehicle]]]
    return verdicts[np.lexsort((verdicts["key"], verdicts["rule"]))]


def _told(state: State, slots: Ints, judged: Judged) -> Verdicts:
    """What is different from what was said of bags before."""
    arrays = state.arrays
    before_found: NDArray[np.uint32] = arrays["found"][slots]
    before_open: NDArray[np.uint32] = arrays["open"][slots]
    open_now = np.where(judged.done, np.uint32(0), judged.open)
    rises = (judged.found & ~before_found) | (open_now & ~before_open)
    falls = before_open & ~open_now
    touched = arrays["touched"][slots]
    only_late: NDArray[np.bool_] = (touched & TOUCHED_LATE != 0) & (touched & TOUCHED_TIMELY == 0)
    told = _changes(state, arrays["key"][slots], judged.home, rises, falls, open_now, only_late, judged.said, slots)
    # A fact that a late event told is history, even where timely ones came with it.
    step = STEP_OF_EVENT[told["event"]]
    tardy = judged.late[_positions(arrays["key"][slots], told["key"]), np.maximum(step, 0)] & (step != NONE)
    told["late"] |= tardy & told["on"] & ~np.isin(told["rule"], _BY_TIME)
    return told


def _changes(
    state: State,
    keys: Ints,
    home: Ints,
    rises: NDArray[np.uint32],
    falls: NDArray[np.uint32],
    open_now: NDArray[np.uint32],
    only_late: NDArray[np.bool_],
    said: dict[Rule, dict[str, NDArray[Any]]],
    slots: Ints | None,
) -> Verdicts:
    parts = []
    every = int(np.bitwise_or.reduce(rises | falls)) if keys.size else 0
    for rule in Rule:
        if rule >= _BITS or not every >> rule & 1:
            continue
        bit = np.uint32(1 << rule)
        rows = np.flatnonzero((rises | falls) & bit)
        told = empty_verdicts(rows.size)
        told["rule"], told["key"], told["subject"], told["site"] = rule, keys[rows], keys[rows], home[rows]
        told["on"] = rises[rows] & bit != 0
        is_open = open_now[rows] & bit != 0
        # What time brought is news, whenever the events came; what only late events brought is history.
        told["late"] = ~is_open | (only_late[rows] & (rule not in _BY_TIME))
        told["late"] &= told["on"]
        for name, values in said.get(rule, {}).items():
            told[name] = event_of(values[rows]) if name in ("event", "other") else values[rows]
        if slots is not None and rule in _OF_CONTAINER:
            told["subject"] = _container(state, slots[rows], _OF_CONTAINER[rule], keys[rows])
        parts.append(told)
    return np.concatenate(parts) if parts else empty_verdicts()


_BY_TIME: Final = (
    Rule.STORAGE_36H,
    Rule.STORAGE_44H,
    Rule.STORAGE_48H,
    Rule.MISSING,
    Rule.IN_TRANSIT,
    Rule.DISPOSER_STORAGE,
    Rule.UNSCANNED,
)


def _container(state: State, slots: Ints, step: int, keys: Ints) -> Ints:
    """The container that brought a step of bags, else the bag's own key."""
    _, rows = state.containers.inherited(keys, us(state.tolerances.box_h))
    row = np.where(state.arrays["ts"][slots, step] < NEVER, NONE, rows[:, step])
    log = state.containers.log
    return np.where(row >= 0, log["key"][row], keys) if log.size else keys


def _keep(state: State, slots: Ints, judged: Judged) -> None:
    """Write down what was judged."""
    arrays, stores = state.arrays, state.stores
    changed = (arrays["found"][slots] != judged.found) | (arrays["open"][slots] != judged.open)
    arrays["dirty"][slots] |= changed
    arrays["found"][slots], arrays["open"][slots], arrays["due"][slots] = judged.found, judged.open, judged.due
    arrays["touched"][slots] = 0
    waited = arrays["waits"][slots]
    waits = np.where(judged.done, NONE, judged.waits)
    np.add.at(stores.holding, waited[waited >= 0], -1)
    np.add.at(stores.holding, waits[waits >= 0], 1)
    arrays["waits"][slots] = waits
    handed = judged.handed < NEVER
    np.maximum.at(state.institutions.handed, judged.home[handed], judged.handed[handed])


def _sweep_boxes(state: State, now: int) -> Verdicts:
    containers = state.containers
    log = containers.log
    if not log.size:
        return empty_verdicts()
    rows = np.unique(np.concatenate([*containers.touched, np.flatnonzero(log["due"] <= now)]))
    containers.touched = []
    if not rows.size:
        return empty_verdicts()
    judged = judge_boxes(state, rows, now)
    before_found, before_open = log["found"][rows], log["open"][rows]
    rises = (judged.found & ~before_found) | (judged.open & ~before_open)
    falls = before_open & ~judged.open
    journeys = containers.journey_keys(rows)
    told = _changes(state, journeys, judged.home, rises, falls, judged.open, log["late"][rows], judged.said, None)
    told["subject"] = log["key"][rows][_positions(journeys, told["key"])]
    log["found"][rows], log["open"][rows], log["due"][rows] = judged.found, judged.open, judged.due
    return told


def _positions(keys: Ints, wanted: Ints) -> Ints:
    order = np.argsort(keys, kind="stable")
    found: Ints = order[np.searchsorted(keys[order], wanted)]
    return found


def _forget(state: State, done: Ints, now: int) -> None:
    if done.size:
        state.closed.append(rows_of(state, done))
        state.release(done)
    if now // DAY_US == state.tidied:
        return
    state.tidied = now // DAY_US
    tolerances, links = state.tolerances, state.containers.links
    before = now - us(24 * tolerances.keep_days + tolerances.box_h)
    kept = (state.slots(links["child"].astype(np.int64)) >= 0) | (links["ts"] >= before)
    state.containers.forget(before, kept)


def _sweep_days(state: State, now: int) -> Verdicts:
    institutions, world = state.institutions, state.world
    if not len(world.sites):
        return empty_verdicts()
    day = (now - us(state.tolerances.pickup_grace_h) + world.offset_us) // DAY_US - 1
    pending = (day > institutions.judged) & world.producer
    # Between the days: only whether the disposer came after all.
    if not pending.any():
        return institutions.visited(world, state.tolerances)
    oldest = np.full(len(world.sites), NEVER, dtype=np.int64)
    slots = np.flatnonzero(state.arrays["waits"] >= 0)
    begins = state.arrays["ts"][slots].min(axis=1)
    np.minimum.at(oldest, state.arrays["waits"][slots], begins)
    visited = institutions.visited(world, state.tolerances)
    return np.concatenate([visited, judge_days(institutions, world, state.tolerances, now, oldest, pending)])
