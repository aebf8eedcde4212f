"""Manual results: laboratory samples and quick tests, judged by the limits that were in force when they were taken.

A result outside a binding limit is a lead (疑似超标) like a reading is, never a finding; it pages nobody by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf, nextafter
from typing import Final

from registry.limits.judgement import decimal_round
from registry.limits.model import Force, Limit
from registry.limits.timeline import Version, microseconds, version_at
from registry.model import RegistryError

COMPANION_WITHIN: Final = timedelta(hours=1)
"""A result that chooses the bounds of another was taken at most this much before or after it."""


class SampleKind(StrEnum):
    """How a result was obtained."""

    LABORATORY = "laboratory"
    QUICK_TEST = "quick_test"


class Comparison(StrEnum):
    """How a result is stated: a value, or below or above what the method can tell."""

    EQUAL = "="
    BELOW = "<"
    ABOVE = ">"


class SampleState(StrEnum):
    """What a result says. Order is that of severity, worst first.

    ``suspected``: outside a binding limit, a lead. ``deviation``: outside a limit of the platform, of the site's own or
    of a standard it adopted, but not outside a binding one.
    ``advice``: outside a recommendation. ``unclear``: stated so that it can be either. ``within``. ``unlimited``.
    """

    SUSPECTED = "suspected"
    DEVIATION = "deviation"
    ADVICE = "advice"
    UNCLEAR = "unclear"
    WITHIN = "within"
    UNLIMITED = "unlimited"


SEVERITY: Final[Mapping[SampleState, int]] = {state: place for place, state in enumerate(SampleState)}


@dataclass(frozen=True, slots=True)
class Sample:
    """One result: `value` in the indicator's unit, `comparison` how it is stated, `taken_at` when (aware)."""

    id: int
    site: str
    sampling_point: str
    indicator: str
    value: float
    comparison: Comparison
    kind: SampleKind
    taken_at: datetime
    taken_by: str = ""
    laboratory: str = ""
    report: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise RegistryError(f"sample of {self.site}: taken_at {self.taken_at} has no time zone")


@dataclass(frozen=True, slots=True)
class Judged:
    """A result with what it says and the version of the limit it was judged by (None: nothing limited it then).

    `limit` has the bounds that applied; `side` is -1 below it, 1 above it; `hazard` says whether the value is beyond
    the bound at which the severity is high.
    """

    sample: Sample
    state: SampleState
    version: Version | None = None
    limit: Limit | None = None
    side: int = 0
    hazard: bool = False


Lines = Mapping[str, Sequence[Version]]


def judge(sample: Sample, lines: Lines, companions: Iterable[Sample] = ()) -> Judged:
    """Judge a result by the version valid when it was taken.

    Parameters
    ----------
    sample : the result
    lines : the versions at its sampling point by indicator (`registry.limits.timelines`)
    companions : results of the same sampling point, out of which the bounds may be chosen

    """
    versions = lines.get(sample.indicator)
    version = version_at(versions, microseconds(sample.taken_at)) if versions else None
    if version is None or version.limit is None:
        return Judged(sample, SampleState.UNLIMITED)
    limit = version.limit.at(_companion(sample, version.limit, companions))
    if limit is None:
        return Judged(sample, SampleState.UNLIMITED)
    if limit.hi == 0 and sample.comparison is Comparison.BELOW:
        # "Must not be detected": below what the method can tell is what not detected means.
        return Judged(sample, SampleState.WITHIN, version, limit)
    least, greatest = _range(sample, limit.precision)
    side = _side(least, greatest, limit, limit.lo, limit.hi)
    if side is None:
        return Judged(sample, SampleState.UNCLEAR, version, limit)
    if side == 0:
        return Judged(sample, SampleState.WITHIN, version, limit)
    hazard = _side(least, greatest, None, limit.hazard_lo, limit.hazard_hi)
    state = SampleState.SUSPECTED if _beyond_law(sample, version.law) else _STATES[limit.force]
    return Judged(sample, state, version, limit, side, hazard == side)


def worst(states: Iterable[SampleState]) -> SampleState | None:
    """The worst of some states, None of none."""
    return min(states, key=lambda each: SEVERITY[each], default=None)


_STATES: Final = {
    Force.BINDING: SampleState.SUSPECTED,
    Force.OPERATIONAL: SampleState.DEVIATION,
    Force.RECOMMENDED: SampleState.ADVICE,
}


def _beyond_law(sample: Sample, law: Limit | None) -> bool:
    """Whether the result is outside the binding standard too, where the site has a limit in its place."""
    if law is None:
        return False
    return _side(*_range(sample, law.precision), law, law.lo, law.hi) in (-1, 1)


def _companion(sample: Sample, limit: Limit, companions: Iterable[Sample]) -> float | None:
    near = [
        each
        for each in companions
        if each.indicator == limit.depends_on
        and each.comparison is Comparison.EQUAL
        and abs(each.taken_at - sample.taken_at) <= COMPANION_WITHIN
    ]
    nearest = min(near, key=lambda each: (abs(each.taken_at - sample.taken_at), each.id), default=None)
    return None if nearest is None else nearest.value


def _range(sample: Sample, precision: int) -> tuple[float, float]:
    """The least and greatest value that the result may stand for, rounded to the limit's precision (GB/T 8170)."""
    value = decimal_round(sample.value, precision)
    if sample.comparison is Comparison.BELOW:
        return -inf, nextafter(value, -inf)
    if sample.comparison is Comparison.ABOVE:
        return nextafter(value, inf), inf
    return value, value


def _side(least: float, greatest: float, limit: Limit | None, lo: float | None, hi: float | None) -> int | None:
    """-1 or 1 where all of the range is outside, 0 where all of it is inside, None where it can be either."""
    sides = {_side_of(value, limit, lo, hi) for value in (least, greatest)}
    return sides.pop() if len(sides) == 1 else None


def _side_of(value: float, limit: Limit | None, lo: float | None, hi: float | None) -> int:
    if lo is not None and (value < lo or (value == lo and limit is not None and not limit.lo_inclusive)):
        return -1
    if hi is not None and (value > hi or (value == hi and limit is not None and not limit.hi_inclusive)):
        return 1
    return 0
