"""Series that were copied: the same figures at two places, or at one place again.

Content-defined chunking, as rsync and LBFS use it (Muthitacharoen, Chen, Mazières 2001): a series is cut where a
hash of its last two values falls below a bound, so that a copy is cut at the same values however late it comes.
Each chunk is digested, and a digest that another channel of the same indicator has left behind is a match. Chunks
with little variation say nothing (many pools stand at 27.4 ℃ for an hour), so only steps count.

The digests of all channels share one table that keeps the newest of each place (direct mapped): its size bounds
the memory, and what it forgets can only hide a match, never make one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.layout import Bools, Floats, Floats32, Ints

MIN_LENGTH: Final = 20
MAX_LENGTH: Final = 64
CUT_ONE_IN: Final = 8
"""After the least length a chunk ends at about one value in so many: a power of two."""
MIN_STEPS: Final = 9
"""Values of a chunk that differ from the one before, at least; by chance two are equal with some 0.3^9 ≈ 2e-5."""

_PRIME: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
FIELDS: Final[Mapping[str, tuple[type, Any]]] = {
    "last": (np.int64, 0),  # newest value in steps of the resolution
    "digest": (np.uint64, 0),  # of the open chunk
    "length": (np.int16, -1),  # of the open chunk; -1: no cut was seen yet, so the chunk is not whole
    "steps": (np.int16, 0),
    "matches": (np.int16, 0),  # consecutive whole chunks that matched
    "partner": (np.int32, -1),  # the series whose chunk matched last
    "oddness": (np.float32, 0.0),  # how far its site was from its own past when its last chunk ended
}


Oddness = Callable[[Ints], Floats32]
"""How far the sites of some of the series given (by place among them) are from their own past."""
RowOf = Callable[[Ints], Ints]
"""The rows of the batch that brought the values of some of the series given (by place among them)."""


@dataclass(frozen=True, slots=True)
class Match:
    """A chunk of `series` ended at `row` of the batch: it equals one of `partner` (-1: of nobody)."""

    row: int
    series: int
    partner: int
    matches: int


class Copies:
    """Struct of arrays of shape (series,), and the table of digests. `group` (series,) keeps indicators apart."""

    def __init__(self, group: Ints) -> None:
        self._salt = _mixed(group.astype(np.uint64) + np.uint64(1))
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.full(group.size, unknown, dtype=dtype) for name, (dtype, unknown) in FIELDS.items()
        }
        size = 1 << max(8, (16 * max(group.size, 1)).bit_length())
        self.digests = np.zeros(size, dtype=np.uint64)
        self.owners = np.full(size, -1, dtype=np.int32)
        self._ended: list[tuple[Ints, Ints, NDArray[np.uint64], Floats32]] = []

    def take(
        self, row: RowOf, series: slice | Ints, value: Floats, resolution: Floats, fresh: Bools, oddness: Oddness
    ) -> None:
        """Append one value to each of `series` (each once, `slice(None)` all) that is `fresh`; the rest is left alone.

        What ends a chunk is compared by `matched`. `row` and `oddness` are asked for those whose chunk ends: which row
        of the batch ended it, and how far their site is from its own past.
        """
        if not fresh.any():
            return
        a = self.arrays
        before, length, old = a["last"][series], a["length"][series], a["digest"][series]
        some = not fresh.all()
        number = np.rint((np.where(fresh, value, 0) if some else value) / resolution).astype(np.int64)
        if some:
            number = np.where(fresh, number, before)
        mixed = _mixed(number.view(np.uint64) * np.uint64(3) + before.view(np.uint64))
        digest = old * _PRIME + _mixed(number.view(np.uint64))
        if some:
            digest = np.where(fresh, digest, old)
        steps = a["steps"][series] + (number != before)
        whole = length >= 0
        length = length + (fresh & whole)
        ends: Bools = (mixed & np.uint64(CUT_ONE_IN - 1) == 0) & ((length >= MIN_LENGTH) | ~whole)
        ends = fresh & (ends | (length >= MAX_LENGTH))
        telling = np.flatnonzero(ends & whole & (steps >= MIN_STEPS))
        if telling.size:
            which = telling if isinstance(series, slice) else series[telling]
            self._ended.append((row(telling), which, digest[telling], oddness(telling)))
        goes_on = ~ends
        a["last"][series] = number
        a["digest"][series] = digest * goes_on
        a["length"][series] = length * goes_on
        a["steps"][series] = steps * goes_on

    def matched(self) -> Iterator[Match]:
        """Compare the chunks that ended since the last call, in the order of the stream.

        Sites close in rounds, which depend on where a batch ends; the order of rows does not, and who copied from
        whom depends on it.
        """
        if not self._ended:
            return
        row, series, digest, oddness = (np.concatenate(column) for column in zip(*self._ended, strict=True))
        self._ended = []
        digest = _mixed(digest + self._salt[series])
        place = (digest % np.uint64(self.digests.size)).astype(np.int64)
        order = np.lexsort((series, row))
        columns = (each[order].tolist() for each in (row, series, digest, place, oddness))
        matches, partners, odd = (self.arrays[name] for name in ("matches", "partner", "oddness"))
        for at, who, what, where, how in zip(*columns, strict=True):
            odd[who] = how
            owner = int(self.owners[where])
            if owner >= 0 and int(self.digests[where]) == what:
                matches[who] = min(int(matches[who]) + 1, 1000)
                partners[who] = owner
                yield Match(at, who, owner, int(matches[who]))
            elif matches[who]:
                matches[who] = 0
                yield Match(at, who, -1, 0)
            self.digests[where], self.owners[where] = what, who

    def odder(self, first: int, second: int) -> int:
        """Of two equal series the one whose site is further from its own past: the copy, not the original."""
        odd = self.arrays["oddness"]
        return first if odd[first] >= odd[second] else second


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the value.

    Arrays of integers wrap around without a word.
    """
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
