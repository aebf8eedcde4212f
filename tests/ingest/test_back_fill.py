"""A device that was off line for a month sends it all at once: every reading is stored, and the aggregates agree."""

import json
import time
from datetime import UTC, datetime

from registry.model import Registry
from store.aggregates import Keeper
from store.connections import connect
from tests.brokers import NatsBroker
from tests.ingest.world import INDICATORS, Publisher, ingesting, stored, topic, wait_until

DAYS, PERIOD_MS, A_MESSAGE = 30, 60_000, 60
SAMPLES = DAYS * 24 * 60

_RECOMPUTED = """
SELECT channel_id, date_trunc(%(unit)s, ts, 'Asia/Shanghai') AS bucket, count(*), min(value), max(value),
       round(sum(value)::numeric, 6)
FROM reading GROUP BY 1, 2 ORDER BY 1, 2
"""
_KEPT = "SELECT channel_id, bucket, count, min, max, round(sum::numeric, 6) FROM {} ORDER BY 1, 2"


def month(newest_ms: int) -> list[bytes]:
    """Native payloads of a month, an hour each, oldest first; each instant has values of its own."""
    first = newest_ms - SAMPLES * PERIOD_MS
    samples = [
        {"ts": first + n * PERIOD_MS, "values": {name: (n * 7 + k) % 1000 / 100 for k, name in enumerate(INDICATORS)}}
        for n in range(SAMPLES)
    ]
    return [json.dumps(samples[at : at + A_MESSAGE]).encode() for at in range(0, SAMPLES, A_MESSAGE)]


def test_a_month_through_mqtt_ends_with_aggregates_equal_to_recomputation(
    registered: str, world: Registry, nats: NatsBroker
) -> None:
    """Thirty days of a reading a minute, some hours of them twice: buckets of hour and day are as computed anew."""
    payloads = month(int(time.time() * 1000) - 3_600_000)
    assert world.devices
    with ingesting(registered, nats.ingest_url) as service, Publisher(nats.mqtt_port) as publisher:
        again = payloads[::50]
        infos = [publisher.client.publish(topic(), each, qos=1) for each in [*payloads, *again]]
        for info in infos:
            info.wait_for_publish(60)
        wait_until(
            lambda: service.writer.counters.settled >= len(infos), timeout=120, what="every message of the month"
        )
    assert len(stored(registered)) == SAMPLES * len(INDICATORS)
    with connect(registered, autocommit=True) as connection:
        keeper = Keeper(connection, leader=None)
        while keeper.step(datetime.now(UTC)):
            pass
        for unit, view in (("hour", "reading_1h"), ("day", "reading_1d")):
            kept = connection.execute(_KEPT.format(view)).fetchall()
            assert len(kept) >= DAYS * len(INDICATORS)
            assert kept == connection.execute(_RECOMPUTED, {"unit": unit}).fetchall()
