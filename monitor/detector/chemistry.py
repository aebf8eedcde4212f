"""The chemistry that ties free chlorine, pH and ORP together, and which single cause explains what they do.

ORP follows the logarithm of the hypochlorous acid: ``ORP = c + s · log10(HOCl)``, with HOCl = free chlorine × its
share at the pH and temperature (Morris 1966) and a slope s of 50–100 mV a decade in pools. So three probes measure
two things, and a broken probe contradicts the other two: free chlorine that falls while ORP stays is a fouled
membrane, free chlorine that falls with ORP is a dosing failure.

`explain` asks which one of five causes, each of which moves the three readings in one direction, explains most of
their deviation (matched directions; Gertler 1998, "Fault Detection and Diagnosis in Engineering Systems", ch. 6,
structured residuals).
"""

from enum import IntEnum
from typing import Final

import numpy as np

from monitor.detector.layout import Bools, Codes, Floats32
from registry.chemistry import hypochlorous_share

USUAL_SLOPE_MV: Final = 72.0
"""mV a decade before a basin's own slope is known."""
SLOPE_RANGE_MV: Final = (45.0, 110.0)
PRIOR_WEIGHT: Final = 6e-4
"""Variance of log10 HOCl (decades²) at which a basin's own slope weighs as much as the usual one."""
USUAL_TEMPERATURE: Final = 27.0  # ℃, where none is measured
PH_RANGE: Final = (0.0, 14.0)
LEAST_CHLORINE: Final = 0.02  # mg/L; below it the logarithm says nothing


class Cause(IntEnum):
    """One thing that alone may be wrong with chlorine, pH and ORP."""

    CHLORINE = 0
    """There is more or less chlorine in the water."""
    ACIDITY = 1
    """The water's pH is another."""
    CHLORINE_PROBE = 2
    PH_PROBE = 3
    ORP_PROBE = 4


def log_chlorine(value: Floats32) -> Floats32:
    """log10 of free chlorine in mg/L."""
    # Contiguous, so that one value and many go through the same loop and give the same bits.
    return np.asarray(np.log10(np.ascontiguousarray(np.maximum(value, np.float32(LEAST_CHLORINE)))))


def log_hypochlorous(log_free: Floats32, ph: Floats32, temperature: Floats32) -> Floats32:
    """log10 of HOCl (mg/L as Cl2) from log10 of free chlorine, pH and water temperature (℃, NaN: the usual)."""
    warm = np.where(np.isnan(temperature), np.float32(USUAL_TEMPERATURE), temperature)
    # A unit that is ten times wrong makes a pH of 73, whose share is 0 and has no logarithm.
    share = hypochlorous_share(np.clip(np.ascontiguousarray(ph), *PH_RANGE), np.ascontiguousarray(warm))
    return np.asarray(log_free + np.log10(share), dtype=np.float32)


def slope(variance: Floats32, covariance: Floats32) -> Floats32:
    """Slope of ORP on log10 HOCl, mV a decade: ridge regression towards the usual one, within what pools show."""
    weight = np.float32(PRIOR_WEIGHT)
    found = (covariance + weight * np.float32(USUAL_SLOPE_MV)) / (variance + weight)
    low, high = SLOPE_RANGE_MV
    return np.asarray(np.minimum(np.maximum(found, np.float32(low)), np.float32(high)))


def explain(
    chlorine: Floats32,
    ph: Floats32,
    residual: Floats32,
    scales: tuple[Floats32, Floats32, Floats32],
    slope_mv: Floats32,
    share: Floats32,
) -> tuple[Codes, Floats32, Floats32, Bools]:
    """The one cause that explains most, how strongly, and in which direction.

    Parameters
    ----------
    chlorine, ph, residual : shape (n,), departures from what is usual: log10 mg/L, pH, mV. The residual is ORP less
        what chlorine and pH let expect. NaN where a probe is missing
    scales : their usual spread, in the same units, > 0
    slope_mv : of ORP on log10 HOCl, mV a decade
    share : of HOCl at the present pH, 0–1

    Returns
    -------
    `Cause` codes, the explained departure in standard units (≥ 0), that of the next best, and whether it is upwards;
    shape (n,) each

    """
    chlorine_scale, ph_scale, residual_scale = scales
    y_chlorine, y_ph, y_residual = (
        zero_if_unknown(off / scale)
        for off, scale in ((chlorine, chlorine_scale), (ph, ph_scale), (residual, residual_scale))
    )
    # In standard units a probe that reads high lets more (chlorine) or less (pH: d log10(share)/d pH = −(1 − share))
    # ORP be expected than there is; each direction is taken at length 1.
    of_chlorine = slope_mv * chlorine_scale / residual_scale
    of_ph = slope_mv * (1 - share) * ph_scale / residual_scale
    projected = np.stack(
        [
            y_chlorine,
            y_ph,
            (y_chlorine - of_chlorine * y_residual) / np.sqrt(1 + of_chlorine * of_chlorine),
            (y_ph + of_ph * y_residual) / np.sqrt(1 + of_ph * of_ph),
            y_residual,
        ]
    )
    size = np.abs(projected)
    best = np.argmax(size, axis=0)
    here = np.arange(best.size)
    taken = projected[best, here]
    second = np.sort(size, axis=0)[-2]
    return best.astype(np.uint8), size[best, here].astype(np.float32), second.astype(np.float32), taken > 0


def zero_if_unknown(value: Floats32) -> Floats32:
    """The values, 0 where they are NaN."""
    return np.where(np.isnan(value), np.float32(0), value)
