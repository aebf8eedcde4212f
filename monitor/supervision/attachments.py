"""Files given with a step: which kinds and sizes are taken, told by their content and not by their name."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.words import WordedError

LARGEST_BYTES: Final = 10 * 1024 * 1024
"""A photo of a telephone is 2–6 MB, a scanned record less [design]."""
MOST_FILES: Final = 9
"""Of one step [design]."""
LONGEST_NAME: Final = 120
LONGEST_ENDING: Final = 8

_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]')
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"hevc"})
_MP4_BRANDS: Final = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  "}
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is taken: whole, unaltered, with its SHA-256 (hexadecimal)."""

    name: str
    media_type: str
    content: bytes
    sha256: str


class AttachmentError(WordedError):
    """A file that is not taken; the words (``supervision.file`` in the catalogue) say why, and what would be right."""


def _brand(content: bytes, brands: frozenset[bytes]) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in brands


def _packed(content: bytes, part: bytes) -> bool:
    return content.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in content and part in content


_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS: Final[dict[str, tuple[tuple[str, ...], Callable[[bytes], bool]]]] = {
    "image/jpeg": ((".jpg", ".jpeg"), lambda content: content.startswith(b"\xff\xd8\xff")),
    "image/png": ((".png",), lambda content: content.startswith(b"\x89PNG\r\n\x1a\n")),
    "image/webp": ((".webp",), lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP"),
    "image/heic": ((".heic", ".heif"), lambda content: _brand(content, _HEIC_BRANDS)),
    "application/pdf": ((".pdf",), lambda content: content.startswith(b"%PDF-")),
    "video/mp4": ((".mp4", ".mov"), lambda content: _brand(content, _MP4_BRANDS)),
    _WORD: ((".docx",), lambda content: _packed(content, b"word/")),
    _EXCEL: ((".xlsx",), lambda content: _packed(content, b"xl/")),
}
"""Kinds that are taken: the endings of their names, and how their content begins."""


def taken(name: str, content: bytes) -> Attachment:
    """A file, looked at. Raises `AttachmentError` for one that is empty, too large, or not what its name says."""
    shown = fit_name(name)
    if not content:
        raise AttachmentError.of("supervision.file.empty", name=shown)
    if len(content) > LARGEST_BYTES:
        size = f"{len(content) / 2**20:.1f}"
        limit = LARGEST_BYTES // 2**20
        raise AttachmentError.of("supervision.file.large", name=shown, megabytes=size, limit=limit)
    for media_type, (endings, is_so) in KINDS.items():
        if is_so(content):
            if not shown.lower().endswith(endings):
                raise AttachmentError.of("supervision.file.ending", name=shown, endings=" ".join(endings))
            return Attachment(shown, media_type, content, hashlib.sha256(content).hexdigest())
    every = " ".join(each for known, _ in KINDS.values() for each in known)
    raise AttachmentError.of("supervision.file.kind", name=shown, endings=every)


def fit_name(name: str) -> str:
    """The last part of a name without what file systems and headers stumble over; the ending is kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = _UNFIT.sub("_", last).strip(" .") or "file"
    if len(clean) <= LONGEST_NAME:
        return clean
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending) > LONGEST_ENDING:
        return clean[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(dot + ending)]}{dot}{ending}"
