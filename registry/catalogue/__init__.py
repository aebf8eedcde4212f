"""Every string a user reads, Chinese and English side by side, in the TOML files of this folder.

A file ``alarm.toml`` with a table ``[raised]`` holding ``zh`` and ``en`` is the key ``alarm.raised``.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, get_args

from registry.indicators import INDICATORS

_ARTICLE: Final = re.compile(r"Art ([0-9]+(?:\([0-9]+\))?(?:, [0-9]+(?:\([0-9]+\))?)*)")

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@cache
def entries() -> Mapping[str, Mapping[str, str]]:
    """The whole catalogue: key → language → text."""
    found: dict[str, Mapping[str, str]] = {}
    for entry in sorted(files("registry.catalogue").iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".toml"):
            _flatten(entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text(encoding="utf-8")), found)
    return MappingProxyType(found)


def text(language: Language, key: str, /, **fields: object) -> str:
    """The string of a key, with its ``{fields}`` filled in. Raises `KeyError` naming an unknown key."""
    return entries()[key][language].format(**fields)


def counted(language: Language, key: str, /, count: int, **fields: object) -> str:
    """The string of so many: ``key.one`` of exactly one, else ``key.other``; ``{count}`` is one of its fields."""
    return text(language, f"{key}.{'one' if count == 1 else 'other'}", count=count, **fields)


def unit(language: Language, indicator: str) -> str:
    """The unit of an indicator as a reader of the language writes it."""
    symbol = INDICATORS[indicator].unit
    return text(language, f"unit.{symbol}") if f"unit.{symbol}" in entries() else symbol


def indicator_name(language: Language, indicator: str) -> str:
    """The name of an indicator."""
    known = INDICATORS[indicator]
    return known.name_zh if language == "zh" else known.name_en


def clause(language: Language, number: str) -> str:
    """A standard's clause (``4.4.1 表4``) or a law's article (``Art 17``) as a reader of the language writes it."""
    told = number.replace(text("zh", "standard.table"), text(language, "standard.table"))
    return _ARTICLE.sub(r"第\1条", told) if language == "zh" else told


def _flatten(prefix: str, table: Mapping[str, object], into: dict[str, Mapping[str, str]]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if not isinstance(value, dict):
            raise TypeError(f"catalogue {key}: expected a table with zh and en, found {value!r}")
        if set(value) == set(LANGUAGES) and all(isinstance(each, str) for each in value.values()):
            into[key] = MappingProxyType(value)
        else:
            _flatten(key, value, into)
