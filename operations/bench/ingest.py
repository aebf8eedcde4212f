"""``landun bench ingest``: how fast ingest stores what devices publish, and whether all of it is there.

Three measurements in one run: a flood of messages from first publish to last commit; the latency from publish to
commit at half that rate; and, alone on the same server, bare COPY of the same rows, whose speed is the yardstick.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from operations.bench import servers
from operations.bench.audit import audit
from operations.bench.commits import Commits
from operations.bench.copy_rate import copy_rate
from operations.bench.rig import Rig, Settings
from operations.bench.workload import Workload
from store.connections import scalar

HALF_LOAD_S: Final = 5.0


def measure(settings: Settings) -> dict[str, Any]:
    """Run the benchmark and return its figures. Raises `OperatorError` where a part does not work."""
    flood = settings.workload()
    with ExitStack() as stack:
        home = stack.enter_context(servers.folder())
        server = stack.enter_context(servers.database_server(home, settings.dsn))
        figures = _through_ingest(settings, flood, home, server)
        with servers.database(server) as fresh:
            figures["copy_rows_per_s"] = round(copy_rate(fresh, flood))
    figures["ratio"] = round(figures["readings_per_s"] / figures["copy_rows_per_s"], 3)
    return figures


def _through_ingest(settings: Settings, flood: Workload, home: Path, server: str) -> dict[str, Any]:
    with Rig.running(settings, flood, home, server) as rig:
        rig.load(flood)
        cpu, commits = rig.cpu_times(), Commits(rig.connection)
        sent = rig.publish(None, commits, flood.readings).sent
        took = commits.last_at - float(sent.min())
        cpu_s = cpu.taken_s()

        half = _half_load(flood, flood.messages / took)
        rig.load(half)
        commits = Commits(rig.connection)
        sent = rig.publish(flood.messages / took / 2, commits, half.readings).sent
        latencies = commits.latencies_ms(half, sent)

        memory = rig.memory_mb()
        found = audit(rig.connection, [flood, half])
        return {
            **settings.described(rig.broker.name),
            "synchronous_commit": str(scalar(rig.connection, "SHOW synchronous_commit")),
            "seconds": round(took, 2),
            "messages_per_s": round(flood.messages / took),
            "readings_per_s": round(flood.readings / took),
            "p50_ms": round(float(np.quantile(latencies, 0.5)), 1),
            "p99_ms": round(float(np.quantile(latencies, 0.99)), 1),
            "rss_mb": memory,
            "cpu_s": cpu_s,
            **found.figures(),
        }


def _half_load(flood: Workload, rate: float) -> Workload:
    """A few seconds of messages at half the rate, each device's times going on after the flood's."""
    messages = max(flood.devices, round(rate / 2 * HALF_LOAD_S) // flood.devices * flood.devices)
    ahead_ms = messages // flood.devices * 1_000
    return replace(flood, messages=messages, now_ms=flood.now_ms + ahead_ms, late=0.0, seed=flood.seed + 1)
