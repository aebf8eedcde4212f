"""Taking events into the state: what each says of its bag, its container and its institution. Order changes nothing.

Nothing is judged here: `sweeping.sweep` does, when the journal says what time it is. So what is judged does not
depend on how the stream was cut into calls.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.clocks import ClockFinding
from monitor.waste.containers import is_container
from monitor.waste.events import COLLECTED, EVENT, NEVER, NONE, STEP_OF_EVENT, STEPS, Events, empty_verdicts
from monitor.waste.institutions import DAY_US
from monitor.waste.keys import Ints
from monitor.waste.rules import Rule, us
from monitor.waste.state import (
    MANIFEST,
    TOUCHED_BY_BOX,
    TOUCHED_LATE,
    TOUCHED_TIMELY,
    State,
    category_of,
    grams_of,
    origin,
    packed,
)
from registry.waste.catalogue import Event

_WIDTH: Final = len(STEPS)
_HEARD: Final = np.dtype([("ts", "<i8"), ("arrived", "<i8"), ("late", "?")])


def step(state: State, events: Events) -> None:
    """Take events in; `sweep` tells what they come to.

    Parameters
    ----------
    events : dtype `EVENT`, shape (n,), each as ingest stored it: in any order, any of them several times

    """
    if events.dtype != EVENT:
        raise TypeError(f"events are of dtype {events.dtype}, must be monitor.waste.EVENT")
    if not events.size:
        return
    late = events["arrived"] - events["ts"] > us(state.tolerances.late_min / 60)
    touched = np.where(late, TOUCHED_LATE, TOUCHED_TIMELY).astype(np.uint8)
    _hear_clocks(state, events, late)
    boxes = is_container(events["kind"])
    if not boxes.any():
        _take_bags(state, events, late, touched)
    else:
        _take_bags(state, events[~boxes], late[~boxes], touched[~boxes])
        _take_boxes(state, events[boxes], late[boxes])
    linked = events["parent"] != 0
    if linked.any():
        _link(state, events[linked])


def _take_bags(state: State, events: Events, late: NDArray[np.bool_], touched: NDArray[np.uint8]) -> None:
    keys, group = np.unique(events["key"], return_inverse=True)
    slots = state.slots(keys)
    new = slots < 0
    if new.any():
        # Of a bag that isn't in memory old news opens nothing: it left memory, or was never watched.
        newest = np.full(keys.size, -NEVER, dtype=np.int64)
        np.maximum.at(newest, group, events["ts"])
        beyond = new & (newest < state.now - us(24 * state.tolerances.keep_days))
        if beyond.any():
            gone = beyond[group]
            state.beyond.append(events[gone])
            events, late, touched, group = events[~gone], late[~gone], touched[~gone], group[~gone]
        new &= ~beyond
        slots[new] = state.allocate(keys[new])
    at = slots[group].astype(np.int64)
    if at.size:
        _merge(state, events, at, late, touched)


def _merge(state: State, events: Events, at: Ints, late: NDArray[np.bool_], touched: NDArray[np.uint8]) -> None:
    """Merge events into the summaries of the bags in rows `at`, shape (n,)."""
    arrays, ts = state.arrays, events["ts"]
    steps = STEP_OF_EVENT[events["event"]]
    # Where a bag is handed over is the vehicle.
    place = np.where(events["event"] == Event.HANDED_OVER, events["vehicle"], events["place"])
    body = packed(events["net_g"], events["category"], place)
    is_step = steps != NONE
    cell = at[is_step] * _WIDTH + steps[is_step]
    _merge_steps(state, events[is_step], cell, ts[is_step], body[is_step])
    np.maximum.at(arrays["signs"].reshape(-1), cell, events["signatures"][is_step])
    said = events["category"] > 0
    np.bitwise_or.at(arrays["categories"], at[said], (1 << (events["category"][said] - 1)).astype(np.uint8))
    tardy = is_step & late
    np.bitwise_or.at(arrays["late"], at[tardy], (1 << steps[tardy]).astype(np.uint8))
    np.bitwise_or.at(arrays["flags"], at[events["manifest"]], np.uint8(MANIFEST))
    named = events["to"] >= 0
    np.minimum.at(arrays["to"], at[named], events["to"][named])
    opened = (events["event"] == Event.OPENED) | events["unsealed"]
    np.minimum.at(arrays["opened"], at[opened], ts[opened])
    # What is no step tells less of whose bag it is than any step.
    np.minimum.at(arrays["origin"], at, origin(np.where(is_step, steps, _WIDTH), events["site"]))
    np.maximum.at(arrays["arrived"], at, events["arrived"])
    np.maximum.at(arrays["newest"], at, ts)
    arrays["nested"][at[events["parent"] != 0]] = True
    np.bitwise_or.at(arrays["touched"], at, touched)
    arrays["dirty"][at] = True
    collected = steps == COLLECTED
    np.maximum.at(state.institutions.collected, events["site"][collected], ts[collected])
    moved = events["event"] == Event.MOVED
    if moved.any():
        _keep_last(arrays["moved_ts"], arrays["moved_body"], at[moved], ts[moved], body[moved])


def _merge_steps(state: State, events: Events, cell: Ints, ts: Ints, body: Ints) -> None:
    """Keep the earliest record of each cell (bag × step), and the latest of collections."""
    order = np.lexsort((body, ts, cell))
    cell, ts, body = cell[order], ts[order], body[order]
    first = np.append(True, cell[1:] != cell[:-1])[: cell.size]
    here, here_ts, here_body = cell[first], ts[first], body[first]
    kept_ts, kept_body = state.arrays["ts"].reshape(-1), state.arrays["body"].reshape(-1)
    before_ts, before_body = kept_ts[here], kept_body[here]
    better = (here_ts < before_ts) | ((here_ts == before_ts) & (here_body < before_body))
    collected = here % _WIDTH == COLLECTED
    if collected.any():
        chosen = better & collected
        _count_collected(
            state, here[chosen] // _WIDTH, events["site"][order[first]][chosen], here_ts, here_body, chosen
        )
        last = np.append(cell[1:] != cell[:-1], True)[: cell.size] & (cell % _WIDTH == COLLECTED)
        _keep_last(state.arrays["again_ts"], state.arrays["again_body"], cell[last] // _WIDTH, ts[last], body[last])
    kept_ts[here[better]], kept_body[here[better]] = here_ts[better], here_body[better]


def _count_collected(state: State, slots: Ints, site: Ints, ts: Ints, body: Ints, chosen: NDArray[np.bool_]) -> None:
    """Count new first collections to their institution's days, and take back those that they replace."""
    arrays, institutions = state.arrays, state.institutions
    offset = state.world.offset_us
    old_ts, old_body = arrays["ts"][slots, COLLECTED], arrays["body"][slots, COLLECTED]
    again = old_ts < NEVER
    if again.any():
        home = (arrays["origin"][slots[again]] & 0xFFFF_FFFF).astype(np.int64)
        day = (old_ts[again] + offset[home]) // DAY_US
        institutions.collect(home, day, grams_of(old_body[again]), category_of(old_body[again]), -1)
    day = (ts[chosen] + offset[site]) // DAY_US
    institutions.collect(site.astype(np.int64), day, grams_of(body[chosen]), category_of(body[chosen]), 1)


