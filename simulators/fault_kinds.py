"""What can go wrong in a simulated venue: kinds of fault, how large each may be, and what it should be called.

One table says it all: `SPECS`. Names and sentences for people are in catalogue ``fault.toml``; the table is
explained in ``docs/simulators.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from simulators.errors import NotAllowedError


class FaultKind(StrEnum):
    """What can go wrong. Names and expected effects: catalogue ``fault.toml``."""

    DOSING_FAILURE = "dosing_failure"
    OVER_DOSING = "over_dosing"
    PH_DRIFT = "ph_drift"
    PUMP_OFF = "pump_off"
    FILTER_FAILURE = "filter_failure"
    WATER_CHANGE = "water_change"
    STUCK_SENSOR = "stuck_sensor"
    FOULING_DRIFT = "fouling_drift"
    SPIKE = "spike"
    AIR_BUBBLE = "air_bubble"
    CALIBRATION_STEP = "calibration_step"
    UNIT_X10 = "unit_x10"
    CLOCK_8H = "clock_8h"
    COPIED_SERIES = "copied_series"
    TAMPERING = "tampering"
    POWER_CUT = "power_cut"
    DROPOUT = "dropout"
    COLD_STORE_FAILURE = "cold_store_failure"


class Group(StrEnum):
    """Where a fault is: in the water or its plant, in an instrument, in the honesty of the data, in the device."""

    WATER = "water"
    INSTRUMENT = "instrument"
    DATA = "data"
    DEVICE = "device"
    STORE = "store"
    WASTE = "waste"
    VEHICLE = "vehicle"


class PlantKind(StrEnum):
    """What a simulated device watches: water, a store's air, or what becomes of medical waste."""

    POOL = "pool"
    COLD_STORE = "cold_store"
    INSTITUTION = "institution"
    WEIGHBRIDGE = "weighbridge"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """How large a fault of a kind may be, and what a platform that sees it should say.

    Parameters
    ----------
    group, plants : where it is, and which plants can have it
    verdict : the kind of alarm that names it rightly (a `kind` of the detector's verdict, or ``offline``)
    unit : of its size; with ``min`` the size is how long the fault lasts
    smallest, largest : sizes (absolute); the smallest is what a hand test would just notice
    usual : the size when none is asked for; None for the whole failure (no dosing at all, no cooling at all)
    signed : whether a negative size makes sense (a reading too low instead of too high)
    minutes : how long it lasts when nobody says; None for until it is ended

    """

    group: Group
    verdict: str
    unit: str
    smallest: float
    largest: float
    usual: float | None
    signed: bool = False
    minutes: float | None = None
    plants: frozenset[PlantKind] = frozenset({PlantKind.POOL})

    def checked(self, size: float) -> float:
        """The size if it is within the table. Raises `NotAllowedError` naming what would be."""
        if not self.smallest <= abs(size) <= self.largest or (size < 0 and not self.signed):
            sign = ", or the same below zero" if self.signed else ""
            raise NotAllowedError(
                f"size {size:g}: must be between {self.smallest:g} and {self.largest:g} {self.unit}{sign}"
            )
        return size


_BOTH: Final = frozenset({PlantKind.POOL, PlantKind.COLD_STORE})
_ALL: Final = frozenset(PlantKind)

SPECS: Final[Mapping[FaultKind, FaultSpec]] = MappingProxyType(
    {
        FaultKind.DOSING_FAILURE: FaultSpec(Group.WATER, "dosing_failure", "mg/L", 0.1, 0.6, None),
        FaultKind.OVER_DOSING: FaultSpec(Group.WATER, "over_dosing", "mg/L", 0.1, 2.0, None),
        FaultKind.PH_DRIFT: FaultSpec(Group.WATER, "ph_control", "pH", 0.1, 1.0, None),
        FaultKind.PUMP_OFF: FaultSpec(Group.WATER, "pump_off", "share", 0.25, 1.0, 1.0),
        FaultKind.FILTER_FAILURE: FaultSpec(Group.WATER, "filtration", "NTU", 0.2, 3.0, 1.5),
        FaultKind.WATER_CHANGE: FaultSpec(Group.WATER, "water_change", "share", 0.08, 0.6, 0.3),
        FaultKind.STUCK_SENSOR: FaultSpec(Group.INSTRUMENT, "stuck", "min", 45.0, 1_440.0, None),
        FaultKind.FOULING_DRIFT: FaultSpec(Group.INSTRUMENT, "sensor_fouling", "mg/L", 0.1, 0.4, 0.25),
        FaultKind.SPIKE: FaultSpec(Group.INSTRUMENT, "air_bubble", "mg/L", 0.1, 3.0, 1.0, signed=True, minutes=2.0),
        FaultKind.AIR_BUBBLE: FaultSpec(Group.INSTRUMENT, "air_bubble", "mg/L", 0.1, 0.5, 0.3, minutes=30.0),
        FaultKind.CALIBRATION_STEP: FaultSpec(Group.INSTRUMENT, "calibration", "pH", 0.1, 0.8, 0.4, signed=True),
        FaultKind.UNIT_X10: FaultSpec(Group.INSTRUMENT, "unit_error", "times", 10.0, 10.0, 10.0),
        FaultKind.CLOCK_8H: FaultSpec(Group.DEVICE, "clock", "h", 0.25, 8.0, 8.0, signed=True, plants=_BOTH),
        FaultKind.COPIED_SERIES: FaultSpec(Group.DATA, "tampering_suspected", "min", 45.0, 1_440.0, None),
        FaultKind.TAMPERING: FaultSpec(Group.DATA, "tampering_suspected", "times", 3.0, 100.0, 100.0),
        FaultKind.POWER_CUT: FaultSpec(Group.DEVICE, "offline", "min", 15.0, 720.0, None, plants=_ALL),
        FaultKind.DROPOUT: FaultSpec(Group.DEVICE, "offline", "min", 15.0, 720.0, None, plants=_ALL),
        FaultKind.COLD_STORE_FAILURE: FaultSpec(
            Group.STORE, "cold_store", "℃", 2.0, 15.0, None, plants=frozenset({PlantKind.COLD_STORE})
        ),
    }
)
"""Every kind of fault with its sizes and its right name."""

WATER_CHANGE_RATE: Final = 0.3
"""Of the volume per hour that comes in and goes out while the water is changed."""

SILENT: Final = frozenset({FaultKind.POWER_CUT, FaultKind.DROPOUT})
"""Faults of the device, not of the water: while one is at work, the device is off line."""


def natural_minutes(kind: FaultKind, size: float | None) -> float | None:
    """How long a fault of a size lasts when nobody says; None for until it is ended."""
    spec = SPECS[kind]
    if kind is FaultKind.WATER_CHANGE:
        return 60 * (size or spec.usual or 0.0) / WATER_CHANGE_RATE
    return spec.minutes
