"""Broken payloads of every dialect through broker, ingest and database: each is accounted for, and no slot leaks."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ingest.assembly import assemble
from operations.bench import custodians
from operations.bench.decode import broken, fuzz
from operations.bench.speakers import READING, TONGUES, deliveries, spoken, world
from registry.model import Channel, Device, Dialect, Registry
from registry.waste.model import WasteRegistry
from store.connections import connect
from store.waste_registry import save_waste_registry
from tests.brokers import NatsBroker
from tests.ingest.world import Publisher, ingesting, register, wait_until

PAYLOADS: Final = int(os.environ.get("LANDUN_FUZZ", "3000"))
"""How many go through the whole chain; ``LANDUN_FUZZ=1000000`` takes minutes."""

OVER_MQTT: Final = [each for each in READING if each not in (Dialect.HJ212, Dialect.MODBUS)]


def city() -> tuple[Registry, WasteRegistry, list[tuple[str, bytes]]]:
    """Devices of every dialect that speaks over MQTT, scales and trackers, and broken messages on their topics."""
    worlds = {dialect: world(dialect) for dialect in OVER_MQTT}
    some = worlds[Dialect.NATIVE]
    devices: list[Device] = []
    channels: list[Channel] = []
    words: list[tuple[str, bytes]] = []
    for place, registry in enumerate(worlds.values()):
        good = deliveries(registry, 500, time.time_ns() // 1000, place)
        bad = broken(good, -(-PAYLOADS // len(worlds)), place)
        prefix = f"{place}-"
        devices += [replace(each, code=prefix + each.code) for each in registry.devices.values()]
        channels += [
            replace(each, id=10_000 * place + each.id, device=prefix + each.device)
            for each in registry.channels.values()
        ]
        words += [(_on_topic(each.topic, prefix), each.payload) for each in bad]
    custody = custodians.world()
    for tongue in ("waste", "position"):
        _, good = spoken(tongue, 500, time.time_ns() // 1000, 1)
        words += [(each.topic, each.payload) for each in broken(good, -(-PAYLOADS // len(worlds)), 1)]
    registry = Registry.of(
        (*some.sites.values(), *custody.registry.sites.values()),
        (*some.sampling_points.values(), *custody.registry.sampling_points.values()),
        (*devices, *custody.registry.devices.values()),
        channels,
    )
    return registry, custody.waste, words


def _on_topic(topic: str, prefix: str) -> str:
    """A topic whose device has the prefix: the one level that is ``d`` and a number."""
    return "/".join(prefix + level if level[:1] == "d" and level[1:].isdigit() else level for level in topic.split("/"))


def test_every_broken_payload_is_accounted_for_over_the_whole_chain(database: str, tmp_path: Path) -> None:
    """Committed, dead or silent, each exactly once; acknowledged to the broker, which delivers none of them again."""
    registry, waste, words = city()
    register(database, registry)
    with connect(database) as connection:
        save_waste_registry(connection, waste)
    with NatsBroker(tmp_path / "nats", ack_wait_s=3) as broker:
        with ingesting(database, broker.ingest_url) as service:
            with Publisher(broker.mqtt_port) as publisher:
                infos = []
                for topic, payload in words:
                    infos.append(publisher.client.publish(topic, payload, qos=1))
                    if len(infos) % 5_000 == 0:
                        infos[-1].wait_for_publish(60)
                infos[-1].wait_for_publish(60)
                wait_until(lambda: all(each.is_published() for each in infos), timeout=60, what="every PUBACK")
            settled = service.writer.counters
            wait_until(lambda: settled.settled >= len(words), timeout=60 + PAYLOADS / 500, what="every message settled")
            service.check_accounts()
            assert service.reconciliation.imbalance == 0
            # On a busy machine the broker may deliver some again; those are accounted for as well.
            assert service.session.received >= len(words)
            wait_until(
                lambda: settled.committed + settled.dead_messages + settled.silent == service.session.received,
                what="every message accounted for, those delivered again as well",
            )
            wait_until(lambda: service.session.acknowledged >= len(words), what="every acknowledgement")
        with ingesting(database, broker.ingest_url) as again:
            # A slot that leaked would be delivered again, before what is published now.
            with Publisher(broker.mqtt_port) as publisher:
                publisher.send(*words[0])
            wait_until(lambda: again.session.received, what="the newest message")
            time.sleep(4.0)  # longer than the broker waits before it delivers again
            assert again.session.received == 1
    with connect(database) as connection:
        row = connection.execute("SELECT count(*), count(*) FILTER (WHERE reason = '' OR detail = '') FROM dead_letter")
        letters, without_reason = row.fetchone() or (0, 0)
        assert letters >= settled.dead_messages > 0
        assert settled.scans > 0
        assert settled.fixes > 0
        assert without_reason == 0


def test_every_broken_payload_is_accounted_for_by_the_assembly() -> None:
    """The same, without broker and database, over all dialects: the short form of `landun bench fuzz`."""
    figures = fuzz(10_000, seed=int(time.time()) % 10_000)
    assert figures["payloads"] >= 10_000
    assert figures["dead"] > 5_000
    assert figures["custody"] > 0


ROWS: Final = {"modbus": 300 * 4, "waste": 300, "position": 300, "jt808": 270 + 30 * 3}
"""What 300 messages come to where it is not eight readings each."""


@pytest.mark.parametrize("tongue", TONGUES)
def test_what_is_measured_is_good(tongue: str) -> None:
    """The messages that decoders are measured with are all understood."""
    directory, batch = spoken(tongue, 300, time.time_ns() // 1000, 1)
    assembled = assemble(batch, directory)
    assert assembled.letters == []
    rows = len(assembled.readings) + len(assembled.scans) + len(assembled.fixes)
    assert rows == ROWS.get(tongue, 300 * 8)
