"""Whatever happens to a bag's events on their way, they come to the same end."""

from typing import Any, Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.waste import EVENT, NONE, State, step, sweep
from monitor.waste.rows import rows_of
from monitor.waste.state import FIELDS
from registry.waste.catalogue import Container, Event
from tests.monitor.waste.chains import HOUR, MIDNIGHT, world

_TAGS: Final = (11, 12, 13)
_BOXES: Final = (21, 22)
_JUDGED_AT: Final = MIDNIGHT + 100 * HOUR
_BOOKKEEPING: Final = ("touched", "dirty")
"""What tells of calls, not of bags."""


@st.composite
def _event(draw: st.DrawFn) -> Any:
    """Any event of three bags and two boxes within three days, sensible or not."""
    row = np.zeros(1, dtype=EVENT)
    box = draw(st.integers(0, 3)) == 0
    row["kind"] = Container.BOX if box else Container.BAG
    row["key"] = draw(st.sampled_from(_BOXES if box else _TAGS))
    parents = (0, 0, 22) if row["key"] == 21 else (0,) if box else (0, 0, *_BOXES)
    row["parent"] = draw(st.sampled_from(parents))
    # Few instants, so that several events share one.
    row["ts"] = MIDNIGHT + draw(st.integers(0, 24)) * 3 * HOUR
    row["arrived"] = row["ts"] + draw(st.sampled_from((0, HOUR, 5 * HOUR)))
    row["event"] = draw(st.sampled_from(Event))
    row["category"] = draw(st.integers(0, 3))
    row["signatures"] = draw(st.integers(0, 2))
    row["site"] = draw(st.integers(0, 2))
    row["device"] = NONE  # clocks are told by whole messages, which no stream is cut within
    row["place"] = draw(st.integers(-1, 5))
    row["vehicle"] = draw(st.integers(-1, 5))
    row["to"] = draw(st.integers(-1, 3))
    row["net_g"] = draw(st.sampled_from((-1, 0, 2_000, 2_050, 2_500, 30_000)))
    row["manifest"], row["unsealed"] = draw(st.booleans()), draw(st.integers(0, 5)) == 0
    return row


def _state() -> State:
    return State(world(), codes=("W1", "W2", "R1", "R2", "V1", "V2"))


def _end(state: State) -> dict[str, Any]:
    """Everything that is known and found of bags and boxes in the end, by key."""
    sweep(state, _JUDGED_AT)
    slots = state.live()
    found: dict[str, Any] = {name: state[name][slots].tolist() for name in FIELDS if name not in _BOOKKEEPING}
    rows = rows_of(state, slots)
    found |= {f"row {name}": rows[name].tolist() for name in rows.dtype.names or ()}
    log = np.sort(state.containers.log, order=("key", "event", "ts"))
    found |= {f"box {name}": log[name].tolist() for name in log.dtype.names or () if name != "touched"}
    found["daily"], found["collected"] = state.institutions.daily.tolist(), state.institutions.collected.tolist()
    found["holding"] = state.stores.holding.tolist()
    return found


@settings(max_examples=80, deadline=None)
@given(st.lists(_event(), min_size=1, max_size=14), st.data())
def test_shuffled_repeated_and_cut_anywhere_events_come_to_the_same_verdicts(
    events: list[Any], data: st.DataObject
) -> None:
    """In order and in one call, or in any order, many times, in pieces and judged in between: the end is the same."""
    in_order = _state()
    step(in_order, np.concatenate(sorted(events, key=lambda each: (int(each["ts"][0]), each.tobytes()))))
    shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=6))))
    other = _state()
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        step(other, np.concatenate(shuffled[:size]))
        shuffled = shuffled[size:]
        if data.draw(st.booleans()):
            sweep(other, MIDNIGHT + data.draw(st.integers(0, 99)) * HOUR)
    assert _end(other) == _end(in_order)


@settings(max_examples=40, deadline=None)
@given(st.lists(_event(), min_size=1, max_size=20), st.data())
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut_into_calls(
    events: list[Any], data: st.DataObject
) -> None:
    """One call or one an event between two sweeps: verdicts are the same, row by row."""
    at_once, one_by_one = _state(), _state()
    for hours in (30, 60, 100):
        batch = events[: max(1, len(events) // 2)]
        step(at_once, np.concatenate(batch))
        for each in batch:
            step(one_by_one, each)
        told = sweep(at_once, MIDNIGHT + hours * HOUR), sweep(one_by_one, MIDNIGHT + hours * HOUR)
        assert told[0].tobytes() == told[1].tobytes()
        events = data.draw(st.permutations(events))
