"""Custody events a second: through the engine on one core with a million open bags, and from MQTT to verdict.

What is timed of the engine begins with finding each bag and ends with verdicts: events are taken in batches, and after
every batch the engine is asked what they come to, as at a tick of the journal. Bags are hit in no order, so most of
what a batch touches is in no cache. Time is the process's CPU time.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste import EVENT, NONE, SiteFacts, State, World, step, sweep
from monitor.waste.rules import HOUR_US
from operations.bench.waste_chain import measure_chain
from registry.waste.catalogue import Container, Event

OPEN_BAGS: Final = 1_000_000
SITES: Final = 3_499
BATCH: Final = 10_000
BATCHES: Final = 40
"""Batches that are timed; the median counts."""
START_US: Final = 1_767_225_600_000_000
ROUND_US: Final = 10_000_000


def measure(*, chain: bool = True) -> dict[str, Any]:
    """Every figure; `chain_events_per_s` only where the chain of processes is measured too."""
    state, keys, sites = filled()
    rates, verdicts = [], 0
    for number, events in enumerate(batches(keys, sites, BATCHES)):
        began = time.process_time()
        step(state, events)
        verdicts += len(sweep(state, START_US + 20 * HOUR_US + (number + 1) * ROUND_US))
        rates.append(len(events) / (time.process_time() - began))
    figures: dict[str, Any] = {
        "events_per_s": round(float(np.median(rates))),
        "open_bags": state.open_bags,
        "bytes_per_bag": round(state.nbytes / state.open_bags),
        "batch": BATCH,
        "verdicts": verdicts,
    }
    # Measured first or last, the chain has processes of its own: it does not touch the engine's time.
    return {**figures, **measure_chain()} if chain else figures


def filled(bags: int = OPEN_BAGS) -> tuple[State, NDArray[np.int64], NDArray[np.int64]]:
    """A state with so many bags that were collected within a day, their keys and sites."""
    rng = np.random.default_rng(1)
    state = State(World(tuple(SiteFacts(f"S{number}", beds=50) for number in range(SITES))))
    state.reserve(bags)
    keys = np.unique(rng.integers(1, 2**62, bags + bags // 1000))[:bags]
    rng.shuffle(keys)
    sites = rng.integers(0, SITES, bags)
    for begin in range(0, bags, BATCH):
        part = slice(begin, begin + BATCH)
        at = START_US + rng.integers(0, 20 * HOUR_US, len(keys[part]))
        step(state, _events(Event.COLLECTED, keys[part], sites[part], at, 2_000))
    sweep(state, START_US + 20 * HOUR_US)
    return state, keys, sites


def batches(keys: NDArray[np.int64], sites: NDArray[np.int64], count: int) -> Iterator[NDArray[Any]]:
    """Batches in which bags, in any order, are put into the store or handed over; one in a thousand lost weight."""
    rng = np.random.default_rng(2)
    chosen = rng.permutation(len(keys))
    for number in range(count):
        rows = chosen[number * BATCH : (number + 1) * BATCH]
        at = np.full(len(rows), START_US + 20 * HOUR_US + number * ROUND_US)
        grams = np.where(rng.random(len(rows)) < 1e-3, 1_500, 2_000)
        yield _events(Event.STORED_IN if number % 2 else Event.HANDED_OVER, keys[rows], sites[rows], at, grams)


def _events(event: Event, keys: NDArray[np.int64], sites: NDArray[np.int64], at: Any, grams: Any) -> NDArray[Any]:
    events = np.zeros(len(keys), dtype=EVENT)
    events["key"], events["site"], events["ts"], events["arrived"] = keys, sites, at, at + 1_000_000
    events["event"], events["kind"], events["category"] = event, Container.BAG, event == Event.COLLECTED
    events["signatures"], events["manifest"], events["net_g"] = 2, True, grams
    events["device"] = events["place"] = events["vehicle"] = events["to"] = NONE
    return events
