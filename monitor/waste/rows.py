"""Bags as rows for people: what is known of each, its containers' events included."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import COLLECTED, NONE, STEPS, STORED, TREATED
from monitor.waste.judging import lives
from monitor.waste.keys import Ints
from monitor.waste.state import NOWHERE, State, category_of, grams_of, place_of
from registry.waste.catalogue import LONGEST_TAG

_WIDTH: Final = (len(STEPS),)

BAG_ROW: Final = np.dtype(
    [
        ("key", "<i8"),
        ("tag", f"S{LONGEST_TAG}"),
        ("site", "<i4"),  # whose it is, index into World.sites; NONE: not known
        ("parent", "<i8"),  # container that it was put into last, 0: none
        ("ward", "<i4"),  # codes
        ("store", "<i4"),
        ("vehicle", "<i4"),
        ("receiver", "<i4"),  # who received it, else whom it was handed over for
        ("to", "<i4"),
        ("plant", "<i4"),
        ("category", "u1"),  # as first said, 0: not
        ("categories", "u1"),  # every one that was said, bit n - 1
        ("ts", "<i8", _WIDTH),  # of each step, NEVER: not known
        ("net_g", "<i4", _WIDTH),  # as the bag itself was weighed, NONE: it was not
        ("signs", "u1", _WIDTH),
        ("own", "u1"),  # bit of each step at which the bag itself was scanned
        ("late", "u1"),
        ("manifest", "?"),
        ("last", "i1"),  # column of the last step, NONE: no step is known
        ("again_ts", "<i8"),
        ("again_net_g", "<i4"),
        ("again_ward", "<i4"),
        ("opened", "<i8"),
        ("newest", "<i8"),
        ("arrived", "<i8"),
        ("found", "<u4"),
        ("open", "<u4"),
    ]
)
"""A bag. Table ``waste_bag`` holds it with codes as text; `history` makes summaries of such rows again."""


def rows_of(state: State, slots: Ints) -> NDArray[Any]:
    """Rows (dtype `BAG_ROW`) of bags, shape (n,)."""
    life, arrays = lives(state, slots), state.arrays
    rows = np.zeros(slots.size, dtype=BAG_ROW)
    body = arrays["body"][slots]
    rows["key"], rows["tag"], rows["site"] = arrays["key"][slots], arrays["tag"][slots], life.home
    rows["parent"] = state.containers.parents(arrays["key"][slots])
    rows["ward"], rows["store"] = place_of(body[:, COLLECTED]), place_of(body[:, STORED])
    rows["vehicle"], rows["receiver"], rows["plant"] = life.vehicle, life.receiver, place_of(body[:, TREATED])
    to = arrays["to"][slots]
    rows["to"] = np.where(to == NOWHERE, NONE, to)
    seen = arrays["categories"][slots].astype(np.int64)
    said = category_of(body)
    first = np.argmax(said > 0, axis=1)
    lowest = np.where(seen > 0, np.log2(np.maximum(seen & -seen, 1)).astype(np.int64) + 1, 0)
    rows["category"] = np.where((said > 0).any(axis=1), said[np.arange(slots.size), first], lowest)
    rows["categories"], rows["signs"], rows["late"] = seen, arrays["signs"][slots], arrays["late"][slots]
    rows["ts"], rows["net_g"] = life.ts, np.where(life.own, grams_of(body), NONE)
    rows["own"] = (life.own << np.arange(len(STEPS))).sum(axis=1)
    rows["manifest"], rows["last"] = arrays["flags"][slots] > 0, life.last
    again = arrays["again_body"][slots]
    rows["again_ts"], rows["again_net_g"], rows["again_ward"] = (
        arrays["again_ts"][slots],
        grams_of(again),
        place_of(again),
    )
    for name in ("opened", "newest", "arrived", "found", "open"):
        rows[name] = arrays[name][slots]
    return rows


def changed_rows(state: State) -> NDArray[Any]:
    """Rows of what changed since the last call, in order of key; bags that left memory since are among them."""
    slots = np.flatnonzero(state.arrays["dirty"])
    slots = slots[np.argsort(state.arrays["key"][slots], kind="stable")]
    found = np.concatenate([*state.closed, rows_of(state, slots)]) if state.closed else rows_of(state, slots)
    state.arrays["dirty"][slots] = False
    state.closed = []
    return found
