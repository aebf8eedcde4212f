"""The service as a process: killed, stopped, without its database, and beside another of its kind."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor import latest, output
from monitor.alarms.book import Changes
from monitor.engine import Engine
from registry.model import Registry, SiteStatus
from store import journal
from store.connections import Connection, connect
from store.migrations import migrate
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from store.registry_rows import load_registry, save_registry
from tests.databases import Server
from tests.monitor.worlds import pool

ROOT = Path(__file__).parents[2]
RUN = """
import logging, os
from monitor.service import MonitorSettings, run
logging.basicConfig(level=logging.INFO)
run(MonitorSettings(os.environ["LANDUN_DATABASE_URL"], poll_s=0.02, latest_s=0.1, heartbeat_s=0.2, snapshot_s=0.5,
                    tick_s=0.2, tick_simulated_s=0.2, aggregates_s=0.2))
"""


@contextmanager
def service(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    """A monitor process, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env={**os.environ, "LANDUN_DATABASE_URL": dsn},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)


def caught_up(connection: Connection) -> bool:
    """Whether the monitor has read every journal row that holds readings, and merged them."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM journal WHERE kind <> 'tick'").fetchone()
    merged = connection.execute("SELECT coalesce(max(revision), 0) FROM channel_latest").fetchone()
    assert newest is not None
    assert merged is not None
    return bool(journal.cursor(connection, "monitor") >= newest[0] <= merged[0])


def beaten(connection: Connection) -> datetime | None:
    """When the monitor last wrote a heartbeat."""
    row = connection.execute("SELECT at FROM heartbeat WHERE service = 'monitor'").fetchone()
    return None if row is None else row[0]


class Fleet:
    """Simulated pools at ×600 (on-delay a second), a reading a channel every tenth of a second."""

    def __init__(self, connection: Connection, registry: Registry, seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)  # noqa: S311 -- a test's dice
        self.channels = [each.id for each in registry.channels.values() if each.indicator in ("ph", "free_chlorine")]
        self.outside = dict.fromkeys(self.channels, False)

    def report(self) -> None:
        """One reading of each channel; each may go outside or come back."""
        for channel in self.channels:
            if self.random.random() < 0.05:
                self.outside[channel] = not self.outside[channel]
        now = to_us(datetime.now(UTC))
        rows = [(c, now, 0.1 if self.outside[c] else 0.5, now, False) for c in self.channels]
        batch = np.array(rows, dtype=READING)
        write_batch(
            self.connection, batch, messages=(), dead=(), recorded_at=datetime.now(UTC), mode=WriteMode.ON_CONFLICT
        )

    def acknowledge_one(self) -> None:
        """What an inspector does now and then."""
        row = self.connection.execute(
            "SELECT id FROM alarm WHERE state <> 'normal' ORDER BY random() LIMIT 1"
        ).fetchone()
        if row is not None:
            now = datetime.now(UTC)
            body = {"what": "acknowledge", "alarm": row[0], "actor": "wang", "text": "", "at": to_us(now)}
            with self.connection.transaction():
                journal.append_event(self.connection, "action", body, now)


TABLES = {
    "alarm": "SELECT alarm::text FROM alarm ORDER BY id",
    "alarm_event": "SELECT (alarm_id, journal_id, at, event, state, actor, text)::text FROM alarm_event ORDER BY id",
    "channel_latest": "SELECT (channel_id, ts, value, state, since, batch)::text FROM channel_latest ORDER BY 1",
}


def tables(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The monitor's tables as text."""
    return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}


def recompute(connection: Connection) -> None:
    """Empty the monitor's tables and fill them again from the journal in one go."""
    connection.execute("TRUNCATE alarm, alarm_event, channel_latest")
    engine, changes = Engine(load_registry(connection)), Changes()
    engine.fold(journal.read_after(connection, 0, 100_000), changes)
    with connection.transaction():
        output.write(connection, changes)
        latest.touch_all(engine)
        latest.merge(connection, engine, 0)


