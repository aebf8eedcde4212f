"""A small world of medical waste, and what its devices say: for measuring and breaking the decoders of custody."""

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from ingest.decoders import jt808
from ingest.decoders.model import Fix
from ingest.delivery import Delivery
from ingest.jt808 import EPOCH
from registry.model import Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind, categories
from registry.waste.model import SCENARIO, Handler, Party, Receiver, Vehicle, Ward, WasteRegistry

DEVICES: Final = 100
REGISTERED: Final = datetime(2024, 1, 1, tzinfo=UTC)
PLACE: Final = (120.86, 32.01)


class World(NamedTuple):
    """What is registered."""

    registry: Registry
    waste: WasteRegistry


def world(devices: int = DEVICES) -> World:
    """An institution with scales ``d0`` and on, and a disposer with as many trackers on vehicles, ``t0`` and on."""
    sites = [
        Site(code, "320602", SiteStatus.SIMULATED, "院", "Site", *PLACE, REGISTERED, scenario=SCENARIO)
        for code in ("h1", "w1")
    ]
    scales = [Device(f"d{number}", "h1", "s1", kind="smart_scale") for number in range(devices)]
    trackers = [
        Device(
            f"t{number}",
            "w1",
            "s1",
            dialect=Dialect.JT808,
            identity=f"{13_900_000_000 + number}",
            kind="vehicle_tracker",
        )
        for number in range(devices)
    ]
    waste = WasteRegistry.of(
        parties=[Party("h1", PartyKind.PRODUCER, beds=500), Party("w1", PartyKind.DISPOSER)],
        wards=[Ward("h1", "icu", "重症监护", "ICU", 20)],
        handlers=[Handler("n1", "h1", "护士"), Handler("p1", "h1", "收集员")],
        receivers=[Receiver("r1", "处置中心", "Centre", "L1", date(2024, 1, 1), date(2099, 1, 1), "w1", "焚烧")],
        vehicles=[Vehicle(f"v{number}", f"苏F{number:05d}", "r1", f"t{number}") for number in range(devices)],
    )
    points = [SamplingPoint(site.code, "s1", "暂存间", "Store") for site in sites]
    return World(Registry.of(sites, points, [*scales, *trackers], ()), waste)


def scans(count: int, now_us: int, seed: int, *, devices: int = DEVICES) -> list[Delivery]:
    """`count` bags collected, a second apart for each scale up to now."""
    chance = random.Random(seed)  # noqa: S311 - figures to measure with
    codes = [each.code for each in categories().values()]

    def said(at: int, ts_ms: int) -> bytes:
        event = {
            "id": f"{seed}-{at}",
            "ts": ts_ms,
            "event": "collected",
            "tag": f"E28{seed % 4096:03X}{at:018X}",
            "category": codes[at % len(codes)],
            "ward": "icu",
            "gross_kg": round(chance.uniform(0.3, 8), 3),
            "tare_kg": 0.12,
            "signed_by": ["n1", "p1"],
            "sealed": True,
        }
        return json.dumps(event).encode()

    return _spread(count, now_us, devices, lambda at: f"landun/v1/320602/h1/d{at % devices}/waste", said, 1)


def fixes(count: int, now_us: int, seed: int, *, devices: int = DEVICES) -> list[Delivery]:
    """`count` positions in Landun's own JSON, a second apart for each tracker up to now."""
    chance = random.Random(seed)  # noqa: S311 - figures to measure with

    def said(_: int, ts_ms: int) -> bytes:
        fix = _fix(chance, ts_ms)
        return json.dumps(
            {"ts": ts_ms, "lat": fix.lat, "lon": fix.lon, "speed_kmh": fix.speed_kmh, "heading": fix.heading}
        ).encode()

    return _spread(count, now_us, devices, lambda at: f"landun/v1/320602/w1/t{at % devices}/position", said, 1)


def frames(count: int, now_us: int, seed: int, *, devices: int = DEVICES) -> list[Delivery]:
    """`count` messages of JT/T 808, a second apart for each tracker up to now; every tenth is a batch of three."""
    chance = random.Random(seed)  # noqa: S311 - figures to measure with

    def said(at: int, ts_ms: int) -> bytes:
        phone, version = str(13_900_000_000 + at % devices), 1 if at % 2 else None
        body = jt808.location(_fix(chance, ts_ms), extra=b"\x01\x04\x00\x00\x00\x64")
        if at % 10:
            return jt808.encode(jt808.Message.LOCATION, phone, at, body, version=version)
        items = [jt808.location(_fix(chance, ts_ms - back * 300_000)) for back in (3, 2, 1)]
        return jt808.encode(jt808.Message.LOCATIONS, phone, at, jt808.locations(items, stored=True), version=version)

    return _spread(count, now_us, devices, lambda at: f"jt808/{13_900_000_000 + at % devices}", said, EPOCH)


def _fix(chance: random.Random, ts_ms: int) -> Fix:
    lon, lat = PLACE
    return Fix(
        ts_ms // 1000 * 1_000_000,
        round(lat + chance.uniform(-0.05, 0.05), 6),
        round(lon + chance.uniform(-0.05, 0.05), 6),
        round(chance.uniform(0, 80), 1),
        float(chance.randrange(360)),
    )


def _spread(
    count: int,
    now_us: int,
    devices: int,
    topic: Callable[[int], str],
    said: Callable[[int, int], bytes],
    epoch: int,
) -> list[Delivery]:
    rounds = -(-count // devices)
    made: list[Delivery] = []
    for at in range(count):
        ts_ms = now_us // 1_000_000 * 1000 - (rounds - at // devices) * 1_000
        made.append(Delivery(epoch, at + 1, topic(at), said(at, ts_ms), now_us))
    return made
