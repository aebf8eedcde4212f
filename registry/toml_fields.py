"""Taking fields out of parsed TOML, with every mistake named: where, which field, what was given, what is right."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from registry.model import RegistryError

E = TypeVar("E", bound=StrEnum)


def parse(name: str, text: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises `RegistryError` naming the file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{name}: not valid TOML: {error}") from error


def take(raw: Mapping[str, Any], field: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field that must be there and of a type."""
    if field not in raw:
        raise RegistryError(f"{where}: field {field} is missing")
    value = raw[field]
    if not isinstance(value, kind):
        raise RegistryError(f"{where}: field {field}: {value!r} is {type(value).__name__}, must be {kind}")
    return value


def number(raw: Mapping[str, Any], field: str, where: str) -> float | None:
    """A number, None where the field is absent."""
    return float(take(raw, field, (int, float), where)) if field in raw else None


def choice(kind: type[E], raw: Mapping[str, Any], field: str, where: str) -> E:
    """A member of an enumeration."""
    value = take(raw, field, str, where)
    try:
        return kind(value)
    except ValueError:
        raise RegistryError(
            f"{where}: field {field}: {value!r} must be one of {', '.join(each.value for each in kind)}"
        ) from None


def words(raw: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    """A list of strings, empty where the field is absent."""
    value = raw.get(field, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RegistryError(f"{where}: field {field}: {value!r} must be a list of strings")
    return tuple(value)


def only(raw: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Refuse fields that mean nothing: a misspelt one would otherwise be passed over in silence."""
    for field in raw:
        if field not in known:
            raise RegistryError(f"{where}: field {field} is not known; known: {', '.join(sorted(known))}")
