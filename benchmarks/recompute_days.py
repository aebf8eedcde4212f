"""Thirty days of simulated pools through the real monitor, killed three times, then folded again and compared.

Every reading goes through ``write_batch`` with its journal row, on time by its own clock; the monitor is a process on
an embedded database and ends by SIGKILL three times on the way. Faults of many kinds come and go in every basin, an
inspector answers, the budget changes. Prints the figures; status 1 when a byte differs.

Options: ``--days`` (30), ``--sites`` (4).
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np

from benchmarks.report import report
from benchmarks.rig import database
from monitor.recompute import recompute
from registry.demonstration import demonstration
from registry.model import Registry
from simulators.engine import INDICATOR_ROWS, Engine
from simulators.fault_kinds import FaultKind
from simulators.faults import Fault
from store import journal
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, from_us, to_us
from store.registry_rows import save_registry

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = 60_000_000
BATCH_MINUTES = 10
KILLS = 3
FAULTS = (
    FaultKind.DOSING_FAILURE,
    FaultKind.STUCK_SENSOR,
    FaultKind.PH_DRIFT,
    FaultKind.CALIBRATION_STEP,
    FaultKind.FILTER_FAILURE,
    FaultKind.AIR_BUBBLE,
    FaultKind.PUMP_OFF,
    FaultKind.OVER_DOSING,
)
RUN = """
import os
from monitor.service import MonitorSettings, run
run(MonitorSettings(os.environ["LANDUN_DATABASE_URL"]))
"""


def batches(registry: Registry, days: int) -> Iterator[Readings]:
    """The fleet's readings, ten minutes at a time; from the third day on a fault of ten hours a day in every basin."""
    begin = to_us(BEGIN)
    engine = Engine.settled(registry, 5, begin // MINUTE)
    day = 24 * 60 * MINUTE
    engine.set_faults(
        Fault(
            f"{device.code}-{number}", device.code, FAULTS[(number + place) % len(FAULTS)], at, at + day * 10 // 24, at
        )
        for place, device in enumerate(engine.devices)
        for number in range(2, days)
        for at in [begin + number * day + place * 37 * MINUTE]
    )
    channels = [
        (each.id, INDICATOR_ROWS[each.indicator], engine.columns[device.code])
        for device in engine.devices
        for each in registry.channels_of_device[device.code]
    ]
    ids, rows, columns = np.array(channels, dtype=np.int64).T
    for first in range(begin // MINUTE + 1, begin // MINUTE + 1 + days * 1440, BATCH_MINUTES):
        batch = np.empty((BATCH_MINUTES, len(ids)), dtype=READING)
        for place, minute in enumerate(range(first, first + BATCH_MINUTES)):
            engine.advance(minute)
            batch[place]["channel_id"], batch[place]["value"] = ids, engine.readings[rows, columns]
            batch[place]["ts"] = batch[place]["arrived"] = minute * MINUTE
        batch["late"] = False
        yield batch.reshape(-1)


def live(dsn: str, registry: Registry, days: int) -> tuple[int, float]:
    """Write the history in quarters with the monitor beside it, killed in each but the last; readings and seconds.

    After each quarter an inspector answers the newest verdict, and after the second the budget is changed.
    """
    written, folding = 0, 0.0
    quarter = days * 1440 // BATCH_MINUTES // (KILLS + 1) + 1
    with connect(dsn, autocommit=True) as connection:
        history = batches(registry, days)
        for part in range(KILLS + 1):
            before = journal.last_id(connection)
            for batch in islice(history, quarter):
                at = from_us(int(batch["ts"].max()))
                write_batch(connection, batch, messages=(), dead=(), recorded_at=at, mode=WriteMode.COPY)
                written += len(batch)
            last = journal.last_id(connection)
            began = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603 -- our own monitor
                [sys.executable, "-c", RUN], env={**os.environ, "LANDUN_DATABASE_URL": dsn}
            )
            _until(connection, (before + last) // 2 if part < KILLS else last, process)
            process.send_signal(signal.SIGKILL if part < KILLS else signal.SIGTERM)
            process.wait()
            folding += time.perf_counter() - began
            _answer(connection, at, "false" if part % 2 else "true")
            if part == 1:
                with connection.transaction():
                    journal.append_event(connection, "config", {"what": "budget", "per_site_week": 0.5}, at)
    return written, folding


def _until(connection: Connection, goal: int, process: "subprocess.Popen[bytes]") -> None:
    while journal.cursor(connection, "monitor") < goal:
        if process.poll() is not None:
            raise SystemExit(f"the monitor ended with status {process.returncode}")
        time.sleep(0.05)


def _answer(connection: Connection, at: datetime, said: str) -> None:
    row = connection.execute("SELECT id, site FROM alarm WHERE verdict IS NOT NULL ORDER BY id DESC LIMIT 1").fetchone()
    if row is not None:
        body = {"what": "feedback", "alarm": row[0], "site": row[1], "answer": said, "actor": "wang", "at": to_us(at)}
        with connection.transaction():
            journal.append_event(connection, "action", body, at)


def main() -> None:
    """Write, fold with crashes, fold again, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sites", type=int, default=4)
    options = parser.parse_args()
    registry = demonstration(3, online=options.sites, offline=0, registered_at=BEGIN - timedelta(days=30))
    with database() as dsn, connect(dsn, autocommit=True) as connection:
        save_registry(connection, registry)
        readings, live_s = live(dsn, registry, options.days)
        began = time.perf_counter()
        found = recompute(connection, BEGIN, BEGIN + timedelta(days=options.days + 1))
        again_s = time.perf_counter() - began
        kinds = connection.execute("SELECT count(DISTINCT verdict) FROM alarm").fetchone()
    report(
        "recompute_days",
        days=options.days,
        readings=readings,
        kills=KILLS,
        identical=int(found.identical),
        verdict_kinds=int(kinds[0]) if kinds else 0,
        live_s=round(live_s, 1),
        recompute_s=round(again_s, 1),
        **{f"{each.table}_{name}": getattr(each, name) for each in found.tables for name in ("stored", "different")},
    )
    if not found.identical:
        for each in found.tables:
            sys.stderr.writelines(f"{line}\n" for line in each.examples)
        raise SystemExit(1)


if __name__ == "__main__":
    main()
