"""Where templates come from: an agency's own Word files first, those that come with the platform otherwise.

A template that comes along is written in Markdown (headings, paragraphs, tables, **bold**, a quotation for what stands
on the right) and becomes a Word file here; an agency takes that file, edits it in Word, and puts it into its folder
under the same name. The fields are Jinja's, as docxtpl reads them: ``{{ venue }}``, ``{%p if … %}`` for paragraphs,
``{%tr for … %}`` for rows of tables.
"""

import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from docxtpl import DocxTemplate
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markdown_it import MarkdownIt
from markdown_it.token import Token

from monitor.documents.sheet import DocumentError
from monitor.documents.word import opened, sheet_of
from registry.words import listed

SONG: Final = "仿宋"
HEI: Final = "黑体"
LINE: Final = Mm(158)
"""Typefaces of running text and of headings, which every Chinese Word has; the length of a line."""

_FOLDER: Final = files("monitor.documents").joinpath("templates")
LARGEST_BYTES: Final = 10 * 1024 * 1024
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def names() -> list[str]:
    """The templates that come with the platform."""
    found = (each.name for each in _FOLDER.iterdir())
    return sorted(name.removesuffix(".md") for name in found if name.endswith(".md"))


def template(name: str, folder: Path | None = None) -> bytes:
    """The Word file of a template: ``<folder>/<name>.docx`` where there is one, the platform's own otherwise.

    Raises `DocumentError` naming a template that is not known, or a file that cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise DocumentError.of("refusal.documents.bad_name", name=name)
    own = own_file(name, folder) if folder else None
    if own is not None and own.exists():
        try:
            return own.read_bytes()
        except OSError as error:
            raise DocumentError.of("refusal.documents.wrong", name=own, error=error.strerror) from error
    if name not in names():
        raise DocumentError.of("refusal.documents.unknown", name=name, known=listed(names()))
    return _shipped(name)


def own_file(name: str, folder: Path) -> Path:
    """Where an agency's own file of a template lies."""
    return folder / f"{name}.docx"


def accept(name: str, content: bytes, folder: Path) -> None:
    """Put an agency's own file in a template's place.

    Raises `DocumentError` on what is no Word file, what cannot be printed, and fields that nothing fills in.
    """
    known = fields(_shipped(name), name) if name in names() else None
    if known is None:
        raise DocumentError.of("refusal.documents.unknown", name=name, known=listed(names()))
    sheet_of(content, name)
    if unknown := sorted(fields(content, name) - known):
        told = {"unknown": listed(unknown), "known": listed(sorted(known))}
        raise DocumentError.of("refusal.documents.unfilled", name=name, **told)
    folder.mkdir(parents=True, exist_ok=True)
    part = own_file(name, folder).with_suffix(".part")
    part.write_bytes(content)
    part.replace(own_file(name, folder))


def remove_own(name: str, folder: Path) -> bool:
    """Take an agency's own file away; False where there is none."""
    path = own_file(name, folder)
    if not path.exists():
        return False
    path.unlink()
    return True


def fields(content: bytes, name: str) -> set[str]:
    """The fields that a template asks for. Raises `DocumentError` on a tag that is not closed."""
    opened(content, name)
    try:
        return set(DocxTemplate(BytesIO(content)).get_undeclared_template_variables(SandboxedEnvironment()))
    except TemplateError as error:
        raise DocumentError.of("refusal.documents.wrong", name=name, error=error) from error


@cache
def _shipped(name: str) -> bytes:
    source = _FOLDER.joinpath(f"{name}.md").read_text(encoding="utf-8")
    return word_of(source)


def word_of(source: str) -> bytes:
    """The Word file of a template in Markdown."""
    document = Document()
    _dress(document)
    _Writer(document, source.splitlines()).write(MarkdownIt("commonmark").enable("table").parse(source))
    made = BytesIO()
    document.save(made)
    return made.getvalue()


