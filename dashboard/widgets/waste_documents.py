"""Register, manifest, vehicle card and labels: to be filled by the API and saved."""

from typing import Any


def documents(query: dict[str, Any]) -> None:
    """Choose a document and what it is about."""
    del query
