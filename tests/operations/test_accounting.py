"""The account of acknowledged messages finds what is planted in it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from operations.accounting import Sample, account, read_record
from operations.backfill import Span, fill, missing
from operations.errors import OperatorError
from operations.first_start import prepare_database, record_of
from operations.folder import DataFolder
from registry.demonstration import demonstration
from registry.model import Registry
from store.connections import connect
from store.readings import WriteMode, write_batch
from store.records import READING, DeadLetter, Readings
from store.registry_rows import load_registry, save_registry

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
TS_MS = int(NOW.timestamp() * 1000)


@pytest.fixture
def registry(database: str) -> Registry:
    """One site with one basin, stored."""
    one = demonstration(3, online=1, offline=0, basins=(1, 1), registered_at=datetime(2026, 1, 1, tzinfo=UTC))
    with connect(database) as connection:
        save_registry(connection, one)
    return one


def sample_rows(registry: Registry, ts_ms: int) -> Readings:
    """A reading of each channel at one instant."""
    rows = np.zeros(len(registry.channels), dtype=READING)
    rows["channel_id"] = list(registry.channels)
    rows["ts"] = ts_ms * 1000
    rows["value"] = 1.0
    return rows


def store(database: str, rows: Readings, dead: list[DeadLetter] | None = None) -> None:
    """Commit rows and letters."""
    with connect(database, autocommit=True) as connection:
        write_batch(connection, rows, messages=(), dead=dead or [], recorded_at=NOW, mode=WriteMode.COPY)


def test_each_acknowledged_sample_is_found_where_it_went(database: str, registry: Registry) -> None:
    """Stored whole, stored in part, a dead letter, lost: each is told from the others."""
    (device,) = registry.devices
    whole, partly, dead, lost = (Sample(device, TS_MS + second * 1000) for second in range(4))
    store(database, sample_rows(registry, whole.ts_ms))
    store(database, sample_rows(registry, partly.ts_ms)[:-1])
    payload = json.dumps([{"ts": dead.ts_ms, "values": {"ph": "x"}}]).encode()
    letter = DeadLetter(NOW, f"landun/v1/c/s/{device}/telemetry", payload, "not_a_number", "x", device=device)
    store(database, sample_rows(registry, 0)[:0], [letter])
    with connect(database) as connection:
        found = account(connection, {whole, partly, dead, lost})
    assert (found.acknowledged, found.stored, found.partly_stored, found.dead_lettered, found.lost) == (4, 1, 1, 1, 1)
    assert (found.duplicated, found.unjournaled) == (0, 0)
    assert not found.clean


def test_a_reading_journaled_twice_and_one_not_journaled_are_found(database: str, registry: Registry) -> None:
    """The journal is held against the table: a second journal row, or a row without one, is not clean."""
    (device,) = registry.devices
    store(database, sample_rows(registry, TS_MS))
    with connect(database, autocommit=True) as connection:
        assert account(connection, {Sample(device, TS_MS)}).clean
        connection.execute("DELETE FROM reading")
    store(database, sample_rows(registry, TS_MS))
    with connect(database, autocommit=True) as connection:
        found = account(connection, {Sample(device, TS_MS)})
        assert found.duplicated == len(registry.channels)
        connection.execute(
            "INSERT INTO reading SELECT channel_id, ts + interval '1 s', value, batch FROM reading LIMIT 1"
        )
        assert account(connection, set()).unjournaled == 1


def test_a_record_cut_short_by_a_kill_is_read_up_to_the_cut(tmp_path: Path) -> None:
    """A restarted fleet appends to the same file; half a line at a kill is no sample."""
    file = tmp_path / "acknowledged.csv"
    file.write_text("device,seq,ts_ms,puback_us\na-b1,1,1000,1\na-b1,2,2000,2\na-b1,3,30")
    assert read_record(file) == {Sample("a-b1", 1000), Sample("a-b1", 2000)}


def hours(first: int, last: int) -> Span:
    """A span of hours of the day."""
    return Span(NOW.replace(hour=first), NOW.replace(hour=last))


def test_back_fill_writes_before_the_oldest_and_after_the_newest() -> None:
    """What is stored is left alone; the gap that is filled ends where the live readings begin."""
    period = NOW.replace(minute=1) - NOW
    assert missing(hours(0, 20), None, period) == [hours(0, 20)]
    assert missing(hours(0, 20), hours(0, 20), period) == []
    assert missing(hours(0, 20), hours(10, 20), period) == [hours(0, 10)]
    before, after = missing(hours(0, 20), hours(10, 15), period)
    assert before == hours(0, 10)
    assert (after.first - hours(15, 20).first).total_seconds() == pytest.approx(1e-6)
    assert after.last == hours(15, 20).last


def test_back_fill_is_late_history_and_can_be_run_again(database: str, tmp_path: Path) -> None:
    """Two hours are written as late rows without gap; again writes nothing; three hours write the hour before."""
    folder = DataFolder(tmp_path)
    record = record_of(folder, seed=4, sites=2, demonstrate=True, history_hours=0, now=datetime.now(UTC))
    folder.write_record(record)
    assert prepare_database(database, record) is not None
    said: list[str] = []
    written = fill(database, folder, hours=2, period_s=60, gap=True, said=said.append)
    with connect(database) as connection:
        channels = len(load_registry(connection).channels)
        # Each channel has its phase in the minute, so the ends may be one sample short or over.
        assert abs(written - 120 * channels) <= channels
        gap = (
            "SELECT max(gap) FROM (SELECT ts - lag(ts) OVER (PARTITION BY channel_id ORDER BY ts) AS gap FROM reading)"
        )
        assert connection.execute(gap).fetchone() == (NOW.replace(minute=1) - NOW,)
    assert said[-1].startswith(f"history complete: {written} readings")
    assert fill(database, folder, hours=2, period_s=60, gap=True, said=said.append) == 0
    assert abs(fill(database, folder, hours=3, period_s=60, gap=True, said=said.append) - 60 * channels) <= channels
    with connect(database) as connection:
        assert account(connection, set()).clean
    assert (tmp_path / "simulators" / "physics.npz").exists()
    with pytest.raises(OperatorError, match="36 days: the sites are registered for 35 days only"):
        fill(database, folder, hours=36 * 24, period_s=60, gap=True, said=said.append)
