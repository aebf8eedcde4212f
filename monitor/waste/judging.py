"""Verdicts of bags: a pure function of their summaries, of what they owe to their containers, and of the time.

A rule is **found** when the evidence says that it was broken, for good; it is **open** while somebody should act: a
bag that is overdue until it is handed over, a fact such as a missing signature until `Tolerances.fact_h` after the bag
was last heard of. One fault is one verdict: a bag that never reached the store is missing, and not overdue in it as
well; a code that two bags carry is judged as that and its mixed chain is not judged further.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import (
    COLLECTED,
    EVENT_OF_STEP,
    HANDED,
    NEVER,
    NONE,
    RECEIVED,
    STEPS,
    STORED,
    TREATED,
)
from monitor.waste.keys import Ints
from monitor.waste.rules import HOUR_US, Rule, us
from monitor.waste.state import MANIFEST, NOWHERE, State, grams_of, home_of, place_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_MINUTE_US: Final = 60_000_000
_SUPPRESSED_BY_DUPLICATE: Final = (
    Rule.WEIGHT,
    Rule.ORDER,
    Rule.CATEGORY,
    Rule.UNSCANNED,
    Rule.MISSING,
    Rule.IN_TRANSIT,
)
_ENDS_BY_ITSELF: Final = (
    Rule.STORAGE_36H,
    Rule.STORAGE_44H,
    Rule.STORAGE_48H,
    Rule.MISSING,
    Rule.IN_TRANSIT,
    Rule.DISPOSER_STORAGE,
)
"""Rules about what has not happened yet: open only while it has not."""


@dataclass(frozen=True, slots=True)
class Lives:
    """What is known of bags, their containers' events included. Shape (n, steps) or (n,).

    `ts` is NEVER where a step is not known; `row` is the log row of the container that brought it, NONE where the bag
    itself was scanned (`own`); `late` where a late event told of the step; `last` is the last step known.
    """

    slots: Ints
    ts: Ints
    row: Ints
    own: Bools
    late: Bools
    home: Ints
    vehicle: Ints
    receiver: Ints
    last: Ints

    @property
    def have(self) -> Bools:
        """Which steps are known."""
        return self.ts < NEVER


@dataclass(slots=True)
class Judged:
    """What came of judging n bags: bits found and open, what each rule has to say (by rule), when to judge again."""

    found: NDArray[np.uint32]
    open: NDArray[np.uint32]
    due: Ints
    waits: Ints
    handed: Ints
    home: Ints
    late: Bools
    done: Bools
    said: dict[Rule, dict[str, NDArray[Any]]]


def lives(state: State, slots: Ints) -> Lives:
    """The lives of bags in rows `slots`, shape (n,)."""
    arrays = state.arrays
    ts = arrays["ts"][slots]
    row = np.full(ts.shape, NONE, dtype=np.int64)
    nested = np.flatnonzero(arrays["nested"][slots])
    log = state.containers.log
    if nested.size:
        theirs, rows = state.containers.inherited(arrays["key"][slots[nested]], us(state.tolerances.box_h))
        earlier = theirs < ts[nested]
        ts[nested] = np.where(earlier, theirs, ts[nested])
        row[nested] = np.where(earlier, rows, NONE)
    body = arrays["body"][slots]
    vehicle, receiver, to = place_of(body[:, HANDED]), place_of(body[:, RECEIVED]), arrays["to"][slots].astype(np.int64)
    handed, received = row[:, HANDED], row[:, RECEIVED]
    late = (arrays["late"][slots][:, None] >> np.arange(len(STEPS))) & 1 > 0
    if log.size:
        late = np.where(row >= 0, log["late"][row], late)
        vehicle = np.where(handed >= 0, log["vehicle"][handed], vehicle)
        to = np.where((handed >= 0) & (to == NOWHERE) & (log["to"][handed] >= 0), log["to"][handed], to)
        receiver = np.where(received >= 0, log["place"][received], receiver)
    receiver = np.where(receiver >= 0, receiver, np.where(to < NOWHERE, to, NONE))
    have = ts < NEVER
    last = np.where(have.any(axis=1), len(STEPS) - 1 - np.argmax(have[:, ::-1], axis=1), NONE)
    own = have & (row == NONE)
    return Lives(slots, ts, row, own, late, home_of(arrays["origin"][slots]), vehicle, receiver, last)


def judge(state: State, slots: Ints, now: int) -> Judged:
    """Judge bags at an instant (us)."""
    life, arrays, tolerances = lives(state, slots), state.arrays, state.tolerances
    n = slots.size
    judged = Judged(
        np.zeros(n, dtype=np.uint32),
        np.zeros(n, dtype=np.uint32),
        np.full(n, NEVER, dtype=np.int64),
        np.full(n, NONE, dtype=np.int64),
        life.ts[:, HANDED],
        life.home,
        life.late,
        np.zeros(n, dtype=np.bool_),
        {},
    )
    settled = arrays["arrived"][slots] + us(tolerances.settle_min / 60)
    _later(judged, settled, now)
    again = arrays["again_ts"][slots] > life.ts[:, COLLECTED] + us(tolerances.reweigh_min / 60)
    body = arrays["body"][slots]
    again |= life.own[:, COLLECTED] & (place_of(arrays["again_body"][slots]) != place_of(body[:, COLLECTED]))
    again &= life.own[:, COLLECTED]
    _say(judged, Rule.DUPLICATE, again, life.ts[:, COLLECTED], event=COLLECTED)
    _judge_waiting(state, judged, life, now, now >= settled)
    _judge_chain(state, judged, life, now, now >= settled)
    _judge_content(state, judged, life, body)
    _judge_parties(state, judged, life)
    for rule in _SUPPRESSED_BY_DUPLICATE:
        judged.found[again] &= ~np.uint32(1 << rule)
    judged.open &= judged.found
    ends = arrays["newest"][slots] + us(tolerances.fact_h)
    _later(judged, ends, now)
    facts = np.uint32(~sum(1 << rule for rule in _ENDS_BY_ITSELF) & 0xFFFF_FFFF)
    judged.open |= np.where(now < ends, judged.found & facts, np.uint32(0))
    _end(state, judged, life, now)
    return judged


def _say(judged: Judged, rule: Rule, holds: Bools, at: Ints, **said: Any) -> None:
    judged.found |= np.where(holds, np.uint32(1 << rule), np.uint32(0))
    judged.said[rule] = {"at": at, **{name: np.broadcast_to(each, holds.shape) for name, each in said.items()}}


def _later(judged: Judged, at: Ints, now: int) -> None:
    """To be judged again at `at`, where that is still to come."""
    judged.due = np.where(at > now, np.minimum(judged.due, at), judged.due)


def _judge_waiting(state: State, judged: Judged, life: Lives, now: int, settled: Bools) -> None:
    """What lies too long: in the institution's store, on its way to it, on the road, at the disposer."""
    tolerances, ts, have = state.tolerances, life.ts, life.have
    has_store = state.world.has_store[life.home] & (life.home >= 0)
    stored, handed = ts[:, STORED], ts[:, HANDED]
    after_store = ts[:, HANDED:].min(axis=1)
    # The clock starts when it was put into the store (入库), where there is none when it was made (产生).
    begins = np.where(have[:, STORED], stored, np.where(has_store, NEVER, ts[:, COLLECTED]))
    waiting = (begins < NEVER) & (after_store == NEVER)
    for rule, allowed in (
        (Rule.STORAGE_36H, tolerances.storage_first_h),
        (Rule.STORAGE_44H, tolerances.storage_second_h),
        (Rule.STORAGE_48H, tolerances.storage_h),
    ):
        _overstay(judged, rule, begins, after_store, us(allowed), now, settled, STORED)
    missing_begins = np.where(has_store & (have[:, STORED] | (after_store == NEVER)), ts[:, COLLECTED], NEVER)
    _overstay(judged, Rule.MISSING, missing_begins, stored, us(tolerances.missing_h), now, settled, STORED)
    arrived = np.where(have[:, RECEIVED], ts[:, RECEIVED], np.where(have[:, TREATED], handed, NEVER))
    _overstay(judged, Rule.IN_TRANSIT, handed, arrived, us(tolerances.transit_h), now, settled, RECEIVED)
    at_receiver = state.codes.facts.receiver_site[life.receiver]
    warm = state.stores.warm(now, tolerances)[at_receiver] & (at_receiver >= 0)
    hours = np.where(warm & ~have[:, TREATED], us(tolerances.disposer_warm_h), us(tolerances.disposer_cold_h))
    received = ts[:, RECEIVED] if tolerances.treated_expected else np.full(len(ts), NEVER, dtype=np.int64)
    _overstay(judged, Rule.DISPOSER_STORAGE, received, ts[:, TREATED], hours, now, settled, TREATED)
    judged.said[Rule.DISPOSER_STORAGE]["code"] = life.receiver
    # How warm it is may change at any time: look again when the shorter time is over.
    _later(judged, np.where(received < NEVER, received + us(tolerances.disposer_warm_h), NEVER), now)
    at_disposer = (life.last == RECEIVED) & (at_receiver >= 0)
    judged.waits = np.where(waiting, life.home, np.where(at_disposer, at_receiver, NONE))


