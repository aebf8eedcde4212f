"""Reading scenarios from their TOML files, with every mistake named."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from registry.model import CODE_PATTERN, Indicator, RegistryError, Role
from registry.scenarios.model import DeviceKind, Judging, Kind, Scenario, ScenarioPage
from registry.toml_fields import choice, only, parse, take, words

_TABLES = frozenset(
    {"code", "name_zh", "name_en", "icon", "profiles", "adoptable", "words", "judging"}
    | {"point_kind", "treatment", "device_kind", "indicator", "page"}
)


def load_indicators(name: str, text: str) -> tuple[Indicator, ...]:
    """Parse a file of indicators alone."""
    return _indicators(parse(name, text), name)


def load_scenario(name: str, text: str, folder: Path | None = None) -> Scenario:
    """Parse a scenario. Raises `RegistryError` naming the file, the field and what would be right.

    Whether its indicators and profiles exist is known only when all files are read: see `registry.scenarios`.
    """
    raw = parse(name, text)
    only(raw, _TABLES, name)
    named = take(raw, "words", dict, name)
    page = raw.get("page", {})
    only(page, frozenset({"title_zh", "title_en", "columns", "entry", "samples"}), f"{name}, table page")
    return Scenario(
        code=_code(raw, name),
        name_zh=take(raw, "name_zh", str, name),
        name_en=take(raw, "name_en", str, name),
        icon=raw.get("icon", "home_work"),
        profiles=words(raw, "profiles", name),
        adoptable=words(raw, "adoptable", name),
        point_zh=take(named, "point_zh", str, f"{name}, table words"),
        point_en=take(named, "point_en", str, f"{name}, table words"),
        judging=_judging(raw.get("judging", {}), f"{name}, table judging"),
        point_kinds=_kinds(raw, "point_kind", name),
        treatments=_kinds(raw, "treatment", name),
        device_kinds=MappingProxyType({each.code: each for each in _device_kinds(raw, name)}),
        indicators=_indicators(raw, name),
        page=ScenarioPage(
            title_zh=page.get("title_zh", ""),
            title_en=page.get("title_en", ""),
            columns=words(page, "columns", f"{name}, table page"),
            entry=page.get("entry"),
            samples=words(page, "samples", f"{name}, table page"),
        ),
        folder=folder,
    )


def _judging(raw: Mapping[str, Any], where: str) -> Judging:
    only(raw, frozenset({"while_open", "running", "sample_days"}), where)
    return Judging(
        while_open=raw.get("while_open", True), running=raw.get("running"), sample_days=raw.get("sample_days", 90)
    )


def _kinds(raw: Mapping[str, Any], table: str, name: str) -> Mapping[str, Kind]:
    found = {}
    for entry, where in _entries(raw, table, name):
        only(entry, frozenset({"code", "name_zh", "name_en"}), where)
        code = _code(entry, where)
        found[code] = Kind(code, take(entry, "name_zh", str, where), take(entry, "name_en", str, where))
    return MappingProxyType(found)


def _device_kinds(raw: Mapping[str, Any], name: str) -> list[DeviceKind]:
    return [
        DeviceKind(
            _code(entry, where),
            take(entry, "name_zh", str, where),
            take(entry, "name_en", str, where),
            words(entry, "indicators", where),
            take(entry, "period_s", int, where),
        )
        for entry, where in _entries(raw, "device_kind", name)
    ]


def _indicators(raw: Mapping[str, Any], name: str) -> tuple[Indicator, ...]:
    return tuple(_indicator(entry, where) for entry, where in _entries(raw, "indicator", name))


def _indicator(entry: Mapping[str, Any], where: str) -> Indicator:
    known = frozenset({"code", "name_zh", "name_en", "unit", "precision", "physical", "role"})
    only(entry, known, where)
    code = _code(entry, where)
    where = f"{where} ({code})"
    physical = take(entry, "physical", list, where)
    if len(physical) != 2 or not physical[0] < physical[1]:
        raise RegistryError(f"{where}: field physical: {physical!r} must be [least, greatest]")
    return Indicator(
        code=code,
        name_zh=take(entry, "name_zh", str, where),
        name_en=take(entry, "name_en", str, where),
        unit=take(entry, "unit", str, where),
        precision=take(entry, "precision", int, where),
        physical_lo=float(physical[0]),
        physical_hi=float(physical[1]),
        role=choice(Role, entry, "role", where),
    )


def _entries(raw: Mapping[str, Any], table: str, name: str) -> list[tuple[Mapping[str, Any], str]]:
    listed = raw.get(table, [])
    if not isinstance(listed, list):
        raise RegistryError(f"{name}: table {table}: must be written [[{table}]], as often as needed")
    return [(entry, f"{name}, {table} {number}") for number, entry in enumerate(listed, start=1)]


def _code(raw: Mapping[str, Any], where: str) -> str:
    code: str = take(raw, "code", str, where)
    if not CODE_PATTERN.match(code):
        raise RegistryError(f"{where}: field code: {code!r}: only letters, digits, '_' and '-' are allowed")
    return code
