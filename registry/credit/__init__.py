"""A site's credit: a class from A to D by points over its record, with weights that an agency sets.

「信用+双随机」: the class decides how often a site comes up in the random draw (优化营商环境条例 Art 54). No weights of
Nantong's own were found, so those here are design defaults, and every part of the sum is shown.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from registry.words import WordedError, listed

FACTS: Final = (
    "filings",
    "orders",
    "late_corrections",
    "failed_rechecks",
    "advice",
    "suspected_samples",
    "true_alarms",
    "silent_days",
    "commitment",
)
"""What of a site's record counts, each a number that `store.queries.credit` finds."""

CLASSES: Final = ("A", "B", "C", "D")
_FULL: Final = 100
_MOST_DAYS: Final = 3660


class WeightsError(WordedError):
    """Weights are not acceptable; the words name the field, its value and what would be right."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a fact counts: `points` taken each time (negative: given), at most `most` in all."""

    points: int
    most: int


@dataclass(frozen=True, slots=True)
class Class:
    """A class: least points, and lots in the draw; without lots (None) a site of the class is always drawn."""

    least: int
    lots: int | None


@dataclass(frozen=True, slots=True)
class Weights:
    """All of it. `days` is how far back the record counts; `unknown` the class of a site without any record."""

    days: int
    unknown: str
    classes: Mapping[str, Class]
    facts: Mapping[str, Weight]

    def to_json(self) -> dict[str, Any]:
        """As `of_json` takes it."""
        return {
            "days": self.days,
            "unknown": self.unknown,
            "classes": {name: {"from": each.least, "lots": each.lots} for name, each in self.classes.items()},
            "facts": {name: {"points": each.points, "most": each.most} for name, each in self.facts.items()},
        }


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the sum: how often it happened, and the points that took (negative: gave)."""

    fact: str
    count: int
    weight: Weight
    points: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """A site's class and how it came about. `known` is whether anything was recorded at all."""

    items: tuple[Item, ...]
    points: int
    letter: str
    known: bool


def assess(weights: Weights, record: Mapping[str, int], *, known: bool) -> Assessment:
    """The class of a record. 100 points less each fact's, within 0 and 100; facts that are missing count 0."""
    items = tuple(_item(name, weight, record.get(name, 0)) for name, weight in weights.facts.items())
    points = min(max(_FULL - sum(item.points for item in items), 0), _FULL)
    letter = next(name for name in CLASSES if points >= weights.classes[name].least) if known else weights.unknown
    return Assessment(items, points, letter, known)


def _item(name: str, weight: Weight, count: int) -> Item:
    taken = min(abs(weight.points) * count, weight.most)
    return Item(name, count, weight, taken if weight.points >= 0 else -taken)


@cache
def default_weights() -> Weights:
    """The start values."""
    return of_json(tomllib.loads(files("registry.credit").joinpath("weights.toml").read_text(encoding="utf-8")))


def of_json(given: Mapping[str, Any]) -> Weights:
    """Weights from their JSON form. Raises `WeightsError` naming the field that is not acceptable."""
    classes = _part(given, "classes", CLASSES)
    facts = _part(given, "facts", FACTS)
    weights = Weights(
        days=_whole("days", given.get("days"), 1, _MOST_DAYS),
        unknown=str(given.get("unknown")),
        classes=MappingProxyType({name: _class(name, classes[name]) for name in CLASSES}),
        facts=MappingProxyType({name: _weight(name, facts[name]) for name in FACTS}),
    )
    if weights.unknown not in CLASSES:
        raise WeightsError.of("refusal.credit.unknown", value=weights.unknown, known=listed(CLASSES))
    least = [weights.classes[name].least for name in CLASSES]
    if least != sorted(set(least), reverse=True) or least[-1] != 0:
        raise WeightsError.of("refusal.credit.order", least=listed(least))
    return weights


def _part(given: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    part = given.get(name)
    if not isinstance(part, Mapping) or set(part) != set(keys):
        found = sorted(part) if isinstance(part, Mapping) else part
        raise WeightsError.of("refusal.credit.keys", field=name, value=found, keys=listed(keys))
    return part


def _class(name: str, given: Any) -> Class:
    if not isinstance(given, Mapping):
        raise WeightsError.of("refusal.credit.class", field=f"classes.{name}", value=given)
    lots = given.get("lots")
    return Class(
        _whole(f"classes.{name}.from", given.get("from"), 0, _FULL),
        None if lots is None else _whole(f"classes.{name}.lots", lots, 0, 100),
    )


def _weight(name: str, given: Any) -> Weight:
    if not isinstance(given, Mapping):
        raise WeightsError.of("refusal.credit.fact", field=f"facts.{name}", value=given)
    return Weight(
        _whole(f"facts.{name}.points", given.get("points"), -_FULL, _FULL),
        _whole(f"facts.{name}.most", given.get("most"), 0, _FULL),
    )


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise WeightsError.of("refusal.credit.whole", field=name, value=value, least=least, most=most)
    return value
