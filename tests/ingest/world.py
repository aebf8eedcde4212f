"""A small registered world, publishers that keep a journal of their PUBACKs, and ingest as thread or process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from ingest.service import IngestSettings, Service
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store.connections import Connection, connect
from store.records import to_us
from store.registry_rows import save_registry
from tests.brokers import TOOL_PASSWORD

INDICATORS = (
    "free_chlorine",
    "ph",
    "orp",
    "turbidity",
    "water_temperature",
    "circulation_flow",
    "makeup_water",
    "bathers",
)
COUNTY = "320602"
SITE = "pool-1"
REGISTERED = datetime(2024, 1, 1, tzinfo=UTC)


def make_registry(devices: int = 4, *, registered_at: datetime = REGISTERED) -> Registry:
    """One site with so many devices, ``dev-0`` and on, of eight channels each; channel ids count from 1."""
    codes = [f"dev-{index}" for index in range(devices)]
    return Registry.of(
        [Site(SITE, COUNTY, SiteStatus.SIMULATED, "池", "Pool", 120.9, 32.0, registered_at)],
        [SamplingPoint(SITE, "basin-1", "标准池", "Main pool")],
        [Device(code, SITE, "basin-1") for code in codes],
        [
            Channel(1 + index * len(INDICATORS) + offset, code, indicator)
            for index, code in enumerate(codes)
            for offset, indicator in enumerate(INDICATORS)
        ],
    )


def topic(device: str = "dev-0", kind: str = "telemetry") -> str:
    """The topic of a device of `make_registry`."""
    return f"landun/v1/{COUNTY}/{SITE}/{device}/{kind}"


def now_ms(offset_s: float = 0.0) -> int:
    """The wall clock in ms."""
    return int((time.time() + offset_s) * 1000)


def payload(ts: object, **values: object) -> bytes:
    """A native payload."""
    return json.dumps({"ts": ts, "values": values}).encode()


def register(dsn: str, registry: Registry) -> None:
    """Write a registry to a database."""
    with connect(dsn) as connection:
        save_registry(connection, registry)


def wait_until(condition: Callable[[], object], timeout: float = 20.0, what: str = "condition") -> None:
    """Wait for a condition. Raises `TimeoutError` naming it."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not met within {timeout:g} s")
        time.sleep(0.02)


@dataclass
class Operation:
    """One publish of the journal: what was sent, and whether the broker acknowledged it."""

    device: str
    ts_ms: int
    values: Mapping[str, float]
    acknowledged: bool = False


@dataclass
class Publisher:
    """A client that publishes at QoS 1 and keeps a journal of what was acknowledged to it."""

    port: int
    username: str = "landun"
    password: str = TOOL_PASSWORD
    client_id: str = "publisher"
    journal: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_mid: dict[int, Operation] = {}
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self._connected = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, clean_session=False)
        self.client.username_pw_set(self.username, self.password)
        self.client.max_inflight_messages_set(500)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda *_: self._connected.set()
        self.client.on_publish = self._on_publish

    def __enter__(self) -> "Publisher":
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert self._connected.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, message_topic: str, body: bytes, *, qos: int = 1, retain: bool = False) -> MQTTMessageInfo:
        """Publish and wait for the PUBACK; not entered into the journal."""
        info = self.client.publish(message_topic, body, qos, retain)
        info.wait_for_publish(15)
        assert info.is_published()
        with self._lock:
            self._early.discard(info.mid)
        return info

    def publish(
        self, device: str, ts_ms: int, values: Mapping[str, float], message_topic: str | None = None
    ) -> Operation:
        """Publish a good payload without waiting, and enter it into the journal."""
        operation = Operation(device, ts_ms, dict(values))
        self.journal.append(operation)
        # Not under the lock: paho holds one of its own both here and when it calls `_on_publish`.
        info = self.client.publish(message_topic or topic(device), payload(ts_ms, **values), qos=1)
        with self._lock:
            if info.mid in self._early:
                self._early.remove(info.mid)
                operation.acknowledged = True
            else:
                self._by_mid[info.mid] = operation
        return operation

    @property
    def outstanding(self) -> int:
        """Publishes not acknowledged yet."""
        return len(self._by_mid)

    def _on_publish(self, _client: Client, _data: Any, mid: int, *_: Any) -> None:
        with self._lock:
            operation = self._by_mid.pop(mid, None)
            if operation is not None:
                operation.acknowledged = True
            else:
                self._early.add(mid)


