"""Faults that are put into a simulated venue, and which are at work, how strongly, at an instant of the physics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from simulators.every_fault import SPECS, Kind
from simulators.fault_kinds import FaultKind
from simulators.noise import Floats

HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Ground truth of one fault: where, what, how large, and from when to when.

    `starts` and `ends` are instants of the physics, `started_at` and `ended_at` what the wall clock showed;
    all in µs since the epoch. `ends` is None for a fault that lasts until it is ended; `ended_at` is None
    while it is at work. `size` is in the unit of its kind (`fault_kinds.SPECS`), None for the whole failure;
    `source` is the device whose readings a copied series takes.
    """

    id: str
    device: str
    kind: Kind
    starts: int
    ends: int | None
    started_at: int
    ended_at: int | None = None
    size: float | None = None
    source: str | None = None

    def at_work(self, instant: int) -> bool:
        """Whether it is at work at an instant of the physics."""
        return self.starts <= instant and (self.ends is None or instant < self.ends)

    @property
    def strength(self) -> float:
        """Its size; that of the kind where none was asked for; infinite for a whole failure."""
        spec = SPECS[self.kind]
        if spec.unit == "min":
            return 1.0
        size = spec.usual if self.size is None else self.size
        return np.inf if size is None else size


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong in each basin or store, by name of the kind: arrays of shape (devices,), 0 where nothing is.

    Values are sizes in the unit of the kind, infinite for a whole failure. `fouling_since` is when the fouling
    began (µs of the physics), `copied_series` the column whose readings are taken, plus one.
    """

    dosing_failure: Floats
    over_dosing: Floats
    ph_drift: Floats
    pump_off: Floats
    filter_failure: Floats
    water_change: Floats
    stuck_sensor: Floats
    fouling_drift: Floats
    spike: Floats
    air_bubble: Floats
    calibration_step: Floats
    unit_x10: Floats
    copied_series: Floats
    tampering: Floats
    cold_store_failure: Floats
    fouling_since: Floats

    @classmethod
    def none(cls, devices: int) -> "Faults":
        """Nothing is wrong."""
        return cls(*(np.zeros(devices) for _ in fields(cls)))

    def of(self, columns: slice) -> "Faults":
        """Those of some of the devices."""
        return replace(self, **{each.name: getattr(self, each.name)[columns] for each in fields(self)})


_FIELDS: Final = frozenset(each.name for each in fields(Faults))


def faults_at(faults: Iterable[Fault], columns: Mapping[str, int], instant: int) -> Faults:
    """The faults of water, instruments and data at work at an instant of the physics (µs since the epoch)."""
    found = Faults.none(len(columns))
    for fault in faults:
        if not fault.at_work(instant) or fault.device not in columns or fault.kind.value not in _FIELDS:
            continue
        column = columns[fault.device]
        strength = fault.strength
        if fault.kind is FaultKind.COPIED_SERIES:
            strength = 1.0 + columns.get(fault.source or "", column)
        if fault.kind is FaultKind.FOULING_DRIFT:
            found.fouling_since[column] = fault.starts
        getattr(found, fault.kind.value)[column] = strength
    return found
