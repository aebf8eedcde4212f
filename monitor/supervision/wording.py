"""Reasons in words, in either language."""

from typing import Final

from monitor.supervision.attachments import AttachmentError
from monitor.supervision.conditions import ActRefusedError, Refusal
from registry.catalogue import LANGUAGES, Language, text

_CODES: Final = {"state": "state", "action": "action", "closure": "closure", "party": "party"}
"""Fields of a refusal that are codes, and the table of the catalogue with their names."""


def reason(language: Language, refusal: Refusal) -> str:
    """One condition that is not met."""
    fields = {
        name: text(language, f"supervision.{_CODES[name]}.{value}") if name in _CODES else value
        for name, value in refusal.fields
    }
    return text(language, f"supervision.refused.{refusal.key}", **fields)


def refused(error: ActRefusedError) -> str:
    """All reasons of a refusal, in both languages."""
    return _both(tuple(" ".join(reason(language, each) for each in error.reasons) for language in LANGUAGES))


def not_taken(error: AttachmentError) -> str:
    """Why a file is not taken, in both languages."""
    return _both(tuple(text(language, f"supervision.file.{error.key}", **error.fields) for language in LANGUAGES))


def _both(words: tuple[str, ...]) -> str:
    zh, en = words
    return f"{en} | {zh}"
