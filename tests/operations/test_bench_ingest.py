"""The ingest benchmark itself: that it runs whole on either broker, counts right, and leaves nothing behind."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from ingest.assembly import assemble
from ingest.delivery import Delivery
from ingest.directory import Directory
from operations.assembly import COMMAND
from operations.bench.audit import audit
from operations.bench.broken import DAMAGES, Broken, Damage
from operations.bench.fleet import packets_of
from operations.bench.workload import Workload
from store.connections import Connection
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, from_us
from tests.ingest.world import now_ms

SMALL = ["--messages", "600", "--devices", "30"]
KEYS = {
    "messages_per_s",
    "readings_per_s",
    "copy_rows_per_s",
    "ratio",
    "p50_ms",
    "p99_ms",
    "rss_mb",
    "lost",
    "duplicates",
}


def bench(tmp_path: Path, *options: str) -> dict[str, object]:
    """The figures of a small run, and nothing left in the folder of temporary files."""
    done = subprocess.run(
        [sys.executable, str(COMMAND), "bench", "ingest", "--json", *SMALL, *options],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    (line,) = done.stdout.splitlines()
    assert not list(tmp_path.glob("landun-bench-*"))
    figures: dict[str, object] = json.loads(line)
    return figures


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder of temporary files that the database's own user can enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o711)
    return tmp_path


def test_every_value_through_nats_and_two_workers_is_accounted_for(temporary: Path) -> None:
    """The figures are all there, and every value that was published is stored once, as it was sent."""
    figures = bench(temporary, "--broker", "nats", "--workers", "2", "--late", "0.3")
    assert figures.keys() >= KEYS
    assert (figures["lost"], figures["duplicates"], figures["corrupt"], figures["unexpected"]) == (0, 0, 0, 0)
    assert figures["chain_intact"] is True
    assert figures["synchronous_commit"] == "on"
    assert isinstance(figures["late"], int)
    assert figures["late"] > 0
    assert set(figures["rss_mb"]) == {"ingest", "ingest-2", "broker", "database"}  # type: ignore[call-overload]


def test_nothing_is_lost_when_mosquitto_gets_ten_times_what_the_database_takes(temporary: Path) -> None:
    """What is published beyond the database's speed waits, and is all stored afterwards."""
    figures = bench(temporary, "--broker", "mosquitto", "--overload", "--values", "1")
    assert (figures["lost"], figures["duplicates"], figures["corrupt"], figures["unexpected"]) == (0, 0, 0, 0)


def test_the_audit_finds_what_is_missing_changed_or_there_without_being_sent(connection: Connection) -> None:
    """One reading taken away, one altered, one added: one lost, one corrupt, one unexpected."""
    connection.autocommit = True
    workload = Workload(devices=4, messages=20, values=2, now_ms=now_ms())
    rows: Readings = np.zeros(workload.readings, dtype=READING)
    rows["channel_id"], rows["ts"], rows["value"] = workload.rows()
    rows["value"][3] += 1
    rows["ts"][7] += 1_000
    write(connection, rows)
    found = audit(connection, [workload])
    assert (found.lost, found.corrupt, found.unexpected, found.duplicates) == (1, 1, 1, 0)


def test_the_audit_finds_what_is_journaled_twice(connection: Connection) -> None:
    """A reading that the journal holds again is a duplicate, though the table cannot hold it twice."""
    connection.autocommit = True
    workload = Workload(devices=1, messages=3, values=1, now_ms=now_ms())
    rows: Readings = np.zeros(workload.readings, dtype=READING)
    rows["channel_id"], rows["ts"], rows["value"] = workload.rows()
    write(connection, rows)
    connection.execute("DELETE FROM reading WHERE ts = %s", (from_us(int(rows["ts"][0])),))
    write(connection, rows[:1])
    assert audit(connection, [workload]).duplicates == 1


def write(connection: Connection, rows: Readings) -> None:
    """Write a batch as ingest does."""
    write_batch(
        connection,
        rows,
        messages=(),
        dead=(),
        recorded_at=from_us(int(rows["ts"][0])),
        mode=WriteMode.COPY,
    )


@pytest.mark.parametrize("late", [0.0, 0.2])
def test_no_device_sends_the_same_time_twice_and_so_many_come_late(late: float) -> None:
    """Keys are unique, else a loss could hide; lateness is the share asked for, about."""
    workload = Workload(devices=50, messages=5_000, values=1, now_ms=now_ms(), late=late)
    channels, ts, _ = workload.rows()
    assert len(set(zip(channels.tolist(), ts.tolist(), strict=True))) == workload.readings
    times = workload.ts_ms.reshape(-1, 50)
    behind = times[1:] < np.maximum.accumulate(times)[:-1]
    assert abs(behind.mean() - late) < 0.05
    assert times.min() > now_ms(-600)


def test_packets_carry_what_the_rows_say() -> None:
    """The payload of each packet holds the values and the time that the audit expects of it."""
    workload = Workload(devices=3, messages=7, values=8, now_ms=1_760_000_000_000)
    packets = packets_of(workload)
    assert [len(each) for each in packets] == [3, 2, 2]
    body = packets[1][1]
    content = json.loads(body[body.index(b"{") :])
    assert content["ts"] == workload.ts_ms[4]
    assert list(content["values"].values()) == workload.values_of[4].tolist()
    assert workload.topics[1].encode() in body


@pytest.mark.parametrize(
    ("damage", "reason", "readings"),
    [
        ("cut", "malformed_json", 0),
        ("unknown", "unknown_indicator", 7),
        ("text", "not_a_number", 7),
        ("future", "in_future", 0),
    ],
)
def test_each_broken_message_of_the_benchmark_gives_exactly_one_dead_letter(
    damage: Damage, reason: str, readings: int
) -> None:
    """So counting dead letters says when a broken flood is over, and its good values are kept."""
    flood = Broken(devices=5, messages=20, values=8, now_ms=now_ms(), damages=(damage,))
    arrived = flood.now_ms * 1_000
    deliveries = [
        Delivery(1, number + 1, flood.topics[number % 5], payload, arrived)
        for number, payload in enumerate(flood.payloads())
    ]
    assembled = assemble(deliveries, Directory(flood.registry))
    assert [each.reason for each in assembled.letters] == [reason] * 20
    assert len(assembled.readings) == readings * 20
    assert damage in DAMAGES
