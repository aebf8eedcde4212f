"""A simulated city as it is registered: sites, devices, wards, persons, vehicles, receivers, routes, places to stop."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from registry.counties import COUNTIES
from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind
from registry.waste.model import SCENARIO, Fence, Handler, Party, Receiver, Route, Vehicle, Ward, WasteRegistry
from simulators.waste.model import City, Tier, WardKind
from simulators.waste.month import with_thermometer

STORE: Final = "s1"
SCALE, HANDHELD, THERMOMETER, WEIGHBRIDGE = "g1", "h1", "t1", "w1"
"""What a device's code ends in, after its site's."""
FIRST_PHONE: Final = 13_900_000_001
"""Telephone number of the first terminal."""
SHIFTS: Final = 2
"""Shifts of a day; each has a nurse and a collector, who sign together."""

_NAMES: Final = {
    Tier.TERTIARY: ("{zh}第{n}人民医院", "{en} People's Hospital No. {n}"),
    Tier.SECONDARY: ("{zh}第{n}医院", "{en} Hospital No. {n}"),
    Tier.HOSPITAL: ("{zh}康复医院{n}", "{en} Convalescent Hospital {n}"),
    Tier.TOWNSHIP: ("{zh}卫生院{n}", "{en} Township Hospital {n}"),
    Tier.CLINIC: ("{zh}诊所{n}", "{en} Clinic {n}"),
}
_WARDS: Final = {
    WardKind.BEDS: ("病区{n}", "Ward {n}"),
    WardKind.THEATRE: ("手术室", "Operating theatre"),
    WardKind.LABORATORY: ("检验科", "Laboratory"),
    WardKind.PHARMACY: ("药房", "Pharmacy"),
    WardKind.OUTPATIENT: ("门诊", "Out-patients"),
}
_DISPOSERS: Final = {
    "nt-cc-s01": ("320602", "崇川医疗废物处置中心（演示）", "Chongchuan Medical-Waste Centre (demo)"),
    "nt-rg-s01": ("320682", "如皋医疗废物中转站（演示）", "Rugao Medical-Waste Transfer Station (demo)"),
}
_METHODS: Final = {"nt-cc-s01": "高温焚烧", "nt-rg-s01": "高温蒸汽处理"}
"""How each disposer treats waste, as its licence says and the register wants to know."""


def registered(
    city: City, registered_at: datetime, first_channel: int = 1, *, terminals: int = 0
) -> tuple[Registry, WasteRegistry]:
    """What the platform must know of a city.

    Parameters
    ----------
    first_channel : channels are numbered from it on
    terminals : so many vehicles have a JT/T 808 terminal; the trackers of the others speak MQTT

    """
    devices = [*_devices(city), *_trackers(city, terminals)]
    watched = sorted(device.code for device in devices if device.kind == "store_thermometer")
    registry = Registry.of(
        [*_institutions(city, registered_at), *_disposers(city, registered_at)],
        [SamplingPoint(site, STORE, "暂存间", "Store", kind, 60.0) for site, kind in _stores(city)],
        devices,
        [Channel(number, code, "cold_store") for number, code in enumerate(watched, start=first_channel)],
    )
    waste = WasteRegistry.of(
        parties=_parties(city),
        wards=_wards(city),
        handlers=_handlers(city),
        receivers=_receivers(city),
        vehicles=[
            Vehicle(code, plate, city.receiver_codes[receiver], tracker=tracker_of(city, number))
            for number, (code, plate, receiver) in enumerate(
                zip(city.vehicle_codes, city.plates, city.receiver_of.tolist(), strict=True)
            )
        ],
        routes=_routes(city),
        fences=_fences(city),
    )
    waste.check(registry)
    return registry, waste


def beside(registry: Registry, more: Registry) -> Registry:
    """A registry with what another has besides; what both have stays as the first has it."""
    return Registry.of(
        {**more.sites, **registry.sites}.values(),
        {**more.sampling_points, **registry.sampling_points}.values(),
        {**more.devices, **registry.devices}.values(),
        {**more.channels, **registry.channels}.values(),
    )


def tracker_of(city: City, vehicle: int) -> str:
    """The code of a vehicle's tracker, a device of its disposer."""
    return f"{city.receiver_codes[int(city.receiver_of[vehicle])]}-{city.vehicle_codes[vehicle]}"


def signers(site: str, shift: int, count: int) -> list[str]:
    """Codes of the persons of a shift who sign, the first so many."""
    return [f"{site}-p{2 * shift + number + 1}" for number in range(count)]


def _used_receivers(city: City) -> list[int]:
    return sorted(set(city.receiver_of.tolist()))


def _institutions(city: City, at: datetime) -> Iterator[Site]:
    for number, code in enumerate(city.codes):
        county = COUNTIES[city.counties[number]]
        zh, en = _NAMES[Tier(int(city.tier[number]))]
        yield Site(
            code=code,
            county=county.code,
            status=SiteStatus.SIMULATED,
            name_zh=zh.format(zh=county.name_zh, n=number + 1) + "（演示）",
            name_en=en.format(en=county.name_en, n=number + 1) + " (demo)",
            lon=float(city.lon[number]),
            lat=float(city.lat[number]),
            registered_at=at,
            scenario=SCENARIO,
            disinfection=frozenset(),
        )


