"""Tables that people fill in: CSV and XLSX in, typed rows and mistakes a clerk can put right out.

A `Sheet` declares its columns; `read` finds the sheets of a workbook (or the one of a CSV file) by their titles in
either language, and gives each row as a mapping with what its columns' readers made of the cells. Whatever is
wrong becomes a `Mistake` with sheet, row, column, value, and a sentence in both languages that says what would be
right. Nothing here knows what the rows mean: `registry.importing` does for the registry.

A sheet's words are in the catalogue below its `words`: ``{words}.title``, ``{words}.{column}.title`` and
``{words}.{column}.help``.
"""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import SequenceMatcher, get_close_matches
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from registry.catalogue import LANGUAGES, Language, text
from registry.words import WordedError, Words, listed

Cell = str | int | float | bool | datetime | date | time | None
"""What a cell holds after `plain`: text is normalised and never empty, whole numbers are int."""

Row = Mapping[str, Any]

LARGEST_FILE_BYTES: Final = 20 * 1024 * 1024
LARGEST_UNPACKED_BYTES: Final = 300 * 1024 * 1024
MOST_ROWS: Final = 50_000
"""Rows of one sheet: a file with more is not what a clerk filled in."""

_HEADER_WITHIN: Final = 5


class CellError(WordedError):
    """A cell is not acceptable; `words` say what would be right."""


