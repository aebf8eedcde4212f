"""A year of a city's readings: what one costs on the disk, and how long each page's queries take on top of it.

History comes from the simulators' physics. What is older than the journal is kept (35 days) goes into `reading` alone,
by the same binary COPY as the write path's; the last 35 days go through the write path, with their journal: a database
that has run for a year holds no more than that. One thread computes while the other writes.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any, Final

import numpy as np

from operations.bench import servers
from operations.errors import OperatorError
from registry.demonstration import load_demonstration
from registry.model import Registry
from simulators.backfill import Chunk, backfill
from store import partitions, queries
from store.aggregates import Keeper, continuous
from store.connections import Connection, connect, scalar
from store.migrations import migrate
from store.reading_table import copy_rows, insert_new
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, to_us
from store.registry_rows import save_registry

JOURNALED: Final = timedelta(days=35)
SAMPLE: Final = 60
"""How often each page's queries are asked, each time of another site."""

POINTS: Final = 600
LATE_ROWS: Final = 20_000
LATE_BATCH: Final = 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How much to load and where; without `dsn` into an embedded server of its own, which is deleted afterwards."""

    dsn: str | None
    sites: int
    days: float
    budget_s: float
    copy: bool = True
    seed: int = 7


def measure(settings: Settings) -> dict[str, Any]:
    """Load, aggregate, compress where that is possible, and ask. Raises `OperatorError` on a database with readings."""
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    first = last - timedelta(days=settings.days)
    registry = load_demonstration(settings.seed, online=settings.sites, stores=0, registered_at=first)
    with servers.folder() as home, _database(home, settings.dsn) as dsn, connect(dsn, autocommit=True) as connection:
        if scalar(connection, "SELECT EXISTS (SELECT FROM reading)"):
            raise OperatorError(
                "this database holds readings already: measure on an empty one, it is filled with a year"
            )
        save_registry(connection, registry)
        figures: dict[str, Any] = {
            "benchmark": "year",
            "engine": "timescaledb" if continuous.in_use(connection) else "postgresql",
            "channels": len(registry.channels),
        }
        loaded, last = _load(connection, registry, settings, first, last)
        figures |= loaded
        figures |= _aggregated(connection, last)
        figures |= _sizes(connection, figures["readings"])
        if continuous.in_use(connection):
            figures |= _compressed(connection, last)
            figures["aggregate_bytes_a_reading_after"] = round(_aggregate_bytes(connection) / figures["readings"], 2)
            figures |= _late(connection, registry, last)
        figures["p95_ms"] = _pages(connection, registry, first, last, settings.seed)
    return figures


@contextmanager
def _database(home: Path, dsn: str | None) -> Iterator[str]:
    if dsn is not None:
        migrate(dsn)
        yield dsn
        return
    with servers.database_server(home, None) as server, servers.database(server) as made:
        yield made


def _load(
    connection: Connection, registry: Registry, settings: Settings, first: datetime, last: datetime
) -> tuple[dict[str, Any], datetime]:
    """Write history until it is whole or the time is over; figures, and up to when it was written."""
    begun, rows, until = time.monotonic(), 0, first
    for chunk in _computed_ahead(lambda: backfill(registry, settings.seed, first, last)):
        at = datetime.fromtimestamp(int(chunk.ts[-1]) / 1e6, UTC)
        _write(connection, _readings(chunk), at, journaled=last - at < JOURNALED, copy=settings.copy)
        if (at - first) // timedelta(days=10) > (until - first) // timedelta(days=10):
            _log.info("%d readings up to %s, %.0f s", rows, at.date(), time.monotonic() - begun)
        rows, until = rows + len(chunk), at
        if time.monotonic() - begun > settings.budget_s:
            _log.warning("the time for loading is over at %s", at.date())
            break
    took = time.monotonic() - begun
    figures = {
        "readings": rows,
        "days": round((until - first) / timedelta(days=1), 1),
        "load_s": round(took, 1),
        "readings_per_s": round(rows / took),
    }
    return figures, until


def _computed_ahead(chunks: Callable[[], Iterator[Chunk]]) -> Iterator[Chunk]:
    """The same chunks, computed by another thread up to four ahead."""
    ready: Queue[Chunk | None] = Queue(4)
    ended = threading.Event()

    def compute() -> None:
        for chunk in chunks():
            if ended.is_set():
                return
            ready.put(chunk)
        ready.put(None)

    threading.Thread(target=compute, daemon=True).start()
    try:
        while (chunk := ready.get()) is not None:
            yield chunk
    finally:
        ended.set()


def _readings(chunk: Chunk) -> Readings:
    readings = np.empty(len(chunk), dtype=READING)
    readings["channel_id"], readings["ts"], readings["value"] = chunk.channel_id, chunk.ts, chunk.value
    readings["arrived"], readings["late"] = chunk.ts, True
    return readings


def _write(connection: Connection, readings: Readings, at: datetime, *, journaled: bool, copy: bool) -> None:
    if journaled:
        mode = WriteMode.COPY if copy else WriteMode.ON_CONFLICT
        write_batch(connection, readings, messages=(), dead=(), recorded_at=at, mode=mode)
        return
    partitions.ensure_for(connection, readings["ts"])
    with connection.transaction():
        if copy:
            copy_rows(connection, readings, 0)
        else:
            insert_new(connection, readings, 0)


def _aggregated(connection: Connection, now: datetime) -> dict[str, Any]:
    begun = time.monotonic()
    keeper = Keeper(connection, leader=None)
    while keeper.step(now):
        pass
    aggregated = time.monotonic() - begun
    connection.execute("VACUUM (ANALYZE)")
    return {"aggregate_s": round(aggregated, 1), "settle_s": round(time.monotonic() - begun - aggregated, 1)}


def _sizes(connection: Connection, readings: int) -> dict[str, Any]:
    if continuous.in_use(connection):
        reading = int(scalar(connection, "SELECT hypertable_size('reading')"))
        chunks = int(scalar(connection, "SELECT count(*) FROM show_chunks('reading')"))
    else:
        reading = int(
            scalar(
                connection,
                "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'reading'::regclass",
            )
        )
        chunks = int(scalar(connection, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"))
    journal = int(
        scalar(
            connection,
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'journal'::regclass",
        )
    )
    return {
        "chunks": chunks,
        "database_bytes": queries.database_bytes(connection),
        "bytes_a_reading": round(reading / readings, 1),
        "aggregate_bytes_a_reading": round(_aggregate_bytes(connection) / readings, 2),
        "journal_bytes": journal,
    }


def _aggregate_bytes(connection: Connection) -> int:
    if not continuous.in_use(connection):
        query = "SELECT pg_total_relation_size('reading_hour') + pg_total_relation_size('reading_day')"
        return int(scalar(connection, query))
    return int(
        scalar(
            connection,
            "SELECT sum(hypertable_size(format('%I.%I', materialization_hypertable_schema, "
            "materialization_hypertable_name)::regclass))::bigint FROM timescaledb_information.continuous_aggregates",
        )
    )


def _compressed(connection: Connection, now: datetime) -> dict[str, Any]:
    """Compress what the policy would, and say what a reading in those chunks took before and after."""
    begun = time.monotonic()
    before = now - continuous.COMPRESS_AFTER
    chunks = [
        name
        for (name,) in connection.execute(
            "SELECT compress_chunk(chunk)::text FROM show_chunks('reading', older_than => %s::timestamptz) AS chunk",
            (before,),
        )
    ]
    if not chunks:
        return {"compressed_chunks": 0}
    sizes = connection.execute(
        "SELECT sum(before_compression_total_bytes)::bigint, sum(after_compression_total_bytes)::bigint "
        "FROM chunk_compression_stats('reading') WHERE compression_status = 'Compressed'"
    ).fetchone()
    assert sizes is not None  # noqa: S101 -- an aggregate has a row
    took = time.monotonic() - begun
    row = connection.execute("SELECT max(range_end) FROM timescaledb_information.chunks WHERE is_compressed").fetchone()
    held = int(scalar(connection, "SELECT count(*) FROM reading WHERE ts < %s", (row[0] if row else before,)))
    continuous.compress(connection, now)
    return {
        "compressed_chunks": len(chunks),
        "compressed_readings": held,
        "compress_s": round(took, 1),
        "bytes_a_reading_before": round(sizes[0] / held, 1),
        "bytes_a_reading_after": round(sizes[1] / held, 2),
    }


def _late(connection: Connection, registry: Registry, last: datetime) -> dict[str, Any]:
    """Rows a second that come late, into chunks that are open and, turn and turn about, into compressed ones."""
    oldest = scalar(connection, "SELECT min(range_start) FROM timescaledb_information.chunks WHERE is_compressed")
    begins = {"open": last - timedelta(days=2), "compressed": oldest + timedelta(days=1)}
    channels = np.array(sorted(registry.channels), dtype=np.int32)
    late = np.zeros(LATE_ROWS, dtype=READING)
    late["channel_id"] = np.resize(channels, LATE_ROWS)
    late["value"], late["late"] = 7.25, True
    minutes = np.arange(LATE_ROWS) // len(channels)
    took: dict[str, list[float]] = {name: [] for name in begins}
    for start in range(0, LATE_ROWS, LATE_BATCH):
        for name, begin in begins.items():
            late["ts"] = to_us(begin) + 31_000_000 + minutes * 60_000_000
            begun = time.perf_counter()
            batch = late[start : start + LATE_BATCH]
            write_batch(connection, batch, messages=(), dead=(), recorded_at=last, mode=WriteMode.ON_CONFLICT)
            took[name].append(time.perf_counter() - begun)
    return {"late_rows_per_s": {name: round(LATE_BATCH / float(np.median(each))) for name, each in took.items()}}


def _pages(connection: Connection, registry: Registry, first: datetime, last: datetime, seed: int) -> dict[str, float]:
    """The 95th percentile of the time (ms) that each page's queries take, each asked of many sites in turn."""
    rng = np.random.default_rng(seed)
    sites = [site for site in sorted(registry.sites) if registry.devices_of_site.get(site)]
    connection.execute(
        "INSERT INTO channel_latest (channel_id, ts, value, state, batch, revision) "
        "SELECT channel.id, newest.ts, newest.value, 'normal', 0, 1 FROM channel, LATERAL "
        "(SELECT ts, value FROM reading WHERE channel_id = channel.id ORDER BY ts DESC LIMIT 1) AS newest "
        "ON CONFLICT DO NOTHING"
    )

    def channels_of(site: str) -> list[int]:
        devices = registry.devices_of_site[site][:1]
        return [each.id for device in devices for each in registry.channels_of_device[device.code]]

    def charts(span: timedelta) -> Callable[[str], object]:
        def ask(site: str) -> object:
            begin = first + (last - span - first) * rng.random() if last - span > first else first
            return [
                queries.chart(connection, channel, begin, begin + span, POINTS, registry.sites[site].zone)
                for channel in channels_of(site)
            ]

        return ask

    def one_year(site: str) -> object:
        channel = channels_of(site)[int(rng.integers(len(channels_of(site))))]
        return queries.chart(connection, channel, first, last, POINTS, registry.sites[site].zone)

    pages: dict[str, Callable[[str], object]] = {
        "overview: latest values": lambda _: queries.latest_since(connection, 0),
        "site, a day of each channel": charts(timedelta(days=1)),
        "site, a week of each channel": charts(timedelta(days=7)),
        "site, a month of each channel": charts(timedelta(days=31)),
        "site, a year of each channel": charts(last - first),
        "a year of one channel": one_year,
        "alarms": lambda _: queries.open_alarm_counts(connection),
        "figures: transmission of a day": lambda _: queries.transmission(connection, last - timedelta(days=1), last),
        "system: dead letters, size": lambda _: (
            queries.dead_letter_counts(connection, last - timedelta(days=1)),
            queries.database_bytes(connection),
        ),
        "export, 6 h of a site": lambda site: queries.reading_rows(
            connection, channels_of(site), last - timedelta(hours=6), last
        ),
    }
    figures = {}
    for name, ask in pages.items():
        took = []
        for n in range(SAMPLE):
            begun = time.perf_counter()
            ask(sites[n % len(sites)])
            took.append(time.perf_counter() - begun)
        figures[name] = round(float(np.quantile(took, 0.95)) * 1000, 1)
    return figures
