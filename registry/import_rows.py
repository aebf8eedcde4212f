"""Going through the rows of an import: each is new, changed, the same, faulty, or stands on a faulty one.

What the rows mean is `registry.importing`'s and `registry.waste.importing`'s.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.model import RegistryError
from registry.tabular import Mistake, Read, Table, did_you_mean
from registry.words import Words

Key = tuple[Any, ...]


@dataclass(slots=True)
class Count:
    """What became of the rows of a sheet."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    held: int = 0
    faulty: int = 0


@dataclass(slots=True)
class Tally:
    """What became of all rows: `faulty` holds the keys of faulty and held ones, by sheet."""

    counts: dict[str, Count] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    faulty: dict[str, set[Key]] = field(default_factory=dict)

    def faulty_of(self, sheet: str) -> set[Key]:
        """The keys of a sheet's faulty rows."""
        return self.faulty.setdefault(sheet, set())


class RowError(Exception):
    """A row is not acceptable; `words` say what would be right."""

    def __init__(self, column: str | None, words: Words, value: object = "") -> None:
        super().__init__(words.en)
        self.column, self.words, self.value = column, words, value


class HeldError(Exception):
    """The row stands on a row of the same file that is faulty."""


def go_through(tally: Tally, table: Table, key: Sequence[str], take: Callable[[Mapping[str, Any]], str]) -> None:
    """Let `take` have each row, which says what became of it: ``new``, ``changed`` or ``same``.

    `key` are the columns that name an entry. `take` may raise `RowError` and `HeldError`.
    """
    code = table.sheet.code
    count = tally.counts[code] = Count(rows=table.count)
    faulty = tally.faulty_of(code)
    mistakes = list(table.mistakes)
    seen: dict[Key, int] = {}
    for row in table.faulty:
        faulty.add(_key(key, row))
    count.faulty = len(table.faulty)
    for row in table.rows:
        named = _key(key, row)
        try:
            _check_once(key, named, row, seen)
            outcome = take(row.values)
        except HeldError:
            faulty.add(named)
            count.held += 1
        except RowError as error:
            if seen[named] == row.number:  # of two equal rows the first counts
                faulty.add(named)
            count.faulty += 1
            mistakes.append(table.mistake(row, error.column, error.words, error.value))
        else:
            setattr(count, outcome, getattr(count, outcome) + 1)
    tally.mistakes += sorted(mistakes, key=lambda each: each.row)


def _key(columns: Sequence[str], row: Read) -> Key:
    return tuple(row.values.get(each) for each in columns)


def _check_once(columns: Sequence[str], key: Key, row: Read, seen: dict[Key, int]) -> None:
    if key in seen:
        raise RowError(columns[-1], Words.of("registry.twice", row=seen[key]), key[-1])
    seen[key] = row.number


def put(into: MutableMapping[Any, Any], key: Any, former: Any, made: Any) -> str:
    """Note an entry where it changes something; what became of it."""
    if former == made:
        return "same"
    into[key] = made
    return "changed" if former is not None else "new"


def made(kind: Any, values: Mapping[str, Any]) -> Any:
    """An entry of these values. Raises `RowError` for what the cells' readers let through and the model does not."""
    try:
        return kind(**values)
    except RegistryError as error:
        raise RowError(None, Words(str(error), str(error))) from error


def missing(faulty: set[Key], key: Key, column: str, value: str, words: Words, *known: Iterable[str]) -> Exception:
    """The error of a row that refers to what is not registered: held where it is a faulty row, else with a guess."""
    if key in faulty:
        return HeldError()
    meant = did_you_mean(value, [each for some in known for each in some])
    if meant is not None:
        hint = Words.of("tabular.did_you_mean", meant=meant)
        words = Words(words.zh + hint.zh, f"{words.en} {hint.en}")
    return RowError(column, words, value)
