"""The system to break: database, broker, ingest and monitor under the supervisor, every connection over a wire."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from psycopg.conninfo import make_conninfo

from operations import broker, mosquitto, probes
from operations.assembly import COMMAND, COMMON
from operations.chaos.devices import USUAL
from operations.chaos.wires import Wires
from operations.errors import OperatorError
from operations.leftovers import running_pid
from operations.output import Output
from operations.ports import LOOPBACK, any_free
from operations.restart_delay import RestartDelay
from operations.service import Node, Service, Step
from operations.supervisor import Supervisor
from registry.credentials import device_password
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store import journal
from store.connections import Connection, connect
from store.embedded import EmbeddedPostgres
from store.migrations import migrate
from store.registry_rows import save_registry

SITES: Final = 24
SPEED: Final = 120.0
"""Of the simulation: an alarm's delay of 10 minutes becomes 5 s, a silent device is found after 10 s."""

READY_TIMEOUT_S: Final = 120.0
END_TIMEOUT_S: Final = 35.0
RESTART_S: Final = 0.2
COUNTY: Final = "320602"
_BELIEVABLE: Final = "ALTER TABLE reading ADD CONSTRAINT believable CHECK (value < 1e29)"
"""Planted, so that the database refuses values that no validation does."""


def make_registry() -> Registry:
    """So many simulated sites with a basin and a device of eight channels each."""
    codes = [f"chaos-{number:02}" for number in range(SITES)]
    since = datetime.now(UTC) - timedelta(days=1)
    return Registry.of(
        [Site(code, COUNTY, SiteStatus.SIMULATED, "池", "Pool", 120.9, 32.0, since) for code in codes],
        [SamplingPoint(code, "basin-1", "标准池", "Main pool") for code in codes],
        [Device(f"{code}-b1", code, "basin-1", period_s=1) for code in codes],
        [
            Channel(1 + number * len(USUAL) + offset, f"{code}-b1", indicator)
            for number, code in enumerate(codes)
            for offset, indicator in enumerate(USUAL)
        ],
    )


@dataclass
class Rig:
    """A running system: its registry, `dsn` around the wires, and what kills its parts."""

    folder: Path
    kind: str
    registry: Registry = field(default_factory=make_registry)
    ingest_password: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    master: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def __post_init__(self) -> None:
        self.broker_port, self.children_file = any_free(), self.folder / "run" / "services.json"
        self.embedded = EmbeddedPostgres(self.folder / "postgres", port=any_free(), password=secrets.token_urlsafe(16))
        self._broker = broker.BrokerSettings(
            folder=self.folder / "nats", mqtt_port=self.broker_port, client_port=any_free()
        )

    @property
    def dsn(self) -> str:
        """The database itself, not over a wire."""
        return self.embedded.dsn

    @property
    def targets(self) -> dict[str, int]:
        """Where the wires lead."""
        return {
            "devices-broker": self.broker_port,
            "ingest-broker": self.broker_port,
            "ingest-database": self.embedded.port,
            "monitor-database": self.embedded.port,
        }

    def device_password(self, code: str) -> str:
        """The credential of a device."""
        return device_password(self.master, code)

    def connection(self) -> Connection:
        """A connection around the wires."""
        return connect(self.dsn, autocommit=True, application_name="landun-chaos")

    def kill(self, victim: str) -> float:
        """SIGKILL a part as soon as it runs; when that was (s since the epoch). Raises `OperatorError`."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(KeyError, ValueError, ProcessLookupError):
                os.kill(running_pid(self.children_file, victim), signal.SIGKILL)
                return time.time()
            time.sleep(0.05)
        raise OperatorError(f"chaos: {victim} does not run")

    @contextlib.contextmanager
    def running(self, wires: Wires, log: TextIO) -> Iterator[None]:
        """Everything started and ready; ended at the end. Raises `OperatorError`."""
        self.children_file.parent.mkdir(parents=True)
        self.embedded.prepare()
        output = Output(log, colour=False)
        supervisor = Supervisor(
            self._nodes(wires),
            output,
            children_file=self.children_file,
            restart_delay=lambda: RestartDelay(first_s=RESTART_S, longest_s=RESTART_S),
        )
        ready = threading.Event()
        failures: list[BaseException] = []
        loop = asyncio.new_event_loop()

        def work() -> None:
            try:
                loop.run_until_complete(supervisor.run(ready.set))
            except BaseException as error:
                failures.append(error)
                ready.set()

        thread = threading.Thread(target=work, name="supervisor", daemon=True)
        thread.start()
        try:
            if not ready.wait(READY_TIMEOUT_S) or failures:
                raise OperatorError(f"chaos: the system did not get ready: {failures or 'timed out'}")
            yield
        finally:
            loop.call_soon_threadsafe(supervisor.stop)
            thread.join(END_TIMEOUT_S)
            output.close()

    def _nodes(self, wires: Wires) -> Sequence[Node]:
        def over(wire: str) -> str:
            return make_conninfo(self.dsn, host=LOOPBACK, port=wires.port(wire), sslmode="disable")

        broker_url = f"mqtt://{broker.INGEST_USER}:{self.ingest_password}@{LOOPBACK}:{wires.port('ingest-broker')}"

        async def broker_answers(_since: float) -> bool:
            return broker.is_ready(self.broker_port, broker.INGEST_USER, self.ingest_password, timeout=0.2)

        return [
            Service(
                name="database",
                command=self.embedded.command(),
                probe=probes.database(self.dsn),
                stop_signal=signal.SIGINT,
            ),
            Step(name="schema", action=self._prepare, after=frozenset({"database"})),
            Service(name="broker", command=self._broker_command(), probe=broker_answers, after=frozenset({"schema"})),
            Service(
                name="ingest",
                command=[sys.executable, str(COMMAND), "ingest"],
                environment={**COMMON, "LANDUN_DATABASE_URL": over("ingest-database"), "LANDUN_MQTT_URL": broker_url},
                probe=probes.heartbeat(self.dsn, "ingest", broker="connected"),
                after=frozenset({"broker"}),
            ),
            Service(
                name="monitor",
                command=[sys.executable, str(COMMAND), "monitor"],
                environment={**COMMON, "LANDUN_DATABASE_URL": over("monitor-database")},
                probe=probes.heartbeat(self.dsn, "monitor"),
                after=frozenset({"schema"}),
            ),
        ]

    def _broker_command(self) -> list[str]:
        users = broker.service_users(self.ingest_password, secrets.token_urlsafe(32))
        users += broker.device_users(self.registry, self.master)
        if self.kind == "mosquitto":
            try:
                return mosquitto.command(self.folder / "mosquitto", self.broker_port, users)
            except FileNotFoundError as error:
                raise OperatorError(str(error)) from error
        broker.write_config(self._broker, users)
        return broker.command(self._broker)

    def _prepare(self) -> None:
        migrate(self.dsn)
        now = datetime.now(UTC)
        with self.connection() as connection:
            save_registry(connection, self.registry)
            connection.execute(_BELIEVABLE)
            with connection.transaction():
                journal.append_event(connection, "config", {"what": "registry"}, now)
                journal.append_event(connection, "config", {"what": "simulation", "speed": SPEED}, now)
