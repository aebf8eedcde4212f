"""Readers of cells for `registry.tabular.Column`: each makes a value of what a person typed, or says what is right."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from registry.model import CODE_PATTERN
from registry.tabular import Cell, CellError, did_you_mean
from registry.words import Words

V = TypeVar("V")
LONGEST_TEXT: Final = 200
_DATES: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")
_TIMES: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日 %H:%M")


def a_text(cell: Cell) -> str:
    """Any text of at most `LONGEST_TEXT` characters without line breaks or control characters."""
    value = str(cell)
    if len(value) > LONGEST_TEXT:
        raise CellError(Words.of("tabular.too_long", most=LONGEST_TEXT, length=len(value)))
    if any(ord(each) < 32 or 127 <= ord(each) < 160 for each in value):
        raise CellError(Words.of("tabular.control_character"))
    return value


def a_code(cell: Cell) -> str:
    """A code as topics may hold it."""
    value = str(cell)
    if not CODE_PATTERN.match(value) or len(value) > 64:
        raise CellError(Words.of("tabular.not_a_code"))
    return value


def a_number(lo: float, hi: float, unit: str = "") -> Callable[[Cell], float]:
    """A number within bounds, both included."""

    def reader(cell: Cell) -> float:
        words = Words.of("tabular.not_a_number", lo=f"{lo:g}", hi=f"{hi:g}", unit=unit)
        if isinstance(cell, bool) or not isinstance(cell, int | float | str):
            raise CellError(words)
        try:
            value = float(cell)
        except ValueError:
            raise CellError(words) from None
        if not lo <= value <= hi:
            raise CellError(Words.of("tabular.out_of_range", lo=f"{lo:g}", hi=f"{hi:g}", unit=unit))
        return value

    return reader


def a_whole_number(lo: int, hi: int, unit: str = "") -> Callable[[Cell], int]:
    """A whole number within bounds, both included."""
    number = a_number(lo, hi, unit)

    def reader(cell: Cell) -> int:
        value = number(cell)
        if not value.is_integer():
            raise CellError(Words.of("tabular.not_whole"))
        return int(value)

    return reader


def a_choice(spellings: Mapping[str, V], known: Words) -> Callable[[Cell], V]:
    """One of several values by any of its spellings; `known` lists what may be written."""
    lookup = {_folded(each): value for each, value in spellings.items()}

    def reader(cell: Cell) -> V:
        found = lookup.get(_folded(cell))
        if found is None:
            raise CellError(_unknown(cell, spellings, known))
        return found

    return reader


def choices(spellings: Mapping[str, V], known: Words) -> Callable[[Cell], tuple[V, ...]]:
    """Several of the values of `a_choice`, separated by comma, semicolon, slash or 、."""
    return several(a_choice(spellings, known), "[,;、/]")


def several(one: Callable[[Cell], V], between: str = "[,;、]") -> Callable[[Cell], tuple[V, ...]]:
    """Several values, each once and in their order; the regular expression `between` is what stands between two."""

    def reader(cell: Cell) -> tuple[V, ...]:
        parts = (part.strip() for part in re.split(between, str(cell)))
        return tuple(dict.fromkeys(one(part) for part in parts if part))

    return reader


def a_zone(cell: Cell) -> str:
    """An IANA time zone."""
    value = str(cell)
    if value not in available_timezones():
        words = Words.of("tabular.not_a_zone")
        raise CellError(_suggesting(words, did_you_mean(value, available_timezones())))
    return value


def a_date(cell: Cell) -> date:
    """A day, as a date cell or written."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    for pattern in _DATES:
        try:
            return datetime.strptime(str(cell), pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise CellError(Words.of("tabular.not_a_date"))


def a_time_in(zone: str) -> Callable[[Cell], datetime]:
    """An instant: what is written without an offset is the wall clock of `zone`; a day is its beginning."""

    def reader(cell: Cell) -> datetime:
        found = _instant(cell)
        return found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))

    return reader


def _instant(cell: Cell) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    value = str(cell)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        pass
    for pattern in (*_TIMES, *_DATES):
        try:
            return datetime.strptime(value, pattern)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    raise CellError(Words.of("tabular.not_a_time"))


def _unknown(cell: Cell, spellings: Mapping[str, Any], known: Words) -> Words:
    meant = did_you_mean(cell, spellings)
    if meant is not None:  # of several spellings of it the whole one, 海安市 and not 海安
        same = [each for each, value in spellings.items() if value == spellings[meant] and meant in each]
        meant = max(same, key=len)
    return _suggesting(Words.of("tabular.not_a_choice", known=known), meant)


def _suggesting(words: Words, meant: str | None) -> Words:
    if meant is None:
        return words
    hint = Words.of("tabular.did_you_mean", meant=meant)
    return Words(f"{words.zh}{hint.zh}", f"{words.en} {hint.en}")


def _folded(cell: Cell) -> str:
    # Cells come with full-width characters made narrow (`registry.tabular.plain`), and so must what is compared.
    return "".join(unicodedata.normalize("NFKC", str(cell)).casefold().split())
