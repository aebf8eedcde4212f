"""Every kind of fault of the fleet in one table: those of water and instruments, and those of medical waste."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from simulators import fault_kinds
from simulators.fault_kinds import FaultKind, FaultSpec, Group, PlantKind
from simulators.waste.fault_kinds import SPECS as WASTE
from simulators.waste.fault_kinds import Scope, WasteFault, WasteSpec

Kind = FaultKind | WasteFault

A_DAY_MIN: Final = 1_440.0
"""Within a day there is a bag, a load or a tour that a fault can happen to."""


def _of_waste(spec: WasteSpec) -> FaultSpec:
    vehicle = spec.scope is Scope.VEHICLE
    return FaultSpec(
        Group.VEHICLE if vehicle else Group.WASTE,
        spec.rules[0],
        spec.unit,
        spec.smallest,
        spec.largest,
        round((spec.smallest * spec.largest) ** 0.5, 1) if spec.unit else None,
        minutes=A_DAY_MIN * spec.days[1],
        plants=frozenset({PlantKind.VEHICLE if vehicle else PlantKind.INSTITUTION}),
    )


SPECS: Final[Mapping[Kind, FaultSpec]] = MappingProxyType(
    {
        **dict[Kind, FaultSpec](fault_kinds.SPECS.items()),
        # A store of a simulated fleet fails by the fault of cold stores.
        **{kind: _of_waste(spec) for kind, spec in WASTE.items() if kind is not WasteFault.FRIDGE_FAILURE},
    }
)
"""Every kind that can be put into a living fleet, with its sizes and its right name."""


def kind_of(code: str) -> Kind:
    """The kind of a code. Raises `ValueError` for one that is none."""
    return next((kind for kind in SPECS if kind.value == code), None) or FaultKind(code)
