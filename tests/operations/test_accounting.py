"""The account of acknowledged messages finds what is planted in it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from operations.backfill import Span, fill, missing
from operations.chaos.accounting import account, journaled_readings, stored_readings
from operations.chaos.record import Flaw, Letter, Published, Record, Recorder, read_record
from operations.errors import OperatorError
from operations.first_start import prepare_database, record_of
from operations.folder import DataFolder
from registry.demonstration import demonstration
from registry.model import Registry
from simulators.outbox import Sample
from store import demonstration as invented
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


def record_of_samples(device: str, **seconds: Published) -> Record:
    """A record of a device's samples; the keys are only names."""
    return Record({(device, seq): sample for seq, sample in enumerate(seconds.values(), start=1)})


def published(registry: Registry, second: int, *, acknowledged: bool = True, flaw: Flaw | None = None) -> Published:
    """A sample of every channel, all of them 1.0 but for the flaw."""
    values = {channel.indicator: 1.0 for channel in registry.channels.values()}
    if flaw is not None and flaw.field is not None:
        values[flaw.field] = 2e30
    return Published(TS_MS + second * 1000, values, flaw, 1 if acknowledged else None)


def test_each_reading_is_found_where_it_went(database: str, registry: Registry) -> None:
    """Stored, lost, recovered without an acknowledgement, changed, never published: each is told from the others."""
    (device,) = registry.devices
    n = len(registry.channels)
    changed = sample_rows(registry, TS_MS + 3000)
    changed["value"][0] = 2.0
    rows = [sample_rows(registry, TS_MS), sample_rows(registry, TS_MS + 2000)[:-1], changed]
    store(database, np.concatenate([*rows, sample_rows(registry, TS_MS + 9000)]))
    record = record_of_samples(
        device,
        stored=published(registry, 0),
        lost=published(registry, 1),
        partly=published(registry, 2, acknowledged=False),
        changed=published(registry, 3),
    )
    with connect(database, autocommit=True) as connection:
        found = account(connection, record, registry)
    assert (found.published, found.acknowledged, found.stored) == (4 * n, 3 * n, 3 * n - 1)
    assert (found.lost, found.corrupt, found.unexpected) == (n, 1, n)
    assert (found.duplicates, found.unjournaled) == (0, 0)
    assert not found.clean


def test_planted_flaws_are_found_among_the_dead_letters(database: str, registry: Registry) -> None:
    """A flaw's letter is expected once; the same again is a repetition, another one unexpected, none is missing."""
    (device,) = registry.devices
    flaw = Flaw("rejected_by_database", "ph")
    sample = published(registry, 0, flaw=flaw)
    payload = json.dumps([{"ts": 1, "seq": 1, "values": sample.values}, {"ts": 2, "seq": 2, "values": {}}]).encode()
    letter = DeadLetter(NOW, "t", payload, flaw.reason, "x", device=device, field="ph")
    other = DeadLetter(NOW, "t", payload, "not_a_number", "x", device=device, field="[1].ph")
    good = sample_rows(registry, sample.ts_ms)
    ph = registry.channel_ids[device, "ph"]
    store(database, good[good["channel_id"] != ph], [letter, letter])
    record = record_of_samples(device, flawed=sample)
    with connect(database, autocommit=True) as connection:
        found = account(connection, record, registry)
        assert (found.dead_letters_expected, found.dead_letters, found.dead_letters_repeated) == (1, 1, 1)
        assert found.clean
    store(database, good[:0], [other])
    with connect(database, autocommit=True) as connection:
        assert account(connection, record, registry).unexpected == 1
        connection.execute("DELETE FROM dead_letter")
        assert not account(connection, record, registry).clean


def test_a_reading_journaled_twice_and_one_not_journaled_are_found(database: str, registry: Registry) -> None:
    """The journal is held against the table: a second journal row, or a row without one, is not clean."""
    (device,) = registry.devices
    record = record_of_samples(device, stored=published(registry, 0))
    store(database, sample_rows(registry, TS_MS))
    with connect(database, autocommit=True) as connection:
        assert account(connection, record, registry).clean
        connection.execute("DELETE FROM reading")
    store(database, sample_rows(registry, TS_MS))
    with connect(database, autocommit=True) as connection:
        assert account(connection, record, registry).duplicates == len(registry.channels)
        connection.execute(
            "INSERT INTO reading SELECT channel_id, ts + interval '1 s', value, batch FROM reading LIMIT 1"
        )
        assert account(connection, record, registry).unjournaled == 1


def test_a_record_cut_short_by_a_kill_is_read_up_to_the_cut(tmp_path: Path) -> None:
    """What was published and what was acknowledged come back as noted; half a line is nothing."""
    file = tmp_path / "record.csv"
    flaw = Flaw("not_a_number", "ph")
    with Recorder(file) as recorder:
        recorder.published("a", Sample(1, 1000, {"ph": 7.5}), None)
        recorder.published("a", Sample(2, 2000, {"ph": "wet"}), flaw)  # planted
        recorder.acknowledged("a", [Sample(1, 1000, {"ph": 7.5})], 77)
    with file.open("a") as cut:
        cut.write("acknowledged,a,2")
    found = read_record(file)
    assert found.samples["a", 1] == Published(1000, {"ph": 7.5}, None, 77)
    assert found.samples["a", 2] == Published(2000, {"ph": "wet"}, flaw, None)
    assert found.letters == {Letter("a", 2, "not_a_number")}


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
    made = [each.username for each in prepare_database(database, record)]
    assert made == ["admin", *(each.username for each in invented.PEOPLE)]
    assert prepare_database(database, record) == []
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
        journaled, stored = journaled_readings(connection).readings, stored_readings(connection)
        keys = ["channel_id", "ts"]
        assert len(np.unique(journaled[keys])) == len(journaled) == len(stored)
    assert (tmp_path / "simulators" / "physics.npz").exists()
    with pytest.raises(OperatorError, match="36 days: the sites are registered for 35 days only"):
        fill(database, folder, hours=36 * 24, period_s=60, gap=True, said=said.append)
