"""An invented city to try the platform with: the pools of a demonstration, generated from a seed.

The counties and their outlines are Nantong's; every venue is made up. The same seed gives the same registry
in every process and on every machine, so the services need not hand it to each other.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from registry import polygons
from registry.counties import county_map
from registry.model import (
    Channel,
    Device,
    Disinfection,
    Registry,
    SamplingPoint,
    Site,
    SiteStatus,
    WaterKind,
)
from registry.opening import OpeningHours
from registry.venue_names import VenueKind, venue_kinds, venue_names

PERIOD_S: Final = 60
POOL_INDICATORS: Final = ("free_chlorine", "ph", "orp", "turbidity", "water_temperature", "circulation_flow")
STORE_INDICATORS: Final = ("cold_store",)
STORE_SCENARIO: Final = "medical_waste_store"
STORE_POINT: Final = "disposer_cold_store"
_MARGIN_DEG: Final = 0.012  # about a kilometre from the county's border
_CANDIDATES: Final = 24


@dataclass(frozen=True, slots=True)
class _County:
    """Where a county's venues lie: around its seat, and how many of the city's it has."""

    code: str
    letters: str
    seat: polygons.Point
    weight: int


_COUNTIES: Final = (
    _County("320602", "cc", (120.872, 32.005), 10),
    _County("320614", "hm", (121.170, 31.895), 4),
    _County("320612", "tz", (121.070, 32.075), 4),
    _County("320681", "qd", (121.655, 31.815), 4),
    _County("320682", "rg", (120.565, 32.385), 4),
    _County("320685", "ha", (120.465, 32.540), 3),
    _County("320623", "rd", (121.185, 32.325), 3),
)
_BASINS: Final = (
    ("标准池", "Main pool", 1.0),
    ("训练池", "Training pool", 0.45),
    ("儿童池", "Children's pool", 0.18),
    ("康体池", "Therapy pool", 0.15),
)
_STORES: Final = (
    # Invented places that keep what they collect: county, name, place.
    (
        "320602",
        "nt-cc-s01",
        "崇川医疗废物处置中心（演示）",
        "Chongchuan Medical-Waste Centre (demo)",
        (120.905, 31.985),
    ),
    (
        "320682",
        "nt-rg-s01",
        "如皋医疗废物中转站（演示）",
        "Rugao Medical-Waste Transfer Station (demo)",
        (120.590, 32.370),
    ),
)
_DISINFECTION: Final = (
    # An isocyanurate releases free chlorine, so the limits for chlorine apply to it as well.
    frozenset({Disinfection.CHLORINE}),
    frozenset({Disinfection.CHLORINE, Disinfection.OZONE}),
    frozenset({Disinfection.CHLORINE, Disinfection.CHLORINATED_ISOCYANURATE}),
)
_DISINFECTION_WEIGHTS: Final = (5, 3, 2)


def demonstration(
    seed: int,
    *,
    online: int = 32,
    offline: int = 102,
    basins: tuple[int, int] = (1, 3),
    stores: int = 0,
    registered_at: datetime,
) -> Registry:
    """The demonstration's registry.

    Parameters
    ----------
    seed : the same seed gives the same registry
    online : number of simulated sites; about a quarter of them are open around the clock
    offline : number of sites without devices
    basins : least and most basins (each with one device) of an on-line site
    stores : number of simulated cold stores for medical waste, two at most
    registered_at : aware datetime that every site carries

    """
    return _assemble(_Draft(seed, registered_at, basins, (online, offline, 0), stores))


def load_demonstration(
    seed: int,
    *,
    online: int = 441,
    offline: int = 102,
    channels: int = 1_500,
    stores: int = 0,
    registered_at: datetime,
) -> Registry:
    """The demonstration's 32 pools and as many small sites as make `online` on-line ones, for load tests.

    The small sites have one device each, with so many channels that there are `channels` of them in all,
    as nearly as two to six channels a device allow.
    """
    pools = min(32, online)
    return _assemble(_Draft(seed, registered_at, (1, 3), (pools, offline, online - pools), stores), channels)


class _Draft:
    """What one registry is drawn from.

    Each property has a generator of its own, keyed by name, so that adding a property or a site leaves what was
    drawn before as it was.
    """

    def __init__(
        self, seed: int, registered_at: datetime, basins: tuple[int, int], counts: tuple[int, int, int], stores: int
    ) -> None:
        if not 1 <= basins[0] <= basins[1] <= len(_BASINS):
            raise ValueError(f"basins {basins}: must satisfy 1 ≤ least ≤ most ≤ {len(_BASINS)}")
        if min(counts) < 0:
            raise ValueError(f"numbers of sites {counts}: none may be negative")
        if not 0 <= stores <= len(_STORES):
            raise ValueError(f"stores {stores}: must be between 0 and {len(_STORES)}")
        self.stores = stores
        self.seed = seed
        self.registered_at = registered_at
        self.basins = basins
        self.online, self.offline, self.small = counts

    def random(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{what}")  # noqa: S311 - a demonstration, not a secret


def _assemble(draft: _Draft, channels_wanted: int | None = None) -> Registry:
    sites = list(_sites(draft))
    pools, small = sites[: draft.online], sites[draft.online + draft.offline :]
    points = [point for index, site in enumerate(pools) for point in _basins(draft, index, site)]
    devices = [_device(point) for point in points]
    fields: list[Sequence[str]] = [_pool_indicators(draft, device) for device in devices]
    if channels_wanted is not None and small:
        rest = max(0, channels_wanted - sum(map(len, fields)))
        small_points = [next(iter(_basins(draft, 0, site))) for site in small]
        points += small_points
        devices += [_device(point) for point in small_points]
        fields += [_small_indicators(rest, index, len(small)) for index in range(len(small))]
    # Venues off line have a basin each: manual results are of a sampling point.
    points += [
        SamplingPoint(site.code, "b1", *_BASINS[0][:2]) for site in sites[draft.online : draft.online + draft.offline]
    ]
    # Last, so that the channels of pools have the same numbers with and without stores.
    store_sites = list(_store_sites(draft))
    store_points = [
        SamplingPoint(site.code, "s1", "一号冷库", "Cold store 1", STORE_POINT, 60.0) for site in store_sites
    ]
    devices += [_device(point) for point in store_points]
    fields += [STORE_INDICATORS for _ in store_points]
    return Registry.of([*sites, *store_sites], [*points, *store_points], devices, _channels(devices, fields))


def _store_sites(draft: _Draft) -> Iterator[Site]:
    for county, code, zh, en, (lon, lat) in _STORES[: draft.stores]:
        yield Site(
            code=code,
            county=county,
            status=SiteStatus.SIMULATED,
            name_zh=zh,
            name_en=en,
            lon=lon,
            lat=lat,
            registered_at=draft.registered_at,
            scenario=STORE_SCENARIO,
            disinfection=frozenset(),
        )


def _channels(devices: Sequence[Device], fields: Sequence[Sequence[str]]) -> Iterator[Channel]:
    pairs = ((device.code, field) for device, names in zip(devices, fields, strict=True) for field in names)
    for number, (device, field) in enumerate(pairs, start=1):
        yield Channel(number, device, field)


def _pool_indicators(draft: _Draft, device: Device) -> Sequence[str]:
    counts_people = draft.random(f"bathers:{device.code}").random() < 0.4
    return (*POOL_INDICATORS, "bathers") if counts_people else POOL_INDICATORS


def _small_indicators(wanted: int, index: int, devices: int) -> Sequence[str]:
    """Spread `wanted` channels evenly over the devices."""
    share = wanted * (index + 1) // devices - wanted * index // devices
    order = ("free_chlorine", "ph", "water_temperature", "turbidity", "orp", "circulation_flow")
    return order[: min(max(share, 2), len(order))]


def _device(point: SamplingPoint) -> Device:
    return Device(code=f"{point.site}-{point.code}", site=point.site, sampling_point=point.code, period_s=PERIOD_S)


def _basins(draft: _Draft, index: int, site: Site) -> Iterator[SamplingPoint]:
    least, most = draft.basins
    middle = (least + most) // 2
    # Every second site has the middle number, so that the fleet's size does not depend on the seed.
    number = (middle, least, middle, most)[index % 4]
    rng = draft.random(f"basins:{site.code}")
    outdoor = site.name_en.endswith("Water Park")
    base = rng.uniform(700, 1_300) if outdoor else rng.uniform(220, 950)
    for position, (name_zh, name_en, share) in enumerate(_BASINS[:number], start=1):
        yield SamplingPoint(
            site=site.code,
            code=f"b{position}",
            name_zh=name_zh,
            name_en=name_en,
            water_kind=WaterKind.OUTDOOR if outdoor and position != 2 else WaterKind.INDOOR,
            volume_m3=float(round(max(40.0, base * share), -1)),
        )


def _sites(draft: _Draft) -> Iterator[Site]:
    """On-line pools first, then off-line ones, then small on-line sites."""
    total = draft.online + draft.offline + draft.small
    groups = (draft.online, draft.offline, draft.small)
    counties = [county for size in groups for county in _spread_over_counties(size)]
    names = venue_names(draft.random("names"), total)
    kinds = [kind for number, size in enumerate(groups) for kind in venue_kinds(draft.random(f"kinds:{number}"), size)]
    always = _around_the_clock(kinds[: draft.online]) | _around_the_clock(
        kinds[draft.online + draft.offline :], draft.online + draft.offline
    )
    places = _places(draft, counties)
    numbers: dict[str, int] = {}
    for index, (county, kind, (zh, en)) in enumerate(zip(counties, kinds, names, strict=True)):
        numbers[county.letters] = numbers.get(county.letters, 0) + 1
        code = f"nt-{county.letters}-{numbers[county.letters]:03d}"
        rng = draft.random(f"site:{code}")
        watched = index < draft.online or index >= draft.online + draft.offline
        yield Site(
            code=code,
            county=county.code,
            status=SiteStatus.SIMULATED if watched else SiteStatus.OFFLINE,
            name_zh=kind.name_zh.format(zh),
            name_en=kind.name_en.format(en),
            lon=places[index][0],
            lat=places[index][1],
            registered_at=draft.registered_at,
            opening=OpeningHours.always() if index in always else kind.opening(rng),
            disinfection=_disinfection(rng, kind),
        )


def _disinfection(rng: random.Random, kind: VenueKind) -> frozenset[Disinfection]:
    if kind.outdoor:  # cyanuric acid protects chlorine from the sun
        return _DISINFECTION[2]
    return rng.choices(_DISINFECTION, _DISINFECTION_WEIGHTS)[0]


def _around_the_clock(kinds: Sequence[VenueKind], first: int = 0) -> set[int]:
    """The first quarter of the venues, counting only those of a kind that may stay open at night."""
    able = [first + index for index, kind in enumerate(kinds) if kind.may_stay_open]
    return set(able[: round(len(kinds) / 4)])


def _spread_over_counties(size: int) -> Iterable[_County]:
    """`size` counties by weight, 崇川区 most often, interleaved so that any first few are spread as well."""
    total = sum(county.weight for county in _COUNTIES)
    given = dict.fromkeys(_COUNTIES, 0)
    for number in range(1, size + 1):
        county = max(_COUNTIES, key=lambda each: each.weight * number / total - given[each])
        given[county] += 1
        yield county


def _places(draft: _Draft, counties: Sequence[_County]) -> list[polygons.Point]:
    """A place for each site: of several candidates around the county's seat the one farthest from all others."""
    shapes = {feature["properties"]["code"]: feature["geometry"] for feature in county_map()["features"]}
    rng = draft.random("places")
    chosen: list[polygons.Point] = []
    for county in counties:
        chosen.append(_place(rng, county, shapes[county.code], chosen))
    return chosen


def _place(
    rng: random.Random, county: _County, shape: Mapping[str, Any], others: Sequence[polygons.Point]
) -> polygons.Point:
    while True:
        candidates = [_candidate(rng, county) for _ in range(_CANDIDATES)]
        candidates.sort(key=lambda each: min((_distance2(each, other) for other in others), default=0.0), reverse=True)
        for candidate in candidates:
            if polygons.contains_with_margin(shape, candidate, _MARGIN_DEG):
                return candidate


def _candidate(rng: random.Random, county: _County) -> polygons.Point:
    spread = 0.035 if rng.random() < 0.5 else 0.10
    return round(rng.gauss(county.seat[0], spread), 5), round(rng.gauss(county.seat[1], spread), 5)


def _distance2(a: polygons.Point, b: polygons.Point) -> float:
    return ((a[0] - b[0]) * 0.85) ** 2 + (a[1] - b[1]) ** 2  # cos 32° = 0.85
