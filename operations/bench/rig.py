"""The chain that is measured: devices, broker, ingest workers and database, started, used and ended together."""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import psycopg

from operations.bench import fleet, servers
from operations.bench.commits import Commits
from operations.bench.usage import CpuTimes, peak_mb, resident_mb, server_pids
from operations.bench.workload import Publishable, Workload
from operations.errors import OperatorError
from operations.ingest_workers import Division
from store.connections import Connection, connect

STALLED_S: Final = 30.0


@dataclass(frozen=True)
class Settings:
    """What to measure; see the command's options. `sync_interval` is NATS's."""

    broker: str = "nats"
    dsn: str | None = None
    values: int = 8
    messages: int = 125_000
    devices: int = 1_000
    workers: int = 1
    late: float = 0.0
    sync_interval: str = "1s"

    def workload(self) -> Workload:
        """What is published, beginning now."""
        return Workload(
            devices=self.devices,
            messages=self.messages,
            values=self.values,
            now_ms=int(time.time() * 1000),
            late=self.late,
        )

    def described(self, broker: str) -> dict[str, Any]:
        """The settings as the line of figures begins with them."""
        return {
            "benchmark": "ingest",
            "broker": broker,
            **({"sync_interval": self.sync_interval} if broker == "nats" else {}),
            "devices": self.devices,
            "workers": self.workers,
            "messages": self.messages,
            "values": self.values,
        }


@dataclass(frozen=True)
class Rig:
    """A running chain on the database `dsn`, which `connection` watches."""

    dsn: str
    broker: servers.Broker
    ingest: Sequence[int]
    devices: Pipe
    connection: Connection

    @classmethod
    @contextmanager
    def running(cls, settings: Settings, workload: Publishable, home: Path, server: str) -> Iterator["Rig"]:
        """Start the chain on a database of its own, every device connected; end it all at the end."""
        with ExitStack() as stack:
            dsn = stack.enter_context(servers.database(server))
            with connect(dsn) as connection:
                workload.save(connection)
            broker = stack.enter_context(
                servers.running_broker(settings.broker, home, workload, settings.sync_interval)
            )
            workers = Division.of(settings.workers, None).workers
            pids = stack.enter_context(servers.ingest_processes(home, dsn, broker.url, workers))
            devices = stack.enter_context(_publishing(broker.accounts))
            connection = stack.enter_context(connect(dsn, autocommit=True))
            checkpoint(connection)
            yield cls(dsn, broker, pids, devices, connection)

    def load(self, workload: Publishable) -> None:
        """Have the devices make every packet of a workload."""
        self.devices.send(workload)
        _answer(self.devices)

    def publish(self, rate: float | None, commits: Commits, readings: int) -> fleet.Outcome:
        """Publish what is loaded, at full speed or at a rate (messages/s), until so many readings are committed.

        Returns also when nothing moves for `STALLED_S` s: the audit says what is missing.
        """
        self.devices.send(rate or 0.0)
        outcome = self.await_published(commits)
        self.await_commits(commits, readings)
        return outcome

    def await_published(self, commits: Commits) -> fleet.Outcome:
        """Watch the commits until the devices have every PUBACK."""
        while not self.devices.poll():
            commits.look()
            time.sleep(commits.interval_s)
        outcome: fleet.Outcome = _answer(self.devices)
        return outcome

    def await_commits(self, commits: Commits, readings: int) -> None:
        """Watch until so many readings are committed, or nothing moves for `STALLED_S` s."""
        progress_at = time.monotonic()
        while commits.rows < readings and time.monotonic() - progress_at < STALLED_S:
            if commits.look():
                progress_at = time.monotonic()
            time.sleep(commits.interval_s)

    def cpu_times(self) -> CpuTimes:
        """Processor time of every part from now on."""
        return CpuTimes(
            {
                "ingest": list(self.ingest),
                "broker": [self.broker.pid] if self.broker.pid else [],
                "database": server_pids(self.connection),
                "devices": [each.pid for each in multiprocessing.active_children() if each.pid],
                "bench": [os.getpid()],
            }
        )

    def memory_mb(self) -> dict[str, float | None]:
        """The most each part had resident, in MiB; the database what it has now."""
        names = ["ingest", *(f"ingest-{number}" for number in range(2, len(self.ingest) + 1))]
        memory: dict[str, float | None] = {name: peak_mb(pid) for name, pid in zip(names, self.ingest, strict=True)}
        if self.broker.pid is not None:
            memory["broker"] = peak_mb(self.broker.pid)
        memory["database"] = resident_mb(self.connection)
        return memory


def checkpoint(connection: Connection) -> None:
    """Flush the server, so that no measurement pays for the one before; needs rights that we may not have."""
    try:
        connection.execute("CHECKPOINT")
    except psycopg.errors.InsufficientPrivilege:
        return


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


def _answer(devices: Pipe) -> Any:
    try:
        answer = devices.recv()
    except EOFError:
        raise OperatorError("bench: the publishing process ended") from None
    if isinstance(answer, Exception):
        raise OperatorError(f"bench: devices: {answer}") from answer
    return answer
