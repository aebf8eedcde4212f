"""Alarms of a month of waste against its truth: what was found, how soon, and what was said without a reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from simulators.waste.fault_kinds import SPECS, Scope, WasteFault
from simulators.waste.month import Truth

HOUR_US: Final = 3_600_000_000
BEFORE_US: Final = 12 * HOUR_US
AFTER_US: Final = 4 * 24 * HOUR_US
"""An alarm may be about a fault that is over so long, or begins so much later (as far as its time is known)."""
ON_ROAD_US: Final = HOUR_US


@dataclass(frozen=True, slots=True)
class Alarm:
    """A verdict that began to hold: rule, what it is about, site (engine's numbers), since when, and when it was said.

    Times are µs since the epoch.
    """

    rule: str
    key: int
    subject: int
    site: int
    at: int
    raised: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One planted fault and the first alarm that names it rightly; `raised` is None where there is none."""

    truth: Truth
    raised: int | None

    @property
    def delay_h(self) -> float | None:
        """From the fault's end (or its beginning, where nobody can know its end) to the alarm, hours."""
        return None if self.raised is None else (self.raised - self.truth.begins) / HOUR_US


class Explained:
    """Which planted fault each alarm is about.

    Parameters
    ----------
    keys : the key of every unit
    sites, vehicles : the engine's number of each institution and vehicle of the city

    """

    def __init__(
        self, truth: Sequence[Truth], keys: Mapping[int, int], sites: Sequence[int], vehicles: Sequence[int]
    ) -> None:
        self._by_key: dict[int, list[Truth]] = {}
        self._by_place: dict[tuple[Scope, int], list[Truth]] = {}
        for each in truth:
            if each.scope is Scope.TAG:
                for unit in each.units:
                    self._by_key.setdefault(keys[unit], []).append(each)
            else:
                number = (vehicles if each.scope is Scope.VEHICLE else sites)[each.place]
                self._by_place.setdefault((each.scope, int(number)), []).append(each)
            if each.scope is Scope.INSTITUTION:
                for unit in each.units:
                    self._by_key.setdefault(keys[unit], []).append(each)

    def of(self, alarm: Alarm) -> Truth | None:
        """The fault that an alarm is about; None where there is none."""
        if alarm.rule in ("route", "stop"):
            able = self._by_place.get((Scope.VEHICLE, alarm.key), [])
        else:
            able = [*self._by_key.get(alarm.key, ()), *self._by_key.get(alarm.subject, ())]
            able += self._by_place.get((Scope.INSTITUTION, alarm.site), ())
        able = [each for each in able if _near(each, alarm)]
        named = [each for each in able if alarm.rule in SPECS[each.kind].rules]
        besides = [each for each in able if alarm.rule in SPECS[each.kind].consequences]
        return next(iter([*named, *besides]), None)


def _near(truth: Truth, alarm: Alarm) -> bool:
    before, after = (ON_ROAD_US, ON_ROAD_US) if truth.scope is Scope.VEHICLE else (BEFORE_US, AFTER_US)
    return truth.begins - before <= alarm.raised <= truth.ends + after


def outcomes(truth: Iterable[Truth], alarms: Sequence[Alarm], explained: Explained) -> tuple[Outcome, ...]:
    """What became of each planted fault."""
    first: dict[int, int] = {}
    for alarm in alarms:
        about = explained.of(alarm)
        if about is not None and alarm.rule in SPECS[about.kind].rules:
            first[id(about)] = min(first.get(id(about), alarm.raised), alarm.raised)
    return tuple(Outcome(each, first.get(id(each))) for each in truth)


def figures(found: Sequence[Outcome], alarms: Sequence[Alarm], explained: Explained) -> dict[str, Any]:
    """Recall, precision and delay of each kind; and rules that spoke without a planted fault.

    Precision is of the alarms of the kind's rule: how many of their conditions are about a planted fault. A condition
    is a rule and what it is about; when it ends and begins again it counts once more.
    """
    kinds = {}
    said: dict[str, list[int]] = {}
    for alarm in alarms:
        counted = said.setdefault(alarm.rule, [0, 0])
        counted[0] += 1
        counted[1] += explained.of(alarm) is not None
    for kind in WasteFault:
        own = [each for each in found if each.truth.kind is kind]
        if not own:
            continue
        rules = SPECS[kind].rules
        delays = [each.delay_h for each in own if each.delay_h is not None]
        raised, right = (sum(said.get(rule, [0, 0])[part] for rule in rules) for part in (0, 1))
        kinds[kind.value] = {
            "planted": len(own),
            "found": len(delays),
            "recall": round(len(delays) / len(own), 4),
            "rules": list(rules),
            "alarms": raised,
            "precision": round(right / raised, 4) if raised else None,
            "median_delay_h": round(float(np.median(delays)), 1) if delays else None,
        }
    others = {rule: {"alarms": n, "explained": right} for rule, (n, right) in sorted(said.items())}
    return {"kinds": kinds, "rules": others, "false": sum(n - right for n, right in said.values())}
