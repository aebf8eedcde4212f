"""What every decoder gives: samples, events of custody and fixes, and what is wrong with the payload.

A decoder is pure and total: any bytes give samples and rejections, never an exception. It knows no device and no
registry; names stay the device's own until `ingest.mapping` translates them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ingest.rejection import Reason, Rejection
from registry.waste.catalogue import Container, Event

NORMAL_FLAG: Final = "N"
"""HJ 212-2017's data flag for a valid measurement; the one flag that may be judged."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class Sample:
    """The good values of one instant and one flag.

    `ts` is in us, None where the payload gives no time and its arrival counts. `where` is the prefix of its fields'
    names in error messages: ``"[3]."`` in a list payload, else ``""``. `units` holds the unit of each value that
    the payload names one for. `device` is the device that a gateway speaks for, None for the sender itself.
    `historical` marks what the sender itself stored and sends later. `declared` marks a declaration of all that a
    device has (a Sparkplug birth, a block of registers), in which a name that is not mapped is no error. `missing`
    are names without a value, and why: an error for those that are mapped.
    """

    ts: int | None
    values: dict[str, float]
    flag: str = NORMAL_FLAG
    where: str = ""
    units: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    device: str | None = None
    historical: bool = False
    declared: bool = False
    missing: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(slots=True)
class Scan:
    """An event of custody as a device told it: time in us, weights in g, category by number (0: not given).

    `where` is the prefix of its fields' names in error messages.
    """

    id: str
    ts: int
    event: Event
    tag: str
    kind: Container
    parent: str
    category: int
    ward: str
    gross_g: int | None
    tare_g: int | None
    signed_by: tuple[str, ...]
    place: str
    to: str
    vehicle: str
    manifest: str
    sealed: bool | None
    where: str = ""


@dataclass(slots=True)
class Fix:
    """Where a device was: time in us, WGS-84 degrees, km/h and degrees from north (NaN: not given)."""

    ts: int
    lat: float
    lon: float
    speed_kmh: float
    heading: float
    where: str = ""


@dataclass(slots=True)
class Decoded:
    """What a payload holds, in its order, and what is wrong with it."""

    samples: list[Sample] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    nothing: str = ""
    """Why there rightly is nothing in the payload, e.g. a terminal that does not know where it is."""

    numbers: list[tuple[int, int | None]] = field(default_factory=list)
    """Sequence number and time (us, None where it is wrong) of each sample that carries one, good or not."""

    def reject(self, reason: Reason, detail: str, at: str | None = None) -> None:
        """Note something wrong; `at` is the field at fault."""
        self.rejections.append(Rejection(reason, detail, at))
