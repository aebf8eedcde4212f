"""The rules that raise alarms, each with its rationalisation record (ISA-18.2 / IEC 62682), from ``alarm_rules.toml``.

A rule's code says what raised an alarm, from the general to the special: ``limit:ph:high``, ``circulation:low``,
``offline:site``, ``detector:stuck``, ``waste:overdue``, ``platform:canary``. A code has the record of its longest
beginning that is declared, and takes from shorter ones what that does not say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from registry.limits.model import Certainty, Severity
from registry.model import RegistryError
from registry.toml_fields import only, parse, take

FILE: Final = "alarm_rules.toml"
WORDS: Final = ("cause", "consequence", "response", "basis")
"""The parts of a record that are words; each in Chinese and English."""

_FIELDS: Final = frozenset({"priority", "latches", "respond_within_s", "certainty", *WORDS})


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """A rule with its record. `respond_within_s` (seconds) is the time to respond.

    `priority` is None where it comes with the limit that is broken. `latches`: the alarm stays after its condition
    ended until a person resets it. `words` is part → language → text, parts as in `WORDS`.
    """

    code: str
    priority: Severity | None
    latches: bool
    respond_within_s: int
    certainty: Certainty
    words: Mapping[str, Mapping[str, str]]


@cache
def alarm_rules() -> Mapping[str, AlarmRule]:
    """Every declared record, by code."""
    text = files("registry").joinpath(FILE).read_text(encoding="utf-8")
    return MappingProxyType(read(FILE, text))


@cache
def alarm_rule(code: str) -> AlarmRule:
    """The record that holds for a rule. Raises `KeyError` where even its first word is not declared."""
    known = alarm_rules()
    for name in beginnings(code):
        if name in known:
            return known[name]
    raise KeyError(f"alarm rule {code!r}: {code.partition(':')[0]!r} is not declared in {FILE}")


def beginnings(code: str) -> Iterator[str]:
    """A code and its beginnings, the longest first: ``limit:ph:high``, ``limit:ph``, ``limit``."""
    parts = code.split(":")
    for length in range(len(parts), 0, -1):
        yield ":".join(parts[:length])


def read(name: str, text: str) -> dict[str, AlarmRule]:
    """Parse records. Raises `RegistryError` naming the file, the rule, the field and what would be right."""
    raw = parse(name, text)
    found: dict[str, AlarmRule] = {}
    # The general first, so that the special can take from it.
    for code in sorted(raw, key=lambda each: each.count(":")):
        where = f"{name}, rule {code}"
        entry = raw[code]
        only(entry, _FIELDS, where)
        above = next((found[each] for each in beginnings(code) if each in found), None)
        found[code] = _rule(code, {**_given(above), **entry}, where)
    return found


def _given(above: AlarmRule | None) -> dict[str, Any]:
    if above is None:
        return {}
    given = {"respond_within_s": above.respond_within_s, "certainty": above.certainty.value, **above.words}
    return given if above.priority is None else {**given, "priority": above.priority.value}


def _rule(code: str, raw: Mapping[str, Any], where: str) -> AlarmRule:
    try:
        priority = Severity(raw["priority"]) if "priority" in raw else None
        certainty = Certainty(take(raw, "certainty", str, where))
    except ValueError as error:
        raise RegistryError(f"{where}: {error}") from error
    words = {}
    for part in WORDS:
        said = take(raw, part, Mapping, where)
        if set(said) != {"zh", "en"}:
            raise RegistryError(f"{where}: field {part}: must have zh and en")
        words[part] = MappingProxyType(dict(said))
    seconds = take(raw, "respond_within_s", int, where)
    if seconds <= 0:
        raise RegistryError(f"{where}: field respond_within_s: {seconds} must be more than 0 s")
    return AlarmRule(code, priority, bool(raw.get("latches", False)), seconds, certainty, MappingProxyType(words))
