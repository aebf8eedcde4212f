"""What goes into the engine and what comes out: rows of numbers, one dtype each.

Times are int64 microseconds since the epoch, UTC; weights are net grams. Codes of wards, stores, vehicles and
receivers are numbers that `State.codes` gives them; sites and devices are indices into `World`.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from registry.waste.catalogue import Event

NEVER: Final = 2**62
"""A time that has not come: later than all others, so that the earliest of several is their minimum."""

NONE: Final = -1
"""No code, no weight, not known."""

EVENT: Final = np.dtype(
    [
        ("key", "<i8"),  # the bag, box or batch: registry.waste.catalogue.tag_key; never 0
        ("parent", "<i8"),  # the box or batch that it goes into; 0: none
        ("ts", "<i8"),  # device time, us
        ("arrived", "<i8"),  # arrival, us
        ("event", "u1"),  # registry.waste.catalogue.Event
        ("kind", "u1"),  # registry.waste.catalogue.Container
        ("category", "u1"),  # registry.waste.catalogue.Category.number; 0: not said
        ("signatures", "u1"),  # persons that signed
        ("site", "<i4"),  # index into World.sites: whose device said it
        ("device", "<i4"),  # index into World.devices; NONE: not known
        ("place", "<i4"),  # collected: ward; stored_in, moved: store; received, treated: receiver. A code, or NONE
        ("vehicle", "<i4"),  # handed_over: code of the vehicle, or NONE
        ("to", "<i4"),  # handed_over: code of the receiver it is for, or NONE
        ("net_g", "<i4"),  # net weight in grams, NONE: not weighed
        ("manifest", "?"),  # handed_over, received: whether a manifest was named
        ("unsealed", "?"),  # said to be not sealed
    ]
)
"""One custody event."""

FIX: Final = np.dtype(
    [("vehicle", "<i4"), ("ts", "<i8"), ("arrived", "<i8"), ("lon", "<f8"), ("lat", "<f8"), ("speed_kmh", "<f4")]
)
"""Where a vehicle (code) was: WGS-84 degrees; `speed_kmh` is NaN where the tracker does not tell."""

TEMPERATURE: Final = np.dtype([("site", "<i4"), ("ts", "<i8"), ("celsius", "<f8"), ("late", "?")])
"""The temperature of a site's store."""

VERDICT: Final = np.dtype(
    [
        ("rule", "u1"),  # rules.Rule
        ("on", "?"),  # it holds from now on, or no longer
        ("key", "<i8"),  # what it is about: bag or container; site index; code of the vehicle; device index
        ("subject", "<i8"),  # what makes it one condition: a bag's container where the fault is the container's
        ("site", "<i4"),  # the institution (home) or the vehicle's or device's site; NONE: not known
        ("at", "<i8"),  # since when, us (event time)
        ("value", "<f8"),  # in the rule's unit, NaN where there is none
        ("limit", "<f8"),  # what was allowed, NaN where there is none
        ("event", "u1"),  # the event that it is about (registry.waste.catalogue.Event), 0: none
        ("other", "u1"),  # the event it was compared with, 0: none
        ("code", "<i4"),  # the vehicle or receiver at fault, NONE: none
        ("late", "?"),  # only late events brought it: history, it pages nobody
    ]
)
"""One change of a verdict."""

Events = NDArray[Any]
"""An array of dtype `EVENT`, shape (n,)."""

Verdicts = NDArray[Any]
"""An array of dtype `VERDICT`, shape (n,)."""

STEPS: Final = (Event.COLLECTED, Event.STORED_IN, Event.HANDED_OVER, Event.RECEIVED, Event.TREATED)
"""The steps of a life in their order: the columns of a bag's summary."""

COLLECTED, STORED, HANDED, RECEIVED, TREATED = range(5)
"""Those columns."""

STEP_OF_EVENT: Final = np.array(
    [STEPS.index(event) if event in STEPS else NONE for event in (0, *Event)], dtype=np.int64
)
"""The column of each event number, NONE where it is no step."""

EVENT_OF_STEP: Final = np.array(STEPS, dtype=np.uint8)
"""The event number of each column."""


def empty_verdicts(n: int = 0) -> Verdicts:
    """Verdicts with nothing said yet."""
    found = np.zeros(n, dtype=VERDICT)
    found["value"] = found["limit"] = np.nan
    found["site"] = found["code"] = NONE
    found["on"] = True
    return found
