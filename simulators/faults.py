"""Faults that can be put into a simulated basin, and which are at work at an instant of the physics."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


class FaultKind(StrEnum):
    """What can go wrong. Names and expected effects: catalogue ``fault.toml``."""

    DOSING_FAILURE = "dosing_failure"
    OVER_DOSING = "over_dosing"
    PH_DRIFT = "ph_drift"
    PUMP_OFF = "pump_off"
    STUCK_SENSOR = "stuck_sensor"
    POWER_CUT = "power_cut"
    DROPOUT = "dropout"


SILENT: Final = frozenset({FaultKind.POWER_CUT, FaultKind.DROPOUT})
"""Faults of the device, not of the water: while one is at work, the device is off line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Ground truth of one fault: where, what, and from when to when.

    `starts` and `ends` are instants of the physics, `started_at` and `ended_at` what the wall clock showed;
    all in µs since the epoch. `ends` is None for a fault that lasts until it is ended; `ended_at` is None
    while it is at work.
    """

    id: str
    device: str
    kind: FaultKind
    starts: int
    ends: int | None
    started_at: int
    ended_at: int | None = None

    def at_work(self, instant: int) -> bool:
        """Whether it is at work at an instant of the physics."""
        return self.starts <= instant and (self.ends is None or instant < self.ends)


@dataclass(frozen=True, slots=True)
class Faults:
    """Which faults are at work in each basin: arrays of shape (basins,)."""

    dosing_failure: Bools
    over_dosing: Bools
    ph_drift: Bools
    pump_off: Bools
    stuck_sensor: Bools

    @classmethod
    def none(cls, basins: int) -> "Faults":
        """Nothing is wrong."""
        return cls(*(np.zeros(basins, dtype=np.bool_) for _ in range(5)))


def faults_at(faults: Iterable[Fault], devices: tuple[str, ...], instant: int) -> Faults:
    """The faults of the water and its sensors at work at an instant of the physics (µs since the epoch)."""
    at_work = {(fault.device, fault.kind) for fault in faults if fault.at_work(instant)}

    def mask(kind: FaultKind) -> Bools:
        return np.array([(device, kind) in at_work for device in devices], dtype=np.bool_)

    return Faults(
        dosing_failure=mask(FaultKind.DOSING_FAILURE),
        over_dosing=mask(FaultKind.OVER_DOSING),
        ph_drift=mask(FaultKind.PH_DRIFT),
        pump_off=mask(FaultKind.PUMP_OFF),
        stuck_sensor=mask(FaultKind.STUCK_SENSOR),
    )
