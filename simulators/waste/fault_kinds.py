"""What can go wrong with waste: kinds of fault, and the rule of the platform that each should meet.

`SPECS` is the whole table. Sizes reach down to what the rules are meant to see and no further; names and sentences
for people are in catalogue ``fault.toml``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class WasteFault(StrEnum):
    """What can go wrong with a bag, a load, an institution or a vehicle."""

    LOST_BAG = "lost_bag"
    LOST_LOAD = "lost_load"
    OVERDUE_BAG = "overdue_bag"
    UNDER_WEIGHED = "under_weighed"
    SHORT_DELIVERY = "short_delivery"
    SWAPPED_CATEGORY = "swapped_category"
    UNSIGNED = "unsigned"
    UNSCANNED_BAG = "unscanned_bag"
    DUPLICATE_TAG = "duplicate_tag"
    OPENED_BAG = "opened_bag"
    HEAVY_BAG = "heavy_bag"
    NO_MANIFEST = "no_manifest"
    UNREGISTERED_VEHICLE = "unregistered_vehicle"
    UNLICENSED_RECEIVER = "unlicensed_receiver"
    LATE_TREATMENT = "late_treatment"
    MISSED_PICKUP = "missed_pickup"
    SILENT_INSTITUTION = "silent_institution"
    HIDDEN_WASTE = "hidden_waste"
    HIDDEN_SHARPS = "hidden_sharps"
    SCANNER_CLOCK = "scanner_clock"
    FRIDGE_FAILURE = "fridge_failure"
    DETOUR = "detour"
    UNPLANNED_STOP = "unplanned_stop"


class Scope(StrEnum):
    """What a fault happens to, which is where its alarms may be: one code, an institution, or a vehicle."""

    TAG = "tag"
    INSTITUTION = "institution"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True)
class WasteSpec:
    """A kind of fault.

    Parameters
    ----------
    scope : what it happens to
    rules : the rule (code) that names it; any of them where there are several
    consequences : rules that may speak of the same things besides, rightly
    unit, smallest, largest : of its size; all empty where it has none
    days : how many days it lasts, least and most, where it lasts

    """

    scope: Scope
    rules: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    unit: str = ""
    smallest: float = 0.0
    largest: float = 0.0
    days: tuple[int, int] = (1, 1)


_STORAGE: Final = ("storage_36h", "storage_44h", "storage_48h")

SPECS: Final[Mapping[WasteFault, WasteSpec]] = MappingProxyType(
    {
        WasteFault.LOST_BAG: WasteSpec(Scope.TAG, ("missing",), _STORAGE),
        WasteFault.LOST_LOAD: WasteSpec(Scope.TAG, ("in_transit",)),
        WasteFault.OVERDUE_BAG: WasteSpec(Scope.TAG, ("storage_48h",), _STORAGE),
        WasteFault.UNDER_WEIGHED: WasteSpec(Scope.TAG, ("weight",), ("batch_weight",), "kg", 0.25, 2.0),
        WasteFault.SHORT_DELIVERY: WasteSpec(Scope.TAG, ("batch_weight",), ("weight",), "kg", 0.8, 4.0),
        WasteFault.SWAPPED_CATEGORY: WasteSpec(Scope.TAG, ("category",)),
        WasteFault.UNSIGNED: WasteSpec(Scope.TAG, ("unsigned",)),
        WasteFault.UNSCANNED_BAG: WasteSpec(Scope.TAG, ("unscanned",)),
        WasteFault.DUPLICATE_TAG: WasteSpec(
            Scope.TAG, ("duplicate",), ("weight", "category", "order", "unscanned", "batch_weight")
        ),
        WasteFault.OPENED_BAG: WasteSpec(Scope.TAG, ("opened",)),
        WasteFault.HEAVY_BAG: WasteSpec(Scope.TAG, ("bag_weight",), (), "kg", 26.0, 40.0),
        WasteFault.NO_MANIFEST: WasteSpec(Scope.TAG, ("manifest",)),
        WasteFault.UNREGISTERED_VEHICLE: WasteSpec(Scope.TAG, ("vehicle",)),
        WasteFault.UNLICENSED_RECEIVER: WasteSpec(Scope.TAG, ("receiver",), ("in_transit", "vehicle")),
        WasteFault.LATE_TREATMENT: WasteSpec(Scope.TAG, ("disposer_storage",), (), "h", 80.0, 110.0),
        WasteFault.MISSED_PICKUP: WasteSpec(Scope.INSTITUTION, ("pickup",), _STORAGE),
        WasteFault.SILENT_INSTITUTION: WasteSpec(Scope.INSTITUTION, ("silent",), ("output", "sharps"), days=(8, 10)),
        WasteFault.HIDDEN_WASTE: WasteSpec(
            Scope.INSTITUTION, ("output",), ("sharps",), "share", 0.5, 0.75, days=(4, 6)
        ),
        WasteFault.HIDDEN_SHARPS: WasteSpec(Scope.INSTITUTION, ("sharps",), ("output",), days=(4, 6)),
        # A box that by the wrong clock left before it was filled took nothing along: its bags have no hand-over.
        WasteFault.SCANNER_CLOCK: WasteSpec(
            Scope.INSTITUTION, ("clock", "order"), ("unscanned",), "h", 0.5, 8.0, days=(2, 3)
        ),
        WasteFault.FRIDGE_FAILURE: WasteSpec(Scope.INSTITUTION, ("store_warm",), days=(2, 3)),
        WasteFault.DETOUR: WasteSpec(Scope.VEHICLE, ("route",), ("stop",), "m", 500.0, 4_000.0),
        WasteFault.UNPLANNED_STOP: WasteSpec(Scope.VEHICLE, ("stop",), (), "minutes", 13.0, 28.0),
    }
)
"""Every kind of fault with its sizes and its right name."""