def _overstay(
    judged: Judged, rule: Rule, begins: Ints, ends: Ints, allowed: Any, now: int, settled: Bools, step: int
) -> None:
    """Found where it took (or takes) longer than `allowed` from `begins` to `ends`, open while it has not ended."""
    known = begins < NEVER
    running = known & (ends == NEVER)
    over = np.where(running, (now - begins >= allowed) & settled, known & (ends - begins > allowed))
    hours = np.where(known, (np.where(running, now, ends) - begins) / HOUR_US, np.nan)
    _say(judged, rule, over, begins, event=step, value=hours, limit=allowed / HOUR_US)
    judged.open |= np.where(over & running, np.uint32(1 << rule), np.uint32(0))
    _later(judged, np.where(running, begins + allowed, NEVER), now)


def _judge_chain(state: State, judged: Judged, life: Lives, now: int, settled: Bools) -> None:
    """Steps that are missing though later ones are known, and steps whose times contradict their order."""
    tolerances, ts, have = state.tolerances, life.ts, life.have
    has_store = state.world.has_store[life.home] & (life.home >= 0)
    grace = us(tolerances.unscanned_h)
    gap = np.full(len(ts), NONE, dtype=np.int64)
    seen = np.full(len(ts), NEVER, dtype=np.int64)
    for step in (RECEIVED, HANDED, STORED, COLLECTED):
        later = ts[:, step + 1 :].min(axis=1)
        expected = has_store if step == STORED else np.ones(len(ts), dtype=np.bool_)
        absent = expected & ~have[:, step] & (later < NEVER)
        over = absent & (now >= later + grace) & settled
        gap, seen = np.where(over, step, gap), np.where(over, later, seen)
        _later(judged, np.where(absent, later + grace, NEVER), now)
    _say(judged, Rule.UNSCANNED, gap != NONE, seen, event=gap)
    back = np.zeros(len(ts), dtype=np.int64)
    wrong, other = np.full(len(ts), NONE), np.full(len(ts), NONE)
    newest, newest_step = np.full(len(ts), -NEVER), np.full(len(ts), NONE)
    for step in range(len(STEPS)):
        witness = have[:, step] & ~life.late[:, step]
        by = np.where(witness & (newest > -NEVER), newest - ts[:, step], 0)
        worse = by > np.maximum(back, us(tolerances.order_min / 60))
        back, wrong, other = (
            np.where(worse, by, back),
            np.where(worse, step, wrong),
            np.where(worse, newest_step, other),
        )
        newer = witness & (ts[:, step] > newest)
        newest, newest_step = np.where(newer, ts[:, step], newest), np.where(newer, step, newest_step)
    at = ts[np.arange(len(ts)), np.maximum(wrong, 0)]
    limit = np.full(len(ts), tolerances.order_min)
    _say(judged, Rule.ORDER, wrong != NONE, at, event=wrong, other=other, value=back / _MINUTE_US, limit=limit)


