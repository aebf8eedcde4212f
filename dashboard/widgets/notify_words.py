"""The words of the page of notifications."""

from dashboard.language import language
from registry.catalogue import text


def w(key: str, /, **fields: object) -> str:
    """A string of the page in the reader's language."""
    return text(language(), f"notify.page.{key}", **fields)
