"""The part of the API about credit and double random."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from dashboard.client import ApiClient


class CreditItem(TypedDict):
    """One line of a site's sum."""

    fact: str
    name_zh: str
    name_en: str
    count: int
    points_each: int
    most: int
    points: int


class SiteCredit(TypedDict):
    """A site's class with its sum."""

    site: str
    site_name_zh: str
    site_name_en: str
    county: str
    simulated: bool
    letter: str
    points: int
    known: bool
    lots: int | None
    items: list[CreditItem]
    days: int
    weights_id: int | None


class CreditPage(TypedDict):
    """Sites by class."""

    total: int
    classes: dict[str, int]
    items: list[SiteCredit]


class Draw(TypedDict):
    """A draw; `tasks` only where one is asked for."""

    id: int
    name: str
    simulated: bool
    sites: int
    to_draw: int
    population_sha256: str
    commitment: str
    word_from: str
    announced_by: str
    announced_at: str
    nonce: str | None
    word: str | None
    seed: str | None
    drawn_at: str | None
    cancelled_at: str | None
    cancel_reason: str | None
    tasks: list[dict[str, Any]]


class DrawsClient(ApiClient):
    """Credit and draws as one signed-in person sees them."""

    def credit(self, **query: object) -> CreditPage:
        """Sites by class, the least points first."""
        return cast(CreditPage, self._get("/credit", query))

    def site_credit(self, code: str) -> SiteCredit:
        """A site's class with its sum."""
        return cast(SiteCredit, self._get(f"/sites/{code}/credit"))

    def weights(self) -> list[dict[str, Any]]:
        """Every version of the weights, the one in force first."""
        return cast(list[dict[str, Any]], self._get("/credit/weights"))

    def set_weights(self, weights: Mapping[str, Any], reason: str) -> None:
        """Put weights in force."""
        self._put("/credit/weights", {"weights": dict(weights), "reason": reason})

    def conflicts(self) -> list[dict[str, Any]]:
        """Who must not inspect where."""
        return cast(list[dict[str, Any]], self._get("/conflicts"))

    def declare_conflict(self, officer: str, site: str, reason: str) -> None:
        """Note a conflict of interest."""
        self._post("/conflicts", {"officer": officer, "site": site, "reason": reason})

    def end_conflict(self, number: int) -> None:
        """End a conflict of interest."""
        self._delete(f"/conflicts/{number}")

    def draws(self) -> list[Draw]:
        """Every draw, newest first."""
        return cast(list[Draw], self._get("/draws"))

    def draw(self, number: int) -> Draw:
        """A draw with its inspections."""
        return cast(Draw, self._get(f"/draws/{number}"))

    def population(self, number: int) -> bytes:
        """The population of a draw as it is published, byte by byte."""
        return self._file(f"/published/draws/{number}")

    def announce(self, draw: Mapping[str, object]) -> Draw:
        """Announce a draw."""
        return cast(Draw, self._post("/draws", draw))

    def hold(self, number: int, word: str) -> Draw:
        """Hold a draw."""
        return cast(Draw, self._post(f"/draws/{number}/hold", {"word": word}))

    def cancel_draw(self, number: int, reason: str) -> Draw:
        """Cancel a draw."""
        return cast(Draw, self._post(f"/draws/{number}/cancel", {"reason": reason}))

    def report_task(self, number: int, place: int, report: Mapping[str, object]) -> Draw:
        """Report an inspection."""
        return cast(Draw, self._post(f"/draws/{number}/tasks/{place}", report))