@contextmanager
def ingesting(dsn: str, mqtt_url: str, **settings: Any) -> Iterator[Service]:
    """Ingest in a thread of this process, subscribed; ended at the end of the block."""
    stopping = threading.Event()
    service = Service(IngestSettings(dsn, mqtt_url, **{"batch_window_s": 0.02, "hold_s": 0.5, **settings}), stopping)
    failure: list[BaseException] = []

    def work() -> None:
        try:
            service.run()
        except BaseException as error:
            failure.append(error)
            raise

    thread = threading.Thread(target=work, name="ingest", daemon=True)
    thread.start()
    try:
        wait_until(lambda: service.session.connected or failure, what="ingest's subscription")
        yield service
    finally:
        stopping.set()
        thread.join(10)
    assert not thread.is_alive(), "ingest did not end within 10 s"
    assert not failure, failure


_PROGRAM = """
import logging, os
from ingest.service import IngestSettings, run
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
host, _, port = os.environ.get("HJ212", "").partition(":")
run(IngestSettings(
    os.environ["DSN"], os.environ["URL"], hold_s=float(os.environ["HOLD"]),
    hj212=(host, int(port)) if port else None, device_master=os.environ.get("MASTER"),
))
"""


class IngestProcess:
    """Ingest as a process of its own, to be killed."""

    def __init__(self, dsn: str, mqtt_url: str, *, hold_s: float = 6.0, more: Mapping[str, str] | None = None) -> None:
        self._environment = {**os.environ, "DSN": dsn, "URL": mqtt_url, "HOLD": str(hold_s), **(more or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen([sys.executable, "-c", _PROGRAM], env=self._environment)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it by a signal; the seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(15)
        self.process = None
        return time.monotonic() - began

    def __enter__(self) -> "IngestProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop(signal.SIGKILL)


def stored(dsn: str) -> dict[tuple[int, int], float]:
    """Every stored reading: (channel, ts in us) → value."""
    with connect(dsn) as connection:
        rows = connection.execute("SELECT channel_id, ts, value FROM reading").fetchall()
    return {(channel, to_us(ts)): value for channel, ts, value in rows}


def expected(registry: Registry, operations: list[Operation]) -> dict[tuple[int, int], float]:
    """The readings these publishes come to."""
    return {
        (registry.channel_ids[each.device, indicator], each.ts_ms * 1000): float(value)
        for each in operations
        for indicator, value in each.values.items()
    }


def dead_letters(dsn: str) -> list[dict[str, Any]]:
    """Every dead letter, in order."""
    names = ("topic", "payload", "reason", "detail", "site", "device", "field")
    with connect(dsn) as connection:
        rows = connection.execute(f"SELECT {', '.join(names)} FROM dead_letter ORDER BY id").fetchall()  # noqa: S608
    return [dict(zip(names, (bytes(x) if isinstance(x, memoryview) else x for x in row), strict=True)) for row in rows]


def ago(**delta: float) -> datetime:
    """An instant before now."""
    return datetime.now(UTC) - timedelta(**delta)


def late_of_journal(connection: Connection) -> int:
    """How many readings the journal calls late."""
    from store import journal  # noqa: PLC0415

    entries = journal.read_after(connection, 0, 1_000_000)
    return sum(int(journal.readings_of(each)["late"].sum()) for each in entries if each.kind == "readings")
