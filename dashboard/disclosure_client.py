"""The part of the API about disclosure."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dashboard.client import PREFIX, ApiClient


class DisclosureClient(ApiClient):
    """Disclosure as one signed-in person decides it."""

    def disclosure_samples(self, month: str) -> list[dict[str, Any]]:
        """Laboratory results of a month, with the last day to publish each."""
        return cast(list[dict[str, Any]], self._get("/disclosure/samples", {"month": month}))

    def publish(self, samples: Sequence[int]) -> None:
        """Publish results."""
        self._post("/disclosure/samples/publish", {"sample_ids": list(samples)})

    def take_back(self, sample: int, reason: str) -> None:
        """Take a published result back."""
        self._post(f"/disclosure/samples/{sample}/withdraw", {"reason": reason})

    def public_sites(self) -> list[dict[str, Any]]:
        """The venues that everybody sees."""
        return cast(list[dict[str, Any]], self._get("/published/pools")["items"])

    def consent(self, site: str) -> dict[str, Any]:
        """Whether a site's values are public."""
        return cast(dict[str, Any], self._get(f"/sites/{site}/consent"))

    def set_consent(self, site: str, *, public: bool) -> None:
        """Make a site's values public, or not."""
        self._call("PUT" if public else "DELETE", f"{PREFIX}/sites/{site}/consent")

    def rounds(self) -> list[dict[str, Any]]:
        """Rounds of votes."""
        return cast(list[dict[str, Any]], self._get("/disclosure/rounds"))

    def open_round(self, asked: Mapping[str, object]) -> None:
        """Open a round of votes."""
        self._post("/disclosure/rounds", asked)
