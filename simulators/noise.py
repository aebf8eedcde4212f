"""Random numbers addressed by (seed, basin, minute): the same wherever a run starts and however it is split.

Philox is a counter-based generator (Salmon et al. 2011): its key is the seed and the basin, its counter the
block of minutes, so any block can be drawn without drawing those before it.
"""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK_MINUTES: Final = 240
_PARAMETERS, _NORMALS = 1, 2  # what a basin's numbers are drawn for: third word of the counter


def key_of(name: str) -> int:
    """A 64-bit key of a basin (or any other thing with a name), the same in every process."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def uniforms(seed: int, name: str, count: int) -> Floats:
    """`count` numbers in [0, 1) that belong to a name: what its constant properties are drawn from."""
    return _generator(seed, key_of(name), 0, _PARAMETERS).random(count)


class NormalBlocks:
    """Standard normal numbers for every minute of a fleet, drawn in blocks of minutes and kept one block at a time."""

    def __init__(self, seed: int, names: tuple[str, ...], streams: int) -> None:
        self._seed = seed
        self._keys = tuple(key_of(name) for name in names)
        self._streams = streams
        self._block = -1
        self._values: Floats = np.empty((0, streams, len(names)))

    def at(self, minute: int) -> Floats:
        """Shape (streams, names): the numbers of a minute since the epoch."""
        block, offset = divmod(minute, BLOCK_MINUTES)
        if block != self._block:
            self._values = self._draw(block)
            self._block = block
        values: Floats = self._values[offset]
        return values

    def _draw(self, block: int) -> Floats:
        values = np.empty((BLOCK_MINUTES, self._streams, len(self._keys)))
        for column, key in enumerate(self._keys):
            generator = _generator(self._seed, key, block, _NORMALS)
            values[:, :, column] = generator.standard_normal((BLOCK_MINUTES, self._streams))
        return values


def daily_normals(seed: int, name: str, days: NDArray[np.int64], streams: int) -> Floats:
    """Shape (len(days), streams): standard normal numbers of each day since the epoch."""
    key = key_of(name)
    rows = [_generator(seed, key, int(day), _NORMALS).standard_normal(streams) for day in days]
    return np.array(rows).reshape(len(days), streams)


def _generator(seed: int, key: int, block: int, purpose: int) -> np.random.Generator:
    counter = np.array([0, block, purpose, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=np.array([seed, key], dtype=np.uint64), counter=counter))
