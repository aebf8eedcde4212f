"""Small registries, and journal rows made in memory: what the monitor's tests are played with."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from registry.model import Channel, Device, Disinfection, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store.journal import Entry
from store.journal_body import encode_readings
from store.records import READING, Readings, from_us, to_us

START: Final = datetime(2025, 6, 2, 4, 0, tzinfo=UTC)
"""A Monday, noon in Shanghai."""

INDICATORS: Final = ("free_chlorine", "ph", "orp", "turbidity", "water_temperature", "circulation_flow", "bathers")
GOOD: Final[dict[str, Any]] = {
    "free_chlorine": 0.6,
    "ph": 7.4,
    "orp": 720.0,
    "turbidity": 0.3,
    "water_temperature": 27.0,
    "circulation_flow": 80.0,
    "bathers": 12.0,
}


def pool(
    *,
    devices: int = 1,
    sites: int = 1,
    status: SiteStatus = SiteStatus.LIVE,
    opening: OpeningHours | None = None,
    zone: str = "Asia/Shanghai",
    period_s: int = 60,
) -> Registry:
    """Pools P1, P2, …, each with basins B1, B2, … that device D1-1, D1-2, … measures; channel ids count up from 1."""
    found_sites, points, found_devices = [], [], []
    channels: list[Channel] = []
    for site in range(1, sites + 1):
        found_sites.append(
            Site(
                code=f"P{site}",
                county="320602",
                status=status,
                name_zh=f"江海游泳馆{site}",
                name_en=f"Jianghai Pool {site}",
                lon=120.87,
                lat=32.0,
                registered_at=datetime(2019, 1, 1, tzinfo=UTC),
                zone=zone,
                opening=opening or OpeningHours.always(),
                disinfection=frozenset({Disinfection.CHLORINE}),
            )
        )
        for basin in range(1, devices + 1):
            points.append(SamplingPoint(f"P{site}", f"B{basin}", f"标准池{basin}", f"Main pool {basin}"))
            found_devices.append(Device(f"D{site}-{basin}", f"P{site}", f"B{basin}", period_s))
            channels += [
                Channel(len(channels) + 1 + index, f"D{site}-{basin}", indicator)
                for index, indicator in enumerate(INDICATORS)
            ]
    return Registry.of(found_sites, points, found_devices, channels)


def channel(registry: Registry, indicator: str, device: str = "D1-1") -> int:
    """The id of a device's channel."""
    return registry.channel_ids[device, indicator]


def us(at: datetime | float) -> int:
    """Microseconds since the epoch of an instant, or of so many minutes after `START`."""
    return to_us(at) if isinstance(at, datetime) else to_us(START + timedelta(minutes=at))


def readings(rows: Iterable[tuple[int, float, float]], *, late: bool = False) -> Readings:
    """Readings from (channel id, minutes after `START`, value), arriving at once."""
    return np.array([(c, us(minute), value, us(minute), late) for c, minute, value in rows], dtype=READING)


def readings_entry(entry_id: int, batch: Readings, recorded: float | datetime = 0.0) -> Entry:
    """A journal row of kind ``readings``."""
    return _entry(entry_id, "readings", encode_readings(batch), recorded, len(batch))


def event_entry(entry_id: int, kind: str, payload: Mapping[str, Any], recorded: float | datetime = 0.0) -> Entry:
    """A journal row with a JSON body."""
    return _entry(entry_id, kind, json.dumps(payload).encode(), recorded, 1)


def tick_entry(entry_id: int, minute: float, *, ingest: bool = True) -> Entry:
    """A tick so many minutes after `START`."""
    return event_entry(entry_id, "tick", {"now": us(minute), "listened": us(minute) if ingest else None}, minute)


def _entry(entry_id: int, kind: str, body: bytes, recorded: float | datetime, rows: int) -> Entry:
    at = from_us(us(recorded))
    return Entry(entry_id, kind, at, rows, entry_id * 10, body, None, b"", b"")
