"""Documents from templates: what is put in comes out, in Word and in print, in Chinese, and nothing is lost quietly."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pytest
from docx import Document
from docx.oxml import OxmlElement
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.documents import (
    DocumentError,
    Picture,
    Sheet,
    grid,
    heading,
    names,
    pdf_of,
    render_docx,
    render_pdf,
    simulated_mark,
    template,
)
from monitor.documents.of_case import OF_CASES
from monitor.documents.template_files import word_of
from registry.catalogue import entries

AT: Final = datetime(2026, 11, 22, 8, 30, 1, 234567, tzinfo=UTC)


def photo() -> bytes:
    """A small JPEG."""
    made = BytesIO()
    Image.new("RGB", (80, 60), "teal").save(made, "JPEG")
    return made.getvalue()


def fields(**more: Any) -> dict[str, Any]:
    """Every field that the platform's templates use."""
    item = {"problem": "余氯偏低", "measure": "调整投加", "done": "11月25日", "found": "已调整", "result": "合格"}
    one_line = (
        "number party address responsible phone checked_at place deadline contact online officer_1 officer_2 "
        "certificate_1 certificate_2 agency date to case site source found_at summary clause attachments order sent_by "
        "conclusion outcome reason approver"
    )
    return {
        **{name: f"〔{name}〕" for name in one_line.split()},
        "party": "崇川区某游泳馆 <A & B>",
        "findings": ["游离性余氯 0.12 mg/L，低于 0.3 mg/L", "公示牌缺失"],
        "basis": ["GB 37488-2019 4.4.1 表4"],
        "measures": ["立即调整投加量"],
        "requirements": ["现场核查"],
        "items": [item],
        "attachments": [{"name": "现场.jpg", "size": "12 kB", "sha256": "ab" * 32}],
        "photos": [Picture(photo(), 60)],
        "measurements": [{"place": "一号池", "indicator": "pH", "value": "7.2", "limit": "7.0–7.8", "method": "试纸"}],
        "steps": [{"at": "11-22 08:00", "step": "立案", "who": "甲", "note": "备注"}],
        **more,
    }


def printed(pdf: bytes) -> str:
    """The text of a PDF, as a reader's program finds it."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def written(docx: bytes) -> str:
    """The text of a Word file: above the pages, paragraphs, cells."""
    document = Document(BytesIO(docx))
    texts = [each.text for each in document.sections[0].header.paragraphs]
    texts += [each.text for each in document.paragraphs]
    texts += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join(texts)


def template_of(folder: Path, source: str) -> Path:
    """A folder with a template of the agency's own."""
    (folder / "closure.docx").write_bytes(word_of(source))
    return folder


def test_each_template_has_a_name() -> None:
    """Every template has a name that people read."""
    assert [name for name in names() if f"document.name.{name}" not in entries()] == []


@pytest.mark.parametrize("name", OF_CASES)
def test_each_template_of_cases_in_word_and_in_print(name: str) -> None:
    """What is put into a template is found in its Word file and in its PDF, and no tag is left over."""
    docx, pdf = render_docx(name, fields(), at=AT), render_pdf(name, fields(), at=AT)
    for text in (written(docx), printed(pdf)):
        assert "崇川区某游泳馆 <A & B>" in text
        assert "{{" not in text
        assert "{%" not in text
    assert pdf.startswith(b"%PDF-")


def test_simulated_is_marked_whatever_the_template_says(tmp_path: Path) -> None:
    """A document about a simulated site says so above every page, even from a template that forgot it."""
    folder = template_of(tmp_path, "# 表\n\n{{ party }}\n\n---\n\n第二页")
    docx = render_docx("closure", fields(), at=AT, simulated=True, folder=folder)
    pdf = render_pdf("closure", fields(), at=AT, simulated=True, folder=folder)
    assert simulated_mark() in written(docx)
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 2
    for page in document:
        assert simulated_mark() in page.get_textpage().get_text_range()
    document.close()
    assert simulated_mark() not in printed(render_pdf("closure", fields(), at=AT, folder=folder))


def test_the_agencys_own_template_is_taken(tmp_path: Path) -> None:
    """A file of the agency's takes the place of the platform's, and of no other."""
    folder = template_of(tmp_path, "# 本所结案表\n\n{{ party }}")
    assert "本所结案表" in written(render_docx("closure", fields(), at=AT, folder=folder))
    assert template("recheck_record", folder) == template("recheck_record")


