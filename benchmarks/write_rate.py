"""Readings a second through `store.readings.write_batch`, as a share of bare COPY into the same kind of table.

The write path does more than COPY: dead letters, the journal row with its hash, the partition check. How much
of COPY's speed that leaves is the figure.
"""

import time
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.report import report
from benchmarks.rig import database
from store.connections import connect
from store.copy_format import COPY_HEADER, COPY_TRAILER
from store.readings import WriteMode, encode_copy, write_batch
from store.records import READING, Readings, to_us

CHANNELS = 1_500
BATCH = 15_000
BATCHES = 60
PERIOD_US = 60_000_000


def batches(start: datetime) -> list[Readings]:
    """`BATCHES` batches of `BATCH` readings: every channel once a minute."""
    made = []
    minutes = BATCH // CHANNELS
    rng = np.random.default_rng(1)
    for number in range(BATCHES):
        batch = np.empty(BATCH, dtype=READING)
        batch["channel_id"] = np.tile(np.arange(1, CHANNELS + 1), minutes)
        batch["ts"] = to_us(start) + PERIOD_US * np.repeat(np.arange(minutes) + number * minutes, CHANNELS)
        batch["arrived"] = batch["ts"] + 200_000
        batch["value"] = rng.normal(7.3, 0.1, BATCH).round(2)
        batch["late"] = False
        made.append(batch)
    return made


def bare_copy(dsn: str, data: list[Readings]) -> float:
    """Seconds to COPY the batches, a transaction each, into a plain table with the same primary key."""
    with connect(dsn) as connection:
        connection.execute("CREATE TABLE bare (LIKE reading, PRIMARY KEY (channel_id, ts))")
        connection.commit()
        began = time.perf_counter()
        for number, batch in enumerate(data):
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY bare (channel_id, ts, value, batch) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.write(COPY_HEADER + encode_copy(batch, number) + COPY_TRAILER)
            connection.commit()
        return time.perf_counter() - began


def write_path(dsn: str, data: list[Readings], mode: WriteMode) -> float:
    """Seconds for the same batches through the write path."""
    with connect(dsn, autocommit=True) as connection:
        began = time.perf_counter()
        for batch in data:
            write_batch(connection, batch, messages=(), dead=(), recorded_at=datetime.now(UTC), mode=mode)
        return time.perf_counter() - began


def main() -> None:
    """Measure on an embedded server of its own."""
    with database() as dsn:
        start = datetime(2026, 1, 5, tzinfo=UTC)
        readings = BATCH * BATCHES
        bare = bare_copy(dsn, batches(start))
        copied = write_path(dsn, batches(start), WriteMode.COPY)
        merged = write_path(dsn, batches(start + timedelta(days=7)), WriteMode.ON_CONFLICT)
    report(
        "write_rate",
        readings=readings,
        batch=BATCH,
        bare_copy_per_s=round(readings / bare),
        write_batch_per_s=round(readings / copied),
        on_conflict_per_s=round(readings / merged),
        write_batch_of_bare_copy=round(bare / copied, 3),
        on_conflict_of_bare_copy=round(bare / merged, 3),
    )


if __name__ == "__main__":
    main()
