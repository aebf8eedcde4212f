"""What is known of every bag that is not done, as a struct of arrays; and how it comes to the same end in any order.

**A bag's summary forgets order.** For each step of its life it keeps the earliest record (by time, then content: a
total order), and beside these only what is merged by minimum, maximum or union: the latest collection, signatures,
categories seen, the first opening, containers it went into. Minimum, maximum and union are commutative, associative
and idempotent, so events late, repeated or shuffled leave the same summary; verdicts are a function of summary and
time alone (`judging`). Containers keep the set of their own events; what a bag owes to the box it lies in is looked
up when it is judged, never copied (`containers`).

**A bag leaves memory** `Tolerances.keep_days` after it was treated and last heard of, or `lost_days` after anything
was heard of it. An event older than `keep_days` of a bag that isn't in memory opens none: it goes to `State.beyond`,
and who keeps the bags' rows merges it there by the same functions (`history`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.clocks import Clocks
from monitor.waste.containers import Containers
from monitor.waste.events import NEVER, NONE, STEPS, Events, Verdicts
from monitor.waste.institutions import Institutions
from monitor.waste.keys import Ints, KeyTable, Slots, grown
from monitor.waste.rules import Tolerances
from monitor.waste.stores import Stores
from monitor.waste.vehicles import Vehicles
from monitor.waste.world import Codes, World
from registry.waste.catalogue import LONGEST_TAG

_FIRST: Final = 1_024
WEIGHTLESS: Final = 2**31 - 1
"""What stands for no weight in a record: later than every weight at the same time."""

NO_RECORD: Final = 2**63 - 1
"""The body of a record that there is not: greater than every other, one without a weight too."""

NOWHERE: Final = 2**31 - 1
"""What stands for no receiver named, and is greater than any code."""

NO_ORIGIN: Final = NEVER

MANIFEST: Final = 1
"""Flag of a bag: a manifest was named."""


@dataclass(frozen=True, slots=True)
class _Field:
    dtype: type[np.generic] | str
    empty: int | bytes
    width: int = 1


FIELDS: Final[dict[str, _Field]] = {
    "key": _Field(np.int64, 0),
    "tag": _Field(f"S{LONGEST_TAG}", b""),  # the code itself, for people; empty where nobody told it (`name_tags`)
    "ts": _Field(np.int64, NEVER, len(STEPS)),  # earliest record of each step: when …
    "body": _Field(np.int64, NO_RECORD, len(STEPS)),  # … and weight, category and place, see `packed`
    "again_ts": _Field(np.int64, -NEVER),  # latest collection: when …
    "again_body": _Field(np.int64, -NEVER),  # … and what
    "moved_ts": _Field(np.int64, -NEVER),  # latest move
    "moved_body": _Field(np.int64, -NEVER),
    "signs": _Field(np.uint8, 0, len(STEPS)),  # most signatures of each step
    "categories": _Field(np.uint8, 0),  # bit n - 1: category n was said
    "late": _Field(np.uint8, 0),  # bit of a step: a late event told of it
    "flags": _Field(np.uint8, 0),
    "to": _Field(np.int32, NOWHERE),  # least receiver named at the hand-over
    "opened": _Field(np.int64, NEVER),  # first seen open
    "origin": _Field(np.int64, NO_ORIGIN),  # least (step, site) that told of it: whose it is
    "arrived": _Field(np.int64, -NEVER),  # last arrival
    "newest": _Field(np.int64, -NEVER),  # newest event
    "nested": _Field(np.bool_, 0),  # it was put into something
    # What follows is no summary: it says what was made of it so far.
    "waits": _Field(np.int32, NONE),  # at which site it waits: in the institution's store, or at the disposer's
    "due": _Field(np.int64, NEVER),  # when time alone may change its verdicts
    "found": _Field(np.uint32, 0),  # bit of each rule that was broken
    "open": _Field(np.uint32, 0),  # … and still is a matter for somebody
    "touched": _Field(np.uint8, 0),  # since it was judged: LATE or TIMELY events came, or news of its container
    "dirty": _Field(np.bool_, 0),  # since its row was written
}
TOUCHED_LATE: Final = 1
TOUCHED_TIMELY: Final = 2
TOUCHED_BY_BOX: Final = 4


class State:
    """The engine's state. Arrays of `FIELDS` have shape (capacity,) or (capacity, steps); free rows have key 0.

    Attributes
    ----------
    codes : numbers of wards, stores, vehicles and receivers
    beyond : events too old for bags that are not in memory, for who keeps the rows
    closed : rows of bags that left memory (`rows.BAG_ROW`), for who keeps them
    now : time of the last sweep, us

    """

    def __init__(self, world: World, tolerances: Tolerances | None = None, codes: Iterable[str] = ()) -> None:
        self.world = world
        self.tolerances = tolerances or Tolerances()
        self.codes = Codes(world, codes)
        self.now = -NEVER
        self.tidied = -NEVER
        self.table = KeyTable()
        self.arrays: dict[str, NDArray[Any]] = {name: _blank(each, _FIRST) for name, each in FIELDS.items()}
        self._free: Ints = np.arange(_FIRST)
        self.containers = Containers()
        self.institutions = Institutions(len(world.sites))
        self.stores = Stores(len(world.sites))
        self.vehicles = Vehicles()
        self.clocks = Clocks()
        self.pending: list[Verdicts] = []
        self.beyond: list[Events] = []
        self.closed: list[NDArray[Any]] = []

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    @property
    def open_bags(self) -> int:
        """Bags in memory."""
        return len(self.table)

    @property
    def nbytes(self) -> int:
        """Memory of bags and containers, bytes."""
        return sum(each.nbytes for each in self.arrays.values()) + self.table.nbytes + self.containers.nbytes

    def slots(self, keys: Ints) -> Slots:
        """The row of each bag, shape (n,); -1 where it is not in memory."""
        return self.table.find(keys)

    def allocate(self, keys: Ints) -> Slots:
        """Rows for bags that are not in memory; `keys` differ."""
        if self._free.size < keys.size:
            self._grow(keys.size)
        slots, self._free = self._free[: keys.size].astype(np.int32), self._free[keys.size :]
        self.arrays["key"][slots] = keys
        self.table.insert(keys, slots)
        return slots

    def release(self, slots: Ints) -> None:
        """Forget bags."""
        self.table.delete(self.arrays["key"][slots])
        for name, each in FIELDS.items():
            self.arrays[name][slots] = each.empty
        self._free = np.concatenate([slots.astype(np.int64), self._free])

    def reserve(self, bags: int) -> None:
        """Make room for so many bags at once."""
        if bags > self._free.size:
            self._grow(bags, exactly=True)

    def _grow(self, more: int, *, exactly: bool = False) -> None:
        before = len(self.arrays["key"])
        size = before + more if exactly else max(_FIRST, before + more, before + before // 2)
        for name, each in FIELDS.items():
            self.arrays[name] = grown(self.arrays[name], size, each.empty)
        self._free = np.concatenate([self._free, np.arange(before, size)])

    def name_tags(self, keys: Ints, tags: NDArray[np.bytes_]) -> None:
        """Tell the codes of bags, for people; of those not in memory nothing is kept."""
        slots = self.table.find(keys)
        self.arrays["tag"][slots[slots >= 0]] = tags[slots >= 0]

    def live(self) -> Ints:
        """The rows in use, in order of key, so that nothing depends on where a bag lies."""
        slots = np.flatnonzero(self.arrays["key"])
        return slots[np.argsort(self.arrays["key"][slots], kind="stable")]


def _blank(each: _Field, size: int) -> NDArray[Any]:
    shape = (size,) if each.width == 1 else (size, each.width)
    return np.full(shape, each.empty, dtype=each.dtype)


def packed(net_g: Ints, category: Ints, place: Ints) -> Ints:
    """Weight, category and place of a record as one number, by which equal times are ordered."""
    grams = np.where(net_g >= 0, net_g, WEIGHTLESS).astype(np.int64)
    return (grams << 32) | (category.astype(np.int64) << 28) | (place.astype(np.int64) + 1)


def grams_of(body: Ints) -> Ints:
    """Net grams of records, `NONE` where they were not weighed (or there is no record)."""
    grams = body >> 32
    return np.where((grams >= WEIGHTLESS) | (body < 0), NONE, grams)


def category_of(body: Ints) -> Ints:
    """Category of records, 0 where none was said."""
    return np.where((body == NO_RECORD) | (body < 0), 0, (body >> 28) & 0xF)


def place_of(body: Ints) -> Ints:
    """Code of the place of records, `NONE` where none was said."""
    return np.where((body == NO_RECORD) | (body < 0), NONE, (body & 0xFFF_FFFF) - 1)


def origin(step: Ints, site: Ints) -> Ints:
    """Who told of a bag at which step, as one number: the earliest step says whose it is."""
    return (step.astype(np.int64) << 32) | site.astype(np.int64)


def home_of(origins: Ints) -> Ints:
    """The site of origins, `NONE` of none."""
    return np.where(origins >= NO_ORIGIN, NONE, origins & 0xFFFF_FFFF)