def test_a_picture_is_in_both(tmp_path: Path) -> None:
    """A photograph of the venue's is in the Word file and on the printed page."""
    docx = Document(BytesIO(render_docx("rectification_feedback", fields(), at=AT)))
    assert len(docx.inline_shapes) == 1
    document = pypdfium2.PdfDocument(render_pdf("rectification_feedback", fields(), at=AT))
    picture = document[0].render(scale=1).to_pil().convert("RGB")
    document.close()
    counts = picture.getcolors(1 << 20) or ()
    teal = sum(count for count, colour in counts if isinstance(colour, tuple) and colour[0] < 10 and colour[1] > 120)
    assert teal > 5_000


@pytest.mark.parametrize(
    ("source", "names_it"),
    [("{{ nothing }}", "nothing"), ("{{ party", "closure"), ("{{ ().__class__.__bases__ }}", "closure")],
)
def test_a_wrong_template_is_named(tmp_path: Path, source: str, names_it: str) -> None:
    """A field that is not there, a tag that is not closed and a way out of the template are errors that say where."""
    with pytest.raises(DocumentError, match=names_it) as told:
        render_docx("closure", fields(), at=AT, folder=template_of(tmp_path, source))
    assert "closure" in str(told.value)


def test_no_word_file_and_no_template(tmp_path: Path) -> None:
    """A file that is no Word file and a name that is no template are told apart."""
    (tmp_path / "closure.docx").write_bytes(b"not a zip")
    with pytest.raises(DocumentError, match="not a Word file"):
        render_docx("closure", {}, at=AT, folder=tmp_path)
    for name in ("nonesuch", "../closure"):
        with pytest.raises(DocumentError, match="template"):
            render_docx(name, {}, at=AT, folder=tmp_path)


@pytest.mark.parametrize("tag", ["w:numPr", "w:txbxContent", "w:footnoteReference"])
def test_what_cannot_be_printed_is_refused(tmp_path: Path, tag: str) -> None:
    """Word's own numbering, text boxes and footnotes are refused by name: a PDF must not say less than the file."""
    document = Document(BytesIO(word_of("# 表\n\n第一条 {{ party }}")))
    paragraph = document.paragraphs[1]._p
    holder = paragraph.get_or_add_pPr() if tag == "w:numPr" else paragraph.add_r()
    holder.append(OxmlElement(tag))
    document.save(str(tmp_path / "closure.docx"))
    assert render_docx("closure", fields(), at=AT, folder=tmp_path)
    with pytest.raises(DocumentError, match="第一条") as told:
        render_pdf("closure", fields(), at=AT, folder=tmp_path)
    assert told.value.words.zh.startswith("模板 closure：无法打印，在“第一条")


def test_a_long_table_goes_over_pages_with_its_heads() -> None:
    """A table of 200 rows takes several pages, each with the table's head."""
    rows = [["时间", "读数"]] + [[f"2026-11-22 08:{row:03}", "0.12 mg/L"] for row in range(200)]
    sheet = Sheet("读数", (heading("读数", 1), grid(rows, [1, 2])))
    document = pypdfium2.PdfDocument(pdf_of(sheet, AT))
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    assert len(pages) > 3
    assert all("时间" in page for page in pages)
    assert sum(page.count("0.12 mg/L") for page in pages) == 200


def test_the_same_document_has_the_same_bytes() -> None:
    """The same fields and time make the same PDF, so that its hash can be checked by making it again."""
    assert render_pdf("closure", fields(), at=AT) == render_pdf("closure", fields(), at=AT)


def test_a_character_that_no_font_has_is_named() -> None:
    """A rare character of a name is marked in print and named by its number; the Word file has it itself."""
    values = fields(party="王\U0002b5af\U000e0041泳馆")
    assert "王\U0002b5af" in written(render_docx("closure", values, at=AT))
    text = printed(render_pdf("closure", values, at=AT))
    assert "〓" in text
    assert "U+E0041" in text


@settings(max_examples=12, deadline=None)
@given(said=st.text(min_size=1, max_size=60))
def test_whatever_people_write_is_only_text(said: str) -> None:
    """No text of a person's is taken for a tag of Word's, Jinja's or Typst's, and none keeps a document from being."""
    values: Mapping[str, Any] = fields(summary=f"甲{said}乙")
    kept = re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", said)
    assert f"甲{kept}乙" in written(render_docx("closure", values, at=AT))
    assert printed(render_pdf("closure", values, at=AT))
