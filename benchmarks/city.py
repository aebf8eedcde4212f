"""A municipality on one machine: 441 sites, about 1 500 channels a minute, 30 days of history.

Starts the real system (`landun up`) on a folder of its own, waits until the history is written, then measures
the API at 20 requests a second, and the live and site pages in a real browser, while the fleet publishes.

Options: ``--hours`` of history (720), ``--seconds`` of API load (60), ``--rate`` requests a second (20).
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle

import httpx

from benchmarks.pages import measure_pages
from benchmarks.report import Figure, quantile, report
from tests.system import System, eventually, running

SITES = 441
BACKFILL_TIMEOUT_S = 3_600.0
API_BUDGET_MS = 100.0
PAGE_BUDGET_S = 1.0


def requests(system: System) -> Iterator[tuple[str, str]]:
    """What people on dashboards ask for, over and over: (kind, path)."""
    rng = random.Random(1)  # noqa: S311 - a fair spread, not a secret
    sites = [each["code"] for each in system.get("sites") if each["channels"]]
    channels = [each["id"] for each in system.get("channels")]
    for kind in cycle(("overview", "sites", "site", "readings", "alarms", "latest")):
        since = (datetime.now(UTC) - timedelta(days=7)).isoformat().replace("+00:00", "Z")
        yield (
            kind,
            {
                "overview": "overview",
                "sites": "sites",
                "site": f"sites/{rng.choice(sites)}",
                "readings": f"readings?channel={rng.choice(channels)}&from={since}&points=600",
                "alarms": "alarms?open=true&limit=100",
                "latest": f"latest?site={rng.choice(sites)}",
            }[kind],
        )


def backfilled(system: System) -> bool:
    """Whether the first start's history is complete."""
    record = json.loads((system.data / "landun.json").read_text(encoding="utf-8"))
    return bool(record["backfilled_hours"] >= record["history_hours"])


async def load(system: System, rate: float, seconds: float) -> dict[str, list[float]]:
    """Ask at a steady rate whether or not answers come (open loop); seconds each answer took, by kind, sorted."""
    took: dict[str, list[float]] = {}
    asked = requests(system)

    async with httpx.AsyncClient(headers=system.headers(), timeout=30) as client:

        async def ask(kind: str, url: str) -> None:
            began = time.perf_counter()
            (await client.get(url)).raise_for_status()
            took.setdefault(kind, []).append(time.perf_counter() - began)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                kind, path = next(asked)
                group.create_task(ask(kind, f"{system.api}/api/v1/{path}"))
                if number % 6 == 0:
                    group.create_task(ask("health", f"{system.api}/health"))
    return {kind: sorted(times) for kind, times in took.items()}


def api_figures(took: dict[str, list[float]]) -> dict[str, Figure]:
    """Milliseconds: p95 of all and by kind, and p95 as a ratio to the median of the cheapest request."""
    every = sorted(each for kind, times in took.items() if kind != "health" for each in times)
    p95 = quantile(every, 0.95)
    return {
        "requests": len(every),
        "p50_ms": round(1_000 * quantile(every, 0.5), 1),
        "p95_ms": round(1_000 * p95, 1),
        "p99_ms": round(1_000 * quantile(every, 0.99), 1),
        "p95_of_health_median": round(p95 / quantile(took["health"], 0.5), 1),
        "within_budget": 1_000 * p95 < API_BUDGET_MS,
        **{f"p95_ms_{kind}": round(1_000 * quantile(times, 0.95), 1) for kind, times in sorted(took.items())},
    }


def main() -> None:
    """Measure, print one line, end the system."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hours", type=int, default=720)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--rate", type=float, default=20.0)
    asked = options.parse_args()
    with running("--sites", str(SITES), "--backfill", str(asked.hours)) as system:
        began = time.perf_counter()
        eventually(lambda: backfilled(system), "the history is written", timeout=BACKFILL_TIMEOUT_S, every=2.0)
        backfill_s = time.perf_counter() - began
        eventually(lambda: system.health()["sites_live"] == SITES, "every site is live", timeout=180.0)
        eventually(lambda: system.health()["journal"]["monitor_lag"] < 10, "the monitor has caught up", timeout=1_800.0)
        took = asyncio.run(load(system, asked.rate, asked.seconds))
        pages = measure_pages(system, budget_s=PAGE_BUDGET_S)
        report(
            "city",
            sites=SITES,
            channels=len(system.get("channels")),
            history_hours=asked.hours,
            backfill_s=round(backfill_s, 1),
            requests_per_s=asked.rate,
            api=api_figures(took),
            pages=pages,
        )


if __name__ == "__main__":
    main()
