"""Whether a quick test and the instrument agree, and what follows: it tells the water from the probe.

The bounds stand in ``agreement.toml``; they are design defaults, no standard's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

from registry.indicators import INDICATORS
from registry.model import RegistryError
from registry.samples import Comparison, SampleState
from registry.toml_fields import number, only, parse

FILE: Final = "agreement.toml"


class Agreement(StrEnum):
    """How a quick test and the on-line value stand to each other; ``missing`` where there is nothing to compare."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"


class Finding(StrEnum):
    """What test and instrument say together.

    ``water_right``: both within the limits and agreed. ``water_wrong``: both beyond them on the same side.
    ``false_alarm``: the test is within, the instrument beyond. ``missed``: the test is beyond, the instrument within,
    or on the other side. ``instrument_off``: they say the same of the water, and differ all the same.
    ``test_only``: there is no on-line value, or nothing limits the indicator, or the test can't tell.
    """

    WATER_RIGHT = "water_right"
    WATER_WRONG = "water_wrong"
    FALSE_ALARM = "false_alarm"
    MISSED = "missed"
    INSTRUMENT_OFF = "instrument_off"
    TEST_ONLY = "test_only"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`absolute` in the indicator's unit, `relative` a share (0..1) of the quick test."""

    absolute: float
    relative: float

    def around(self, value: float) -> float:
        """The difference that is still agreement, in the indicator's unit."""
        return max(self.absolute, self.relative * abs(value))


def agreement(indicator: str, value: float, comparison: Comparison, online: float | None) -> Agreement:
    """Compare a quick test with the on-line value at its time, both in the indicator's unit.

    A test stated as below or above a value agrees with every on-line value on that side of it.
    """
    tolerance = tolerances().get(indicator)
    if online is None or tolerance is None:
        return Agreement.MISSING
    within = tolerance.around(value)
    # A hair more than the tolerance, so that 0.40 and 0.50 at ±0.10 agree in binary fractions too.
    within += 10.0 ** -(INDICATORS[indicator].precision + 4)
    apart = online - value
    if comparison is Comparison.BELOW:
        return Agreement.DIFFERS if apart > within else Agreement.AGREES
    if comparison is Comparison.ABOVE:
        return Agreement.DIFFERS if apart < -within else Agreement.AGREES
    return Agreement.AGREES if abs(apart) <= within else Agreement.DIFFERS


def finding(found: Agreement, test: tuple[SampleState, int], online: tuple[SampleState, int] | None) -> Finding:
    """What follows; `test` and `online` are what the limits say of each: the state, and the side (-1 low, 1 high)."""
    untold = (SampleState.UNCLEAR, SampleState.UNLIMITED)
    if found is Agreement.MISSING or online is None or test[0] in untold or online[0] in untold:
        return Finding.TEST_ONLY
    if test[1] == online[1]:
        if found is Agreement.DIFFERS:
            return Finding.INSTRUMENT_OFF if test[1] == 0 else Finding.WATER_WRONG
        return Finding.WATER_RIGHT if test[1] == 0 else Finding.WATER_WRONG
    return Finding.FALSE_ALARM if test[1] == 0 else Finding.MISSED


@cache
def tolerances() -> Mapping[str, Tolerance]:
    """The bounds by indicator. Raises `RegistryError` naming a mistake of the file."""
    read = parse(FILE, files("registry").joinpath(FILE).read_text(encoding="utf-8"))
    return {code: _tolerance(code, raw) for code, raw in read.items()}


def _tolerance(code: str, raw: Mapping[str, object]) -> Tolerance:
    where = f"{FILE}: [{code}]"
    if code not in INDICATORS:
        raise RegistryError(f"{where}: not an indicator; known: {', '.join(INDICATORS)}")
    only(raw, frozenset({"absolute", "relative"}), where)
    absolute, relative = number(raw, "absolute", where), number(raw, "relative", where)
    if absolute is None or relative is None or absolute <= 0 or not 0 <= relative < 1:
        raise RegistryError(f"{where}: absolute {absolute} must be above 0, relative {relative} from 0 up to 1")
    return Tolerance(absolute, relative)
