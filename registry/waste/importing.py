"""From the sheets of medical waste to changes of its registry, by the rules of `registry.importing`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from registry.import_rows import RowError, Tally, go_through, made, missing, put
from registry.model import Device, Registry, RegistryError, Site
from registry.tabular import Table
from registry.waste.model import (
    SCENARIO,
    Fence,
    Handler,
    Party,
    Receiver,
    Route,
    Tare,
    Vehicle,
    Ward,
    WasteRegistry,
)
from registry.waste.sheets import CONTAINERS, FENCES, HANDLERS, PARTIES, RECEIVERS, ROUTES, VEHICLES, WARDS
from registry.words import Words

_DEVICES: Final = "device"
_SITES: Final = "site"
_MISSING: Final = {
    "site": "registry.site_missing",
    "tracker": "registry.device_missing",
    "receiver": "waste_register.receiver_missing",
    "vehicles": "waste_register.vehicles_missing",
}


@dataclass(frozen=True, slots=True)
class Known:
    """The sites and devices that rows may refer to: registered, or of the same file."""

    sites: Mapping[str, Site]
    devices: Mapping[str, Device]

    @classmethod
    def of(cls, registry: Registry, sites: Mapping[str, Site], devices: Mapping[str, Device]) -> "Known":
        """What is registered, changed by what a file brings."""
        return cls({**registry.sites, **sites}, {**registry.devices, **devices})


@dataclass(slots=True)
class _Changed:
    parties: dict[str, Party] = field(default_factory=dict)
    wards: dict[tuple[str, str], Ward] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    vehicles: dict[str, Vehicle] = field(default_factory=dict)
    tares: dict[str, Tare] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)


def plan_waste(tables: Mapping[str, Table], tally: Tally, known: Known, waste: WasteRegistry) -> WasteRegistry:
    """What the tables of medical waste would change in `waste`: only what is new or changed."""
    draft = _Draft(tally, known, waste)
    takers: tuple[tuple[str, tuple[str, ...], Callable[[Mapping[str, Any]], str]], ...] = (
        (PARTIES.code, ("site",), draft.party),
        (WARDS.code, ("site", "code"), draft.ward),
        (HANDLERS.code, ("code",), draft.handler),
        (RECEIVERS.code, ("code",), draft.receiver),
        (VEHICLES.code, ("code",), draft.vehicle),
        (CONTAINERS.code, ("tag",), draft.container),
        (ROUTES.code, ("code",), draft.route),
        (FENCES.code, ("code",), draft.fence),
    )
    for sheet, key, take in takers:
        if (table := tables.get(sheet)) is not None:
            go_through(tally, table, key, take)
    changed = draft.changed
    return WasteRegistry(
        changed.parties,
        changed.wards,
        changed.handlers,
        changed.receivers,
        changed.vehicles,
        changed.tares,
        changed.routes,
        changed.fences,
    )


class _Draft:
    """The registry of medical waste as it would be, row by row."""

    def __init__(self, tally: Tally, known: Known, waste: WasteRegistry) -> None:
        self.tally = tally
        self.known = known
        self.waste = waste
        self.changed = _Changed()

    def party(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        site = self._site(said["site"])
        if site.scenario != SCENARIO:
            raise RowError("site", Words.of("waste_register.not_a_party", name_zh=site.name_zh), site.code)
        former = self.waste.parties.get(site.code)
        return put(self.changed.parties, site.code, former, _entry(Party, former, said))

    def ward(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        key = self._site(said["site"]).code, said["code"]
        former = self.waste.wards.get(key)
        return put(self.changed.wards, key, former, _entry(Ward, former, said, name_en=said["name_zh"]))

    def handler(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        self._site(said["site"])
        former = self.waste.handlers.get(said["code"])
        return put(self.changed.handlers, said["code"], former, _entry(Handler, former, said))

    def receiver(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        self._own_site(said)
        if said["valid_until"] < said["valid_from"]:
            raise RowError("valid_until", Words.of("waste_register.licence_ends_first"), said["valid_until"])
        former = self.waste.receivers.get(said["code"])
        made_of = _entry(Receiver, former, said, name_en=said["name_zh"])
        return put(self.changed.receivers, said["code"], former, made_of)

    def vehicle(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        code = said["code"]
        self._refer("receiver", said["receiver"], RECEIVERS.code, self.waste.receivers, self.changed.receivers)
        if "tracker" in said:
            self._refer("tracker", said["tracker"], _DEVICES, self.known.devices)
            taken = {each.tracker: each.code for each in self._all(self.waste.vehicles, self.changed.vehicles)}
            if taken.get(said["tracker"], code) != code:
                words = Words.of("waste_register.tracker_taken", vehicle=taken[said["tracker"]])
                raise RowError("tracker", words, said["tracker"])
        former = self.waste.vehicles.get(code)
        return put(self.changed.vehicles, code, former, _entry(Vehicle, former, said))

    def container(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        self._site(said["site"])
        said["grams"] = round(said.pop("tare_kg") * 1000)
        former = self.waste.tares.get(said["tag"])
        return put(self.changed.tares, said["tag"], former, _entry(Tare, former, said))

    def route(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        self._own_site(said)
        for vehicle in said.get("vehicles", ()):
            self._refer("vehicles", vehicle, VEHICLES.code, self.waste.vehicles, self.changed.vehicles)
        former = self.waste.routes.get(said["code"])
        return put(self.changed.routes, said["code"], former, _entry(Route, former, said, name_en=said["name_zh"]))

    def fence(self, values: Mapping[str, Any]) -> str:
        said = _given(values)
        self._own_site(said)
        former = self.waste.fences.get(said["code"])
        return put(self.changed.fences, said["code"], former, _entry(Fence, former, said, name_en=said["name_zh"]))

    def _own_site(self, said: Mapping[str, Any]) -> None:
        if "site" in said:
            self._site(said["site"])

    def _site(self, code: str) -> Site:
        self._refer("site", code, _SITES, self.known.sites)
        site = self.known.sites[code]
        if site.simulated:
            raise RowError("site", Words.of("registry.is_simulated"), code)
        return site

    def _refer(self, column: str, code: str, sheet: str, *known: Mapping[str, object]) -> None:
        """Whether an entry that a row refers to is there. Raises `RowError`, `HeldError`."""
        faulty = self.tally.faulty_of(sheet)
        if (code,) in faulty or not any(code in each for each in known):
            words = Words.of(_MISSING[column])
            raise missing(faulty, (code,), column, code, words, *(list(each) for each in known))

    @staticmethod
    def _all(registered: Mapping[str, Vehicle], changed: Mapping[str, Vehicle]) -> Iterable[Vehicle]:
        return {**registered, **changed}.values()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _entry(kind: Any, former: Any, said: Mapping[str, Any], **base: Any) -> Any:
    """The former entry changed by what a row says, or a new one with `base` for what it does not say."""
    if former is None:
        return made(kind, {**base, **said})
    try:
        return replace(former, **said)
    except RegistryError as error:
        raise RowError(None, Words(str(error), str(error))) from error
