"""The limit judge: readings of many channels in, transitions of conditions out. No I/O, no clock.

State is a struct of arrays with one slot a channel; a call advances it past a batch of readings. The only
Python loop is over rounds (the k-th reading of each channel), and the arithmetic is element-wise, so the result
does not depend on where a stream is cut into batches.

Terms are ISA-18.2's (on-delay, off-delay, deadband) and QARTOD's (gross range).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.gates import Circulation, Closures, Codes, Companions, Gate, gates
from monitor.hindsight import MIN_SAMPLES, Late, in_hindsight, judge_late
from monitor.layout import FOREVER, Bools, Delays, Floats, Ints, Layout
from monitor.rulebook import Applied
from store.records import Readings

__all__ = ["MIN_SAMPLES", "SIDES", "TRANSITION", "Findings", "Grade", "JudgeState", "State", "judge"]

SIDES: Final = (-1, 1)
"""Low and high: the first axis of the arrays of shape (2, channels)."""


class Grade(IntEnum):
    """How bad a breach is by depth and duration (FACTS 2.3); the names are those of column ``alarm.severity``."""

    WARNING = 0
    ALARM = 1
    SERIOUS = 2


class State(IntEnum):
    """What a channel's newest value means; the names in lower case are those of table `channel_latest`."""

    NORMAL = 0
    ADVICE = 1
    PENDING = 2
    BREACH = 3
    CLOSED = 4
    STALE = 5
    UNJUDGED = 6
    BAD = 7


TRANSITION: Final = np.dtype(
    [
        ("row", "<i8"),  # index of the reading in the batch
        ("slot", "<i8"),
        ("side", "<i1"),  # -1 low, 1 high
        ("raised", "?"),  # else returned
        ("gate", "<u1"),  # why it returned: JUDGED means that the value came back
        ("since", "<i8"),  # us, first reading outside
        ("ts", "<i8"),  # us
        ("value", "<f8"),
        ("extreme", "<f8"),
        ("version", "<i8"),  # of the rulebook
        ("lo", "<f8"),  # the bounds it was judged by, -inf and inf where there is none
        ("hi", "<f8"),
        ("grade", "u1"),  # serious beyond the hazard bound for `MIN_SAMPLES`, an alarm once it has lasted
        ("worsened", "?"),  # neither raised nor returned: on already, and now of a higher grade
    ]
)
"""A condition began (on-delay over), ended, or became a hazard at a reading."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a batch brought.

    `transitions` (dtype `TRANSITION`) in the order of the stream, rows that failed the `gross_range` test, rows
    `beyond` the limit in force at their time (late ones too) with the QARTOD flag of each, how many rows were of
    `unregistered` channels, and the `late` rows as they are judged in hindsight.
    """

    transitions: NDArray[Any]
    gross_range: Ints
    beyond: Ints
    beyond_flag: NDArray[np.int16]
    unregistered: int
    late: Late


CHANNEL_FIELDS: Final[dict[str, tuple[type, Any, bool]]] = {
    # name: (dtype, value when nothing is known, whether there is one for each side)
    "latest_ts": (np.int64, -FOREVER, False),
    "latest_value": (np.float64, 0.0, False),
    "latest_batch": (np.int64, 0, False),
    "live": (np.bool_, False, False),
    "code": (np.uint8, State.UNJUDGED, False),
    "since": (np.int64, -FOREVER, False),
    "valid_ts": (np.int64, -FOREVER, False),
    "run_side": (np.int8, 0, False),
    "run_start": (np.int64, -FOREVER, False),
    "run_count": (np.int64, 0, False),
    "run_extreme": (np.float64, 0.0, False),
    "active": (np.bool_, False, True),
    "active_since": (np.int64, -FOREVER, True),
    "return_start": (np.int64, -FOREVER, True),
    "extreme": (np.float64, 0.0, True),
    "hazard_count": (np.int64, 0, True),
    "grade": (np.uint8, Grade.WARNING, True),
}


