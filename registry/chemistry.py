"""What chemists know of chlorine in water, as pure functions over arrays."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

KELVIN: Final = 273.15

Floats = NDArray[np.floating[Any]]


def acid_constant(temperature: Floats) -> Floats:
    """The pKa of hypochlorous acid at a water temperature in ℃ (Morris 1966): 7.54 at 25 ℃."""
    kelvin = temperature + KELVIN
    return np.asarray(3000.0 / kelvin - 10.0686 + 0.0253 * kelvin)


def hypochlorous_share(ph: Floats, temperature: Floats) -> Floats:
    """Share (0–1) of free chlorine present as HOCl, the part that disinfects."""
    return np.asarray(1.0 / (1.0 + 10.0 ** (ph - acid_constant(temperature))))
