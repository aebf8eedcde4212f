"""The words of the page of notifications."""

from typing import Final

from dashboard.language import language
from registry.catalogue import entries, text

KINDS: Final = tuple(key.split(".")[2] for key in entries() if key.startswith("alarm.kind."))
"""Kinds of alarm that there are words for."""


def w(key: str, /, **fields: object) -> str:
    """A string of the page in the reader's language."""
    return text(language(), f"notify.page.{key}", **fields)
