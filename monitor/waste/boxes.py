"""Verdicts of containers' own events: what a box weighs against what is in it and against the last weighing.

Signatures, manifest, vehicle and receiver of a box are judged here once, and not again on each of the bags in it.
A journey of a box begins when it was last treated (emptied), at most `Tolerances.box_h` before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import COLLECTED, HANDED, NEVER, NONE, RECEIVED, STEP_OF_EVENT, STORED
from monitor.waste.judging import unlicensed, wrong_vehicle
from monitor.waste.keys import Ints
from monitor.waste.rules import Rule, us
from monitor.waste.state import State, grams_of
from registry.waste.catalogue import Event

Bools = NDArray[np.bool_]


@dataclass(slots=True)
class JudgedBoxes:
    """What came of judging n events of containers; see `judging.Judged`. `home` is the site of the hand-over."""

    found: NDArray[np.uint32]
    open: NDArray[np.uint32]
    due: Ints
    home: Ints
    said: dict[Rule, dict[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class _Journey:
    """Of each event, shape (n,): when its journey began, the last weighing and hand-over before it (log rows, NONE)."""

    begin: Ints
    weighed: Ints
    handed: Ints
    same: Ints


def judge_boxes(state: State, rows: Ints, now: int) -> JudgedBoxes:
    """Judge events of containers, rows of the log, at an instant (us)."""
    log = state.containers.log
    events, tolerances, facts = log[rows], state.tolerances, state.codes.facts
    n = rows.size
    judged = JudgedBoxes(np.zeros(n, np.uint32), np.zeros(n, np.uint32), np.full(n, NEVER), np.full(n, NONE), {})
    ts, step = events["ts"].astype(np.int64), STEP_OF_EVENT[events["event"]]
    journey = _journey(state, rows)
    judged.home = np.where(journey.handed >= 0, log["site"][journey.handed], events["site"]).astype(np.int64)
    signs, wanted = events["signs"].astype(np.int64), np.append(tolerances.signatures(), 0)[step]
    code = np.full(n, NONE, dtype=np.int64)
    _say(judged, Rule.UNSIGNED, signs < wanted, events, value=signs.astype(np.float64), limit=wanted.astype(np.float64))
    _say(judged, Rule.MANIFEST, (step == HANDED) & ~events["manifest"], events)
    _say(judged, Rule.OPENED, events["unsealed"] | (events["event"] == Event.OPENED), events)
    to = np.where(step == HANDED, events["to"], np.where(journey.handed >= 0, log["to"][journey.handed], NONE))
    vehicle = np.where(step == HANDED, events["vehicle"], NONE)
    _say(judged, Rule.VEHICLE, wrong_vehicle(facts, vehicle, to), events, code=vehicle)
    place = np.where(step == RECEIVED, events["place"], code)
    wrong_to = (step == HANDED) & unlicensed(facts, to, ts)
    wrong_place = unlicensed(facts, place, ts) | ((place >= 0) & (to >= 0) & (place != to))
    _say(judged, Rule.RECEIVER, wrong_to | wrong_place, events, code=np.where(wrong_to, to, place))
    settled = events["arrived"] + us(tolerances.settle_min / 60)
    _weigh(state, judged, events, journey, now >= settled)
    ends = ts + us(tolerances.fact_h)
    judged.open = np.where(now < ends, judged.found, np.uint32(0)).astype(np.uint32)
    for at in (settled, ends):
        judged.due = np.where(at > now, np.minimum(judged.due, at), judged.due)
    return judged


def _say(judged: JudgedBoxes, rule: Rule, holds: Bools, events: NDArray[Any], **said: Any) -> None:
    judged.found |= np.where(holds, np.uint32(1 << rule), np.uint32(0))
    judged.said[rule] = {"at": events["ts"].astype(np.int64), "event": STEP_OF_EVENT[events["event"]], **said}


def _journey(state: State, rows: Ints) -> _Journey:
    containers = state.containers
    log = containers.log
    ts, key, step = log["ts"][rows].astype(np.int64), log["key"][rows].astype(np.int64), log["event"][rows]
    index, others = containers.of_container.of(key)
    before = log["ts"][others] < ts[index]
    index, others = index[before], others[before]
    begin = ts - us(state.tolerances.box_h)
    emptied = log["event"][others] == Event.TREATED
    np.maximum.at(begin, index[emptied], log["ts"][others[emptied]])
    within = (log["ts"][others] >= begin[index]) & ~emptied
    index, others = index[within], others[within]
    return _Journey(
        begin,
        _last(log, rows.size, index, others, log["net_g"][others] >= 0),
        _last(log, rows.size, index, others, log["event"][others] == Event.HANDED_OVER),
        _last(log, rows.size, index, others, log["event"][others] == step[index]),
    )


def _last(log: NDArray[Any], n: int, index: Ints, rows: Ints, chosen: Bools) -> Ints:
    """Of each of n the chosen row with the latest time (at once: the greatest event), NONE if none."""
    index, rows = index[chosen], rows[chosen]
    order = np.lexsort((log["event"][rows], log["ts"][rows], index))
    found = np.full(n, NONE, dtype=np.int64)
    found[index[order]] = rows[order]
    return found


def _weigh(state: State, judged: JudgedBoxes, events: NDArray[Any], journey: _Journey, settled: Bools) -> None:
    """A box's first weighing is compared with what is in it, later ones with the one before."""
    log, tolerances = state.containers.log, state.tolerances
    grams = events["net_g"].astype(np.int64)
    expected = np.where(journey.weighed >= 0, log["net_g"][journey.weighed], NONE).astype(np.int64)
    other = np.where(journey.weighed >= 0, STEP_OF_EVENT[log["event"][journey.weighed]], NONE)
    first = np.flatnonzero((grams >= 0) & (expected < 0) & (journey.same < 0))
    if first.size:
        expected[first] = _content_grams(state, events[first], journey.begin[first])
    limit = np.maximum(tolerances.batch_kg, tolerances.batch_percent / 100 * expected / 1000)
    difference = (grams - expected) / 1000
    weighed = (grams >= 0) & (expected >= 0) & settled
    over = weighed & (np.rint(np.abs(difference) * 1000) > np.rint(limit * 1000))
    _say(judged, Rule.BATCH_WEIGHT, over, events, value=difference, limit=limit, other=other)


