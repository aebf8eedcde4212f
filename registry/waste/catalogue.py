"""Categories of medical waste, kinds of container and of event, and who may say what: read from `catalogue.toml`.

Categories are those of 《医疗废物分类目录（2021年版）》 (国卫医函〔2021〕238号). What an event wants follows
医疗废物管理条例 Art 11 and 12; see docs/waste.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from registry.model import RegistryError
from registry.toml_fields import parse, take, words

LONGEST_TAG: Final = 24
"""Characters of a bag's, box's or batch's code: an EPC-96 in hexadecimal is so long."""

LONGEST_ID: Final = 64
"""Characters of the id that a device gives an event, and of every other code."""

MOST_SIGNATURES: Final = 4
_FILE: Final = "waste/catalogue.toml"


class Container(IntEnum):
    """What a code is stuck on; the number is what it is inside."""

    BAG = 1
    BOX = 2
    BATCH = 3

    @property
    def code(self) -> str:
        """As a message writes it."""
        return self.name.lower()


class Event(IntEnum):
    """What happened to a bag, box or batch; the number is what it is inside."""

    COLLECTED = 1
    BOXED = 2
    STORED_IN = 3
    MOVED = 4
    HANDED_OVER = 5
    RECEIVED = 6
    TREATED = 7
    OPENED = 8

    @property
    def code(self) -> str:
        """As a message writes it."""
        return self.name.lower()


class PartyKind(StrEnum):
    """Whom a site is in the chain of custody."""

    PRODUCER = "producer"
    COLLECTION_POINT = "collection_point"
    CARRIER = "carrier"
    DISPOSER = "disposer"


@dataclass(frozen=True, slots=True)
class Category:
    """A category of waste. `code` is that of the 国家危险废物名录 (HW01); `certainty` as of limits."""

    number: int
    code: str
    name: str
    name_zh: str
    name_en: str
    hazard: str
    certainty: str

    def label(self, language: Literal["zh", "en"]) -> str:
        """The name in a language."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class EventKind:
    """What an event must and should say. `needs` and `wants` name fields of the message; `signatures` persons."""

    event: Event
    name_zh: str
    name_en: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    signatures: int

    def label(self, language: Literal["zh", "en"]) -> str:
        """The name in a language."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class Speech:
    """What a device of a kind may say: of which events, and whether it tells where it is."""

    events: frozenset[Event]
    positions: bool


def tag_key(tag: str) -> int:
    """A bag's, box's or batch's code as a 64-bit number, never 0: the first 8 bytes of its BLAKE2b, signed."""
    return int.from_bytes(blake2b(tag.encode(), digest_size=8).digest(), "little", signed=True) or 1


@cache
def categories() -> Mapping[int, Category]:
    """Every category by number."""
    found = (
        Category(
            take(raw, "number", int, where),
            *(take(raw, name, str, where) for name in ("code", "name", "name_zh", "name_en", "hazard", "certainty")),
        )
        for raw, where in _entries("category")
    )
    return MappingProxyType({each.number: each for each in found})


@cache
def category_numbers() -> Mapping[str, int]:
    """What a message may write for a category, to its number: the code, or the English name."""
    return MappingProxyType({name: each.number for each in categories().values() for name in (each.code, each.name)})


@cache
def event_kinds() -> Mapping[Event, EventKind]:
    """What is known of each kind of event."""
    found = (
        EventKind(
            _member(Event, raw, where),
            take(raw, "name_zh", str, where),
            take(raw, "name_en", str, where),
            words(raw, "needs", where),
            words(raw, "wants", where),
            take(raw, "signatures", int, where),
        )
        for raw, where in _entries("event")
    )
    return MappingProxyType({each.event: each for each in found})


@cache
def container_names() -> Mapping[Container, tuple[str, str]]:
    """The names of each kind of container, Chinese and English."""
    return MappingProxyType(
        {
            _member(Container, raw, where): (take(raw, "name_zh", str, where), take(raw, "name_en", str, where))
            for raw, where in _entries("container")
        }
    )


@cache
def party_names() -> Mapping[PartyKind, tuple[str, str]]:
    """The names of each kind of party, Chinese and English."""
    return MappingProxyType(
        {
            PartyKind(take(raw, "code", str, where)): (
                take(raw, "name_zh", str, where),
                take(raw, "name_en", str, where),
            )
            for raw, where in _entries("party")
        }
    )


@cache
def party_events() -> Mapping[PartyKind, frozenset[Event]]:
    """Of which events the devices of each kind of party may speak."""
    return MappingProxyType(
        {PartyKind(take(raw, "code", str, where)): _events(raw, where) for raw, where in _entries("party")}
    )


@cache
def device_speech() -> Mapping[str, Speech]:
    """What each kind of device may say, by the scenario's code of the kind."""
    return MappingProxyType(
        {
            take(raw, "code", str, where): Speech(_events(raw, where), take(raw, "positions", bool, where))
            for raw, where in _entries("device")
        }
    )


@cache
def _raw() -> Mapping[str, Any]:
    return parse(_FILE, files("registry.waste").joinpath("catalogue.toml").read_text(encoding="utf-8"))


def _entries(table: str) -> list[tuple[Mapping[str, Any], str]]:
    return [(raw, f"{_FILE}, {table} {number}") for number, raw in enumerate(_raw()[table], start=1)]


_Member = TypeVar("_Member", Event, Container)


def _member(kind: type[_Member], raw: Mapping[str, Any], where: str) -> _Member:
    """The member of an entry, whose number and code must both be its."""
    found = kind[take(raw, "code", str, where).upper()]
    if found != take(raw, "number", int, where):
        raise RegistryError(f"{where}: number of {found.code} is {raw['number']}, must be {found.value}")
    return found


def _events(raw: Mapping[str, Any], where: str) -> frozenset[Event]:
    return frozenset(Event[each.upper()] for each in words(raw, "events", where))