class TableError(CellError):
    """The file as a whole is not acceptable."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `read` makes a value of a cell that is not empty, or raises `CellError`; `example` is for the template.

    An empty cell is a mistake where the column is `required`, and `default` elsewhere.
    """

    code: str
    read: Callable[[Cell], Any]
    required: bool = False
    default: Any = None
    example: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A kind of table: `words` is the catalogue's prefix of its titles and explanations."""

    code: str
    words: str
    columns: tuple[Column, ...]

    def title(self, language: Language) -> str:
        """The sheet's title."""
        return text(language, f"{self.words}.title")

    def column_title(self, column: str, language: Language) -> str:
        """The title of a column."""
        return text(language, f"{self.words}.{column}.title")

    def column_words(self, column: str) -> Words:
        """The title of a column in both languages."""
        return Words.of(f"{self.words}.{column}.title")

    def row(self, record: object, **written: object) -> dict[str, object]:
        """A record as a row: each column holds the field of its name, but for what is `written` otherwise."""
        codes = [column.code for column in self.columns]
        return {code: written[code] if code in written else getattr(record, code) for code in codes}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at one place of a file. `row` is the number the spreadsheet shows; 0 for the file or sheet."""

    sheet: Words
    row: int
    column: Words | None
    value: str
    words: Words

    def sentence(self, language: Language) -> str:
        """The whole sentence: where, what is there, what would be right."""
        place = {"sheet": self.sheet.in_(language), "row": self.row, "words": self.words.in_(language)}
        if not self.row:
            return text(language, "tabular.at_sheet", **place)
        if self.column is None:
            return text(language, "tabular.at_row", **place)
        key = "tabular.at_cell" if self.value else "tabular.at_empty_cell"
        return text(language, key, **place, column=self.column.in_(language), value=self.value)


@dataclass(frozen=True, slots=True)
class Read:
    """A row of a sheet: its number in the spreadsheet, and its values by column, only those that could be read."""

    number: int
    values: Row


@dataclass(slots=True)
class Table:
    """What was read of one sheet. A row with a mistake is not among the `rows` but among the `faulty`."""

    sheet: Sheet
    rows: list[Read] = field(default_factory=list)
    faulty: list[Read] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    count: int = 0
    """How many rows were filled in, good or not."""

    def mistake(self, row: Read, column: str | None, words: Words, value: object = "") -> Mistake:
        """A mistake at a place of this table, found by whoever knows what the row means."""
        named = self.sheet.column_words(column) if column else None
        return Mistake(Words.of(f"{self.sheet.words}.title"), row.number, named, shown(value), words)


def read(name: str, content: bytes, sheets: Sequence[Sheet]) -> dict[str, Table]:
    """The tables of a file, by the codes of `sheets` that are in it.

    Raises `TableError` where the file is not a table, or none of it is one of `sheets`.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise TableError(Words.of("tabular.file_too_large", megabytes=LARGEST_FILE_BYTES // 2**20))
    lower = name.lower()
    if lower.endswith(".xls"):
        raise TableError(Words.of("tabular.old_excel"))
    pages = _xlsx_pages(content) if lower.endswith(".xlsx") or content[:2] == b"PK" else _csv_pages(name, content)
    found: dict[str, Table] = {}
    for title, rows in pages:
        sheet, header, body = _recognised(title, rows, sheets)
        if sheet is not None:
            found[sheet.code] = _table(sheet, header, body)
    if not found:
        known = listed(Words.of(f"{each.words}.title") for each in sheets)
        raise TableError(Words.of("tabular.no_known_sheet", known=known))
    return found


def entered(sheet: Sheet, rows: Iterable[Mapping[str, object]]) -> Table:
    """The table of rows that were entered one by one, in a form: row numbers count from 1."""
    table = Table(sheet)
    for number, row in enumerate(rows, start=1):
        table.count += 1
        cells = {column.code: plain(row.get(column.code)) for column in sheet.columns}
        values, wrong = _values(sheet, sheet.columns, cells, Words.of(f"{sheet.words}.title"), number)
        table.mistakes += wrong
        (table.faulty if wrong else table.rows).append(Read(number, values))
    return table


def plain(value: object) -> Cell:
    """A cell's value as people mean it: full-width characters narrow, spaces trimmed, whole numbers whole."""
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip().removeprefix("'") or None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, int | float | datetime | date | time):
        return value
    return str(value)


def header_of(sheet: Sheet, column: Column) -> str:
    """A column's header in a template or export: both languages, so that either reader knows it."""
    return f"{sheet.column_title(column.code, 'zh')} {sheet.column_title(column.code, 'en')}"


def shown(value: object) -> str:
    """A value as an error quotes it."""
    quoted = "" if value is None else str(value)
    return quoted if len(quoted) <= 60 else f"{quoted[:59]}…"


def _shared_beginning(one: str, other: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def did_you_mean(value: object, known: Iterable[str]) -> str | None:
    """The known word most like a value, if any is like it; of equally like ones that with the same beginning."""
    written = str(value).casefold()
    words = {each.casefold(): each for each in known}

    def likeness(word: str) -> tuple[float, int]:
        return SequenceMatcher(None, written, word).ratio(), _shared_beginning(written, word)

    close = max(get_close_matches(written, words, n=5, cutoff=0.5), key=likeness, default=None)
    return words[close] if close is not None else None


def _csv_pages(name: str, content: bytes) -> Iterator[tuple[str, list[list[object]]]]:
    decoded = _decoded(content)
    head = decoded.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows: list[list[object]] = [list(row) for row in csv.reader(io.StringIO(decoded), delimiter=delimiter)]
    except csv.Error as error:
        raise TableError(Words.of("tabular.not_csv", name=name)) from error
    yield name.rsplit("/", 1)[-1].rsplit(".", 1)[0], rows


def _decoded(content: bytes) -> str:
    """Text as spreadsheets save it: UTF-8 with or without a mark, or, in China, GB 18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError(Words.of("tabular.not_text"))


def _xlsx_pages(content: bytes) -> Iterator[tuple[str, list[list[object]]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > LARGEST_UNPACKED_BYTES:
                raise TableError(Words.of("tabular.file_too_large", megabytes=LARGEST_FILE_BYTES // 2**20))
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise TableError(Words.of("tabular.not_xlsx")) from error
    for page in book.worksheets:
        page.reset_dimensions()  # some programs write wrong ones
        rows: list[list[object]] = []
        for row in page.iter_rows(values_only=True):
            rows.append(list(row))
            if len(rows) > MOST_ROWS + _HEADER_WITHIN:
                raise TableError(Words.of("tabular.too_many_rows", rows=MOST_ROWS))
        yield page.title, rows


def _recognised(
    title: str, rows: Sequence[Sequence[object]], sheets: Sequence[Sheet]
) -> tuple[Sheet | None, dict[int, str], list[tuple[int, Sequence[object]]]]:
    """Which sheet a page is, by its header (or, failing that, its title), the columns by place, and the rows below."""
    best: tuple[int, Sheet | None, dict[int, str], int] = (0, None, {}, 0)
    for number, row in enumerate(rows[:_HEADER_WITHIN]):
        for candidate in sheets:
            names = _names(candidate)
            header = {place: names[key] for place, cell in enumerate(row) if (key := _key(cell)) in names}
            titled = _key(title) in {_key(candidate.code), *(_key(candidate.title(each)) for each in LANGUAGES)}
            weight = len(set(header.values())) * 2 + titled if header else 0
            if weight > best[0]:
                best = (weight, candidate, header, number)
    _, sheet, header, number = best
    if sheet is None or len(header) < min(2, len(sheet.columns)):
        return None, {}, []
    return sheet, header, [(at, row) for at, row in enumerate(rows[number + 1 :], start=number + 2)]


def _names(sheet: Sheet) -> dict[str, str]:
    """Column codes by every way their header may be written."""
    names: dict[str, str] = {}
    for column in sheet.columns:
        for name in (column.code, *(sheet.column_title(column.code, each) for each in LANGUAGES)):
            names[_key(name)] = column.code
        names[_key(header_of(sheet, column))] = column.code
    return names


def _key(name: object) -> str:
    """A header without what people change about it: case, spaces, a mark for what is required."""
    return "".join(unicodedata.normalize("NFKC", str(name or "")).casefold().replace("*", "").split())


def _table(sheet: Sheet, header: Mapping[int, str], body: Sequence[tuple[int, Sequence[object]]]) -> Table:
    table = Table(sheet)
    titled = Words.of(f"{sheet.words}.title")
    missing = [each for each in sheet.columns if each.required and each.code not in header.values()]
    for column in missing:
        words = Words.of("tabular.column_missing", column=sheet.column_words(column.code))
        table.mistakes.append(Mistake(titled, 0, None, "", words))
    columns = {place: each for place, code in header.items() for each in sheet.columns if each.code == code}
    for number, cells in body:
        given = {column.code: plain(cells[place]) if place < len(cells) else None for place, column in columns.items()}
        if all(value is None for value in given.values()) or _is_explanation(given):
            continue
        table.count += 1
        if table.count > MOST_ROWS:
            raise TableError(Words.of("tabular.too_many_rows", rows=MOST_ROWS))
        values, wrong = _values(sheet, columns.values(), given, titled, number)
        table.mistakes += wrong
        (table.faulty if wrong or missing else table.rows).append(Read(number, values))
    return table


def _values(
    sheet: Sheet, columns: Iterable[Column], given: Mapping[str, Cell], titled: Words, number: int
) -> tuple[dict[str, Any], list[Mistake]]:
    values: dict[str, Any] = {column.code: column.default for column in sheet.columns}
    wrong: list[Mistake] = []
    for column in columns:
        cell = given[column.code]
        named = sheet.column_words(column.code)
        if cell is None:
            if column.required:
                wrong.append(Mistake(titled, number, named, "", Words.of("tabular.empty")))
            continue
        try:
            values[column.code] = column.read(cell)
        except CellError as error:
            wrong.append(Mistake(titled, number, named, shown(cell), error.words))
    return values, wrong


def _is_explanation(given: Mapping[str, Cell]) -> bool:
    """Whether a row is the template's own explanation line, which begins with ``#``."""
    first = next((each for each in given.values() if each is not None), None)
    return isinstance(first, str) and first.startswith("#")