def _disposers(city: City, at: datetime) -> Iterator[Site]:
    for number in _used_receivers(city):
        code = city.receiver_codes[number]
        county, zh, en = _DISPOSERS[code]
        yield Site(
            code=code,
            county=county,
            status=SiteStatus.SIMULATED,
            name_zh=zh,
            name_en=en,
            lon=float(city.receiver_lon[number]),
            lat=float(city.receiver_lat[number]),
            registered_at=at,
            scenario=SCENARIO,
            disinfection=frozenset(),
        )


def _stores(city: City) -> Iterator[tuple[str, str]]:
    for code in city.codes:
        yield code, "producer_store"
    for number in _used_receivers(city):
        yield city.receiver_codes[number], "disposer_cold_store"


def _devices(city: City) -> Iterator[Device]:
    cooled = set(with_thermometer(city).tolist())
    for number, code in enumerate(city.codes):
        yield Device(f"{code}-{SCALE}", code, STORE, kind="smart_scale")
        yield Device(f"{code}-{HANDHELD}", code, STORE, kind="handheld")
        if number in cooled:
            yield Device(f"{code}-{THERMOMETER}", code, STORE, kind="store_thermometer")
    for number in _used_receivers(city):
        code = city.receiver_codes[number]
        yield Device(f"{code}-{WEIGHBRIDGE}", code, STORE, kind="weighbridge")


def _trackers(city: City, terminals: int) -> Iterator[Device]:
    for number, receiver in enumerate(city.receiver_of.tolist()):
        spoken = number < terminals
        yield Device(
            tracker_of(city, number),
            city.receiver_codes[receiver],
            STORE,
            period_s=30,
            dialect=Dialect.JT808 if spoken else Dialect.NATIVE,
            identity=f"{FIRST_PHONE + number}" if spoken else "",
            kind="vehicle_tracker",
        )


def _parties(city: City) -> Iterator[Party]:
    for code, beds, visits in zip(city.codes, city.beds.tolist(), city.visits.tolist(), strict=True):
        yield Party(code, PartyKind.PRODUCER, beds, float(visits))
    for number in _used_receivers(city):
        yield Party(city.receiver_codes[number], PartyKind.DISPOSER)


def _wards(city: City) -> Iterator[Ward]:
    beds_of = dict.fromkeys(range(len(city)), 0)
    for institution, kind in zip(city.ward_of.tolist(), city.ward_kind.tolist(), strict=True):
        beds_of[institution] += kind == WardKind.BEDS
    for code, institution, kind in zip(city.ward_codes, city.ward_of.tolist(), city.ward_kind.tolist(), strict=True):
        zh, en = _WARDS[WardKind(kind)]
        beds = round(int(city.beds[institution]) / beds_of[institution]) if kind == WardKind.BEDS else 0
        yield Ward(city.codes[institution], code, zh.format(n=int(code[1:])), en.format(n=int(code[1:])), beds)


def _handlers(city: City) -> Iterator[Handler]:
    roles = ("护士甲", "收集员甲", "护士乙", "收集员乙")
    for code in city.codes:
        for number, role in enumerate(roles, start=1):
            yield Handler(f"{code}-p{number}", code, role)
    for number in _used_receivers(city):
        code = city.receiver_codes[number]
        for position, role in enumerate(("过磅员甲", "处置员甲", "过磅员乙", "处置员乙"), start=1):
            yield Handler(f"{code}-p{position}", code, role)
    for vehicle, receiver in zip(city.vehicle_codes, city.receiver_of.tolist(), strict=True):
        yield Handler(f"{vehicle}-driver", city.receiver_codes[receiver], f"{vehicle} 押运员")


def _receivers(city: City) -> Iterator[Receiver]:
    for number in _used_receivers(city):
        code = city.receiver_codes[number]
        _, zh, en = _DISPOSERS[code]
        valid = (date(2020, 1, 1), date(2035, 12, 31))
        yield Receiver(code, zh, en, f"DEMO-{number + 1:04d}", *valid, site=code, method=_METHODS[code])


def _routes(city: City) -> Iterator[Route]:
    for number, route in enumerate(city.routes):
        vehicle, day = city.vehicle_codes[route.vehicle], "ab"[number % 2]
        line = tuple(zip(route.lon.tolist(), route.lat.tolist(), strict=True))
        site = city.receiver_codes[int(city.receiver_of[route.vehicle])]
        yield Route(
            f"{vehicle}-{day}",
            f"{vehicle} 线路 {day.upper()}",
            f"{vehicle} route {day.upper()}",
            line,
            vehicles=(vehicle,),
            site=site,
        )


def _fences(city: City) -> Iterator[Fence]:
    for code, lon, lat in zip(city.codes, city.lon.tolist(), city.lat.tolist(), strict=True):
        yield Fence(code, "收集点", "Stop", ((lon, lat),), site=code)
    for number in _used_receivers(city):
        place = (float(city.receiver_lon[number]), float(city.receiver_lat[number]))
        code = city.receiver_codes[number]
        yield Fence(code, "处置单位", "Disposer", (place,), site=code)