class JudgeState:
    """Struct of arrays, shape (channels,) or (2, channels): what the judge knows of each channel.

    `latest_*` and `code`/`since` are what `channel_latest` shows; `live` says that the newest value came in
    time. `run_*` is the unbroken run of values outside, `active*` the conditions that are on, `return_start`
    the beginning of the run of values back inside the deadband, `hazard_count` the run of values beyond the hazard
    bound, `grade` how bad a condition that is on has been. `dirty` and `extreme_dirty` mark what changed since they
    were last cleared. `closures` is what is announced.
    """

    latest_ts: Ints
    latest_value: Floats
    latest_batch: Ints
    live: Bools
    code: Codes
    since: Ints
    valid_ts: Ints
    run_side: NDArray[np.int8]
    run_start: Ints
    run_count: Ints
    run_extreme: Floats
    active: Bools
    active_since: Ints
    return_start: Ints
    extreme: Floats
    hazard_count: Ints
    grade: Codes

    def __init__(self, layout: Layout) -> None:
        channels = len(layout.channels)
        for name, (dtype, unknown, sided) in CHANNEL_FIELDS.items():
            setattr(self, name, np.full((2, channels) if sided else channels, unknown, dtype=dtype))
        self.circulation = Circulation(len(layout.points))
        self.companions = Companions(len(layout.rulebook.companions))
        self.closures = Closures(len(layout.points))
        self.dirty: Bools = np.zeros(channels, dtype=np.bool_)
        self.extreme_dirty: Bools = np.zeros((2, channels), dtype=np.bool_)


def judge(layout: Layout, delays: Delays, state: JudgeState, readings: Readings, batch: Ints) -> Findings:
    """Judge a batch in the order of the stream and advance `state` past it.

    Parameters
    ----------
    layout, delays : from the registry and the speed
    state : advanced in place
    readings : dtype `READING`, shape (n,); a channel's rows in order of arrival. Unregistered channels are passed over.
    batch : shape (n,), number of the batch that each reading was stored with

    """
    slot = layout.slot_of(readings["channel_id"])
    known = slot >= 0
    value = readings["value"].astype(np.float64)
    bad = np.zeros(len(readings), dtype=np.bool_)
    bad[known] = (value[known] < layout.physical_lo[slot[known]]) | (value[known] > layout.physical_hi[slot[known]])
    late = readings["late"].astype(np.bool_)
    found, beyond, flag = _judge_live(layout, delays, state, np.flatnonzero(known & ~late), slot, readings, bad, batch)
    _take_late(layout, state, np.flatnonzero(known & late), slot, readings, bad, batch)
    tardy = judge_late(layout, np.flatnonzero(known & late & ~bad), slot, readings, state.closures)
    late_beyond = tardy.row[tardy.beyond]
    late_flag = layout.rulebook.flags(tardy.applied.version[tardy.beyond], value[late_beyond])
    beyond, flag = np.concatenate((beyond, late_beyond)), np.concatenate((flag, late_flag))
    order = np.argsort(beyond)
    return Findings(
        found,
        gross_range=np.flatnonzero(bad),
        beyond=beyond[order],
        beyond_flag=flag[order],
        unregistered=int(np.count_nonzero(~known)),
        late=tardy,
    )


def _judge_live(
    layout: Layout,
    delays: Delays,
    state: JudgeState,
    row: Ints,
    slot: Ints,
    readings: Readings,
    bad: Bools,
    batch: Ints,
) -> tuple[NDArray[Any], Ints, NDArray[np.int16]]:
    """The transitions, and the rows beyond their limit with their flags."""
    if not row.size:
        return np.empty(0, dtype=TRANSITION), row, np.empty(0, dtype=np.int16)
    slot, bad, batch = slot[row], bad[row], batch[row]
    ts, value = readings["ts"][row].astype(np.int64), readings["value"][row].astype(np.float64)
    book = layout.rulebook
    applied = book.applied(slot, ts, state.companions.follow(layout, delays, slot, ts, value, ~bad))
    side = book.side(applied, value)
    hazard = book.hazard_side(applied, value)
    off = state.circulation.follow(layout, delays, slot, ts, side, ~bad)
    gate = gates(layout, slot, ts, off, applied.in_force, state.closures)
    found: list[NDArray[Any]] = []
    for here in _rounds(slot):
        i = slot[here]
        state.latest_ts[i], state.latest_value[i], state.latest_batch[i] = ts[here], value[here], batch[here]
        wrong = here[bad[here]]
        _show(state, slot[wrong], np.full(wrong.shape, State.BAD), ts[wrong])
        fine = here[~bad[here]]
        judged = _Round(
            row[fine], slot[fine], ts[fine], value[fine], side[fine], hazard[fine], gate[fine], applied.at(fine)
        )
        found.extend(_round(layout, delays, state, judged))
    transitions = np.concatenate(found)
    outside = (gate == Gate.JUDGED) & (side != 0) & ~bad
    order = np.lexsort((transitions["side"], transitions["raised"], transitions["row"]))
    return transitions[order], row[outside], book.flags(applied.version[outside], value[outside])


