"""Which services make the system, in which order, with which environment."""

import logging
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ingest.subtrees import Subtree
from operations import broker, first_start, probes
from operations.broker_keeper import BrokerKeeper
from operations.denied import DeniedPublishes
from operations.folder import DataFolder, Record
from operations.ingest_workers import Division, environment_of
from operations.people import SignIn
from operations.ports import LOOPBACK, Address, reachable
from operations.registry_watch import RegistryWatch
from operations.secrets import Secrets
from operations.service import Node, Probe, Service, Step
from store.connections import Connection, connect
from store.demonstration import find as find_demonstration
from store.embedded import EmbeddedPostgres

COMMAND: Final = Path(__file__).resolve().parent.parent / "landun.py"
HISTORY_BEFORE_READY_H: Final = 24
WELL_WITHIN_S: Final = 10.0

_log = logging.getLogger(__name__)


def _nothing(_name: str) -> None:
    """Before anything runs there is nothing to retire."""


@dataclass
class Assembly:
    """Builds the nodes of one system. `announce_sign_in` is called with each person whom the first start made.

    `broker_host` is where devices reach the broker; `workers` is how many ingest processes are wanted, as many as
    before by default; `retire` ends a service that is not wanted any more.
    """

    folder: DataFolder
    record: Record
    secrets: Secrets
    address: Address
    dsn: str
    embedded: EmbeddedPostgres | None
    denied: DeniedPublishes
    announce_sign_in: Callable[[SignIn], None]
    min_free_bytes: int
    broker_host: str = LOOPBACK
    workers: int | None = None
    retire: Callable[[str], None] = _nothing

    def __post_init__(self) -> None:
        kept = self.record.workers if (self.folder.path / "nats").exists() else None
        self.division = Division.of(self.workers or self.record.workers, kept)
        self.broker = broker.BrokerSettings(
            folder=self.folder.path / "nats",
            mqtt_port=self.address.ports["broker"],
            client_port=self.address.ports["broker-client"],
            mqtt_host=self.broker_host,
        )
        self.keeper = BrokerKeeper(self.broker, self.secrets, LOOPBACK, self.broker.client_port)
        self.watch = RegistryWatch(self.dsn, [self.keeper.admit_devices, self._follow_demonstration])

    def nodes(self) -> list[Node]:
        """Everything, each with what it needs first."""
        nodes: list[Node] = [
            *([self._database(self.embedded)] if self.embedded else []),
            Step(
                name="schema", action=self._prepare_database, after=frozenset({"database"} if self.embedded else set())
            ),
            Step(name="accounts", action=self._admit_services, after=frozenset({"schema"})),
            self._broker(),
            *self._ingest(),
            Step(
                name="devices",
                action=self._admit_devices,
                after=frozenset(each.service for each in self.division.workers),
            ),
            self._landun(
                "monitor",
                {
                    "LANDUN_DATABASE_URL": self.dsn,
                    "LANDUN_METRICS": self._metrics("monitor"),
                    "LANDUN_ANCHORS": str(self.folder.path / "anchors"),
                },
                after={"schema"},
                probe=probes.heartbeat(self.dsn, "monitor"),
            ),
            self._api(),
            self._notify(),
            self._canary(),
            self._dashboard(),
        ]
        if self.record.demonstration:
            nodes += self._demonstration()
        needed = [node.name for node in nodes if not (isinstance(node, Service) and node.background)]
        return [*nodes, Step(name="health", action=self._wait_well, after=frozenset(needed))]

    def _ingest(self) -> list[Node]:
        """The ingest workers, after those of another division have handed over."""
        handovers: list[Node] = [
            replace(self._worker(subtree, name=f"handover-{subtree.service}", arguments=("--drain",)), job=True)
            for subtree in self.division.before
        ]
        divided = Step(
            name="divided",
            action=self._remember_division,
            after=frozenset({"schema", "broker", *(each.name for each in handovers)}),
        )
        workers = [
            self._worker(
                subtree,
                name=subtree.service,
                after={"divided"},
                probe=probes.heartbeat(self.dsn, subtree.service, broker="connected"),
                # One address for figures: that of the worker that is always there.
                more={"LANDUN_METRICS": self._metrics("ingest")} if subtree.rest else {},
            )
            for subtree in self.division.workers
        ]
        return [*handovers, divided, *workers]

    def _worker(
        self,
        subtree: Subtree,
        *,
        name: str,
        after: set[str] | None = None,
        probe: Probe | None = None,
        arguments: tuple[str, ...] = (),
        more: Mapping[str, str] | None = None,
    ) -> Service:
        environment = {
            "LANDUN_DATABASE_URL": self.dsn,
            "LANDUN_MQTT_URL": self._ingest_url,
            "LANDUN_HJ212": f"{self.broker_host}:{self.address.ports['hj212']}",
            "LANDUN_JT808": f"{self.broker_host}:{self.address.ports['jt808']}",
            "LANDUN_DEVICE_MASTER_FILE": str(self.secrets.device_master_file),
            **environment_of(subtree),
            **(more or {}),
        }
        return self._landun(
            "ingest", environment, name=name, after=after or {"schema", "broker"}, probe=probe, arguments=arguments
        )

    def _remember_division(self) -> None:
        self.record.workers = len(self.division.workers)
        self.folder.write_record(self.record)

    def _demonstration(self) -> list[Node]:
        """The simulators, and their sites' past: the last day of it first, because the fleet goes on from there.

        The system is not ready without that day, which takes seconds; a longer past is written while it runs.
        """
        wanted, written = self.record.history_hours, self.record.backfilled_hours
        soon = min(wanted, HISTORY_BEFORE_READY_H)
        nodes: list[Node] = []
        if written < soon:
            nodes.append(self._backfill("backfill", soon, after={"schema"}))
        # After `devices`, so that no reading is acknowledged before ingest's session keeps it.
        nodes.append(self._simulators(after={"devices", *(node.name for node in nodes)}))
        if max(written, soon) < wanted:
            nodes.append(self._backfill("history", wanted, after={"simulators"}))
        return nodes

    def _database(self, embedded: EmbeddedPostgres) -> Service:
        return Service(
            name="database",
            command=embedded.command(),
            probe=probes.database(self.dsn),
            shown=_without_time,
            stop_signal=signal.SIGINT,  # fast shutdown: rolls back, disconnects, checkpoints
        )

    def _broker(self) -> Service:
        async def probe(_started_at: float) -> bool:
            return broker.is_ready(self.broker.mqtt_port, broker.INGEST_USER, self.secrets.mqtt_ingest, timeout=0.2)

        return Service(
            name="broker",
            command=broker.command(self.broker),
            after=frozenset({"accounts"}),
            probe=probe,
            heard=self.denied.hear,
            shown=_without_banner,
        )

    def _api(self) -> Service:
        environment = {
            "LANDUN_DATABASE_URL": self.dsn,
            "LANDUN_API_HOST": self.address.host,
            "LANDUN_API_PORT": str(self.address.ports["api"]),
            "LANDUN_TOKEN_SECRET_FILE": str(self.secrets.token_file),
            "LANDUN_NOTIFY_KEY_FILE": str(self.secrets.notify_key_file),
            "LANDUN_DATA": str(self.folder.path),
            "LANDUN_DEVICES_URL": f"mqtt://{reachable(self.broker_host)}:{self.broker.mqtt_port}",
            "LANDUN_HJ212_URL": f"hj212://{reachable(self.broker_host)}:{self.address.ports['hj212']}",
            "LANDUN_JT808_URL": f"jt808://{reachable(self.broker_host)}:{self.address.ports['jt808']}",
            "LANDUN_METRICS": self._metrics("api"),
            "LANDUN_INGEST_STATUS_URL": f"http://{self._metrics('ingest')}/status",
            "LANDUN_BROKER_VERSION": broker.version(),
        }
        if self.record.demonstration:
            environment["LANDUN_SIMULATORS_URL"] = self.address.simulators
        return self._landun(
            "serve", environment, name="api", after={"schema"}, probe=probes.http(f"{self.address.api}/health")
        )

    def _canary(self) -> Service:
        service = self._landun(
            "canary",
            {
                "LANDUN_DATABASE_URL": self.dsn,
                "LANDUN_MQTT_URL": f"mqtt://{LOOPBACK}:{self.broker.mqtt_port}",
                "LANDUN_API_URL": self.address.api,
                "LANDUN_TOKEN_SECRET_FILE": str(self.secrets.token_file),
                "LANDUN_DEVICE_MASTER_FILE": str(self.secrets.device_master_file),
            },
            after={"devices", "api"},
        )
        return replace(service, background=True)

    def _notify(self) -> Service:
        user = f"{broker.NOTIFY_USER}:{self.secrets.mqtt_notify}"
        environment = {
            "LANDUN_DATABASE_URL": self.dsn,
            "LANDUN_DASHBOARD_URL": self.address.dashboard,
            "LANDUN_NOTIFY_KEY_FILE": str(self.secrets.notify_key_file),
            "LANDUN_MQTT_URL": f"mqtt://{user}@{LOOPBACK}:{self.broker.mqtt_port}",
        }
        return self._landun("notify", environment, after={"schema"}, probe=probes.heartbeat(self.dsn, "notify"))

    def _metrics(self, service: str) -> str:
        """Where a service tells its figures."""
        return f"{LOOPBACK}:{self.address.ports[f'metrics-{service}']}"

    def _dashboard(self) -> Service:
        environment = {
            "LANDUN_API_URL": self.address.api,
            "LANDUN_DASHBOARD_HOST": self.address.host,
            "LANDUN_DASHBOARD_PORT": str(self.address.ports["dashboard"]),
        }
        return self._landun(
            "dashboard", environment, after={"schema"}, probe=probes.http(f"{self.address.dashboard}/_stcore/health")
        )

    def _simulators(self, after: set[str]) -> Service:
        environment = {
            "LANDUN_MQTT_URL": f"mqtt://{LOOPBACK}:{self.broker.mqtt_port}",
            "LANDUN_DEVICE_MASTER_FILE": str(self.secrets.device_master_file),
            "LANDUN_MIN_FREE_BYTES": str(self.min_free_bytes),
            "LANDUN_SIMULATORS_HOST": LOOPBACK,
            "LANDUN_SIMULATORS_PORT": str(self.address.ports["simulators"]),
            "LANDUN_HJ212": f"{reachable(self.broker_host)}:{self.address.ports['hj212']}",
            "LANDUN_JT808": f"{reachable(self.broker_host)}:{self.address.ports['jt808']}",
            "LANDUN_MODBUS": f"{LOOPBACK}:{self.address.ports['modbus']}",
            "LANDUN_DATA": str(self.folder.path),
        }
        return self._landun(
            "simulate",
            environment,
            name="simulators",
            after=after,
            probe=probes.http(f"{self.address.simulators}/fleet"),
        )

    def _backfill(self, name: str, hours: int, after: set[str]) -> Service:
        def done() -> None:
            self.record.backfilled_hours = hours
            self.folder.write_record(self.record)

        first = name == "backfill"
        service = self._landun(
            "backfill",
            {"LANDUN_DATABASE_URL": self.dsn, "LANDUN_DATA": str(self.folder.path)},
            name=name,
            arguments=("--hours", str(hours), "--gap" if first else "--no-gap"),
            after=after,
        )
        return replace(service, job=True, background=not first, done=done)

    def _landun(
        self,
        command: str,
        environment: Mapping[str, str],
        *,
        after: set[str],
        name: str | None = None,
        probe: Probe | None = None,
        arguments: tuple[str, ...] = (),
    ) -> Service:
        return Service(
            name=name or command,
            command=[sys.executable, str(COMMAND), command, *arguments],
            environment={**COMMON, **environment},
            after=frozenset(after),
            probe=probe,
        )

    def _prepare_database(self) -> None:
        for made in first_start.prepare_database(self.dsn, self.record):
            self.announce_sign_in(made)

    def _admit_services(self) -> None:
        if self.division.before:
            self.keeper.bar_devices()
        with self._connected() as connection:
            self.keeper.admit_services(connection)

    def _admit_devices(self) -> None:
        with self._connected() as connection:
            self.keeper.admit_devices(connection)
        self.watch.begin()

    def _connected(self) -> Connection:
        return connect(self.dsn, application_name="landun-up")

    def _follow_demonstration(self, connection: Connection) -> None:
        """Run no simulators any more once the demonstration has been removed, now or at a later start."""
        known = find_demonstration(connection)
        if self.record.demonstration and known is not None and known.removed_at is not None:
            self.record.demonstration = False
            self.folder.write_record(self.record)
            for name in ("simulators", "history"):
                self.retire(name)

    def _wait_well(self) -> None:
        """Until the API finds everything well, so that the first look at the dashboard does; not for ever."""
        deadline = time.monotonic() + WELL_WITHIN_S
        while time.monotonic() < deadline:
            status, missing = probes.health(self.address.api)
            if status == "ok":
                return
            time.sleep(0.2)
        _log.warning("ready, but /health is %s: %s", status, ", ".join(missing))

    @property
    def _ingest_url(self) -> str:
        return f"mqtt://{broker.INGEST_USER}:{self.secrets.mqtt_ingest}@{LOOPBACK}:{self.broker.mqtt_port}"


def _without_time(line: str) -> str:
    """A line of a server's log without its own time and process id: the log has the time already."""
    return _STAMP.sub("", line)


def _without_banner(line: str) -> str | None:
    """A line of the broker's log, unless it is one of the many that say that all is well."""
    short = _without_time(line)
    return None if short.startswith("[INF]") else short


_STAMP: Final = re.compile(r"^(\[\d+\] )?\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(\.\d+)? (UTC )?(\[\d+\] )?")

COMMON: Final = {
    "PYTHONUNBUFFERED": "1",
    "LANDUN_SUPERVISED": "1",
    # One thread a service: the arrays are small, and threads that spin would take the other services' cores.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
