"""A live fleet on a real broker, and someone who listens."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from registry.credentials import device_password
from registry.model import Registry
from simulators.fleet import Fleet
from simulators.settings import SimulatorSettings
from tests.brokers import DEVICE_MASTER, INGEST_PASSWORD, NatsBroker
from tests.simulators.worlds import SEED

PATIENCE_S: Final = 40.0


def wait_until(what: str, holds: Callable[[], bool], timeout: float = PATIENCE_S) -> None:
    """Wait for a condition. Raises `TimeoutError` naming it."""
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"within {timeout:g} s not: {what}")
        time.sleep(0.02)


class Ear:
    """A persistent session that hears every device, as ingest's does."""

    def __init__(self, port: int) -> None:
        self.records: list[tuple[str, dict[str, Any]]] = []  # device, record; in order of arrival
        self.batches: list[int] = []
        self.statuses: dict[str, list[bool]] = {}
        self.topics: set[str] = set()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ear", clean_session=False)
        self._client.username_pw_set("ingest", INGEST_PASSWORD)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("landun/v1/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.reconnect_delay_set(0.2, 1.0)  # type: ignore[arg-type]
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, device: str) -> list[dict[str, Any]]:
        """The records of a device, as they arrived."""
        return [record for code, record in list(self.records) if code == device]

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        device, kind = message.topic.split("/")[4:]
        payload = json.loads(message.payload)
        if kind == "status":
            self.statuses.setdefault(device, []).append(payload["online"])
            return
        self.topics.add(message.topic)
        found = payload if isinstance(payload, list) else [payload]
        self.batches.append(len(found))
        self.records += [(device, record) for record in found]


def settings_for(
    registry: Registry, folder: Path, port: int, *, record: Path | None = None, min_free_bytes: int = 1
) -> SimulatorSettings:
    """Settings of a fleet on a broker of the tests."""
    return SimulatorSettings(
        registry=registry,
        seed=SEED,
        data=folder,
        mqtt_host="127.0.0.1",
        mqtt_port=port,
        device_password=lambda code: device_password(DEVICE_MASTER, code),
        min_free_bytes=min_free_bytes,
        record=record,
    )


@contextmanager
def running(fleet: Fleet) -> Iterator[Fleet]:
    """A fleet in a thread of its own, ended with the block; an error in it is raised here."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            fleet.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield fleet
    finally:
        fleet.end()
        thread.join(10)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


@contextmanager
def broker_and_ear(folder: Path, registry: Registry) -> Iterator[tuple[NatsBroker, Ear]]:
    """A broker that knows a registry's devices, and an ear on it."""
    with NatsBroker(folder / "nats", registry) as broker:
        ear = Ear(broker.mqtt_port)
        try:
            yield broker, ear
        finally:
            ear.close()
