"""A printable document as plain values: what lies between a Word file, or a report of the platform's, and a PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from registry.words import WordedError

Align = Literal["left", "center", "right", "justify"]


class DocumentError(WordedError):
    """A template or its fields are not right; the sentence names the template, the place, and what would be."""


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one look. `size` in points; None: the paragraph's."""

    text: str
    bold: bool = False
    underline: bool = False
    size: float | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`level` 0 is running text, 1 the document's title, 2 and more its headings. `indent`: the first line, in em."""

    runs: tuple[Run, ...]
    level: int = 0
    align: Align = "justify"
    indent: float = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG or JPEG, as its bytes, so many millimetres wide."""

    content: bytes
    width_mm: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; `span`: over how many columns it reaches."""

    blocks: tuple["Block", ...]
    span: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells. `widths` are shares of the line; the first `heads` rows are repeated on every page."""

    widths: tuple[float, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heads: int = 0


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What comes next begins a new page."""


Block = Paragraph | Picture | Table | PageBreak


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document: its blocks, what stands above every page, and the `mark` across it (None: none)."""

    title: str
    blocks: tuple[Block, ...]
    header: str = ""
    mark: str | None = None


def plain(text: str, *, bold: bool = False, align: Align = "justify", indent: float = 0) -> Paragraph:
    """A paragraph of one look."""
    return Paragraph((Run(text, bold),), align=align, indent=indent)


def heading(text: str, level: int = 2) -> Paragraph:
    """A heading; level 1 is the title."""
    return Paragraph((Run(text),), level, "center" if level == 1 else "left")


def grid(rows: Sequence[Sequence[str]], widths: Sequence[float], *, heads: int = 1) -> Table:
    """A table of texts whose first `heads` rows are headings."""
    return Table(
        tuple(widths),
        tuple(
            tuple(Cell((plain(text, bold=place < heads, align="left"),)) for text in row)
            for place, row in enumerate(rows)
        ),
        heads,
    )
