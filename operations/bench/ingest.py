"""``landun bench ingest``: how fast ingest stores what devices publish, and whether all of it is there.

Three measurements in one run: a flood of messages from first publish to last commit; the latency from publish to
commit at half that rate; and, alone on the same server, bare COPY of the same rows, whose speed is the yardstick.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from operations.bench import fleet, servers
from operations.bench.audit import Audit, audit
from operations.bench.commits import Commits
from operations.bench.copy_rate import copy_rate
from operations.bench.usage import CpuTimes, peak_mb, resident_mb, server_pids
from operations.bench.workload import Workload
from operations.errors import OperatorError
from operations.ingest_workers import Division
from store.connections import Connection, connect, scalar
from store.registry_rows import save_registry

STALLED_S: Final = 30.0
HALF_LOAD_S: Final = 5.0


@dataclass(frozen=True)
class Settings:
    """What to measure; see the command's options."""

    broker: str = "nats"
    dsn: str | None = None
    values: int = 8
    messages: int = 125_000
    devices: int = 1_000
    workers: int = 1
    late: float = 0.0
    sync_interval: str = "1s"


def measure(settings: Settings) -> dict[str, Any]:
    """Run the benchmark and return its figures. Raises `OperatorError` where a part does not work."""
    flood = Workload(
        devices=settings.devices,
        messages=settings.messages,
        values=settings.values,
        now_ms=int(time.time() * 1000),
        late=settings.late,
    )
    with ExitStack() as stack:
        home = stack.enter_context(servers.folder())
        server = stack.enter_context(servers.database_server(home, settings.dsn))
        figures = _through_ingest(settings, flood, home, server)
        with servers.database(server) as fresh:
            figures["copy_rows_per_s"] = round(copy_rate(fresh, flood))
    figures["ratio"] = round(figures["readings_per_s"] / figures["copy_rows_per_s"], 3)
    return figures


def _through_ingest(settings: Settings, flood: Workload, home: Path, server: str) -> dict[str, Any]:
    division = Division.of(settings.workers, None)
    with ExitStack() as stack:
        dsn = stack.enter_context(servers.database(server))
        with connect(dsn) as connection:
            save_registry(connection, flood.registry)
        broker = stack.enter_context(servers.running_broker(settings.broker, home, flood, settings.sync_interval))
        pids = stack.enter_context(servers.ingest_processes(home, dsn, broker.url, division.workers))
        devices = stack.enter_context(_publishing(broker.accounts))
        connection = stack.enter_context(connect(dsn, autocommit=True))
        _checkpoint(connection)

        _ask(devices, flood)
        cpu = CpuTimes(
            {
                "ingest": pids,
                "broker": [broker.pid] if broker.pid else [],
                "database": server_pids(connection),
                "devices": [each.pid for each in multiprocessing.active_children() if each.pid],
                "bench": [os.getpid()],
            }
        )
        took, _ = _publish(devices, None, Commits(connection), flood.readings)
        rate = flood.messages / took
        cpu_s = cpu.taken_s()

        half = _half_load(flood, rate)
        _ask(devices, half)
        commits = Commits(connection)
        _, sent = _publish(devices, rate / 2, commits, half.readings)
        latencies = commits.latencies_ms(half, sent.sent)

        memory: dict[str, float | None] = {f"ingest-{n}" if n else "ingest": peak_mb(pid) for n, pid in enumerate(pids)}
        if broker.pid is not None:
            memory["broker"] = peak_mb(broker.pid)
        memory["database"] = resident_mb(connection)
        found = audit(connection, [flood, half])
        durability = str(scalar(connection, "SHOW synchronous_commit"))
    return _figures(settings, broker.name, flood, took, latencies, memory, cpu_s, found, durability)


def _figures(
    settings: Settings,
    broker: str,
    flood: Workload,
    took: float,
    latencies: NDArray[np.float64],
    memory: dict[str, float | None],
    cpu_s: dict[str, float],
    found: Audit,
    synchronous_commit: str,
) -> dict[str, Any]:
    return {
        "benchmark": "ingest",
        "broker": broker,
        **({"sync_interval": settings.sync_interval} if broker == "nats" else {}),
        "synchronous_commit": synchronous_commit,
        "devices": flood.devices,
        "workers": settings.workers,
        "messages": flood.messages,
        "values": flood.values,
        "seconds": round(took, 2),
        "messages_per_s": round(flood.messages / took),
        "readings_per_s": round(flood.readings / took),
        "p50_ms": round(float(np.quantile(latencies, 0.5)), 1),
        "p99_ms": round(float(np.quantile(latencies, 0.99)), 1),
        "rss_mb": memory,
        "cpu_s": cpu_s,
        "late": found.late,
        "lost": found.lost,
        "duplicates": found.duplicates,
        "corrupt": found.corrupt,
        "unexpected": found.unexpected,
        "chain_intact": found.chain_intact,
    }


def _half_load(flood: Workload, rate: float) -> Workload:
    """A few seconds of messages at half the rate, each device's times going on after the flood's."""
    messages = max(flood.devices, round(rate / 2 * HALF_LOAD_S) // flood.devices * flood.devices)
    ahead_ms = messages // flood.devices * 1_000
    return replace(flood, messages=messages, now_ms=flood.now_ms + ahead_ms, late=0.0, seed=flood.seed + 1)


def _publish(devices: Pipe, rate: float | None, commits: Commits, readings: int) -> tuple[float, fleet.Outcome]:
    """Publish what is loaded until all is committed: seconds from first publish to last commit, and the outcome."""
    devices.send(rate or 0.0)
    outcome: fleet.Outcome | None = None
    progress_at = time.monotonic()
    while outcome is None or commits.rows < readings:
        if commits.look():
            progress_at = time.monotonic()
        if outcome is None and devices.poll():
            outcome = _answer(devices)
        if time.monotonic() - progress_at > STALLED_S:
            break  # the audit says what is missing
        time.sleep(commits.interval_s)
    if outcome is None:
        outcome = _answer(devices)
    return commits.last_at - float(outcome.sent.min()), outcome


@contextmanager
def _publishing(accounts: list[fleet.Account]) -> Iterator[Pipe]:
    """The publishing process, its devices connected."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=fleet.serve, args=(theirs, accounts), name="landun-bench-devices")
    process.start()
    theirs.close()
    try:
        _answer(ours)
        yield ours
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


def _ask(devices: Pipe, request: Workload) -> None:
    devices.send(request)
    _answer(devices)


def _answer(devices: Pipe) -> Any:
    try:
        answer = devices.recv()
    except EOFError:
        raise OperatorError("bench: the publishing process ended") from None
    if isinstance(answer, Exception):
        raise OperatorError(f"bench: devices: {answer}") from answer
    return answer


def _checkpoint(connection: Connection) -> None:
    """Begin with a flushed server, so that no measurement pays for the one before; needs rights we may not have."""
    try:
        connection.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        return