def _rounds(slot: Ints) -> list[Ints]:
    """Places of the 1st, 2nd, … reading of each slot; within a round every slot is there at most once."""
    order = np.argsort(slot, kind="stable")
    grouped = slot[order]
    starts = np.flatnonzero(np.append(True, grouped[1:] != grouped[:-1]))
    lengths = np.diff(np.append(starts, len(slot)))
    rank = np.arange(len(slot)) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    return [order[each] for each in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])]


@dataclass(frozen=True, slots=True)
class _Round:
    """One valid reading of each of some slots `i`, shape (slots,)."""

    row: Ints
    i: Ints
    ts: Ints
    value: Floats
    side: NDArray[np.int8]
    hazard: NDArray[np.int8]
    gate: Codes
    applied: Applied


def _round(layout: Layout, delays: Delays, state: JudgeState, at: _Round) -> list[NDArray[Any]]:
    """Move the runs of each slot past one reading, and tell which conditions began, ended and became a hazard."""
    i, ts, value, side = at.i, at.ts, at.value, at.side
    judged = at.gate == Gate.JUDGED
    broken = ~judged | (ts - state.valid_ts[i] > delays.gap[i])
    state.valid_ts[i] = ts
    complete = _move_run(layout, delays, state, at, judged, broken)
    deadband, off_delay = layout.rulebook.deadband[at.applied.version], delays.off[at.applied.version]
    found = []
    for axis, sign in enumerate(SIDES):
        active = state.active[axis, i]
        worst = np.minimum if sign < 0 else np.maximum
        state.extreme_dirty[axis, i] |= (
            active & judged & (worst(state.extreme[axis, i], value) != state.extreme[axis, i])
        )
        state.extreme[axis, i] = np.where(active & judged, worst(state.extreme[axis, i], value), state.extreme[axis, i])

        inside = (value >= at.applied.lo + deadband) if sign < 0 else (value <= at.applied.hi - deadband)
        recovered = active & judged & inside & (side != sign)
        start = np.where(broken | (state.return_start[axis, i] == -FOREVER), ts, state.return_start[axis, i])
        state.return_start[axis, i] = np.where(recovered, start, -FOREVER)
        returned = active & (~judged | (recovered & (ts - start >= off_delay)))
        began = complete & (side == sign) & ~active
        found.append(_transitions(at, axis, returned, state, raised=False))

        beyond = judged & (at.hazard == sign)
        count = np.where(broken, 0, state.hazard_count[axis, i]) + 1
        state.hazard_count[axis, i] = np.where(beyond, count, 0)
        since = np.where(began, state.run_start[i], state.active_since[axis, i])
        grade = _grade(delays, at, judged & (side == sign), since, state.hazard_count[axis, i])
        worsened = active & ~returned & (grade > state.grade[axis, i])

        state.active[axis, i] = (active & ~returned) | began
        state.grade[axis, i] = np.where(began | worsened, grade, np.where(returned, 0, state.grade[axis, i]))
        state.return_start[axis, i] = np.where(returned, -FOREVER, state.return_start[axis, i])
        state.active_since[axis, i] = since
        state.extreme[axis, i] = np.where(began, state.run_extreme[i], state.extreme[axis, i])
        state.extreme_dirty[axis, i] &= ~returned & ~began
        found.append(_transitions(at, axis, worsened, state, raised=False, worsened=True))
        found.append(_transitions(at, axis, began, state, raised=True))
    _show_judged(layout, state, at)
    return found


def _grade(delays: Delays, at: _Round, outside: Bools, since: Ints, hazards: Ints) -> Codes:
    """How bad a breach that began at `since` is by now; `hazards` counts values beyond the hazard bound."""
    lasted = outside & (at.ts - since >= delays.alarm[at.applied.version])
    grade = np.where(lasted, Grade.ALARM, Grade.WARNING)
    return np.where(hazards >= MIN_SAMPLES, Grade.SERIOUS, grade).astype(np.uint8)


