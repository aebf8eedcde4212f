"""The part of the API about cases."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from dashboard.client import PREFIX, ApiClient
from dashboard.shapes.cases import CaseBoard, CaseFigures, CaseFull, CasePage, LeadRule, Officer

UPLOAD_S: Final = 60.0
"""Nine photos of 10 MB over a slow line."""


class CasesClient(ApiClient):
    """Cases as one signed-in person sees them."""

    def cases(self, **query: object) -> CasePage:
        """A page of cases; `query` are the parameters of ``GET /cases``."""
        return cast(CasePage, self._get("/cases", query))

    def board(self, **query: object) -> CaseBoard:
        """Open cases by county, officer and state."""
        return cast(CaseBoard, self._get("/cases/board", query))

    def figures(self, **query: object) -> CaseFigures:
        """What became of cases in a period (``from_`` for ``from``)."""
        return cast(CaseFigures, self._get("/cases/figures", query))

    def officers(self, county: str | None = None) -> list[Officer]:
        """Who a case may be assigned to."""
        return cast(list[Officer], self._get("/cases/officers", {"county": county}))

    def case(self, number: int) -> CaseFull:
        """A case with its history and what can be done."""
        return cast(CaseFull, self._get(f"/cases/{number}"))

    def open_case(self, lead: Mapping[str, object]) -> CaseFull:
        """Open a case."""
        return cast(CaseFull, self._post("/cases", lead))

    def step(self, number: int, act: Mapping[str, object]) -> CaseFull:
        """Take a step."""
        return cast(CaseFull, self._post(f"/cases/{number}/act", act))

    def feedback(self, number: int, text: str, files: Sequence[tuple[str, bytes]]) -> CaseFull:
        """Report what was corrected."""
        return self._upload(f"/cases/{number}/feedback", {"text": text}, files)

    def attach(self, number: int, text: str, files: Sequence[tuple[str, bytes]], *, for_venue: bool) -> CaseFull:
        """Attach files."""
        return self._upload(f"/cases/{number}/files", {"text": text, "for_venue": str(for_venue).lower()}, files)

    def case_file(self, number: int, file: int) -> bytes:
        """The content of a file."""
        return self._file(f"/cases/{number}/files/{file}")

    def lead_rules(self) -> list[LeadRule]:
        """When warnings become leads by themselves."""
        return cast(list[LeadRule], self._get("/lead-rules"))

    def set_lead_rule(self, severity: str, after_minutes: int, reason: str) -> None:
        """Let warnings of a severity become leads."""
        body = {"after_minutes": after_minutes, "reason": reason}
        self._put(f"/lead-rules/{severity}", body)

    def drop_lead_rule(self, severity: str) -> None:
        """Leave warnings of a severity to people."""
        self._delete(f"/lead-rules/{severity}")

    def _upload(self, path: str, form: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> CaseFull:
        parts = [("files", each) for each in files]
        return cast(CaseFull, self._call("POST", PREFIX + path, data=dict(form), files=parts or None, timeout=UPLOAD_S))
