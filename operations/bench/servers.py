"""The parts a measurement runs on: database, broker and ingest processes of its own, all ended at the end."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import sql
from psycopg.conninfo import make_conninfo

from ingest.session import BrokerAddress
from ingest.subtrees import Subtree
from operations import broker, mosquitto
from operations.assembly import COMMAND
from operations.bench.fleet import Account
from operations.bench.workload import Publishable
from operations.child import LIFELINE
from operations.errors import OperatorError
from operations.ingest_workers import environment_of
from operations.ports import LOOPBACK, any_free
from registry.credentials import device_password
from store.connections import Connection, connect, scalar
from store.embedded import EmbeddedPostgres
from store.migrations import migrate

READY_TIMEOUT_S: Final = 60.0


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that the database's user can enter."""
    with tempfile.TemporaryDirectory(prefix="landun-bench-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextlib.contextmanager
def database_server(home: Path, dsn: str | None) -> Iterator[str]:
    """The DSN of a server to make databases on: the one named, or an embedded one."""
    if dsn is not None:
        yield dsn
        return
    embedded = EmbeddedPostgres(home / "postgres", port=any_free(), password=secrets.token_urlsafe(16))
    embedded.prepare()
    embedded.start()
    try:
        yield embedded.dsn
    finally:
        embedded.stop()


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """The DSN of a fresh, migrated database on a server, dropped at the end."""
    name = sql.Identifier(f"landun_bench_{secrets.token_hex(6)}")
    with connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            dsn = make_conninfo(server, dbname=name._obj[0])
            migrate(dsn)
            yield dsn
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextlib.contextmanager
def child(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """A process, its output in a file, ended by SIGTERM at the end; its process id."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-I", "-S", str(LIFELINE), str(os.getpid()), str(int(signal.SIGTERM)), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Broker:
    """A running broker: where it is, how ingest connects, and as whom each device does."""

    name: str
    url: str
    accounts: list[Account]
    pid: int | None


@contextlib.contextmanager
def running_broker(kind: str, home: Path, workload: Publishable, sync_interval: str) -> Iterator[Broker]:
    """A broker that knows the workload's devices: ``nats``, ``mosquitto``, or ``[mqtt://user:password@]HOST:PORT``.

    Raises `OperatorError` when it does not start.
    """
    if kind not in ("nats", "mosquitto"):
        yield _foreign(kind, workload)
        return
    port = any_free()
    ingest, master = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    users = broker.service_users(ingest, secrets.token_urlsafe(32)) + broker.device_users(workload.registry, master)
    if kind == "nats":
        settings = broker.BrokerSettings(
            folder=home / "nats",
            mqtt_port=port,
            client_port=any_free(),
            sync_interval=sync_interval,
        )
        broker.write_config(settings, users)
        command = broker.command(settings)
    else:
        try:
            command = mosquitto.command(home / "mosquitto", port, users)
        except FileNotFoundError as error:
            raise OperatorError(str(error)) from error
    log = home / f"{kind}.log"
    with child(command, log) as pid:
        try:
            broker.wait_ready(port, broker.INGEST_USER, ingest)
        except TimeoutError as error:
            raise OperatorError(f"{error}; its log ends:\n{_end_of(log)}") from error
        accounts = [
            Account(LOOPBACK, port, code, code, device_password(master, code)) for code in workload.registry.devices
        ]
        yield Broker(kind, f"mqtt://{broker.INGEST_USER}:{ingest}@{LOOPBACK}:{port}", accounts, pid)


def _foreign(address: str, workload: Publishable) -> Broker:
    url = address if "://" in address else f"mqtt://{address}"
    try:
        at = BrokerAddress.parse(url)
    except ValueError as error:
        raise OperatorError(
            f"--broker {address}: must be nats, mosquitto, or [mqtt://user:password@]HOST:PORT"
        ) from error
    codes = workload.registry.devices
    return Broker(
        f"{at.host}:{at.port}", url, [Account(at.host, at.port, code, at.username, at.password) for code in codes], None
    )


@contextlib.contextmanager
def ingest_processes(home: Path, dsn: str, url: str, subtrees: Sequence[Subtree]) -> Iterator[list[int]]:
    """Ingest workers, one for each subtree, subscribed; their process ids."""
    with contextlib.ExitStack() as stack:
        pids = []
        for number, subtree in enumerate(subtrees):
            environment = {
                "LANDUN_DATABASE_URL": dsn,
                "LANDUN_MQTT_URL": url,
                **environment_of(subtree),
            }
            log = home / f"ingest-{number}.log"
            command = [sys.executable, str(COMMAND), "ingest"]
            pids.append(stack.enter_context(child(command, log, environment)))
        logs = [home / f"ingest-{number}.log" for number in range(len(subtrees))]
        with connect(dsn, autocommit=True) as connection:
            wait_for(
                lambda: _subscribed(connection) >= len(subtrees),
                lambda: "ingest did not connect; its log ends:\n" + "\n".join(map(_end_of, logs)),
            )
        yield pids


@contextlib.contextmanager
def monitor_process(home: Path, dsn: str) -> Iterator[int]:
    """A monitor that is ready to judge; its process id. Raises `OperatorError` when it does not start."""
    log = home / "monitor.log"
    with child([sys.executable, str(COMMAND), "monitor"], log, {"LANDUN_DATABASE_URL": dsn}) as pid:
        with connect(dsn, autocommit=True) as connection:
            wait_for(
                lambda: scalar(connection, "SELECT count(*) FROM heartbeat WHERE service = 'monitor'"),
                lambda: f"the monitor did not start; its log ends:\n{_end_of(log)}",
            )
        yield pid


def wait_for(condition: Callable[[], object], otherwise: Callable[[], str], timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait until the condition holds. Raises `OperatorError` with the words of `otherwise`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise OperatorError(f"bench: {otherwise()}")
        time.sleep(0.05)


def _subscribed(connection: Connection) -> int:
    return int(
        scalar(
            connection,
            "SELECT count(*) FROM heartbeat WHERE service LIKE 'ingest%' AND detail ->> 'broker' = 'connected'",
        )
    )


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2_000:] if log.exists() else "(no log)"
