"""The part of the API about evidence packages, documents' templates and reviews of devices."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict, cast

from dashboard.client import PREFIX, ApiClient

MAKING_S: Final = 120.0
"""A package of a long case, with its photos."""


class Package(TypedDict):
    """An evidence package."""

    id: int
    subject: str
    subject_id: int
    simulated: bool
    purpose: str
    state: str
    made_at: str
    made_by: str
    made_by_name: str
    audited_at: str | None
    audited_by_name: str | None
    audit_note: str | None
    may_audit: bool
    sha256: str
    bytes: int
    anchor: int | None


class Template(TypedDict):
    """A template of documents."""

    name: str
    name_zh: str
    name_en: str
    own: bool
    of_cases: bool


class Anchor(TypedDict):
    """A published anchor."""

    number: int
    made_at: str
    journal_id: int
    digest: str


class Review(TypedDict):
    """A device's review by Art 41."""

    id: int
    reviewed_on: str
    legal: bool
    technical: bool
    standard: str
    sited: bool
    marked: bool
    published: str
    reviewers: list[str]
    note: str
    entered_by: str
    entered_at: str


class EvidenceClient(ApiClient):
    """Evidence and documents as one signed-in person may."""

    def packages(self, subject: str, number: int) -> list[Package]:
        """The packages about an alarm or a case, newest first."""
        return cast(list[Package], self._get("/evidence", {"subject": subject, "subject_id": number}))

    def make_package(self, subject: str, number: int, purpose: str) -> Package:
        """Make a draft."""
        asked = {"subject": subject, "subject_id": number, "purpose": purpose}
        return cast(Package, self._call("POST", f"{PREFIX}/evidence", json=asked, timeout=MAKING_S))

    def audit_package(self, number: int, note: str, *, accepted: bool) -> Package:
        """Audit another person's draft."""
        said = {"accepted": accepted, "note": note}
        return cast(Package, self._call("POST", f"{PREFIX}/evidence/{number}/audit", json=said, timeout=MAKING_S))

    def anchors(self, limit: int) -> list[Anchor]:
        """The newest published anchors."""
        return cast(list[Anchor], self._get("/anchors", {"limit": limit}))

    def templates(self) -> list[Template]:
        """The templates of documents."""
        return cast(list[Template], self._get("/documents"))

    def replace_template(self, name: str, content: bytes) -> None:
        """Put the agency's own file in a template's place."""
        self._call("PUT", f"{PREFIX}/documents/{name}.docx", content=content)

    def restore_template(self, name: str) -> None:
        """Go back to the platform's template."""
        self._delete(f"/documents/{name}.docx")

    def reviews(self, device: str) -> list[Review]:
        """A device's reviews, newest first."""
        return cast(list[Review], self._get(f"/devices/{device}/reviews"))

    def enter_review(self, device: str, review: Mapping[str, Any]) -> None:
        """Enter what a review found."""
        self._post(f"/devices/{device}/reviews", review)
