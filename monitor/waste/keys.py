"""Finding rows by 64-bit key: a hash table, and a relation that names many rows a key. Vectorised, in numpy alone."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Slots = NDArray[np.int32]

_FREE: Final = -1
_DELETED: Final = -2
_SMALLEST: Final = 1_024
_TAIL: Final = 8_192


class KeyTable:
    """Open addressing with linear probing. Keys are hashes already (BLAKE2b), so their low bits are the place.

    A batch is looked up in rounds: every key looks at its place, those not settled at the next one. At most half the
    places are taken, so there are few rounds however many keys there are.
    """

    def __init__(self, size: int = _SMALLEST) -> None:
        self._keys = np.zeros(size, dtype=np.int64)
        self._slots = np.full(size, _FREE, dtype=np.int32)
        self._live = 0
        self._used = 0

    def __len__(self) -> int:
        return self._live

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return self._keys.nbytes + self._slots.nbytes

    def find(self, keys: Ints) -> Slots:
        """The row of each key, shape (n,); -1 where it is not there."""
        found = np.full(keys.size, _FREE, dtype=np.int32)
        mask = self._slots.size - 1
        place, left = keys & mask, np.arange(keys.size)
        while left.size:
            at = place[left]
            slot = self._slots[at]
            hit = (slot >= 0) & (self._keys[at] == keys[left])
            found[left[hit]] = slot[hit]
            left = left[~hit & (slot != _FREE)]
            place[left] = (place[left] + 1) & mask
        return found

    def insert(self, keys: Ints, slots: Slots) -> None:
        """Add keys that differ and are not there, with the row of each."""
        if (self._used + keys.size) * 2 > self._slots.size:
            self._grow(keys.size)
        self._live += keys.size
        self._used += keys.size
        mask = self._slots.size - 1
        place, left = keys & mask, np.arange(keys.size)
        while left.size:
            at = place[left]
            free = self._slots[at] < 0
            self._slots[at[free]], self._keys[at[free]] = slots[left[free]], keys[left[free]]
            # Of several that wrote to one place the last remains; the others go on.
            left = left[self._slots[at] != slots[left]]
            place[left] = (place[left] + 1) & mask

    def delete(self, keys: Ints) -> None:
        """Remove keys that are there; their places count as taken until the table is laid out anew."""
        mask = self._slots.size - 1
        place, left = keys & mask, np.arange(keys.size)
        while left.size:
            at = place[left]
            hit = (self._slots[at] >= 0) & (self._keys[at] == keys[left])
            self._slots[at[hit]] = _DELETED
            left = left[~hit & (self._slots[at] != _FREE)]
            place[left] = (place[left] + 1) & mask
        self._live -= keys.size

    def _grow(self, more: int) -> None:
        kept = self._slots >= 0
        keys, slots = self._keys[kept], self._slots[kept]
        size = max(_SMALLEST, 1 << int(2 * (keys.size + more) * 1.25).bit_length())
        self._keys, self._slots = np.zeros(size, dtype=np.int64), np.full(size, _FREE, dtype=np.int32)
        self._live = self._used = 0
        self.insert(keys, slots)


class Relation:
    """Many rows a key: which rows of another table belong to each key. Rows are only added; see `rebuilt`.

    Kept sorted in two parts, a large one and a small one for what is new, so that a batch costs little.
    """

    def __init__(self, keys: Ints | None = None, rows: Ints | None = None) -> None:
        self._keys, self._rows = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self._new_keys, self._new_rows = self._keys, self._rows
        if keys is not None and rows is not None:
            self.add(keys, rows)

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return sum(each.nbytes for each in (self._keys, self._rows, self._new_keys, self._new_rows))

    def add(self, keys: Ints, rows: Ints) -> None:
        """Add rows to keys."""
        keys, rows = np.concatenate([self._new_keys, keys]), np.concatenate([self._new_rows, rows])
        if keys.size > _TAIL:
            keys, rows = np.concatenate([self._keys, keys]), np.concatenate([self._rows, rows])
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], rows[order]
        if keys.size > _TAIL:
            self._keys, self._rows = keys, rows
            keys, rows = keys[:0], rows[:0]
        self._new_keys, self._new_rows = keys, rows

    def of(self, keys: Ints) -> tuple[Ints, Ints]:
        """Pairs (index into `keys`, row) for every row of each key, by index; rows of one in any order."""
        parts = [_matches(self._keys, self._rows, keys), _matches(self._new_keys, self._new_rows, keys)]
        index = np.concatenate([part[0] for part in parts])
        rows = np.concatenate([part[1] for part in parts])
        order = np.argsort(index, kind="stable")
        return index[order], rows[order]


def _matches(sorted_keys: Ints, rows: Ints, keys: Ints) -> tuple[Ints, Ints]:
    first = np.searchsorted(sorted_keys, keys, side="left")
    count = np.searchsorted(sorted_keys, keys, side="right") - first
    index = np.repeat(np.arange(keys.size), count)
    within = np.arange(index.size) - np.repeat(np.cumsum(count) - count, count)
    return index, rows[np.repeat(first, count) + within]


class Growing:
    """Rows of a structured array that is only added to, in memory that doubles when it is full."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._memory = rows
        self.size = rows.size

    @property
    def rows(self) -> NDArray[Any]:
        """What was added so far; a view, good until more is added."""
        return self._memory[: self.size]

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return self._memory.nbytes

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows."""
        if self.size + rows.size > self._memory.size:
            memory = np.empty(max(_SMALLEST, 2 * self.size, self.size + rows.size), dtype=self._memory.dtype)
            memory[: self.size] = self.rows
            self._memory = memory
        self._memory[self.size : self.size + rows.size] = rows
        self.size += rows.size


def grown(array: NDArray[Any], size: int, fill: object) -> NDArray[Any]:
    """A longer array (first axis) with the same beginning and `fill` after it."""
    longer = np.full((size, *array.shape[1:]), fill, dtype=array.dtype)
    longer[: len(array)] = array
    return longer