def _content_grams(state: State, events: NDArray[Any], begin: Ints) -> Ints:
    """What lies in containers by the weights of the bags, grams; NONE where one of them is not known or it is empty."""
    containers = state.containers
    links = containers.links
    key, ts = events["key"].astype(np.int64), events["ts"].astype(np.int64)
    index, rows = containers.of_parent.of(key)
    within = (links["ts"][rows] >= begin[index]) & (links["ts"][rows] <= ts[index])
    index, rows = index[within], rows[within]
    # What was put into another container since lies there.
    child = links["child"][rows].astype(np.int64)
    of, theirs = containers.of_child.of(child)
    elsewhere = (links["ts"][theirs] > links["ts"][rows[of]]) & (links["ts"][theirs] <= ts[index[of]])
    elsewhere &= links["parent"][theirs] != key[index[of]]
    there = np.ones(child.size, dtype=np.bool_)
    there[of[elsewhere]] = False
    index, child, bag = index[there], child[there], links["bag"][rows[there]]
    pair, kept = np.unique(np.stack([index, child]), axis=1, return_index=True)
    index, child, bag = pair[0], pair[1], bag[kept]
    grams = np.where(bag, _bag_grams(state, child), NONE)
    known = np.zeros(key.size, dtype=np.int64)
    total, count = np.zeros(key.size, dtype=np.int64), np.zeros(key.size, dtype=np.int64)
    np.add.at(total, index, np.maximum(grams, 0))
    np.add.at(count, index, 1)
    np.add.at(known, index, grams >= 0)
    return np.where((count > 0) & (known == count), total, NONE)


def _bag_grams(state: State, keys: Ints) -> Ints:
    """Net grams of bags as last weighed before they were boxed: in the store, else in the ward; NONE if not known."""
    slots = state.slots(keys)
    body = state.arrays["body"][np.maximum(slots, 0)]
    stored, collected = grams_of(body[:, STORED]), grams_of(body[:, COLLECTED])
    return np.where(slots < 0, NONE, np.where(stored >= 0, stored, collected))
