"""docker-compose.yml, without an engine: the file is valid, and every service of it runs by hand over TLS."""

import json
import os
import shutil
import ssl
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import paho.mqtt.client as mqtt
import pytest
import trustme
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from psycopg.conninfo import conninfo_to_dict

from operations.folder import DataFolder, Record
from operations.ports import any_free
from operations.service import Service
from tests.databases import Server
from tests.operations.assemblies import nodes_of
from tests.system import eventually

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "docker-compose.yml"
SERVICES: Final[dict[str, dict[str, Any]]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
NOT_OURS: Final = {"database"}
CONTAINERS_ONLY: Final = {"setup", "broker-config", "broker-keeper"}
"""What `landun up` does by itself, with the same functions."""

ONLY_EMBEDDED: Final = {"LANDUN_SUPERVISED", "LANDUN_MIN_FREE_BYTES", "LANDUN_BROKER_VERSION", "LANDUN_DATA"} | {
    f"LANDUN_INGEST_{part}" for part in ("MEMBER", "COUNTIES", "REST")
}
"""Settings of the supervisor: its log, its disk guard, one of several workers; the image sets LANDUN_DATA."""


def test_the_file_is_valid() -> None:
    """The compose program takes it, with the demonstration and without."""
    program = shutil.which("docker-compose")
    assert program, "no docker-compose: apt-get install docker-compose"
    checked = subprocess.run([program, "-f", str(COMPOSE), "config"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_nothing_runs_as_root_or_keeps_a_secret_in_its_environment() -> None:
    """The image has a user of its own, the database too; every secret is a file."""
    assert "\nUSER 10001:10001\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for name, service in SERVICES.items():
        assert service.get("user", "postgres" if name in NOT_OURS else "10001") != "root"
        assert service["cap_drop"] == ["ALL"]
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or key.endswith("_FILE"), (name, key)
            assert "://" not in value or ":" not in value.split("://")[1].split("@")[0] or "@" not in value, (name, key)
        assert "healthcheck" in service or name in {"setup", "broker-config", "broker-keeper", "canary"}


def test_containers_run_the_commands_that_the_supervisor_runs(tmp_path: Path) -> None:
    """Every service of `landun up` is in the file with the same command, and gets every setting it gets there."""
    folder = DataFolder(tmp_path)
    record = Record(created=datetime.now(UTC), seed=1)
    started = {
        node.name: node for node in nodes_of(folder, record).values() if isinstance(node, Service) and not node.job
    }
    assert started.keys() == SERVICES.keys() - NOT_OURS - CONTAINERS_ONLY
    for name, service in started.items():
        command = SERVICES[name]["command"]
        if name == "broker":
            assert [Path(service.command[0]).name, *service.command[1:2]] == command[:2]
            continue
        assert list(service.command[2:]) == command[1:], name
        given = {key for key in service.environment if key.startswith("LANDUN_")} - ONLY_EMBEDDED
        assert given <= SERVICES[name].get("environment", {}).keys(), name


class Stack:
    """Every service of the file as a process, with this machine's addresses in place of the containers'."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        database = conninfo_to_dict(dsn)
        self.ports = {
            each: any_free()
            for each in (
                "broker",
                "client",
                "api",
                "dashboard",
                "simulators",
                "9464",
                "9465",
                "9466",
                "9212",
                "9808",
                "5020",
            )
        }
        self.run("landun", "secrets", str(self.secrets), environment={})
        (self.secrets / "postgres-password").write_text(f"{database['password']}\n")
        authority = trustme.CA()
        certificate = authority.issue_cert("broker", "api", "localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(str(self.secrets / "tls-key"))
        certificate.cert_chain_pems[0].write_to_path(str(self.secrets / "tls-certificate"))
        authority.cert_pem.write_to_path(str(self.secrets / "ca"))
        self.replacements = {
            "landun@database:5432/landun": f"{database['user']}@127.0.0.1:{database['port']}/{database['dbname']}",
            "/run/secrets": str(self.secrets),
            "/var/lib/landun": str(folder / "data"),
            "broker:8883": f"127.0.0.1:{self.ports['broker']}",
            "127.0.0.1:8883": f"127.0.0.1:{self.ports['broker']}",
            "${LANDUN_HOST:-localhost}:${LANDUN_MQTT_PORT:-8883}": f"127.0.0.1:{self.ports['broker']}",
            "${LANDUN_HOST:-localhost}:${LANDUN_HJ212_PORT:-9212}": f"127.0.0.1:{self.ports['9212']}",
            "${LANDUN_HOST:-localhost}:${LANDUN_JT808_PORT:-9808}": f"127.0.0.1:{self.ports['9808']}",
            "${LANDUN_SIMULATORS_URL:-http://simulators:8010}": f"http://127.0.0.1:{self.ports['simulators']}",
            "${LANDUN_DEMONSTRATION:-false}": "true",
            "${LANDUN_DASHBOARD_URL:-http://localhost:8501}": f"http://127.0.0.1:{self.ports['dashboard']}",
            "api:8000": f"localhost:{self.ports['api']}",
            "127.0.0.1:8000": f"127.0.0.1:{self.ports['api']}",
            "127.0.0.1:8501": f"127.0.0.1:{self.ports['dashboard']}",
            "127.0.0.1:8010": f"127.0.0.1:{self.ports['simulators']}",
            **{
                f"0.0.0.0:{port}": f"127.0.0.1:{self.ports[port]}"
                for port in ("9464", "9465", "9466", "9212", "9808", "5020")
            },
            "ingest:9464": f"127.0.0.1:{self.ports['9464']}",
            "simulators:5020": f"127.0.0.1:{self.ports['5020']}",
            "ingest:9212": f"127.0.0.1:{self.ports['9212']}",
            "ingest:9808": f"127.0.0.1:{self.ports['9808']}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - replaced, not bound
        }
        self.exactly = {
            "LANDUN_BROKER_HOST": "127.0.0.1",
            "LANDUN_BROKER_CLIENT_PORT": str(self.ports["client"]),
            "LANDUN_BROKER_MQTT_PORT": str(self.ports["broker"]),
            "LANDUN_API_PORT": str(self.ports["api"]),
            "LANDUN_DASHBOARD_PORT": str(self.ports["dashboard"]),
            "LANDUN_SIMULATORS_PORT": str(self.ports["simulators"]),
        }

    def here(self, text: str) -> str:
        """What the file says, with this machine's addresses."""
        for there, here in self.replacements.items():
            text = text.replace(there, here)
        assert "${" not in text, text
        return text

    def environment(self, name: str) -> dict[str, str]:
        """A service's environment; nothing of ours but what the file and the image say."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("LANDUN_")}
        own = {key: self.exactly.get(key) or self.here(value) for key, value in environment_of(name).items()}
        scripts = sysconfig.get_path("scripts")
        return {**inherited, "PATH": f"{scripts}:{inherited['PATH']}", "LANDUN_DATA": str(self.folder / "data"), **own}

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, which must be a good one."""
        program = [f"{sysconfig.get_path('scripts')}/{command[0]}", *command[1:]]
        done = subprocess.run(program, env=dict(environment or os.environ), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
        return done

    def job(self, name: str) -> str:
        """A service that ends by itself; returns what it said."""
        command = [self.here(each) for each in SERVICES[name]["command"]]
        return self.run(*command, environment=self.environment(name)).stdout

    def start(self, name: str) -> None:
        """A service that goes on."""
        command = [self.here(each) for each in SERVICES[name]["command"]]
        command[0] = f"{sysconfig.get_path('scripts')}/{command[0]}"
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, env=self.environment(name), stdout=log, stderr=log)

    def well(self, name: str) -> None:
        """Wait for the service's own health check to pass."""
        kind, *test = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [f"{sysconfig.get_path('scripts')}/{test[0]}", *(self.here(each) for each in test[1:])]

        def passes() -> bool:
            assert self.processes[name].poll() is None, (self.folder / f"{name}.log").read_text()[-3000:]
            return subprocess.run(command, env=self.environment(name), capture_output=True, check=False).returncode == 0

        eventually(passes, f"health check of {name}", timeout=90, every=0.5)

    def end(self) -> None:
        """End every process."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment_of(name: str) -> dict[str, str]:
    """A service's environment as the file says."""
    given: dict[str, str] = SERVICES[name].get("environment", {})
    return given


@pytest.fixture
def stack(tmp_path: Path, database_server: Server) -> Iterator[Stack]:
    """The processes' folder and an empty database."""
    with database_server.new_database(migrated=False) as dsn:
        made = Stack(tmp_path, dsn)
        yield made
        made.end()


@pytest.mark.system
@pytest.mark.slow
def test_every_service_runs_by_hand_and_its_health_check_passes(stack: Stack) -> None:
    """Each command of the file, in the file's order, over TLS at broker and API; a device is admitted and stored."""
    said = stack.job("setup")
    password = said.split("password ")[1].split()[0]
    stack.job("broker-config")
    for name in ("broker", "ingest", "monitor", "notify", "api", "dashboard", "simulators"):
        stack.start(name)
    for name in ("broker", "ingest", "monitor", "notify", "api", "dashboard"):
        stack.well(name)
    stack.start("broker-keeper")
    stack.start("canary")
    stack.well("simulators")

    trusted = ssl.create_default_context(cafile=str(stack.secrets / "ca"))
    with httpx.Client(base_url=f"https://localhost:{stack.ports['api']}", verify=trusted, timeout=30) as client:
        form = {"username": "admin", "password": password}
        token = client.post("/api/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"

        def unwell() -> str:
            health = client.get("/health").json()
            simulated = health["sites"]["simulated"]
            parts = [each for each in health["components"] if each["state"] != "up"]
            return "" if simulated["online"] >= 32 and not parts else f"{simulated} {parts}"

        deadline = time.monotonic() + 60
        while (problem := unwell()) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not problem
        entry = {
            "code": "tls-1",
            "site": "tls",
            "sampling_point": "b1",
            "indicators": ["ph"],
            "site_entry": {"name_zh": "加密馆", "county": "崇川区", "lon": 120.9, "lat": 32.0},
            "point_entry": {"name_zh": "标准池"},
        }
        made = client.post("/api/v1/devices", json=entry).raise_for_status().json()
        assert made["tls"]
        eventually(lambda: publishes(made, stack.secrets / "ca"), "the device is admitted over TLS", timeout=15)
        eventually(lambda: client.get("/api/v1/devices/tls-1").json()["last_seen"], "its reading is stored")
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://localhost:{stack.ports['api']}/health", trust_env=False)
    with pytest.raises(ssl.SSLCertVerificationError):
        publishes(made, None)
    for name, process in stack.processes.items():
        assert process.poll() is None, f"{name} ended: {(stack.folder / f'{name}.log').read_text()[-2000:]}"


def publishes(made: Mapping[str, Any], authority: Path | None) -> bool:
    """Whether a device with this credential gets a reading acknowledged."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=made["device"])
    client.username_pw_set(made["device"], made["password"])
    client.tls_set(str(authority) if authority else None)
    client.connect(made["host"], made["port"])
    client.loop_start()
    payload = json.dumps({"ts": time.time_ns() // 1_000_000, "values": {"ph": 7.3}})
    message = client.publish(made["topic"], payload, qos=1)
    try:
        message.wait_for_publish(2)
        return bool(message.is_published())
    except RuntimeError:
        return False
    finally:
        client.loop_stop()
        client.disconnect()
