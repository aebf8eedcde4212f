"""What is registered of medical waste as rows: parties, wards, persons, receivers, vehicles, containers, routes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from registry.waste.catalogue import PartyKind
from registry.waste.model import (
    Fence,
    Handler,
    Party,
    Point,
    Receiver,
    Route,
    Tare,
    Vehicle,
    Ward,
    WasteRegistry,
)
from store.connections import Connection
from store.registry_rows import upsert


def load_waste_registry(connection: Connection) -> WasteRegistry:
    """Read all of it. Raises `registry.model.RegistryError` when a row is not acceptable."""

    def rows(query: Any) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    return WasteRegistry.of(
        parties=(
            Party(site, PartyKind(kind), beds, visits)
            for site, kind, beds, visits in rows("SELECT site, kind, beds, visits_a_day FROM waste_party ORDER BY site")
        ),
        wards=(
            Ward(*row) for row in rows("SELECT site, code, name_zh, name_en, beds FROM waste_ward ORDER BY site, code")
        ),
        handlers=(Handler(*row) for row in rows("SELECT code, site, name FROM waste_handler ORDER BY code")),
        receivers=(
            Receiver(code, zh, en, licence, since, until, site or "", method)
            for code, zh, en, licence, since, until, site, method in rows(
                "SELECT code, name_zh, name_en, licence, valid_from, valid_until, site, method FROM waste_receiver "
                "ORDER BY code"
            )
        ),
        vehicles=(
            Vehicle(code, plate, receiver, tracker or "")
            for code, plate, receiver, tracker in rows(
                "SELECT code, plate, receiver, tracker FROM waste_vehicle ORDER BY code"
            )
        ),
        tares=(Tare(*row) for row in rows("SELECT tag, site, tare_g FROM waste_container ORDER BY tag")),
        routes=(
            Route(code, zh, en, _line(line), tolerance, tuple(vehicles), site or "")
            for code, zh, en, line, tolerance, vehicles, site in rows(
                "SELECT code, name_zh, name_en, line, tolerance_m, vehicles, site FROM waste_route ORDER BY code"
            )
        ),
        fences=(
            Fence(code, zh, en, _line(line), radius, site or "")
            for code, zh, en, line, radius, site in rows(
                "SELECT code, name_zh, name_en, line, radius_m, site FROM waste_fence ORDER BY code"
            )
        ),
    )


def save_waste_registry(connection: Connection, registry: WasteRegistry) -> None:
    """Insert or update every entry of `registry`; entries it does not name stay. Does not commit."""
    for table, key, rows in (
        ("waste_party", ("site",), _parties(registry.parties.values())),
        ("waste_ward", ("site", "code"), _wards(registry.wards.values())),
        ("waste_handler", ("code",), _handlers(registry.handlers.values())),
        ("waste_receiver", ("code",), _receivers(registry.receivers.values())),
        ("waste_vehicle", ("code",), _vehicles(registry.vehicles.values())),
        ("waste_container", ("tag",), _tares(registry.tares.values())),
        ("waste_route", ("code",), _routes(registry.routes.values())),
        ("waste_fence", ("code",), _fences(registry.fences.values())),
    ):
        upsert(connection, table, key, rows)


_Rows = list[Mapping[str, Any]]


def _parties(entries: Iterable[Party]) -> _Rows:
    return [
        {"site": each.site, "kind": str(each.kind), "beds": each.beds, "visits_a_day": each.visits_a_day}
        for each in entries
    ]


def _wards(entries: Iterable[Ward]) -> _Rows:
    return [
        {"site": each.site, "code": each.code, "name_zh": each.name_zh, "name_en": each.name_en, "beds": each.beds}
        for each in entries
    ]


def _handlers(entries: Iterable[Handler]) -> _Rows:
    return [{"code": each.code, "site": each.site, "name": each.name} for each in entries]


def _receivers(entries: Iterable[Receiver]) -> _Rows:
    return [
        {
            "code": each.code,
            "name_zh": each.name_zh,
            "name_en": each.name_en,
            "licence": each.licence,
            "valid_from": each.valid_from,
            "valid_until": each.valid_until,
            "site": each.site or None,
            "method": each.method,
        }
        for each in entries
    ]


def _vehicles(entries: Iterable[Vehicle]) -> _Rows:
    return [
        {"code": each.code, "plate": each.plate, "receiver": each.receiver, "tracker": each.tracker or None}
        for each in entries
    ]


def _tares(entries: Iterable[Tare]) -> _Rows:
    return [{"tag": each.tag, "site": each.site, "tare_g": each.grams} for each in entries]


def _routes(entries: Iterable[Route]) -> _Rows:
    return [
        {
            "code": each.code,
            "name_zh": each.name_zh,
            "name_en": each.name_en,
            "line": Jsonb(each.line),
            "tolerance_m": each.tolerance_m,
            "vehicles": list(each.vehicles),
            "site": each.site or None,
        }
        for each in entries
    ]


def _fences(entries: Iterable[Fence]) -> _Rows:
    return [
        {
            "code": each.code,
            "name_zh": each.name_zh,
            "name_en": each.name_en,
            "line": Jsonb(each.line),
            "radius_m": each.radius_m,
            "site": each.site or None,
        }
        for each in entries
    ]


def _line(points: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    return tuple((float(lon), float(lat)) for lon, lat in points)
