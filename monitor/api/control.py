"""The simulators' control (loopback HTTP), as the API uses it."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from registry.words import WordedError, Words

TIMEOUT_S: Final = 5.0


class SimulatorsMissingError(WordedError):
    """The simulators do not answer."""


class RefusedError(WordedError):
    """The control refused a command. `status` is its HTTP status, `detail` its reason, which it says in English."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(Words.of("refusal.simulators.refused", detail=detail))
        self.status = status
        self.detail = detail


class Control:
    """A client of the control.

    With no `url` (a system without simulators) every call raises `SimulatorsMissingError`.
    """

    def __init__(self, url: str | None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url
        self._client = httpx.AsyncClient(base_url=url or "", timeout=TIMEOUT_S, transport=transport, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str) -> Any:
        """The answer to a GET. Raises `SimulatorsMissingError` or `RefusedError`."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a POST. Raises `SimulatorsMissingError` or `RefusedError`."""
        return await self._ask("POST", path, body)

    async def delete(self, path: str) -> Any:
        """The answer to a DELETE. Raises `SimulatorsMissingError` or `RefusedError`."""
        return await self._ask("DELETE", path, None)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        if self.url is None:
            raise SimulatorsMissingError.of("refusal.simulators.none")
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise SimulatorsMissingError.of("refusal.simulators.silent", error=type(error).__name__) from error
        if answer.is_success:
            return answer.json() if answer.content else {}
        raise RefusedError(answer.status_code, _detail(answer))


def _detail(answer: httpx.Response) -> object:
    try:
        return answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text or f"HTTP {answer.status_code}"
