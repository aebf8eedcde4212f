"""Old news of a bag that left memory: merged into its row by the functions that judge bags in memory.

The row holds the bag's summary. It is laid out as a state of one bag, takes the events in, is judged, and becomes a row
again; so a scan that comes weeks late ends in the same verdicts as one that came in time. Nobody is paged by it. What
the bag owed to a box stays as it was: boxes that were emptied are not remembered.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.waste.custody import step
from monitor.waste.events import NEVER, NONE, Events
from monitor.waste.pace import Pace
from monitor.waste.rows import rows_of
from monitor.waste.state import MANIFEST, NOWHERE, State, origin, packed
from monitor.waste.sweeping import sweep
from store.records import to_us
from store.waste_bags import STEPS


def retold(state: State, row: Mapping[str, Any], events: Events, pace: Pace) -> tuple[State, NDArray[Any]]:
    """A row of table ``waste_bag`` with events (of this bag, as `State.beyond` holds them) merged into it.

    Returned with the state whose codes it is in. Nothing about it is open.
    """
    alone = State(state.world, state.tolerances, state.codes.names)
    slot = alone.allocate(np.array([row["key"]], dtype=np.int64)).astype(np.int64)
    _lay_out(alone, int(slot[0]), _inner(row, pace))
    step(alone, events)
    own = int(row["own"])
    for each in (int(place) for place in np.flatnonzero(alone["ts"][slot[0]] < NEVER)):
        if row[f"{STEPS[each]}_at"] is None:
            own |= 1 << each
    sweep(alone, max(state.now, int(events["arrived"].max())))
    told = alone.closed[0] if alone.closed else rows_of(alone, slot)
    told["tag"], told["parent"], told["own"], told["open"] = row["tag"].encode(), row["parent"], own, 0
    return alone, told


def _inner(row: Mapping[str, Any], pace: Pace) -> Mapping[str, Any]:
    """A row with its times as the engine's."""
    times = {name: at for name, at in row.items() if isinstance(at, datetime)}
    inward = pace.inward(np.array([to_us(at) for at in times.values()], dtype=np.int64))
    return {**row, **dict(zip(times, inward.tolist(), strict=True))}


def _lay_out(state: State, slot: int, row: Mapping[str, Any]) -> None:
    """Write a row's summary into a state."""
    arrays, number = state.arrays, state.codes.number

    def code(name: str) -> int:
        return NONE if row[name] is None else number(row[name])

    places = (code("ward"), code("store"), code("vehicle"), code("receiver"), code("plant"))
    for place, each in enumerate(STEPS):
        at, grams = row[f"{each}_at"], row[f"{each}_g"]
        if at is None:
            continue
        said = row["category"] if place == 0 else 0
        numbers = (NONE if grams is None else grams, said, places[place])
        arrays["ts"][slot, place] = at
        arrays["body"][slot, place] = packed(*(np.array([each]) for each in numbers))[0]
        # What the box was scanned for was judged as the box's.
        by_box = not row["own"] >> place & 1
        arrays["signs"][slot, place] = np.iinfo(np.uint8).max if by_box else row["signs"][place]
        arrays["origin"][slot] = min(int(arrays["origin"][slot]), int(origin(np.array([place]), _site(state, row))[0]))
    if row["collected_at"] is not None:
        again = row["again_at"] or row["collected_at"]
        numbers = (row["again_g"], 0, NONE if row["again_ward"] is None else number(row["again_ward"]))
        arrays["again_ts"][slot] = again
        same = row["again_at"] is None
        body = packed(*(np.array([NONE if each is None else each]) for each in numbers))[0]
        arrays["again_body"][slot] = arrays["body"][slot, 0] if same else body
    arrays["categories"][slot], arrays["late"][slot] = row["categories"], row["late"]
    handed_by_box = row["handed_at"] is not None and not row["own"] >> 2 & 1
    arrays["flags"][slot] = MANIFEST if row["manifest"] or handed_by_box else 0
    arrays["to"][slot] = NOWHERE if row["named"] is None else number(row["named"])
    arrays["opened"][slot] = NEVER if row["opened_at"] is None else row["opened_at"]
    arrays["newest"][slot], arrays["arrived"][slot] = row["newest"], row["arrived"]
    arrays["touched"][slot] = 1


def _site(state: State, row: Mapping[str, Any]) -> Any:
    return np.array([state.world.site_index.get(row["site"], 0)])
