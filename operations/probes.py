"""Readiness: what a service must answer before what stands on it is started. No probe blocks the event loop."""

import asyncio
import json
import urllib.request
from typing import Final

from operations.service import Probe
from store.connections import connect

ANSWER_TIMEOUT_S: Final = 3.0


def database(dsn: str) -> Probe:
    """The database accepts connections and answers."""

    def answers() -> bool:
        with connect(dsn, autocommit=True, application_name="landun-up") as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)

    async def probe(_started_at: float) -> bool:
        return await asyncio.to_thread(answers)

    return probe


def heartbeat(dsn: str, service: str, **expected: str) -> Probe:
    """The service has written a heartbeat since it was started, whose detail has the `expected` values."""

    def answers(started_at: float) -> bool:
        with connect(dsn, autocommit=True, application_name="landun-up") as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM at)::float8, detail FROM heartbeat WHERE service = %s", (service,)
            ).fetchone()
        return row is not None and row[0] >= started_at and expected.items() <= row[1].items()

    async def probe(started_at: float) -> bool:
        return await asyncio.to_thread(answers, started_at)

    return probe


def http(url: str) -> Probe:
    """A GET of the address is answered with status 200."""

    def answers() -> bool:
        with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)

    async def probe(_started_at: float) -> bool:
        return await asyncio.to_thread(answers)

    return probe


def health(api: str) -> tuple[str, list[str]]:
    """The API's own verdict: its status, and the components that are not up. Raises nothing: unreachable is missing."""
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - as above
            told = json.load(answer)
    except (OSError, ValueError) as error:
        return "missing", [f"api ({error})"]
    return told["status"], [each["name"] for each in told["components"] if each["state"] != "up"]
