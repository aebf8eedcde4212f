"""Who and what deals with medical waste: parties, wards, persons, receivers, vehicles, containers, routes.

A party is a `registry.model.Site` of the scenario ``medical_waste_store`` with what only waste needs beside it; its
stores are the site's sampling points, its scales and hand-helds the site's devices. Coordinates are WGS-84.
Everything is an immutable value; `WasteRegistry` is the whole of it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

from registry.model import CODE_PATTERN, Registry, RegistryError
from registry.waste.catalogue import LONGEST_ID, LONGEST_TAG, PartyKind

SCENARIO: Final = "medical_waste_store"
"""The scenario of every party's site."""

Point = tuple[float, float]
"""Longitude and latitude, WGS-84 degrees."""


@dataclass(frozen=True, slots=True)
class Party:
    """A site's part in the chain. `beds` and `visits_a_day` say how much an institution ought to produce."""

    site: str
    kind: PartyKind = PartyKind.PRODUCER
    beds: int = 0
    visits_a_day: float = 0.0

    def __post_init__(self) -> None:
        if self.beds < 0 or self.visits_a_day < 0:
            raise RegistryError(
                f"party {self.site}: beds {self.beds} and visits {self.visits_a_day} must not be below 0"
            )


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward or department that waste comes from; its code is unique within its site."""

    site: str
    code: str
    name_zh: str
    name_en: str
    beds: int = 0

    def __post_init__(self) -> None:
        _require_code("ward", self.code)


@dataclass(frozen=True, slots=True)
class Handler:
    """A person who signs: the code is on the badge that the hand-held reads, and unique everywhere."""

    code: str
    site: str
    name: str

    def __post_init__(self) -> None:
        _require_code("person", self.code)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who may take waste over: a disposer or carrier with its licence (医疗废物经营许可证), valid on both days named.

    `site` is the receiver's own site, empty where it is not watched; `method` how it treats waste (处置方法), which the
    register wants to know.
    """

    code: str
    name_zh: str
    name_en: str
    licence: str
    valid_from: date
    valid_until: date
    site: str = ""
    method: str = ""

    def __post_init__(self) -> None:
        _require_code("receiver", self.code)
        if self.valid_until < self.valid_from:
            raise RegistryError(
                f"receiver {self.code}: licence ends {self.valid_until}, must not be before {self.valid_from}"
            )


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A registered vehicle. `tracker` is the device that says where it is, empty without; `receiver` who runs it."""

    code: str
    plate: str
    receiver: str
    tracker: str = ""

    def __post_init__(self) -> None:
        _require_code("vehicle", self.code)


@dataclass(frozen=True, slots=True)
class Tare:
    """The weight of an empty container that is used again, by the code on it."""

    tag: str
    site: str
    grams: int

    def __post_init__(self) -> None:
        _require_code("container", self.tag, LONGEST_TAG)
        if self.grams < 0:
            raise RegistryError(f"container {self.tag}: tare is {self.grams} g, must not be below 0")


@dataclass(frozen=True, slots=True)
class Route:
    """A planned way: a vehicle may be within `tolerance_m` of the line. Without vehicles it is anyone's.

    `site` is whose way it is: that of the disposer or carrier, empty where it is not watched.
    """

    code: str
    name_zh: str
    name_en: str
    line: tuple[Point, ...]
    tolerance_m: float = 200.0
    vehicles: tuple[str, ...] = ()
    site: str = ""

    def __post_init__(self) -> None:
        _require_code("route", self.code)
        _require_line("route", self.code, self.line, 2)


@dataclass(frozen=True, slots=True)
class Fence:
    """A place where vehicles may stop: within `radius_m` of a point, or of a line (a yard, a street).

    `site` is whose place it is, empty where it is not watched.
    """

    code: str
    name_zh: str
    name_en: str
    line: tuple[Point, ...]
    radius_m: float = 150.0
    site: str = ""

    def __post_init__(self) -> None:
        _require_code("fence", self.code)
        _require_line("fence", self.code, self.line, 1)


@dataclass(frozen=True)
class WasteRegistry:
    """All that is registered beside `registry.model.Registry`, by code. Wards are by (site, code)."""

    parties: Mapping[str, Party] = field(default_factory=dict)
    wards: Mapping[tuple[str, str], Ward] = field(default_factory=dict)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    tares: Mapping[str, Tare] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    fences: Mapping[str, Fence] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        parties: Iterable[Party] = (),
        wards: Iterable[Ward] = (),
        handlers: Iterable[Handler] = (),
        receivers: Iterable[Receiver] = (),
        vehicles: Iterable[Vehicle] = (),
        tares: Iterable[Tare] = (),
        routes: Iterable[Route] = (),
        fences: Iterable[Fence] = (),
    ) -> "WasteRegistry":
        """Build a registry from its entries."""
        return cls(
            parties={each.site: each for each in parties},
            wards={(each.site, each.code): each for each in wards},
            handlers={each.code: each for each in handlers},
            receivers={each.code: each for each in receivers},
            vehicles={each.code: each for each in vehicles},
            tares={each.tag: each for each in tares},
            routes={each.code: each for each in routes},
            fences={each.code: each for each in fences},
        )

    @cached_property
    def vehicle_of_tracker(self) -> Mapping[str, Vehicle]:
        """The vehicle that a tracker is on, by the tracker's device code."""
        return {each.tracker: each for each in self.vehicles.values() if each.tracker}

    def check(self, registry: Registry) -> None:
        """Raise `RegistryError` where an entry refers to what is not registered."""
        for what, code, site in (
            *(("party", each.site, each.site) for each in self.parties.values()),
            *(("ward", each.code, each.site) for each in self.wards.values()),
            *(("person", each.code, each.site) for each in self.handlers.values()),
            *(("receiver", each.code, each.site) for each in self.receivers.values() if each.site),
            *(("container", each.tag, each.site) for each in self.tares.values()),
            *(("route", each.code, each.site) for each in self.routes.values() if each.site),
            *(("fence", each.code, each.site) for each in self.fences.values() if each.site),
        ):
            _require_known(what, code, "site", site, registry.sites)
        for vehicle in self.vehicles.values():
            _require_known("vehicle", vehicle.code, "receiver", vehicle.receiver, self.receivers)
            if vehicle.tracker:
                _require_known("vehicle", vehicle.code, "tracker", vehicle.tracker, registry.devices)
        for route in self.routes.values():
            for code in route.vehicles:
                _require_known("route", route.code, "vehicle", code, self.vehicles)


