"""A Word file as a sheet, for printing: paragraphs, tables, pictures in the line, headers.

What a sheet cannot hold is refused by name instead of being left out: text boxes, floating pictures, numbers that Word
gives to paragraphs by itself, cells merged downwards. A document that says less in print than in Word would be wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from zipfile import BadZipFile

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph as WordParagraph
from docx.text.run import Run as WordRun

from monitor.documents.sheet import Align, Block, Cell, DocumentError, PageBreak, Paragraph, Picture, Run, Sheet, Table
from registry.words import Words

EMU_PER_MM: Final = 36_000
_ALIGNED: Final[dict[Any, Align]] = {
    WD_ALIGN_PARAGRAPH.CENTER: "center",
    WD_ALIGN_PARAGRAPH.RIGHT: "right",
    WD_ALIGN_PARAGRAPH.LEFT: "left",
}
_UNPRINTABLE: Final = {
    "w:txbxContent": "text_box",
    "wp:anchor": "floating",
    "w:numPr": "numbering",
    "w:vMerge": "merged",
    "w:footnoteReference": "footnote",
    "m:oMath": "formula",
}
"""What a sheet cannot hold, by its tag; the catalogue says of each what to do instead."""


def opened(content: bytes, name: str) -> Any:
    """The document of a template's Word file. Raises `DocumentError` on what is none."""
    try:
        return Document(BytesIO(content))
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError) as error:
        raise DocumentError.of("refusal.documents.not_word", name=name, error=error) from error


def sheet_of(content: bytes, name: str, *, mark: str | None = None) -> Sheet:
    """The sheet of a template's Word file. Raises `DocumentError` naming what cannot be printed, and what would be."""
    document = opened(content, name)
    _refuse(document, name)
    source = _Source(document)
    blocks = tuple(each for inner in document.iter_inner_content() for each in _blocks(inner, source))
    header = " ".join(
        paragraph.text
        for section in document.sections[:1]
        for paragraph in section.header.paragraphs
        if paragraph.text.strip() and paragraph.text != mark
    )
    titles = [block for block in blocks if isinstance(block, Paragraph) and block.level == 1]
    title = "".join(run.text for run in titles[0].runs) if titles else name
    return Sheet(title, blocks, header, mark)


@dataclass(frozen=True, slots=True)
class _Source:
    """The document that is read, and what its styles say: a table has thousands of paragraphs of a few styles."""

    document: Any
    styles: dict[str | None, tuple[int, Any]] = field(default_factory=dict)

    def style(self, paragraph: WordParagraph) -> tuple[int, Any]:
        """The level and the alignment (None: not said) of a paragraph's style."""
        code = paragraph._p.style
        if code not in self.styles:
            style = paragraph.style  # python-docx goes through all styles for this
            self.styles[code] = (_level(style.name), style.paragraph_format.alignment) if style else (0, None)
        return self.styles[code]


def _refuse(document: Any, name: str) -> None:
    for tag, part in _UNPRINTABLE.items():
        for found in document.element.body.iter(qn(tag)):
            around = next((each for each in (found, *found.iterancestors()) if each.tag == qn("w:p")), found)
            near = "".join(each.text or "" for each in around.iter(qn("w:t")))[:40]
            raise DocumentError.of(
                "refusal.documents.unprintable",
                name=name,
                near=near or Words.of("refusal.documents.empty_paragraph"),
                what=Words.of(f"refusal.documents.unprintable_part.{part}"),
                tag=tag,
            )


def _blocks(inner: WordParagraph | WordTable, source: _Source) -> Iterator[Block]:
    if isinstance(inner, WordTable):
        yield _table(inner, source)
        return
    pictures = [_picture(each, source.document) for each in inner._p.iter(qn("wp:inline"))]
    if any(each.get(qn("w:type")) == "page" for each in inner._p.iter(qn("w:br"))):
        yield PageBreak()
    runs = tuple(_runs(inner))
    # An empty paragraph is a line of space; one that only breaks the page is not.
    if runs or not (pictures or list(inner._p.iter(qn("w:br")))):
        level, styled = source.style(inner)
        yield Paragraph(runs or (Run(" "),), level, _align(inner, styled), _indent(inner))
    yield from pictures


def _runs(paragraph: WordParagraph) -> Iterator[Run]:
    """What is written, in links too, with the look it has in Word."""
    for inner in paragraph.iter_inner_content():
        for run in [inner] if isinstance(inner, WordRun) else inner.runs:
            if run.text:
                size = run.font.size.pt if run.font.size else None
                yield Run(run.text, bool(run.bold), bool(run.underline), size)


def _level(style: str | None) -> int:
    if style == "Title":
        return 1
    # Word's "Heading 1" is the first below the title.
    return int(style[8:]) + 1 if style and style.startswith("Heading ") and style[8:].isdigit() else 0


def _align(paragraph: WordParagraph, styled: Any) -> Align:
    own = paragraph.alignment
    return _ALIGNED.get(own if own is not None else styled, "justify")


def _indent(paragraph: WordParagraph) -> float:
    length = paragraph.paragraph_format.first_line_indent
    return 2.0 if length is not None and length > 0 else 0.0


def _picture(inline: Any, document: Any) -> Picture:
    relation = next(each.get(qn("r:embed")) for each in inline.iter(qn("a:blip")))
    width = int(inline.find(qn("wp:extent")).get("cx")) / EMU_PER_MM
    return Picture(document.part.related_parts[relation].blob, min(width, 160.0))


def _table(table: WordTable, source: _Source) -> Table:
    widths = [float(each.width or 1) for each in table.columns]
    rows = tuple(tuple(_cells(row, source)) for row in table.rows)
    heads = 0
    for row in table.rows:
        if row._tr.trPr is None or row._tr.trPr.find(qn("w:tblHeader")) is None:
            break
        heads += 1
    return Table(tuple(widths), rows, heads)


def _cells(row: Any, source: _Source) -> Iterator[Cell]:
    seen = None
    for cell in row.cells:
        if cell._tc is seen:
            continue  # python-docx repeats a cell for each column it spans
        seen = cell._tc
        blocks = tuple(each for inner in cell.iter_inner_content() for each in _blocks(inner, source))
        yield Cell(blocks, cell.grid_span)
