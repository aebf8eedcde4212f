"""The part of the API about medical waste."""

from typing import Any, cast

from dashboard.client import ApiClient

Row = dict[str, Any]


class WasteClient(ApiClient):
    """Medical waste as one signed-in person sees it; every answer as the API's schemas `waste` describe it."""

    def waste_overview(self, **query: object) -> Row:
        """Where the waste is now, as ``GET /waste/overview``."""
        return cast(Row, self._get("/waste/overview", query))

    def bags(self, **query: object) -> list[Row]:
        """Bags in a state, or overdue."""
        return cast(list[Row], self._get("/waste/bags", query)["items"])

    def bag(self, tag: str, **query: object) -> Row:
        """A bag's whole life."""
        return cast(Row, self._get(f"/waste/bags/{tag}", query))

    def balance(self, first: str, last: str, **query: object) -> list[Row]:
        """What was weighed at each step from a local day to another."""
        return cast(list[Row], self._get("/waste/balance", {"from": first, "to": last, **query}))

    def vehicles(self, **query: object) -> list[Row]:
        """Vehicles and where they are."""
        return cast(list[Row], self._get("/waste/vehicles", query))

    def track(self, code: str, **query: object) -> list[Row]:
        """A vehicle's fixes."""
        return cast(list[Row], self._get(f"/waste/vehicles/{code}/track", query)["fixes"])

    def institutions(self, **query: object) -> list[Row]:
        """Institutions with what lies there."""
        return cast(list[Row], self._get("/waste/institutions", query))

    def waste_document(self, path: str, **query: object) -> bytes:
        """A register, manifest, vehicle card or sheet of labels."""
        return self._file(f"/waste/{path}", query)

    def tolerances(self) -> Row:
        """What the rules of custody tolerate, and every earlier setting."""
        return cast(Row, self._get("/waste/tolerances"))

    def set_tolerances(self, values: Row, reason: str) -> None:
        """Other values; what is not named stays."""
        self._post("/waste/tolerances", {"values": values, "reason": reason})

    def reset_tolerances(self, reason: str) -> None:
        """Back to the defaults, all of them."""
        self._post("/waste/tolerances/reset", {"reason": reason})

    def timeline(self, code: str, **query: object) -> Row:
        """What was scanned at an institution."""
        return cast(Row, self._get(f"/waste/institutions/{code}", query))