NO_WASTE: Final = WasteRegistry()
"""Where nothing is registered of waste."""


def within(waste: WasteRegistry, sites: Container[str], *, also_nobodys: bool) -> WasteRegistry:
    """The part of a registry that belongs to some sites; `also_nobodys`: and what belongs to none that is watched."""

    def here(site: str) -> bool:
        return site in sites if site else also_nobodys

    receivers = [each for each in waste.receivers.values() if here(each.site)]
    codes = {each.code for each in receivers}
    return WasteRegistry.of(
        parties=(each for each in waste.parties.values() if each.site in sites),
        wards=(each for each in waste.wards.values() if each.site in sites),
        handlers=(each for each in waste.handlers.values() if each.site in sites),
        receivers=receivers,
        vehicles=(each for each in waste.vehicles.values() if each.receiver in codes),
        tares=(each for each in waste.tares.values() if each.site in sites),
        routes=(each for each in waste.routes.values() if here(each.site)),
        fences=(each for each in waste.fences.values() if here(each.site)),
    )


def owners(changed: WasteRegistry, registered: WasteRegistry) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """Whom each changed entry (its kind, its code) belongs to: the sites of now and before; "" where it is nobody's."""
    for code in changed.parties:
        yield ("party", code), {code}
    for site, code in changed.wards:
        yield ("ward", code), {site}
    receivers = {**registered.receivers, **changed.receivers}
    for code, vehicle in changed.vehicles.items():
        former = registered.vehicles.get(code)
        by = {vehicle.receiver} | ({former.receiver} if former is not None else set())
        yield ("vehicle", code), {receivers[each].site if each in receivers else "" for each in by}
    for what, now, before in (
        ("person", changed.handlers, registered.handlers),
        ("receiver", changed.receivers, registered.receivers),
        ("container", changed.tares, registered.tares),
        ("route", changed.routes, registered.routes),
        ("fence", changed.fences, registered.fences),
    ):
        for code, entry in now.items():
            yield (what, code), {entry.site} | ({before[code].site} if code in before else set())


def _require_code(what: str, code: str, longest: int = LONGEST_ID) -> None:
    if not CODE_PATTERN.match(code) or len(code) > longest:
        raise RegistryError(f"{what} code {code!r}: only letters, digits, '_' and '-' are allowed, at most {longest}")


def _require_line(what: str, code: str, line: tuple[Point, ...], least: int) -> None:
    if len(line) < least:
        raise RegistryError(f"{what} {code}: line has {len(line)} points, must have at least {least}")
    for lon, lat in line:
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise RegistryError(f"{what} {code}: point {lon}, {lat} must be longitude, latitude in degrees")


def _require_known(what: str, code: str, field_name: str, value: str, known: Mapping[str, object]) -> None:
    if value not in known:
        raise RegistryError(f"{what} {code}: its {field_name} {value!r} is not registered")
