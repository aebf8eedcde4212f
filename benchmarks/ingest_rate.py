"""Readings a second from the broker to the committed row, beside what paho alone receives and acknowledges.

A backlog waits at the broker for two sessions: a bare paho client that only acknowledges, and ingest, which decodes,
validates, writes and acknowledges after its commit. Each drains it in turn. ``--messages`` (30 000) of 8 values each.
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.report import report
from ingest.session import open_session
from operations.ports import any_free
from store.connections import connect
from store.embedded import EmbeddedPostgres
from store.migrations import migrate
from tests.brokers import TOOL_PASSWORD, NatsBroker
from tests.databases import server_folder
from tests.ingest.world import (
    INDICATORS,
    IngestProcess,
    make_registry,
    now_ms,
    register,
    topic,
    wait_until,
)

DEVICES = 441
IN_FLIGHT = 1_000
DRAIN_TIMEOUT_S = 300.0


class Bare:
    """A persistent session that counts and acknowledges."""

    def __init__(self, port: int) -> None:
        self.received = 0
        self._port = port
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False, manual_ack=True)
        self.client.username_pw_set("landun", TOOL_PASSWORD)
        self.client.on_connect = lambda client, *_: client.subscribe("landun/v1/#", qos=1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda client, _, message: self._take(client, message.mid)

    def _take(self, client: Client, mid: int) -> None:
        self.received += 1
        client.ack(mid, 1)

    def connect(self) -> None:
        """Connect and have the session made."""
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        wait_until(self._subscribed.is_set, what="the bare client's subscription")

    def leave(self) -> None:
        """Disconnect; the broker keeps the session."""
        self.client.disconnect()
        self.client.loop_stop()


def publish(port: int, messages: int) -> float:
    """Publish the backlog at QoS 1; seconds until the last was acknowledged."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="publisher")
    client.username_pw_set("landun", TOOL_PASSWORD)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.connect("127.0.0.1", port)
    client.loop_start()
    base = now_ms(-200)
    began = time.perf_counter()
    for number in range(messages):
        values = {name: (number * 7 + place) % 1_000 / 100 for place, name in enumerate(INDICATORS)}
        body = json.dumps({"ts": base + 10 * (number // DEVICES), "seq": number, "values": values})
        last = client.publish(topic(f"dev-{number % DEVICES}"), body, qos=1)
    last.wait_for_publish(DRAIN_TIMEOUT_S)
    took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return took


def drained_by_bare(bare: Bare, messages: int) -> float:
    """Seconds until the bare client has received and acknowledged the backlog."""
    began = time.perf_counter()
    bare.connect()
    wait_until(lambda: bare.received >= messages, DRAIN_TIMEOUT_S, "the bare client's backlog")
    took = time.perf_counter() - began
    bare.leave()
    return took


def drained_by_ingest(dsn: str, url: str, readings: int) -> float:
    """Seconds from ingest's first committed reading until the last."""
    with connect(dsn, autocommit=True) as connection, IngestProcess(dsn, url, hold_s=0.0) as ingest:

        def count() -> int:
            row = connection.execute("SELECT count(*) FROM reading").fetchone()
            return row[0] if row else 0

        wait_until(count, DRAIN_TIMEOUT_S, "a first reading")
        first, began = count(), time.perf_counter()
        wait_until(lambda: count() >= readings, DRAIN_TIMEOUT_S, "all readings")
        took = time.perf_counter() - began
        ingest.stop()
    return took * readings / (readings - first)


def measure(messages: int, sync_interval: str) -> dict[str, float]:
    """Rates with one setting of the broker's disk synchronisation."""
    with server_folder() as folder, tempfile.TemporaryDirectory() as nats:
        server = EmbeddedPostgres(folder / "postgres", port=any_free("127.0.0.1"), password="benchmark")  # noqa: S106
        server.prepare()
        server.start()
        try:
            migrate(server.dsn)
            register(server.dsn, make_registry(DEVICES))
            with NatsBroker(Path(nats), None, sync_interval=sync_interval) as broker:
                bare = Bare(broker.mqtt_port)
                bare.connect()
                bare.leave()
                open_session(broker.ingest_url)
                published = publish(broker.mqtt_port, messages)
                received = drained_by_bare(bare, messages)
                ingested = drained_by_ingest(server.dsn, broker.ingest_url, messages * len(INDICATORS))
        finally:
            server.stop()
    return {
        "published_messages_per_s": round(messages / published),
        "bare_paho_messages_per_s": round(messages / received),
        "ingest_messages_per_s": round(messages / ingested),
        "ingest_readings_per_s": round(messages * len(INDICATORS) / ingested),
        "ingest_of_bare_paho": round(received / ingested, 2),
    }


def main() -> None:
    """Measure with the default, a sync before each acknowledgement, and with one a second."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=30_000)
    messages = options.parse_args().messages
    report("ingest_rate", messages=messages, always=measure(messages, "always"), each_second=measure(messages, "1s"))


if __name__ == "__main__":
    main()
