"""What a simulated city of medical waste is made of: institutions, wards, vehicles, routes; and the events of bags."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.noise import Floats

Ints = NDArray[np.int64]
Events = NDArray[np.void]
"""Rows of `EVENT`."""

MINUTE_US: Final = 60_000_000
DAY_US: Final = 1_440 * MINUTE_US
NOBODY: Final = -1


class Tier(IntEnum):
    """The size of an institution: tertiary or secondary hospital, another one, a township's, a clinic without beds."""

    TERTIARY = 0
    SECONDARY = 1
    HOSPITAL = 2
    TOWNSHIP = 3
    CLINIC = 4


class WardKind(IntEnum):
    """What a ward does, which says what it throws away."""

    BEDS = 0
    THEATRE = 1
    LABORATORY = 2
    PHARMACY = 3
    OUTPATIENT = 4


EVENT: Final = np.dtype(
    [
        ("ts", np.int64),  # when it happened by the device's clock, µs since the epoch
        ("said", np.int64),  # when the device says so
        ("unit", np.int64),  # bag or box, see `units`
        ("parent", np.int64),  # the box a bag is put into, else NOBODY
        ("manifest", np.int64),  # institution and day of a hand-over, else NOBODY
        ("institution", np.int32),
        ("ward", np.int32),  # NOBODY after the ward
        ("gross_g", np.int32),
        ("tare_g", np.int32),
        ("vehicle", np.int16),
        ("receiver", np.int16),
        ("event", np.uint8),  # `registry.waste.catalogue.Event`
        ("category", np.uint8),  # number in the catalogue
        ("signatures", np.uint8),
    ]
)

FIX: Final = np.dtype(
    [("ts", np.int64), ("lon", np.float64), ("lat", np.float64), ("speed_kmh", np.float32), ("vehicle", np.int16)]
)


@dataclass(frozen=True)
class Route:
    """A vehicle's tour of a day: from the disposer past its stops and back.

    `lon` and `lat` are the line's vertices (WGS-84 degrees), `along` how far each is from the beginning, m; `stops`
    are institutions in order, `stop_along` where on the line each is, `arrival` the nominal minute of the local day
    and `service` how many minutes loading takes. `back` is the minute it is at the disposer again.
    """

    vehicle: int
    lon: Floats
    lat: Floats
    along: Floats
    stops: Ints
    stop_along: Floats
    arrival: Floats
    service: Floats
    departure: float
    back: float


@dataclass(frozen=True)
class City:
    """Institutions, wards, vehicles and disposers as arrays, each referring to the others by position.

    `every_days` is how often the vehicle comes, and `parity` on which days (since the epoch, modulo it).
    """

    seed: int
    codes: tuple[str, ...]
    counties: tuple[str, ...]
    tier: Ints
    beds: Ints
    visits: Ints
    lon: Floats
    lat: Floats
    every_days: Ints
    parity: Ints
    vehicle: Ints
    ward_codes: tuple[str, ...]
    ward_of: Ints
    ward_kind: Ints
    ward_g: Floats
    """What a ward gives on an ordinary day, g."""
    ward_rank: Floats
    """Where in its institution's round a ward comes, 0–1."""
    vehicle_codes: tuple[str, ...]
    plates: tuple[str, ...]
    receiver_of: Ints
    """Disposer of each vehicle."""
    receiver_codes: tuple[str, ...]
    receiver_lon: Floats
    receiver_lat: Floats
    routes: tuple[Route, ...]
    """Of vehicle v on days of parity p: number 2 v + p."""

    def __len__(self) -> int:
        return len(self.codes)


_BOX: Final = 1 << 62


def bag(institution: Ints, day: int, number: Ints) -> Ints:
    """The unit of a bag: its institution, the day (since the epoch) its pick-up is due, and its number of that day."""
    return (institution.astype(np.int64) << 40) | (np.int64(day) << 20) | number


def box(institution: Ints, number: Ints) -> Ints:
    """The unit of a turnover box, which goes round: of its institution, by its number."""
    return np.int64(_BOX) | (institution.astype(np.int64) << 40) | number


def is_box(units: Ints) -> NDArray[np.bool_]:
    """Which units are boxes."""
    return np.asarray((units & _BOX) != 0)


def tag_of(city: City, unit: int) -> str:
    """What is printed on a unit's label: at most 24 characters."""
    institution = city.codes[(unit & ~_BOX) >> 40]
    number = unit & 0xFFFFF
    if unit & _BOX:
        return f"{institution}-X{number:03d}"
    return f"{institution}-{(unit >> 20) & 0xFFFFF}-{number:03d}"
