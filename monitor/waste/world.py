"""What the engine must know of the registry, as numbers: sites, vehicles, receivers, routes and places to stop."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from monitor.waste.events import NONE
from registry.model import HOME_ZONE, Registry, Site
from registry.opening import MINUTES_A_DAY
from registry.waste.catalogue import PartyKind
from registry.waste.model import SCENARIO, Fence, Receiver, Route, Vehicle, WasteRegistry
from store.records import to_us

_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """A party of the chain. `beds` and `visits` (a day) say whether it has patients; `open_days` Monday to Sunday.

    `offset_us` is what the site's standard time is ahead of UTC (summer time is left aside, so that a day is a day).
    `has_store` is False where bags are handed over without having been put into a store.
    """

    code: str
    producer: bool = True
    beds: int = 0
    visits: float = 0.0
    has_store: bool = True
    simulated: bool = False
    offset_us: int = 8 * 3_600_000_000
    open_days: tuple[bool, ...] = (True,) * _WEEK
    registered_us: int = 0


@dataclass(frozen=True)
class World:
    """Constant facts. Sites and devices are referred to by their index here; the rest by code."""

    sites: tuple[SiteFacts, ...]
    devices: tuple[str, ...] = ()
    device_site: tuple[int, ...] = ()
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    fences: tuple[Fence, ...] = ()

    @classmethod
    def of(cls, registry: Registry, waste: WasteRegistry, *, simulated: bool | None = None) -> "World":
        """Of what is registered, in order of code; sites are those of the scenario of medical waste.

        `simulated` chooses the simulated sites or the others; None takes both.
        """
        sites = tuple(
            _facts(registry, waste, site)
            for site in sorted(registry.sites.values(), key=lambda each: each.code)
            if site.scenario == SCENARIO and simulated in (None, site.simulated)
        )
        index = {site.code: number for number, site in enumerate(sites)}
        devices = sorted((each for each in registry.devices.values() if each.site in index), key=lambda each: each.code)
        return cls(
            sites=sites,
            devices=tuple(each.code for each in devices),
            device_site=tuple(index[each.site] for each in devices),
            vehicles=dict(waste.vehicles),
            receivers=dict(waste.receivers),
            routes=tuple(waste.routes.values()),
            fences=tuple(waste.fences.values()),
        )

    @cached_property
    def site_index(self) -> Mapping[str, int]:
        """The index of each site by code."""
        return {site.code: number for number, site in enumerate(self.sites)}

    @cached_property
    def device_index(self) -> Mapping[str, int]:
        """The index of each device by code."""
        return {code: number for number, code in enumerate(self.devices)}

    @cached_property
    def producer(self) -> NDArray[np.bool_]:
        """Shape (sites,): whether it gives waste away."""
        return np.array([site.producer for site in self.sites], dtype=np.bool_)

    @cached_property
    def has_store(self) -> NDArray[np.bool_]:
        """Shape (sites,)."""
        return np.array([site.has_store for site in self.sites], dtype=np.bool_)

    @cached_property
    def has_patients(self) -> NDArray[np.bool_]:
        """Shape (sites,)."""
        return np.array([site.beds > 0 or site.visits > 0 for site in self.sites], dtype=np.bool_)

    @cached_property
    def beds(self) -> NDArray[np.float64]:
        """Shape (sites,)."""
        return np.array([site.beds for site in self.sites], dtype=np.float64)

    @cached_property
    def offset_us(self) -> NDArray[np.int64]:
        """Shape (sites,)."""
        return np.array([site.offset_us for site in self.sites], dtype=np.int64)

    @cached_property
    def registered_us(self) -> NDArray[np.int64]:
        """Shape (sites,)."""
        return np.array([site.registered_us for site in self.sites], dtype=np.int64)

    @cached_property
    def open_days(self) -> NDArray[np.bool_]:
        """Shape (sites, 7): Monday to Sunday."""
        return np.array([site.open_days for site in self.sites], dtype=np.bool_).reshape(-1, _WEEK)

    def receiver_of_site(self, site: str) -> str | None:
        """The code of the receiver whose own site this is."""
        return self._receiver_of_site.get(site)

    @cached_property
    def _receiver_of_site(self) -> Mapping[str, str]:
        return {each.site: each.code for each in self.receivers.values() if each.site}

    def licence(self, receiver: str) -> tuple[int, int]:
        """From and until when (us, exclusive) a receiver's licence is valid; an empty span where it has none.

        Days are those of Beijing time, which licences are issued in.
        """
        found = self.receivers.get(receiver)
        if found is None:
            return 0, 0
        zone = ZoneInfo(HOME_ZONE)
        begin = datetime.combine(found.valid_from, time(), zone)
        end = datetime.combine(found.valid_until + timedelta(days=1), time(), zone)
        return to_us(begin.astimezone(UTC)), to_us(end.astimezone(UTC))


def _facts(registry: Registry, waste: WasteRegistry, site: Site) -> SiteFacts:
    party = waste.parties.get(site.code)
    zone = ZoneInfo(site.zone)
    winter = site.registered_at.astimezone(zone)
    standard = (winter.utcoffset() or timedelta()) - (winter.dst() or timedelta())
    return SiteFacts(
        code=site.code,
        producer=party is None or party.kind in (PartyKind.PRODUCER, PartyKind.COLLECTION_POINT),
        beds=party.beds if party else 0,
        visits=party.visits_a_day if party else 0.0,
        has_store=any(code == site.code for code, _ in registry.sampling_points),
        simulated=site.simulated,
        offset_us=standard // timedelta(microseconds=1),
        open_days=_open_days(site.opening.minute_table()),
        registered_us=to_us(site.registered_at),
    )


def _open_days(minutes: Sequence[bool] | NDArray[np.bool_]) -> tuple[bool, ...]:
    table = np.asarray(minutes, dtype=np.bool_).reshape(_WEEK, MINUTES_A_DAY)
    return tuple(bool(day.any()) for day in table)


@dataclass(frozen=True)
class CodeFacts:
    """Shape (codes,): what is registered of each code. `owner` is the code of the receiver that runs a vehicle.

    `receiver_site` is the index of a receiver's own site.
    """

    is_vehicle: NDArray[np.bool_]
    owner: NDArray[np.int64]
    receiver_site: NDArray[np.int64]
    licensed_from: NDArray[np.int64]
    licensed_until: NDArray[np.int64]


class Codes:
    """Numbers for codes, in order of first appearance; with what is registered of each under a `World`.

    Wards, stores, vehicles and receivers share the numbers: what a code means is told by where it stands.
    """

    def __init__(self, world: World, names: Iterable[str] = ()) -> None:
        self.names: list[str] = []
        self._index: dict[str, int] = {}
        self._world = world
        self._facts: CodeFacts | None = None
        for name in (*names, *sorted(world.receivers), *sorted(world.vehicles)):
            self.number(name)

    def number(self, name: str) -> int:
        """The number of a code; the same for the same code."""
        found = self._index.get(name)
        if found is None:
            found = self._index[name] = len(self.names)
            self.names.append(name)
        return found

    def name(self, number: int) -> str | None:
        """The code of a number, None of `NONE`."""
        return self.names[number] if number >= 0 else None

    @property
    def facts(self) -> CodeFacts:
        """What is registered of every code, as arrays; the last element is that of no code."""
        if self._facts is None or self._facts.owner.size != len(self.names) + 1:
            world, names = self._world, self.names
            owners = [world.vehicles[each].receiver if each in world.vehicles else "" for each in names]
            licences = np.array([world.licence(each) for each in names] + [(0, 0)], dtype=np.int64).reshape(-1, 2)
            self._facts = CodeFacts(
                is_vehicle=np.array([each in world.vehicles for each in names] + [False], dtype=np.bool_),
                owner=np.array([self._index.get(each, NONE) if each else NONE for each in owners] + [NONE], np.int64),
                receiver_site=np.array([self._site_of(each) for each in names] + [NONE], dtype=np.int64),
                licensed_from=licences[:, 0],
                licensed_until=licences[:, 1],
            )
        return self._facts

    def _site_of(self, name: str) -> int:
        receiver = self._world.receivers.get(name)
        return NONE if receiver is None else self._world.site_index.get(receiver.site, NONE)
