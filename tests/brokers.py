"""Real brokers for tests: nats-server and mosquitto on free loopback ports, killable and restartable."""

import asyncio
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from operations import broker, mosquitto
from operations.broker import BrokerSettings, User
from operations.broker_keeper import reload
from operations.ports import any_free
from registry.model import Registry

INGEST_PASSWORD = "ingest-password-of-the-tests-0123456789"
KEEPER_PASSWORD = "keeper-password-of-the-tests-0123456789"
TOOL_PASSWORD = "tool-password-of-the-tests-0123456789"
DEVICE_MASTER = "device-master-of-the-tests-0123456789"


class Broker(Protocol):
    """What the tests do with any broker."""

    mqtt_port: int
    lines: list[str]

    def start(self) -> None:
        """Start and wait until it accepts connections."""

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End it by a signal and wait for its end."""


class _Server(ABC):
    """A child process whose log lines are collected in `lines`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def run(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            list(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._collect, args=(self.process,), daemon=True)
        self._reader.start()

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End it by a signal and wait for its end."""
        if self.process is None:
            return
        self.process.send_signal(signal_number)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._reader is not None:
            self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()
        self.process = None

    def wait_line(self, part: str, timeout: float = 10.0) -> str:
        """The first log line that holds `part`, waiting for it. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout
        while True:
            for line in list(self.lines):
                if part in line:
                    return line
            if time.monotonic() > deadline:
                raise TimeoutError(f"no log line with {part!r} within {timeout:g} s; log: {self.lines[-20:]}")
            time.sleep(0.02)

    def _collect(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it accepts connections."""


class NatsBroker(_Server):
    """The default broker as `operations.broker` configures it, with every device of a registry."""

    def __init__(
        self,
        folder: Path,
        registry: Registry | None = None,
        *,
        sync_interval: str = "2m",
        ack_wait_s: int = broker.ACK_WAIT_S,
    ) -> None:
        super().__init__()
        self.mqtt_port = any_free()
        self.settings = BrokerSettings(
            folder=folder,
            mqtt_port=self.mqtt_port,
            client_port=any_free(),
            sync_interval=sync_interval,
            ack_wait_s=ack_wait_s,
        )
        self.users: list[User] = broker.service_users(INGEST_PASSWORD, TOOL_PASSWORD, KEEPER_PASSWORD)
        if registry is not None:
            self.users += broker.device_users(registry, DEVICE_MASTER)

    @property
    def ingest_url(self) -> str:
        """The MQTT address of ingest, with its credential."""
        return f"mqtt://{broker.INGEST_USER}:{INGEST_PASSWORD}@127.0.0.1:{self.mqtt_port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        broker.write_config(self.settings, self.users)
        self.run(broker.command(self.settings))
        try:
            broker.wait_ready(self.mqtt_port, broker.TOOL_USER, TOOL_PASSWORD)
        except TimeoutError as error:
            self.stop()
            raise TimeoutError("\n".join(self.lines[-20:])) from error

    def reload(self) -> None:
        """Have it read its configuration again, as its keeper does."""
        asyncio.run(reload("127.0.0.1", self.settings.client_port, KEEPER_PASSWORD))


class MosquittoBroker(_Server):
    """mosquitto 2 with the tuned configuration, as the second broker."""

    def __init__(self, folder: Path, registry: Registry | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.mqtt_port = any_free()
        self.users: list[User] = broker.service_users(INGEST_PASSWORD, TOOL_PASSWORD)
        if registry is not None:
            self.users += broker.device_users(registry, DEVICE_MASTER)

    @property
    def ingest_url(self) -> str:
        """The MQTT address of ingest, with its credential."""
        return f"mqtt://{broker.INGEST_USER}:{INGEST_PASSWORD}@127.0.0.1:{self.mqtt_port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        passwords, rules = self.folder / "passwords", self.folder / "rules"
        if not passwords.exists():
            passwords.write_text("".join(f"{user.name}:{user.password}\n" for user in self.users))
            passwords.chmod(0o600)
            subprocess.run(["/usr/bin/mosquitto_passwd", "-U", str(passwords)], check=True)
            rules.write_text(mosquitto.rules_text(self.users))
            rules.chmod(0o600)
        config = self.folder / "mosquitto.conf"
        text = mosquitto.config_text(self.folder, self.mqtt_port, passwords, rules)
        config.write_text(text + "user root\n")
        self.run(["/usr/sbin/mosquitto", "-c", str(config)])
        broker.wait_ready(self.mqtt_port, broker.TOOL_USER, TOOL_PASSWORD)


@contextmanager
def running(server: NatsBroker | MosquittoBroker) -> Iterator[NatsBroker | MosquittoBroker]:
    """A started broker, stopped at the end of the block."""
    with server:
        yield server
