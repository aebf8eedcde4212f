"""Reading limit profiles from their TOML files, with every mistake named."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeVar

from registry.indicators import INDICATORS
from registry.limits.model import Certainty, Condition, Force, Limit, LimitProfile, Severity
from registry.model import Disinfection, RegistryError, WaterKind

E = TypeVar("E", Certainty, Force, Severity)


@cache
def profiles() -> Mapping[str, LimitProfile]:
    """Every profile that ships with the platform, by code."""
    found = (
        load_profile(entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(files("registry.limits").iterdir(), key=lambda each: each.name)
        if entry.name.endswith(".toml")
    )
    return MappingProxyType({profile.code: profile for profile in found})


def load_profile(name: str, text: str) -> LimitProfile:
    """Parse a profile. Raises `RegistryError` naming the file, the limit, the field and what would be right."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{name}: not valid TOML: {error}") from error
    code = _take(raw, "code", str, name)
    defaults = raw.get("alarm", {})
    return LimitProfile(
        code=code,
        standard=_take(raw, "standard", str, name),
        title_zh=_take(raw, "title_zh", str, name),
        title_en=_take(raw, "title_en", str, name),
        version=_take(raw, "version", str, name),
        valid_from=_take(raw, "valid_from", date, name),
        valid_to=raw.get("valid_to"),
        source=_take(raw, "source", str, name),
        limits=tuple(
            _limit(f"{name}, limit {number}", code, {**defaults, **entry})
            for number, entry in enumerate(_take(raw, "limit", list, name), start=1)
        ),
    )


def _limit(where: str, profile: str, raw: dict[str, Any]) -> Limit:
    indicator = _take(raw, "indicator", str, where)
    where = f"{where} ({indicator})"
    known = INDICATORS.get(indicator)
    if known is None:
        raise RegistryError(
            f"{where}: field indicator: {indicator!r} is not an indicator; known: {', '.join(INDICATORS)}"
        )
    unit = _take(raw, "unit", str, where)
    if unit != known.unit:
        raise RegistryError(f"{where}: field unit: {unit!r} differs from the indicator's unit {known.unit!r}")
    lo, hi = _number(raw, "lo", where), _number(raw, "hi", where)
    if lo is None and hi is None:
        raise RegistryError(f"{where}: needs lo, hi or both")
    if lo is not None and hi is not None and lo >= hi:
        raise RegistryError(f"{where}: lo {lo} must be less than hi {hi}")
    certainty = _choice(Certainty, raw, "certainty", where)
    severity = _choice(Severity, raw, "severity", where)
    return Limit(
        profile=profile,
        indicator=indicator,
        lo=lo,
        hi=hi,
        lo_inclusive=raw.get("lo_inclusive", True),
        hi_inclusive=raw.get("hi_inclusive", True),
        unit=unit,
        precision=_take(raw, "precision", int, where),
        clause=_take(raw, "clause", str, where),
        force=_choice(Force, raw, "force", where),
        severity=severity,
        severity_low=_choice(Severity, raw, "severity_low", where) if "severity_low" in raw else severity,
        certainty=certainty,
        condition=_condition(raw.get("condition", {}), where),
        condition_certainty=(
            _choice(Certainty, raw, "condition_certainty", where) if "condition_certainty" in raw else certainty
        ),
        note_zh=raw.get("note_zh", ""),
        note_en=raw.get("note_en", ""),
        on_delay_s=float(_take(raw, "on_delay_s", (int, float), where)),
        off_delay_s=float(_take(raw, "off_delay_s", (int, float), where)),
        deadband=float(_take(raw, "deadband", (int, float), where)),
    )


def _condition(raw: dict[str, Any], where: str) -> Condition:
    try:
        return Condition(
            water_kinds=frozenset(WaterKind(each) for each in raw.get("water_kinds", ())),
            all_of_disinfection=frozenset(Disinfection(each) for each in raw.get("all_of_disinfection", ())),
        )
    except ValueError as error:
        raise RegistryError(f"{where}: field condition: {error}") from error


def _take(raw: Mapping[str, Any], field: str, kind: type | tuple[type, ...], where: str) -> Any:
    if field not in raw:
        raise RegistryError(f"{where}: field {field} is missing")
    value = raw[field]
    if not isinstance(value, kind):
        raise RegistryError(f"{where}: field {field}: {value!r} is {type(value).__name__}, must be {kind}")
    return value


def _number(raw: Mapping[str, Any], field: str, where: str) -> float | None:
    return float(_take(raw, field, (int, float), where)) if field in raw else None


def _choice(kind: type[E], raw: Mapping[str, Any], field: str, where: str) -> E:
    value = _take(raw, field, str, where)
    try:
        return kind(value)
    except ValueError:
        raise RegistryError(
            f"{where}: field {field}: {value!r} must be one of {', '.join(each.value for each in kind)}"
        ) from None
