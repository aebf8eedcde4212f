"""How easily the detector speaks: one budget of false alarms, and what inspectors' feedback makes of it a site.

The budget is the one setting: expected false alarms a site and week. An inspector who says that an alarm was false
halves what is left of it at that site, one who says that it was true gives a fifth back; taking an answer back
undoes exactly that. Everything is derived from journal rows (`config` budget, `action` feedback), nothing is kept
twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from monitor.detector.layout import DEFAULT_BUDGET

Answer = Literal["false", "true"]

BUDGETS: Final = (0.01, 7.0)
"""Least and greatest budget, false alarms a site and week."""
FACTORS: Final = {"false": 0.5, "true": 1.2}
"""What an answer multiplies a site's budget by."""
BOUNDS: Final = (1 / 64, 4.0)
"""A site's budget stays within these shares of the setting, whatever is answered."""
_FOLD: Final = 0.08
"""How much thresholds rise for each halving of the budget: a design value. What a budget keeps in the end is measured
(docs/detection.md)."""
_THRESHOLDS: Final = (0.75, 1.75)


@dataclass(frozen=True, slots=True)
class Feedback:
    """An inspector's answer to an alarm. `id` is the journal row that it is."""

    id: int
    alarm: int
    site: str
    answer: Answer


def site_budget(budget: float, answers: Iterable[Answer]) -> float:
    """Expected false alarms of a site in a week after its answers."""
    share = 1.0
    for answer in answers:
        share *= FACTORS[answer]
    low, high = BOUNDS
    return budget * min(max(share, low), high)


def threshold_factor(of_site: float) -> float:
    """What every threshold of a site's verdicts is multiplied by at a budget; 1 at the default budget."""
    halvings = _log2(DEFAULT_BUDGET / of_site)
    low, high = _THRESHOLDS
    return min(max(1.0 + _FOLD * halvings, low), high)


def _log2(value: float) -> float:
    # Exact for powers of two, and the same on every machine: halving is what answers do.
    count = 0.0
    while value >= 2:
        value, count = value / 2, count + 1
    while value < 1:
        value, count = value * 2, count - 1
    return count + (value - 1)
