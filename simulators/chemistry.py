"""The chemistry of pool water, as pure functions over arrays."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.chemistry import hypochlorous_share
from simulators.noise import Floats

ORP_SLOPE_MV: Final = 80.0
"""Rise of ORP per decade of HOCl. Field data spread widely (50–100 mV); the log law is what matters here."""
ORP_PH_MV: Final = -15.0
"""Further change of ORP per pH unit at a constant concentration of HOCl."""
_HOCL_FLOOR: Final = 1e-3  # mg/L: below it other redox couples set the potential
_ORP_REFERENCE: Final = (735.0, 0.4, 7.3)  # mV at mg/L HOCl and pH


def orp(free_chlorine: Floats, combined_chlorine: Floats, ph: Floats, temperature: Floats, shift: Floats) -> Floats:
    """Oxidation-reduction potential against Ag/AgCl in mV.

    Log law in HOCl, so that it falls by 30–60 mV per pH unit at a constant free chlorine; combined chlorine
    lowers it. `shift` is what the basin's own chemistry adds (ozone up, cyanuric acid down), mV.
    """
    base, hocl_reference, ph_reference = _ORP_REFERENCE
    hocl = np.maximum(free_chlorine * hypochlorous_share(ph, temperature), _HOCL_FLOOR)
    logarithm = np.log10(hocl / hocl_reference)
    return np.asarray(
        base + ORP_SLOPE_MV * logarithm + ORP_PH_MV * (ph - ph_reference) - 30.0 * combined_chlorine + shift
    )


def relax(value: Floats, rate: Floats, source: Floats, hours: float) -> Floats:
    """The solution after `hours` of dv/dt = source − rate·v, exact for constant coefficients.

    `rate` in 1/h, `source` in units of v per hour. With source ≥ 0 a value that starts at or above 0 stays
    there, however long the step.
    """
    exponent = rate * hours
    # (1 − e^−x)/x → 1 where the rate vanishes.
    gain = np.where(exponent > 1e-12, -np.expm1(-exponent) / np.maximum(exponent, 1e-12), 1.0)
    return np.asarray(value * np.exp(-exponent) + source * hours * gain)


def lag(value: Floats, target: Floats, tau_s: Floats | float, dt_s: float) -> Floats:
    """First-order lag of `value` towards `target` with time constant `tau_s`, after `dt_s` seconds."""
    return np.asarray(target + (value - target) * np.exp(-dt_s / tau_s))


def hysteresis(on: NDArray[np.bool_], measured: Floats, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """A two-point controller that raises: switched on below `low`, off above `high`, else as before."""
    return np.asarray((measured < low) | (on & (measured <= high)))
