"""The part of the API about a venue's and a person's file."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from dashboard.client import ApiClient


class FilePart(TypedDict):
    """A part of the page: a table, or a sentence."""

    title: str
    rows: list[list[str]]
    text: str


class SiteFileClient(ApiClient):
    """Files as one signed-in person sees them."""

    def file_page(self, site: str, lang: str) -> list[FilePart]:
        """A venue's file in words."""
        return cast(list[FilePart], self._get(f"/sites/{site}/file/page", {"lang": lang}))

    def file_of(self, site: str) -> dict[str, Any]:
        """A venue's file."""
        return cast(dict[str, Any], self._get(f"/sites/{site}/file"))

    def file_pdf(self, site: str, lang: str) -> bytes:
        """A venue's file as a PDF."""
        return self._file(f"/sites/{site}/file.pdf", {"lang": lang})

    def person_file(self, person: int) -> dict[str, Any]:
        """A responsible person's file."""
        return cast(dict[str, Any], self._get(f"/responsible-persons/{person}"))

    def enter(self, path: str, entry: Mapping[str, object]) -> None:
        """Enter something: a licence, somebody who answers, a promise, a self-inspection, a certificate."""
        self._post(path, entry)