@pytest.mark.timeout(180)
def test_killed_again_and_again_it_writes_what_one_fold_of_the_journal_gives(database: str) -> None:
    """After many kill -9 at random moments, alarms, events and states are those of the journal, byte for byte."""
    registry = pool(sites=6, devices=2, status=SiteStatus.SIMULATED)
    dice = random.Random(11)  # noqa: S311 -- a test's dice
    with connect(database, autocommit=True) as connection:
        save_registry(connection, registry)
        with connection.transaction():
            journal.append_event(connection, "config", {"what": "simulation", "speed": 600.0}, datetime.now(UTC))
        fleet = Fleet(connection, registry, seed=7)
        for _ in range(8):
            before = beaten(connection)
            with service(database) as process:
                wait_for(lambda before=before: beaten(connection) != before, "the monitor's start")  # type: ignore[misc]
                until = time.monotonic() + dice.uniform(0.1, 2.0)
                while time.monotonic() < until:
                    fleet.report()
                    if dice.random() < 0.1:
                        fleet.acknowledge_one()
                    time.sleep(0.05)
                process.send_signal(signal.SIGKILL)
            for _ in range(dice.randrange(5)):
                fleet.report()
        with service(database):
            wait_for(lambda: caught_up(connection), "catching up")
        written = tables(connection)
        recompute(connection)
        assert tables(connection) == written
        events = [row[0] for row in connection.execute("SELECT DISTINCT event FROM alarm_event").fetchall()]
        assert {"raised", "returned", "acknowledged"} <= set(events)


def test_it_keeps_the_aggregates_with_their_judgements(database: str) -> None:
    """An hour's bucket follows its readings soon, late ones too, with the share that was judged beyond the limit."""
    registry = pool()
    ph = registry.channel_ids["D1-1", "ph"]
    with connect(database, autocommit=True) as connection, service(database):
        save_registry(connection, registry)
        with connection.transaction():
            journal.append_event(connection, "config", {"what": "registry"}, datetime.now(UTC))
        begin = to_us(datetime.now(UTC)) // 3_600_000_000 * 3_600_000_000 - 7_200_000_000
        query = "SELECT count, min, max, beyond FROM reading_1h WHERE channel_id = %s"
        wanted = [(1, 7.5, 7.5, 0), (2, 7.5, 8.5, 1), (3, 7.4, 8.5, 1)]
        for n, value in enumerate((7.5, 8.5, 7.4)):
            batch = np.array([(ph, begin + n, value, begin + n, True)], dtype=READING)
            now = datetime.now(UTC)
            write_batch(connection, batch, messages=(), dead=(), recorded_at=now, mode=WriteMode.ON_CONFLICT)
            # A reading may be counted an instant before it is judged.
            wait_for(
                lambda n=n: connection.execute(query, (ph,)).fetchall() == [wanted[n]],  # type: ignore[misc]
                f"the bucket {wanted[n]}",
            )


def test_it_ends_cleanly_on_sigterm_and_leaves_nothing_to_do_again(database: str) -> None:
    """SIGTERM: exit code 0 within five seconds, with a snapshot at the cursor."""
    with connect(database, autocommit=True) as connection, service(database) as process:
        save_registry(connection, pool())
        wait_for(lambda: beaten(connection), "the monitor's start")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        cursor = journal.cursor(connection, "monitor")
        snapshot = journal.load_snapshot(connection, "monitor")
        assert snapshot is not None
        assert snapshot[0] == cursor > 0


def test_a_lost_connection_is_no_end(database: str) -> None:
    """Its backend ended by the server: it connects again and goes on."""
    with connect(database, autocommit=True) as connection, service(database):
        wait_for(lambda: beaten(connection), "the monitor's start")
        for _ in range(3):
            before = beaten(connection)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'landun-monitor' AND datname = current_database()"
            )
            wait_for(lambda before=before: beaten(connection) != before, "going on")  # type: ignore[misc]


def test_a_second_monitor_waits_for_the_first(database: str) -> None:
    """Two on one database take turns, so nothing is written twice; the second goes on when the first is killed."""
    with connect(database, autocommit=True) as connection, service(database) as first:
        wait_for(lambda: beaten(connection), "the first's start")
        with service(database) as second:
            assert second.stderr is not None
            for line in second.stderr:
                if b"another monitor is running" in line:
                    break
            first.kill()
            first.wait()
            before = beaten(connection)
            wait_for(lambda: beaten(connection) != before, "the second's turn")


def test_a_database_without_its_tables_is_waited_for(database_server: Server) -> None:
    """Started before the migrations, it says so and begins when they are there."""
    with database_server.new_database(migrated=False) as dsn, service(dsn) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"database failed" in line:
                break
        migrate(dsn)
        with connect(dsn, autocommit=True) as connection:
            wait_for(lambda: beaten(connection), "the monitor's start")
