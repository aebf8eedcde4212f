"""``landun canary``: publishes every second as a device does, and waits for its own readings on the live feed.

What it measures is what an inspector sees: from a device's publish over broker, ingest, database, journal and monitor
to a frame of the WebSocket. A message counts as through when it, or a newer one, arrives: the feed leaves out values
that are overtaken.
"""

import asyncio
import contextlib
import json
import logging
import signal
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import psycopg
import websockets

from ingest.session import BrokerAddress
from monitor.api import tokens
from monitor.api.scope import CANARY
from registry import canary
from registry.canary import with_canary
from registry.model import Registry
from simulators.connector import Connector
from simulators.device import SimulatedDevice
from simulators.dialects.voice import Plain
from simulators.link import Address, Identity
from store.backoff import Backoff
from store.connections import connect
from store.exposition import program_version
from store.queries import write_heartbeat

SERVICE: Final = "canary"
EVERY_S: Final = 1.0
HEARTBEAT_S: Final = 2.0
REMEMBERED: Final = 600
"""Latencies that the percentiles are over: ten minutes."""

PATIENCE_S: Final = 45.0
"""How long a start may take before a silence is told."""

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """Where broker, API and database are; `mqtt_url` without a user, the password is the device's."""

    mqtt_url: str
    api_url: str
    database_url: str = field(repr=False)
    token_secret: str = field(repr=False)
    password: str = field(repr=False)


class Flight:
    """What is under way, and how long what came through took. Times in s since the epoch."""

    def __init__(self, started: float) -> None:
        self._lock = threading.Lock()
        self._under_way: deque[float] = deque(maxlen=REMEMBERED)
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._started = started
        self.sent = 0
        self.through = 0
        self._last_through: float | None = None

    def send(self, at: float) -> None:
        """A message is published."""
        with self._lock:
            self._under_way.append(at)
            self.sent += 1

    def arrive(self, published: float, now: float) -> None:
        """The message of an instant came through, and with it all before."""
        with self._lock:
            while self._under_way and self._under_way[0] <= published + 5e-4:
                self._took.append(now - self._under_way.popleft())
                self.through += 1
                self._last_through = now

    def silent_s(self, now: float) -> float:
        """Seconds since anything came through."""
        return max(0.0, now - (self._last_through or self._started))

    def detail(self, now: float) -> dict[str, object] | None:
        """The figures, None while it is too early to say."""
        if self._last_through is None and now - self._started < PATIENCE_S:
            return None
        with self._lock:
            took = np.array(self._took) * 1000
        p50, p99 = np.percentile(took, [50, 99]).tolist() if took.size else (None, None)
        return {
            "sent": self.sent,
            "through": self.through,
            "silent_s": round(self.silent_s(now), 1),
            "last_ms": round(float(took[-1]), 1) if took.size else None,
            "p50_ms": p50 and round(p50, 1),
            "p99_ms": p99 and round(p99, 1),
            "version": program_version(),
        }


def arrivals(frame: Mapping[str, Any]) -> Iterable[float]:
    """The instants (s since the epoch) of the canary's readings in a frame of the live feed."""
    if frame.get("type") != "latest":
        return []
    return [
        datetime.fromisoformat(item["ts"]).timestamp()
        for item in frame["items"]
        if item["channel_id"] == canary.CHANNEL
    ]


def run(settings: CanarySettings) -> None:
    """Publish and listen until SIGTERM or SIGINT."""
    stopping = threading.Event()
    flight = Flight(time.time())
    device = threading.Thread(target=_publish, args=(settings, flight, stopping), name="device", daemon=True)
    device.start()
    heart = threading.Thread(target=_beat, args=(settings, flight, stopping), name="heartbeat", daemon=True)
    heart.start()
    try:
        asyncio.run(_until_signal(_listen(settings, flight)))
    finally:
        stopping.set()
        device.join(3)
        heart.join(3)


async def _until_signal(work: Any) -> None:
    listening = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, listening.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await listening


async def _listen(settings: CanarySettings, flight: Flight) -> None:
    """Follow the live feed, over restarts of the API."""
    url = urlsplit(settings.api_url)
    address = url._replace(scheme="wss" if url.scheme == "https" else "ws", path="/api/v1/live").geturl()
    backoff = Backoff(first_s=0.5, most_s=5.0)
    while True:
        token = tokens.issue(CANARY, settings.token_secret, datetime.now(UTC))
        try:
            async with websockets.connect(
                address, additional_headers={"Authorization": f"Bearer {token}"}, ssl=_tls(url.scheme, url.hostname)
            ) as feed:
                backoff.reset()
                async for text in feed:
                    for published in arrivals(json.loads(text)):
                        flight.arrive(published, time.time())
        except (OSError, websockets.WebSocketException, TimeoutError) as error:
            _log.info("live feed lost: %s", str(error) or type(error).__name__)
        await asyncio.sleep(backoff.next())


def _tls(scheme: str, host: str | None) -> ssl.SSLContext | None:
    if scheme != "https":
        return None
    context = ssl.create_default_context()
    if host in LOOPBACK:  # the certificate names the machine as others see it
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _publish(settings: CanarySettings, flight: Flight, stopping: threading.Event) -> None:
    """One device in a loop of its own."""
    registry = with_canary(Registry.of([], [], [], []))
    known, broker = registry.devices[canary.DEVICE], BrokerAddress.parse(settings.mqtt_url)
    device = SimulatedDevice(
        Identity(known.code, settings.password, registry.topic_of(known, "status")),
        Plain(registry.topic_of(known, "telemetry"), {}),
        0,
        lambda *_: None,
    )
    connector = Connector(Address(broker.host, broker.port, broker.tls), [device], seed=0)
    due = time.time()
    try:
        while not stopping.is_set():
            now = time.time()
            connector.connect_some(time.time_ns() // 1000)
            connector.tick(time.time_ns() // 1000)
            if now >= due:
                due = max(due + EVERY_S, now)
                ts = int(now * 1000)
                flight.send(ts / 1000)
                device.sample(ts, {canary.INDICATOR: flight.sent % 30})
            connector.poll(min(max(due - time.time(), 0.0), 0.25))
    finally:
        connector.close()


def _beat(settings: CanarySettings, flight: Flight, stopping: threading.Event) -> None:
    """Tell the database every few seconds, whenever it answers."""
    while not stopping.wait(HEARTBEAT_S):
        try:
            with connect(settings.database_url, autocommit=True, application_name="landun-canary") as connection:
                while not stopping.is_set():
                    detail = flight.detail(time.time())
                    if detail is not None:
                        write_heartbeat(connection, SERVICE, datetime.now(UTC), detail)
                    stopping.wait(HEARTBEAT_S)
        except (psycopg.Error, OSError) as error:
            _log.info("heartbeat not written: %s", str(error).strip().split("\n", 1)[0])
