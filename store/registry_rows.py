"""The registry as rows: sites, sampling points, devices and channels."""

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store.connections import Connection


def load_registry(connection: Connection) -> Registry:
    """Read the whole registry. Raises `registry.model.RegistryError` when a row is not acceptable."""
    return Registry.of(
        sites=(
            _site(row)
            for row in connection.execute(
                "SELECT code, county, status, name_zh, name_en, lon, lat, registered_at, zone, scenario, opening, "
                "disinfection FROM site ORDER BY code"
            ).fetchall()
        ),
        sampling_points=(
            SamplingPoint(site, code, name_zh, name_en, kind, volume)
            for site, code, name_zh, name_en, kind, volume in connection.execute(
                "SELECT site, code, name_zh, name_en, water_kind, volume_m3 FROM sampling_point ORDER BY site, code"
            ).fetchall()
        ),
        devices=(
            Device(*row)
            for row in connection.execute(
                "SELECT code, site, sampling_point, period_s, dialect FROM device ORDER BY code"
            ).fetchall()
        ),
        channels=(
            Channel(*row)
            for row in connection.execute("SELECT id, device, indicator FROM channel ORDER BY id").fetchall()
        ),
    )


def _site(row: tuple[Any, ...]) -> Site:
    *columns, zone, scenario, opening, disinfection = row
    code, county, status, name_zh, name_en, lon, lat, registered_at = columns
    return Site(
        code=code,
        county=county,
        status=SiteStatus(status),
        name_zh=name_zh,
        name_en=name_en,
        lon=lon,
        lat=lat,
        registered_at=registered_at,
        zone=zone,
        scenario=scenario,
        opening=OpeningHours(week=tuple(tuple((lo, hi) for lo, hi in day) for day in opening)),
        disinfection=frozenset(disinfection),
    )


def save_registry(connection: Connection, registry: Registry) -> None:
    """Insert or update every entry of `registry`; entries it does not name stay. Does not commit."""
    _upsert(
        connection,
        "site",
        (
            "code",
            "county",
            "status",
            "name_zh",
            "name_en",
            "lon",
            "lat",
            "registered_at",
            "zone",
            "scenario",
            "opening",
            "disinfection",
        ),
        ("code",),
        (
            (
                s.code,
                s.county,
                str(s.status),
                s.name_zh,
                s.name_en,
                s.lon,
                s.lat,
                s.registered_at,
                s.zone,
                s.scenario,
                Jsonb(s.opening.week),
                sorted(str(each) for each in s.disinfection),
            )
            for s in registry.sites.values()
        ),
    )
    _upsert(
        connection,
        "sampling_point",
        ("site", "code", "name_zh", "name_en", "water_kind", "volume_m3"),
        ("site", "code"),
        (
            (p.site, p.code, p.name_zh, p.name_en, str(p.water_kind), p.volume_m3)
            for p in registry.sampling_points.values()
        ),
    )
    _upsert(
        connection,
        "device",
        ("code", "site", "sampling_point", "period_s", "dialect"),
        ("code",),
        ((d.code, d.site, d.sampling_point, d.period_s, d.dialect) for d in registry.devices.values()),
    )
    _upsert(
        connection,
        "channel",
        ("id", "device", "indicator"),
        ("id",),
        ((c.id, c.device, c.indicator) for c in registry.channels.values()),
    )


def _upsert(
    connection: Connection, table: str, columns: tuple[str, ...], key: tuple[str, ...], rows: Iterable[tuple[Any, ...]]
) -> None:
    values = ", ".join(["%s"] * len(columns))
    updates = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns if column not in key)
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) "  # noqa: S608 -- names are constants above
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))
