"""The part of the API about medical waste."""

from typing import Any, cast

from dashboard.client import PREFIX, ApiClient

Row = dict[str, Any]


class WasteClient(ApiClient):
    """Medical waste as one signed-in person sees it; every answer as the API's schemas `waste` describe it."""

    def waste_overview(self, **query: object) -> Row:
        """Where the waste is now, as ``GET /waste/overview``."""
        return cast(Row, self._get("/waste/overview", _given(query)))

    def bags(self, **query: object) -> list[Row]:
        """Bags in a state, or overdue."""
        return cast(list[Row], self._get("/waste/bags", _given(query))["items"])

    def bag(self, tag: str, **query: object) -> Row:
        """A bag's whole life."""
        return cast(Row, self._get(f"/waste/bags/{tag}", _given(query)))

    def balance(self, first: str, last: str, **query: object) -> list[Row]:
        """What was weighed at each step from a local day to another."""
        return cast(list[Row], self._get("/waste/balance", {"from": first, "to": last, **_given(query)}))

    def vehicles(self, **query: object) -> list[Row]:
        """Vehicles and where they are."""
        return cast(list[Row], self._get("/waste/vehicles", _given(query)))

    def track(self, code: str, **query: object) -> list[Row]:
        """A vehicle's fixes."""
        return cast(list[Row], self._get(f"/waste/vehicles/{code}/track", _given(query))["fixes"])

    def institutions(self, **query: object) -> list[Row]:
        """Institutions with what lies there."""
        return cast(list[Row], self._get("/waste/institutions", _given(query)))

    def waste_document(self, path: str, **query: object) -> bytes:
        """A register, manifest, vehicle card or sheet of labels."""
        return self._send("GET", f"{PREFIX}/waste/{path}", params=_given(query), timeout=60.0).content

    def timeline(self, code: str, **query: object) -> Row:
        """What was scanned at an institution."""
        return cast(Row, self._get(f"/waste/institutions/{code}", _given(query)))


def _given(query: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in query.items() if value not in (None, "")}
