"""A recomputed history is the one that ran live, byte for byte, through crashes of the monitor."""

import signal
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.recompute import recompute
from registry.demonstration import demonstration
from registry.model import Registry
from simulators.engine import Engine
from simulators.fault_kinds import FaultKind
from simulators.faults import Fault
from store import journal
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, from_us, to_us
from store.registry_rows import save_registry
from tests.monitor.test_service import beaten, caught_up, service, wait_for
from tests.simulators.worlds import rows_at

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = 60_000_000
HOURS = 20


def simulated_history(registry: Registry) -> list[Readings]:
    """Twenty hours of simulated pools in batches of ten minutes, on time; from the 15th hour on faults in each."""
    begin = to_us(BEGIN)
    engine = Engine.settled(registry, 5, begin // MINUTE)
    faults = (FaultKind.STUCK_SENSOR, FaultKind.DOSING_FAILURE, FaultKind.CALIBRATION_STEP, FaultKind.PUMP_OFF)
    starts = begin + 15 * 60 * MINUTE
    engine.set_faults(
        Fault(f"f{n}", device.code, faults[n % len(faults)], starts, None, starts)
        for n, device in enumerate(engine.devices)
    )
    batches = []
    for first in range(begin // MINUTE + 1, begin // MINUTE + 1 + HOURS * 60, 10):
        rows = []
        for minute in range(first, first + 10):
            engine.advance(minute)
            rows += rows_at(registry, engine, minute)
        batches.append(np.array(rows, dtype=READING))
    return batches


def write(connection: Connection, batches: list[Readings]) -> None:
    """As ingest writes them, dated by their own time."""
    for batch in batches:
        at = from_us(int(batch["ts"].max()))
        write_batch(connection, batch, messages=(), dead=(), recorded_at=at, mode=WriteMode.COPY)


def answer(connection: Connection, said: str) -> None:
    """An inspector's feedback on the newest alarm of the detector."""
    row = connection.execute("SELECT id, site FROM alarm WHERE kind = 'detector' ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    now = datetime.now(UTC)
    body = {"what": "feedback", "alarm": row[0], "site": row[1], "answer": said, "actor": "wang", "at": to_us(now)}
    with connection.transaction():
        journal.append_event(connection, "action", body, now)


@pytest.mark.timeout(180)
def test_recomputed_flags_and_alarms_are_those_that_ran_live_through_three_kills(database: str) -> None:
    """Simulated pools with faults, feedback and a change of budget, the monitor killed three times: no byte differs."""
    registry = demonstration(3, online=3, offline=0, registered_at=BEGIN - timedelta(days=30))
    batches = simulated_history(registry)
    with connect(database, autocommit=True) as connection:
        save_registry(connection, registry)
        parts = np.array_split(np.arange(len(batches)), 4)
        for number, part in enumerate(parts):
            before = beaten(connection)
            with service(database) as process:
                wait_for(lambda before=before: beaten(connection) != before, "the monitor's start")  # type: ignore[misc]
                write(connection, [batches[place] for place in part.tolist()])
                if number < 3:
                    reached = journal.last_id(connection) - len(part) // 2
                    wait_for(lambda reached=reached: journal.cursor(connection, "monitor") >= reached, "half")  # type: ignore[misc]
                    process.send_signal(signal.SIGKILL)
                else:
                    wait_for(lambda: caught_up(connection), "catching up")
                    answer(connection, "false")
                    with connection.transaction():
                        body = {"what": "budget", "per_site_week": 0.5}
                        journal.append_event(connection, "config", body, datetime.now(UTC))
                    last = journal.last_id(connection)
                    wait_for(lambda last=last: journal.cursor(connection, "monitor") >= last, "the feedback")  # type: ignore[misc]
        found = recompute(connection, BEGIN, BEGIN + timedelta(days=1))
        assert [(each.table, each.examples) for each in found.tables if each.different] == []
        counts = {each.table: each.stored for each in found.tables}
        assert min(counts.values()) > 0
        kinds = {row[0] for row in connection.execute("SELECT verdict FROM alarm WHERE kind = 'detector'").fetchall()}
        assert {"stuck", "dosing_failure"} <= kinds
        assert {row[0] for row in connection.execute("SELECT DISTINCT event FROM alarm_event").fetchall()} >= {
            "feedback"
        }

        connection.execute("UPDATE alarm SET sureness = 0.5 WHERE verdict = 'stuck'")
        assert not recompute(connection, BEGIN, BEGIN + timedelta(days=1)).identical