class _Writer:
    def __init__(self, document: Any, lines: list[str]) -> None:
        self.document = document
        self.lines = lines
        self.heading = 0
        self.quoted = False

    def write(self, tokens: list[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "table_open":
                end = next(i for i in range(place, len(tokens)) if tokens[i].type == "table_close")
                self._table(tokens[place:end])
                place = end
            elif token.type == "heading_open":
                self.heading = int(token.tag[1])
            elif token.type == "heading_close":
                self.heading = 0
            elif token.type in ("blockquote_open", "blockquote_close"):
                self.quoted = token.type == "blockquote_open"
            elif token.type == "hr":
                self.document.add_page_break()
            elif token.type == "inline":
                self._paragraph(token)
            place += 1

    def _paragraph(self, token: Token) -> None:
        style = {0: "Normal", 1: "Title"}.get(self.heading, f"Heading {self.heading - 1}")
        paragraph = self.document.add_paragraph(style=style)
        if self.quoted:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        elif not self.heading and not token.content.startswith("{%p"):
            paragraph.paragraph_format.first_line_indent = Pt(24)
        _runs(paragraph, token)

    def _table(self, tokens: list[Token]) -> None:
        """A table; a head row of empty cells is none, and the dashes below it say how wide each column is."""
        first = (tokens[0].map or [0])[0]
        shares = [len(each.strip()) for each in self.lines[first + 1].strip().strip("|").split("|")]
        rows: list[list[Token]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(token)
        heads = 1 if any(each.content for each in rows[0]) else 0
        rows = rows if heads else rows[1:]
        made = self.document.add_table(len(rows), len(shares), style="Table Grid")
        made.autofit = False
        for column, share in zip(made.columns, shares, strict=True):
            column.width = round(LINE * share / sum(shares))
        for number, row in enumerate(rows):
            for place, token in enumerate(row):
                made.cell(number, place).width = made.columns[place].width
                paragraph = made.cell(number, place).paragraphs[0]
                paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
                _runs(paragraph, token, bold=number < heads)
            if number < heads:
                properties = made.rows[number]._tr.get_or_add_trPr()
                properties.append(OxmlElement("w:tblHeader"))
        self.document.add_paragraph().paragraph_format.space_after = Pt(0)


def _runs(paragraph: Paragraph, token: Token, *, bold: bool = False) -> None:
    strong = bold
    for child in token.children or ():
        if child.type in ("strong_open", "strong_close"):
            strong = bold or child.type == "strong_open"
        elif child.type in ("softbreak", "hardbreak"):
            paragraph.add_run().add_break()
        elif child.content:
            run = paragraph.add_run(child.content)
            run.bold = strong or None
            if strong:
                _typeface(run._element.get_or_add_rPr(), HEI)


def _dress(document: Any) -> None:
    """A4, margins, typefaces, and the number of the page below."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = (section.page_width - LINE) // 2
    section.top_margin, section.bottom_margin = Mm(30), Mm(25)
    looks = {"Normal": (12, SONG), "Title": (22, HEI), "Heading 1": (14, HEI), "Heading 2": (12, HEI)}
    for name, (size, face) in looks.items():
        style = document.styles[name]
        style.font.size, style.font.name = Pt(size), "Times New Roman"
        _typeface(style.element.get_or_add_rPr(), face)
        if name != "Normal":
            style.font.color.rgb = None
            style.font.bold = False
        for border in style.element.findall(f".//{qn('w:pBdr')}"):
            border.getparent().remove(border)
    document.styles["Normal"].paragraph_format.line_spacing = 1.4
    document.styles["Normal"].paragraph_format.space_after = Pt(4)
    document.styles["Title"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.styles["Title"].paragraph_format.space_after = Pt(14)
    _page_number(section.footer.paragraphs[0])


def _typeface(properties: Any, face: str) -> None:
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = OxmlElement("w:rFonts")
        properties.insert(0, fonts)
    for theme in [each for each in fonts.attrib if "heme" in each]:
        del fonts.attrib[theme]
    for script, name in (("ascii", "Times New Roman"), ("hAnsi", "Times New Roman"), ("eastAsia", face)):
        fonts.set(qn(f"w:{script}"), name)


def _page_number(paragraph: Paragraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._element.append(mark)
