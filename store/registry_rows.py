"""The registry as rows: sites, sampling points, devices and channels."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
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
            Device(code, site, point, period, Dialect(dialect), gateway or "", identity, address, kind)
            for code, site, point, period, dialect, gateway, identity, address, kind in connection.execute(
                "SELECT code, site, sampling_point, period_s, dialect, gateway, identity, address, kind FROM device "
                "ORDER BY code"
            ).fetchall()
        ),
        channels=(
            Channel(number, device, indicator, tuple(names), unit, factor, shift)
            for number, device, indicator, names, unit, factor, shift in connection.execute(
                'SELECT id, device, indicator, names, unit, factor, "offset" FROM channel ORDER BY id'
            ).fetchall()
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
    save_sites(connection, registry.sites.values())
    save_sampling_points(connection, registry.sampling_points.values())
    save_devices(connection, registry.devices.values())
    save_channels(connection, registry.channels.values())


def save_sites(connection: Connection, sites: Iterable[Site]) -> None:
    """Insert or update sites. Does not commit."""
    rows = (
        {
            "code": site.code,
            "county": site.county,
            "status": str(site.status),
            "name_zh": site.name_zh,
            "name_en": site.name_en,
            "lon": site.lon,
            "lat": site.lat,
            "registered_at": site.registered_at,
            "zone": site.zone,
            "scenario": site.scenario,
            "opening": Jsonb(site.opening.week),
            "disinfection": sorted(str(each) for each in site.disinfection),
        }
        for site in sites
    )
    upsert(connection, "site", ("code",), rows)


def save_sampling_points(connection: Connection, points: Iterable[SamplingPoint]) -> None:
    """Insert or update sampling points. Does not commit."""
    rows = (
        {
            "site": point.site,
            "code": point.code,
            "name_zh": point.name_zh,
            "name_en": point.name_en,
            "water_kind": str(point.water_kind),
            "volume_m3": point.volume_m3,
        }
        for point in points
    )
    upsert(connection, "sampling_point", ("site", "code"), rows)


def save_devices(connection: Connection, devices: Iterable[Device]) -> None:
    """Insert or update devices. Does not commit."""
    rows = (
        {
            "code": device.code,
            "site": device.site,
            "sampling_point": device.sampling_point,
            "period_s": device.period_s,
            "dialect": str(device.dialect),
            "gateway": device.gateway or None,
            "identity": device.identity,
            "address": device.address,
            "kind": device.kind,
        }
        # A gateway before those it speaks for.
        for device in sorted(devices, key=lambda each: bool(each.gateway))
    )
    upsert(connection, "device", ("code",), rows)


def save_channels(connection: Connection, channels: Iterable[Channel]) -> None:
    """Insert or update channels; one whose id is 0 is new and gets a number nobody had before. Does not commit."""
    listed = list(channels)
    fresh = iter(_new_numbers(connection, sum(channel.id == 0 for channel in listed)))
    rows = (
        {
            "id": channel.id or next(fresh),
            "device": channel.device,
            "indicator": channel.indicator,
            "names": list(channel.names),
            "unit": channel.unit,
            "factor": channel.factor,
            "offset": channel.offset,
        }
        for channel in listed
    )
    upsert(connection, "channel", ("id",), rows)


def _new_numbers(connection: Connection, count: int) -> list[int]:
    """Channel numbers above every one there is or was."""
    if not count:
        return []
    # The demonstration brings numbers of its own, which the sequence has not seen.
    connection.execute("LOCK TABLE channel IN SHARE ROW EXCLUSIVE MODE")
    connection.execute(
        "SELECT setval('channel_number', greatest((SELECT max(id) FROM channel), (SELECT last_value "
        "FROM channel_number), 1))"
    )
    rows = connection.execute("SELECT nextval('channel_number') FROM generate_series(1, %s)", (count,)).fetchall()
    return [int(number) for (number,) in rows]


def upsert(connection: Connection, table: str, key: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert or update rows with the same columns; the names are constants of the caller's. Does not commit."""
    listed = list(rows)
    if not listed:
        return
    columns = tuple(listed[0])
    quoted = {column: f'"{column}"' for column in columns}
    values = ", ".join(f"%({column})s" for column in columns)
    updates = ", ".join(f"{quoted[column]} = EXCLUDED.{quoted[column]}" for column in columns if column not in key)
    statement = (
        f"INSERT INTO {table} ({', '.join(quoted.values())}) VALUES ({values}) "  # noqa: S608 -- names are constants above
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, listed)
