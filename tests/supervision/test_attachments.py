"""Files given with a step: told by their content."""

import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.supervision.attachments import LARGEST_BYTES, LONGEST_NAME, AttachmentError, fit_name, taken
from tests.api.test_cases import photo

JPEG = b"\xff\xd8\xff\xe0" + bytes(64)


def packed(part: str) -> bytes:
    """A file of Office with one part."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<x/>")
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("现场.png", photo(), "image/png"),
        ("IMG_1.JPG", JPEG, "image/jpeg"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
        ("记录.pdf", b"%PDF-1.7\n", "application/pdf"),
        (
            "a.docx",
            packed("word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.xlsx", packed("xl/workbook.xml"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_kinds_that_are_taken(name: str, content: bytes, kind: str) -> None:
    """Pictures, PDF, video, Word and Excel are kept whole with their SHA-256."""
    found = taken(name, content)
    assert (found.name, found.media_type, found.content) == (name, kind, content)
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", b"", "is empty"),
        ("a.exe", b"MZ\x90\0", "not of a kind"),
        ("a.png", b"<svg onload=alert(1)>", "not of a kind"),
        ("a.html", b"<html>", "not of a kind"),
        ("a.zip", packed("other/part"), "not of a kind"),
        ("a.pdf", photo(), "does not fit its ending"),
        ("a.jpg", JPEG + b"\0" * LARGEST_BYTES, "at most 10 MB"),
    ],
)
def test_what_is_not_taken_says_why(name: str, content: bytes, why: str) -> None:
    """Empty, of another kind, misnamed, too large: told in both languages with what would be right."""
    with pytest.raises(AttachmentError) as caught:
        taken(name, content)
    assert why in str(caught.value)
    assert "文件“" in caught.value.words.zh


@given(st.one_of(st.text(max_size=400), st.integers(100, 400).map(lambda many: f"照片.{'x' * many}")))
def test_a_name_is_fit_for_headers_and_file_systems(name: str) -> None:
    """Whatever a browser sends: one part, not empty, not too long, nothing that breaks out."""
    found = fit_name(name)
    assert found
    assert len(found) <= LONGEST_NAME
    assert not set(found) & set('/\\"\r\n\0<>|:*?')
    assert found not in {".", ".."}