def _keep_last(kept_ts: Ints, kept_body: Ints, at: Ints, ts: Ints, body: Ints) -> None:
    """Keep the latest record of each row; of several at one time the greatest."""
    order = np.lexsort((body, ts, at))
    at, ts, body = at[order], ts[order], body[order]
    last = np.append(at[1:] != at[:-1], True)[: at.size]
    at, ts, body = at[last], ts[last], body[last]
    better = (ts > kept_ts[at]) | ((ts == kept_ts[at]) & (body > kept_body[at]))
    kept_ts[at[better]], kept_body[at[better]] = ts[better], body[better]


def _take_boxes(state: State, events: Events, late: NDArray[np.bool_]) -> None:
    state.containers.take(events, late)
    _touch_content(state, events["key"])


def _link(state: State, events: Events) -> None:
    boxes = is_container(events["kind"])
    state.containers.link(
        events["key"].astype(np.int64), events["parent"].astype(np.int64), events["ts"].astype(np.int64), ~boxes
    )
    if boxes.any():
        _touch_content(state, events["key"][boxes])


def _touch_content(state: State, containers: Ints) -> None:
    """What lies in a container is judged again when the container is heard of."""
    slots = state.slots(state.containers.content(np.unique(containers)))
    slots = slots[slots >= 0]
    state.arrays["touched"][slots] |= TOUCHED_BY_BOX
    state.arrays["dirty"][slots] = True


def _hear_clocks(state: State, events: Events, late: NDArray[np.bool_]) -> None:
    if not late.any() and not state.clocks.known:
        return
    heard = np.empty(events.size, dtype=_HEARD)
    heard["ts"], heard["arrived"], heard["late"] = events["ts"], events["arrived"], late
    world = state.world
    ones = np.ones(len(world.devices))
    found = state.clocks.heard(heard, events["device"], world.devices, ones)
    state.clocks.present.clear()
    if found:
        state.pending.append(_clock_verdicts(state, found))


def _clock_verdicts(state: State, found: list[ClockFinding]) -> NDArray[Any]:
    verdicts = empty_verdicts(len(found))
    verdicts["rule"] = Rule.CLOCK
    for row, each in zip(verdicts, found, strict=True):
        device = state.world.device_index[each.device]
        row["key"] = row["subject"] = device
        row["site"], row["on"], row["at"] = state.world.device_site[device], each.wrong, each.since
        row["value"] = np.nan if each.offset_us is None else each.offset_us / 60e6
    return verdicts
