"""Readiness: what a service must answer before what stands on it is started. No probe blocks the event loop."""

import asyncio
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