def _move_run(layout: Layout, delays: Delays, state: JudgeState, at: _Round, judged: Bools, broken: Bools) -> Bools:
    """Begin, lengthen or end the run outside; return where it has lasted the on-delay."""
    i, ts, value, side, version = at.i, at.ts, at.value, at.side, at.applied.version
    outside = judged & (side != 0) & layout.rulebook.alarming[version]
    goes_on = outside & ~broken & (side == state.run_side[i])
    further = np.where(side < 0, np.minimum(state.run_extreme[i], value), np.maximum(state.run_extreme[i], value))
    state.run_start[i] = np.where(goes_on, state.run_start[i], ts)
    state.run_count[i] = np.where(outside, np.where(goes_on, state.run_count[i] + 1, 1), 0)
    state.run_extreme[i] = np.where(goes_on, further, value)
    state.run_side[i] = np.where(outside, side, 0)
    lasted = ts - state.run_start[i] >= delays.on[version]
    return np.asarray(outside & lasted & (state.run_count[i] >= MIN_SAMPLES))


def _transitions(
    at: _Round, axis: int, which: Bools, state: JudgeState, *, raised: bool, worsened: bool = False
) -> NDArray[Any]:
    i = at.i[which]
    found = np.empty(int(which.sum()), dtype=TRANSITION)
    found["row"], found["slot"], found["side"] = at.row[which], i, SIDES[axis]
    found["raised"], found["worsened"], found["grade"] = raised, worsened, state.grade[axis, i]
    found["gate"], found["ts"], found["value"] = at.gate[which], at.ts[which], at.value[which]
    found["since"], found["extreme"] = state.active_since[axis, i], state.extreme[axis, i]
    found["version"], found["lo"], found["hi"] = at.applied.version[which], at.applied.lo[which], at.applied.hi[which]
    return found


def _show_judged(layout: Layout, state: JudgeState, at: _Round) -> None:
    i, ts, gate = at.i, at.ts, at.gate
    alarm = state.active[0, i] | state.active[1, i]
    outside = np.where(layout.rulebook.alarming[at.applied.version], State.PENDING, State.ADVICE)
    code = np.where(alarm, State.BREACH, np.where(at.side == 0, State.NORMAL, outside))
    code = np.where(gate == Gate.JUDGED, code, np.where(gate == Gate.CLOSED, State.CLOSED, State.UNJUDGED))
    began = np.where(code == State.PENDING, state.run_start[i], ts)
    # Both sides can be on at once for a moment; what began later is what the value shows.
    on_since = np.maximum(
        np.where(state.active[0, i], state.active_since[0, i], -FOREVER),
        np.where(state.active[1, i], state.active_since[1, i], -FOREVER),
    )
    _show(state, i, code, np.where(code == State.BREACH, on_since, began))


def _show(state: JudgeState, i: Ints, code: NDArray[Any], began: Ints) -> None:
    """Set what `channel_latest` shows; `since` stays while the state does, unless the state tells its beginning."""
    tells = (code == State.PENDING) | (code == State.BREACH)
    stays = state.live[i] & (state.code[i] == code) & ~tells
    state.since[i] = np.where(stays, state.since[i], began)
    state.code[i] = code
    state.live[i] = True
    state.dirty[i] = True


def _take_late(
    layout: Layout, state: JudgeState, row: Ints, slot: Ints, readings: Readings, bad: Bools, batch: Ints
) -> None:
    """A channel without any timely value shows its newest late one; it raises nothing and moves no run."""
    row = row[~state.live[slot[row]]]
    if not row.size:
        return
    # Of two with one time the first to arrive stays, as it would had they come in two batches.
    row = row[np.lexsort((-row, readings["ts"][row], slot[row]))]
    row = row[np.append(slot[row[1:]] != slot[row[:-1]], True)]
    row = row[readings["ts"][row] > state.latest_ts[slot[row]]]
    i, ts = slot[row], readings["ts"][row].astype(np.int64)
    value = readings["value"][row].astype(np.float64)
    applied, gate = in_hindsight(layout, i, ts, state.closures)
    within = (gate == Gate.JUDGED) & (layout.rulebook.side(applied, value) == 0)
    code = np.where(within, State.NORMAL, np.where(gate == Gate.CLOSED, State.CLOSED, State.UNJUDGED))
    state.latest_ts[i], state.latest_value[i], state.latest_batch[i] = ts, value, batch[row]
    state.code[i] = np.where(bad[row], State.BAD, code)
    state.since[i] = ts
    state.dirty[i] = True
