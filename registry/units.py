"""Units of measurement as devices write them, and their conversion to an indicator's unit.

A device's payload may name units in many spellings: SenML's (RFC 8428 §12.1, RFC 8798), UCUM's, a maker's own.
Conversion is linear: value in the indicator's unit = factor * value + offset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class UnitError(ValueError):
    """A unit is unknown, or measures another quantity; the message says which units would be right."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """``factor * value + offset``, from one unit to another of the same quantity."""

    factor: float = 1.0
    offset: float = 0.0

    def apply(self, value: float) -> float:
        """The value in the other unit."""
        return self.factor * value + self.offset

    def inverse(self) -> "Conversion":
        """The way back."""
        return Conversion(1.0 / self.factor, -self.offset / self.factor)

    def then(self, following: "Conversion") -> "Conversion":
        """The conversion that first does this one and then another."""
        return Conversion(following.factor * self.factor, following.factor * self.offset + following.offset)


IDENTITY: Final = Conversion()

_QUANTITIES: Final[Mapping[str, Mapping[str, Conversion]]] = MappingProxyType(
    {
        # In water at the concentrations that matter here, 1 ppm by mass is 1 mg/L.
        "mg/L": {
            "mg/l": IDENTITY,
            "ppm": IDENTITY,
            "g/m3": IDENTITY,
            "kg/m3": Conversion(1_000.0),
            "g/l": Conversion(1_000.0),
            "ug/l": Conversion(0.001),
            "ppb": Conversion(0.001),
        },
        "pH": {"ph": IDENTITY, "[ph]": IDENTITY},
        "mV": {"mv": IDENTITY, "v": Conversion(1_000.0)},
        # FNU and FTU are formazin units by other optics; they agree where pools are (ISO 7027-1).
        "NTU": {"ntu": IDENTITY, "fnu": IDENTITY, "ftu": IDENTITY},
        "℃": {
            "cel": IDENTITY,
            "c": IDENTITY,
            "degc": IDENTITY,
            "°c": IDENTITY,
            "℃": IDENTITY,
            "k": Conversion(1.0, -273.15),
            "degf": Conversion(5 / 9, -160 / 9),
            "°f": Conversion(5 / 9, -160 / 9),
            "℉": Conversion(5 / 9, -160 / 9),
            "f": Conversion(5 / 9, -160 / 9),
        },
        "m³/h": {
            "m3/h": IDENTITY,
            "m3/s": Conversion(3_600.0),
            "l/s": Conversion(3.6),
            "l/min": Conversion(0.06),
            "l/h": Conversion(0.001),
        },
        "persons": {"persons": IDENTITY, "person": IDENTITY, "人": IDENTITY, "1": IDENTITY, "count": IDENTITY},
        "%": {"%": IDENTITY, "%rh": IDENTITY, "/": Conversion(100.0), "1": Conversion(100.0)},
        "µS/cm": {
            "us/cm": IDENTITY,
            "s/m": Conversion(10_000.0),
            "ms/cm": Conversion(1_000.0),
            "ms/m": Conversion(10.0),
        },
        "kPa": {
            "kpa": IDENTITY,
            "pa": Conversion(0.001),
            "hpa": Conversion(0.1),
            "bar": Conversion(100.0),
            "mpa": Conversion(1_000.0),
        },
    }
)
"""By an indicator's unit: the spellings it may be given in, lower case, with their conversion."""

_SPELLINGS: Final = str.maketrans({"³": "3", "µ": "u", "μ": "u", " ": ""})


def conversion(unit: str, wanted: str) -> Conversion:
    """The conversion of values in `unit` to an indicator's unit `wanted`. Raises `UnitError`."""
    if unit == wanted:
        return IDENTITY
    known = _QUANTITIES.get(wanted, {})
    found = known.get(unit.translate(_SPELLINGS).lower())
    if found is None:
        right = ", ".join(sorted({wanted, *known}))
        raise UnitError(f"unit is {unit!r}; must be one of {right}")
    return found
