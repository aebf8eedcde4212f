"""What a scale shows: the true weight, a little off, in steps of its division. Everything is in grams."""

from typing import Final

import numpy as np

from simulators.noise import Floats
from simulators.waste.model import Ints

NOISE_DIVISIONS: Final = 0.4
"""Standard deviation of a weighing, in divisions; never more than one."""


def shown(mass_g: Floats | Ints, division_g: Ints | int, rng: np.random.Generator) -> Ints:
    """What scales with these divisions show of these masses, never below one division."""
    mass = np.asarray(mass_g, dtype=np.float64)
    division = np.broadcast_to(np.asarray(division_g, dtype=np.float64), mass.shape)
    off = np.clip(rng.normal(0.0, NOISE_DIVISIONS, mass.shape), -1.0, 1.0)
    steps: Ints = np.maximum(np.rint(mass / division + off), 1).astype(np.int64)
    return steps * division.astype(np.int64)
