"""Documents over the API: filled in from a case, as Word files and PDFs; templates that the agency replaces."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from docx import Document
from PIL import Image

from monitor.documents.of_case import OF_CASES
from monitor.documents.template_files import word_of
from store.connections import Connection, connect
from tests.api.conftest import Served, component, eventually, prepare, put_alarm, serving
from tests.api.test_cases import do, lead, report


def written(content: bytes) -> str:
    """The text of a Word file, tables and what stands above the pages included."""
    document = Document(io.BytesIO(content))
    texts = [paragraph.text for paragraph in (*document.sections[0].header.paragraphs, *document.paragraphs)]
    return "\n".join([*texts, *(cell.text for table in document.tables for row in table.rows for cell in row.cells)])


def printed(content: bytes) -> str:
    """The text of a PDF."""
    document = pypdfium2.PdfDocument(content)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def photo() -> bytes:
    """A small picture."""
    made = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
def agency(database: str, tmp_path: Path) -> Iterator[Served]:
    """The API with a folder for the agency's own templates."""
    with connect(database) as connection:
        prepare(connection)
    with serving(database, templates=tmp_path / "templates") as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        yield served


def test_every_document_of_a_closed_case(api: Served, db: Connection) -> None:
    """Order, assignment, feedback with its photo, recheck, closure: each in both forms, with what the case holds."""
    put_alarm(db, 65536)
    case = lead(api, source="alarm", subject="", alarms=[65536])["id"]
    do(api, case, "accept", "order")
    assert report(api, case, ("现场.png", photo())).status_code == 200
    do(api, case, "recheck_passed")
    db.execute(
        "WITH one AS (INSERT INTO responsible_person (name, phone, entered_by, entered_at) "
        "VALUES ('周馆长', '0513-8000', 'centre', now()) RETURNING id) "
        "INSERT INTO responsible_for (person, site, role, since, entered_by, entered_at) "
        "SELECT id, 'P-1', 'legal', '2026-01-01', 'centre', now() FROM one"
    )
    client = api.client("inspector")
    asked = {"number": "通卫监意〔2026〕7号", "address": "崇川区人民路1号"}
    for name in OF_CASES:
        docx = client.get(f"/cases/{case}/documents/{name}.docx", params=asked)
        pdf = client.get(f"/cases/{case}/documents/{name}.pdf", params=asked)
        assert docx.status_code == pdf.status_code == 200, (name, docx.text[:300], pdf.text[:300])
        for text in (written(docx.content), printed(pdf.content)):
            assert "崇川一号池" in text, name
            assert "模拟" not in text
    order = written(client.get(f"/cases/{case}/documents/supervision_opinion.docx", params=asked).content)
    for expected in (
        *asked.values(),
        "GB 37488-2019",
        "inspector 某人",
        "centre 某人",
        "南通市卫生监督所",
        "不直接作为",
    ):
        assert expected in order, expected
    feedback = client.get(f"/cases/{case}/documents/rectification_feedback.docx").content
    assert "已加药并复测" in written(feedback)
    with zipfile.ZipFile(io.BytesIO(feedback)) as archive:
        assert [archive.read(name) for name in archive.namelist() if "media/" in name] == [photo()]
    assert "复查合格" in written(client.get(f"/cases/{case}/documents/recheck_record.docx").content)
    assert api.client("venue").get(f"/cases/{case}/documents/closure.docx").status_code == 403
    assert client.get(f"/cases/{case}/documents/nonesuch.pdf").status_code == 404
    (noted,) = db.execute("SELECT count(*) FROM audit_log WHERE action = 'document_made'").fetchone() or (0,)
    assert noted == 2 * len(OF_CASES) + 3


def test_a_simulated_sites_document_is_marked(api: Served, db: Connection) -> None:
    """A document about a simulated venue says so above the page and in its name; out of scope there is none."""
    case = lead(api, "centre", site="P-3")["id"]
    made = api.client("centre").get(f"/cases/{case}/documents/lead_assignment.pdf")
    assert "模拟数据" in printed(made.content)
    assert "SIMULATED" in made.headers["content-disposition"]
    assert api.client("inspector").get(f"/cases/{case}/documents/lead_assignment.pdf").status_code == 404


def test_the_agency_puts_its_own_template_in_place(agency: Served, tmp_path: Path) -> None:
    """The file is downloaded, edited, put back and used; one with a wrong field is refused by name; and back again."""
    client = agency.client("centre")
    case = lead(agency)["id"]
    assert client.get("/documents/closure.docx").content.startswith(b"PK")
    refused = client.put("/documents/closure.docx", content=word_of("# 表\n\n{{ nonesuch }}"))
    assert refused.status_code == 422
    assert "nothing fills in nonesuch" in refused.json()["detail"]
    assert "没有内容可填入字段 nonesuch" in refused.json()["detail_zh"]
    assert client.put("/documents/closure.docx", content=b"not Word").status_code == 422
    put = client.put("/documents/closure.docx", content=word_of("# 本所结案审批表\n\n{{ party }}"))
    assert put.status_code == 200, put.text
    assert put.json()["own"]
    used = agency.client("inspector").get(f"/cases/{case}/documents/closure.pdf").content
    assert "本所结案审批表" in printed(used)
    assert not client.delete("/documents/closure.docx").json()["own"]
    assert client.delete("/documents/closure.docx").status_code == 404
    assert list((tmp_path / "templates").iterdir()) == []


def test_without_a_folder_no_template_is_replaced(api: Served) -> None:
    """The sentence says how to give one."""
    answer = api.client("centre").put("/documents/closure.docx", content=b"x")
    assert answer.status_code == 409
    assert "--templates" in answer.json()["detail"]
    assert "没有设定模板文件夹" in answer.json()["detail_zh"]
