"""The engine's state as arrays and JSON, and back: of the same registry, or of another one by its sites' codes."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.clocks import Clocks
from monitor.waste.containers import Containers
from monitor.waste.events import EVENT, NONE, empty_verdicts
from monitor.waste.keys import Ints
from monitor.waste.rows import BAG_ROW
from monitor.waste.rules import Tolerances
from monitor.waste.state import FIELDS, State, home_of
from monitor.waste.vehicles import Journey
from monitor.waste.world import World

Arrays = dict[str, NDArray[Any]]

_OF_SITES: Final = {
    "institutions": ("daily", "collected", "handed", "judged", "first", "on"),
    "stores": ("at", "celsius", "warm_since", "holding", "on"),
}
_SITE_BITS: Final = 0xFFFF_FFFF


def save(state: State) -> tuple[Arrays, dict[str, Any]]:
    """Arrays by name, and what else there is as JSON. The same state gives the same, wherever its bags lie."""
    slots = state.live()
    arrays: Arrays = {f"bag.{name}": state.arrays[name][slots] for name in FIELDS}
    arrays["links"], arrays["log"] = state.containers.links.copy(), state.containers.log.copy()
    arrays["touched"] = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *state.containers.touched]))
    arrays["pending"] = np.concatenate([empty_verdicts(), *state.pending])
    arrays["beyond"] = np.concatenate([np.empty(0, dtype=EVENT), *state.beyond])
    arrays["closed"] = np.concatenate([np.empty(0, dtype=BAG_ROW), *state.closed])
    for part, names in _OF_SITES.items():
        for name in names:
            arrays[f"{part}.{name}"] = getattr(getattr(state, part), name)
    arrays["institutions.day"] = state.institutions.day
    head = {
        "sites": [site.code for site in state.world.sites],
        "codes": state.codes.names,
        "tolerances": state.tolerances.to_json(),
        "now": state.now,
        "tidied": state.tidied,
        "clocks": state.clocks.save(),
        "journeys": {str(vehicle): list(astuple(each)) for vehicle, each in sorted(state.vehicles.journeys.items())},
    }
    return arrays, head


def restore(world: World, arrays: Mapping[str, NDArray[Any]], head: Mapping[str, Any]) -> State:
    """The state that `save` saw, in a world that may have other sites; bags of sites that are gone are dropped."""
    state = State(world, Tolerances.from_json(head["tolerances"]), head["codes"])
    state.now, state.tidied = head["now"], head["tidied"]
    state.clocks = Clocks.restored(head["clocks"])
    state.vehicles.journeys = {int(number): Journey(*each) for number, each in head["journeys"].items()}
    # Where each site of then is now; the last element is that of none.
    place = np.array([*(world.site_index.get(code, NONE) for code in head["sites"]), NONE], dtype=np.int64)
    kept = np.flatnonzero(place[home_of(arrays["bag.origin"])] != NONE)
    state.reserve(kept.size)
    slots = state.allocate(arrays["bag.key"][kept]).astype(np.int64)
    for name in FIELDS:
        state.arrays[name][slots] = arrays[f"bag.{name}"][kept]
    origins = state.arrays["origin"][slots]
    state.arrays["origin"][slots] = (origins & ~_SITE_BITS) | place[home_of(origins)]
    state.arrays["waits"][slots] = place[state.arrays["waits"][slots]]
    log = arrays["log"].copy()
    log["site"] = place[log["site"]]
    state.containers = Containers(arrays["links"], log)
    state.containers.touched = [arrays["touched"]]
    state.beyond = _parts(_moved(arrays["beyond"], place))
    state.closed = _parts(_moved(arrays["closed"], place))
    state.pending = _parts(_moved(arrays["pending"], place))
    here, there = place[:-1][place[:-1] != NONE], np.flatnonzero(place[:-1] != NONE)
    for part, names in _OF_SITES.items():
        for name in names:
            getattr(getattr(state, part), name)[here] = arrays[f"{part}.{name}"][there]
    state.institutions.day = arrays["institutions.day"].copy()
    return state


def _moved(rows: NDArray[Any], place: Ints) -> NDArray[Any]:
    rows = rows.copy()
    rows["site"] = place[rows["site"]]
    return rows[rows["site"] != NONE] if rows.dtype == EVENT else rows


def _parts(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows] if rows.size else []
