"""A sheet as a PDF, set by Typst with the fonts that come with it: nothing of the machine's is used.

PDF/A-2b (ISO 19005-2), which carries its fonts within it, so that the file reads the same in ten years. The same
sheet and time give the same bytes.
"""

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import typst
from fontTools.ttLib import TTFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

from monitor.documents.sheet import Block, Cell, DocumentError, PageBreak, Paragraph, Picture, Run, Sheet, Table, plain
from registry.catalogue import text

STANDARD: Final = "a-2b"
MISSING: Final = "〓"
"""What printers put where they have no type for a character; which one it is, is said at the end."""
_PNG: Final = b"\x89PNG"


def pdf_of(sheet: Sheet, at: datetime) -> bytes:
    """The PDF of a sheet, made at `at`. Raises `DocumentError` on a picture that cannot be drawn."""
    maker = _Maker()
    header = maker.printable(sheet.header)
    blocks = [maker.block(each) for each in sheet.blocks]
    if maker.missing:
        codes = " ".join(f"U+{ord(each):04X}" for each in maker.missing)
        blocks.append(maker.block(plain(text("zh", "document.missing", mark=MISSING, codes=codes))))
    value = {
        "title": sheet.title,
        "header": header,
        "mark": sheet.mark,
        "watermark": (sheet.mark or "").split(" ")[0],
        "blocks": blocks,
    }
    with TemporaryDirectory(prefix="landun-sheet-") as folder:
        root = Path(folder)
        for name, content in maker.pictures.items():
            (root / name).write_bytes(content)
        (root / "sheet.json").write_bytes(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        (root / "sheet.typ").write_bytes(files("monitor.documents").joinpath("sheet.typ").read_bytes())
        try:
            made = typst.compile(
                str(root / "sheet.typ"),
                root=folder,
                font_paths=_fonts(),
                ignore_system_fonts=True,
                pdf_standards=STANDARD,
                timestamp=at.replace(microsecond=0),
            )
        except RuntimeError as error:
            raise DocumentError.of("refusal.documents.undrawable", title=sheet.title, error=error) from error
    return bytes(made or b"")


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[str(serif_path().parent), str(sans_path().parent)])


@cache
def _drawable() -> frozenset[int]:
    """The characters that the fonts can draw: Chinese to GB 18030's common planes, Latin, signs."""
    return frozenset().union(*(TTFont(path(), lazy=True).getBestCmap() for path in (serif_path, sans_path)))


class _Maker:
    """A sheet's blocks as the values that `sheet.typ` reads, with their pictures and what no font can draw."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.missing: list[str] = []

    def printable(self, written: str) -> str:
        """The text with a mark for each character that no font can draw."""
        lacking = [each for each in written if each not in "\n\t" and ord(each) not in _drawable()]
        self.missing += lacking
        return written.translate({ord(each): MISSING for each in lacking})

    def block(self, block: Block) -> dict[str, Any]:
        """One block."""
        match block:
            case Paragraph():
                return {
                    "kind": "paragraph",
                    "runs": [self._run(each) for each in block.runs],
                    "level": block.level,
                    "align": block.align,
                    "indent": block.indent,
                }
            case Picture():
                ending = "png" if block.content.startswith(_PNG) else "jpg"
                name = f"picture-{len(self.pictures)}.{ending}"
                self.pictures[name] = block.content
                return {"kind": "picture", "file": name, "width": block.width_mm}
            case PageBreak():
                return {"kind": "break"}
            case Table():
                return {
                    "kind": "table",
                    "widths": block.widths,
                    "heads": block.heads,
                    "rows": [[self._cell(each) for each in row] for row in block.rows],
                }

    def _cell(self, cell: Cell) -> dict[str, Any]:
        return {"span": cell.span, "blocks": [self.block(each) for each in cell.blocks]}

    def _run(self, run: Run) -> dict[str, Any]:
        return {"text": self.printable(run.text), "bold": run.bold, "underline": run.underline, "size": run.size}