def _judge_content(state: State, judged: Judged, life: Lives, body: Ints) -> None:
    """What is in it: category, weight from step to step, whether it was opened."""
    arrays, tolerances, slots = state.arrays, state.tolerances, life.slots
    seen = arrays["categories"][slots].astype(np.int64)
    _say(judged, Rule.CATEGORY, (seen & (seen - 1)) != 0, arrays["newest"][slots], value=seen.astype(np.float64))
    opened = arrays["opened"][slots]
    _say(judged, Rule.OPENED, (opened < NEVER) & (opened < life.ts[:, TREATED]), opened)
    grams = np.where(life.own, grams_of(body), NONE)
    before, before_step = np.full(slots.size, NONE, dtype=np.int64), np.full(slots.size, NONE)
    worst, allowed = np.zeros(slots.size), np.full(slots.size, np.nan)
    step_of, other = np.full(slots.size, NONE), np.full(slots.size, NONE)
    for step in range(len(STEPS)):
        weighed = grams[:, step] >= 0
        difference = np.where(weighed & (before >= 0), grams[:, step] - before, 0) / 1000
        limit = np.maximum(tolerances.bag_kg, tolerances.bag_percent / 100 * before / 1000)
        # Compared in whole grams, so that just the tolerance is within it.
        over = np.rint(np.abs(difference) * 1000) > np.rint(limit * 1000)
        worse = over & (np.abs(difference) > np.abs(worst))
        worst, allowed = np.where(worse, difference, worst), np.where(worse, limit, allowed)
        step_of, other = np.where(worse, step, step_of), np.where(worse, before_step, other)
        before, before_step = np.where(weighed, grams[:, step], before), np.where(weighed, step, before_step)
    at = life.ts[np.arange(slots.size), np.maximum(step_of, 0)]
    _say(judged, Rule.WEIGHT, step_of != NONE, at, event=step_of, other=other, value=worst, limit=allowed)
    heaviest = grams.max(axis=1)
    nothing = (grams == 0).any(axis=1)
    implausible = nothing | (heaviest > tolerances.heaviest_bag_kg * 1000)
    value = np.where(nothing, 0, heaviest) / 1000
    limit = np.full(slots.size, tolerances.heaviest_bag_kg)
    _say(judged, Rule.BAG_WEIGHT, implausible, life.ts.min(axis=1), value=value, limit=limit)


def _judge_parties(state: State, judged: Judged, life: Lives) -> None:
    """Who signed, with which manifest, on which vehicle, to whom: where the bag itself was scanned."""
    arrays, slots, facts = state.arrays, life.slots, state.codes.facts
    signs = arrays["signs"][slots].astype(np.int64)
    wanted = np.array(state.tolerances.signatures(), dtype=np.int64)
    short = life.own & (signs < wanted)
    first = np.where(short.any(axis=1), np.argmax(short, axis=1), NONE)
    rows = np.arange(slots.size)
    _say(
        judged,
        Rule.UNSIGNED,
        first != NONE,
        life.ts[rows, first],
        event=first,
        value=signs[rows, first].astype(np.float64),
        limit=wanted[first].astype(np.float64),
    )
    handed, received = life.own[:, HANDED], life.own[:, RECEIVED]
    at, at_receipt = life.ts[:, HANDED], life.ts[:, RECEIVED]
    _say(judged, Rule.MANIFEST, handed & (arrays["flags"][slots] & MANIFEST == 0), at, event=HANDED)
    to = arrays["to"][slots].astype(np.int64)
    to = np.where(to < NOWHERE, to, NONE)
    vehicle = np.where(handed, life.vehicle, NONE)
    _say(judged, Rule.VEHICLE, wrong_vehicle(facts, vehicle, to), at, event=HANDED, code=vehicle)
    place = np.where(received, place_of(arrays["body"][slots, RECEIVED]), NONE)
    wrong_to = handed & unlicensed(facts, to, at)
    wrong_place = unlicensed(facts, place, at_receipt) | ((place >= 0) & (to >= 0) & (place != to))
    _say(
        judged,
        Rule.RECEIVER,
        wrong_to | wrong_place,
        np.where(wrong_to, at, at_receipt),
        event=np.where(wrong_to, HANDED, RECEIVED),
        code=np.where(wrong_to, to, place),
    )


def wrong_vehicle(facts: Any, vehicle: Ints, to: Ints) -> Bools:
    """Whether a vehicle is not registered, or is another receiver's than the one the waste is for."""
    known = facts.is_vehicle[vehicle]
    owner = facts.owner[vehicle]
    return np.asarray((vehicle >= 0) & (~known | ((owner >= 0) & (to >= 0) & (owner != to))))


def unlicensed(facts: Any, receiver: Ints, at: Ints) -> Bools:
    """Whether a receiver was not licensed at an instant (us), or never was."""
    return np.asarray((receiver >= 0) & ((at < facts.licensed_from[receiver]) | (at >= facts.licensed_until[receiver])))


def _end(state: State, judged: Judged, life: Lives, now: int) -> None:
    """When bags leave memory."""
    arrays, tolerances, slots = state.arrays, state.tolerances, life.slots
    over = life.have[:, TREATED] if tolerances.treated_expected else life.have[:, RECEIVED:].any(axis=1)
    heard = np.maximum(arrays["newest"][slots], arrays["arrived"][slots])
    leaves = heard + np.where(over, us(24 * tolerances.keep_days), us(24 * tolerances.lost_days))
    judged.done = now >= leaves
    _later(judged, leaves, now)


def event_of(step: Ints) -> NDArray[np.uint8]:
    """The event numbers of steps; 0 of `NONE`."""
    return np.where(step >= 0, EVENT_OF_STEP[np.maximum(step, 0)], 0).astype(np.uint8)
