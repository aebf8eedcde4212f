"""Readings by minute, hour and day, on every engine: always what a computation from the readings would say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.model import Channel, Device, Disinfection, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from store import aggregates, journal, queries
from store.aggregates import Keeper
from store.connections import Connection
from store.corrections import correct
from store.flags import write_flags
from store.readings import WriteMode, write_batch
from store.records import READING, Readings, from_us, to_us
from store.registry_rows import save_registry
from tests.databases import Engine

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
BEGIN = datetime(2026, 3, 7, 17, 20, tzinfo=UTC)
"""New York changes its clocks on 2026-03-08, 07:00 UTC."""

ZONES = {1: "Asia/Shanghai", 2: "Asia/Kolkata", 3: "America/New_York"}
"""Of each channel's site: whole hours, half an hour off, and a day of 23 hours."""

VIEWS = {"reading_1m": "minute", "reading_1h": "hour", "reading_1d": "day"}
LIMIT = 8.0
"""Values above it are judged beyond."""


def registry() -> Registry:
    """A channel in each zone."""
    sites, points, devices, channels = [], [], [], []
    for number, zone in ZONES.items():
        sites.append(
            Site(
                code=f"P{number}",
                county="320602",
                status=SiteStatus.LIVE,
                name_zh="游泳馆",
                name_en="Pool",
                lon=120.8,
                lat=32.0,
                registered_at=datetime(2019, 1, 1, tzinfo=UTC),
                zone=zone,
                opening=OpeningHours.always(),
                disinfection=frozenset({Disinfection.CHLORINE}),
            )
        )
        points.append(SamplingPoint(f"P{number}", "B1", "池", "Basin"))
        devices.append(Device(code=f"D{number}", site=f"P{number}", sampling_point="B1", period_s=60))
        channels.append(Channel(id=number, device=f"D{number}", indicator="ph"))
    return Registry.of(sites, points, devices, channels)


Row = tuple[int, int, float]
"""Channel, seconds after `BEGIN`, value."""

Bucket = tuple[int, datetime, int, float, float, float, int]
"""Channel, begin, count, sum, min, max, beyond."""


@dataclass
class World:
    """A database with a keeper, and beside it what was done to it, to compute the buckets from."""

    connection: Connection
    values: dict[tuple[int, datetime], float] = field(default_factory=dict)
    corrected: dict[tuple[int, datetime], float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection.autocommit = True
        save_registry(self.connection, registry())
        self.connection.commit()
        aggregates.ensure_zones(self.connection)

    def write(self, rows: Iterable[Row], mode: WriteMode = WriteMode.ON_CONFLICT) -> None:
        """A batch and the judgement of what is new in it, as the monitor writes it."""
        batch: Readings = np.array(
            [(c, to_us(BEGIN) + s * 1_000_000, v, to_us(NOW), False) for c, s, v in rows], READING
        )
        result = write_batch(self.connection, batch, messages=[], dead=[], recorded_at=NOW, mode=mode)
        new = batch[result.written]
        for channel, ts, value, *_ in new.tolist():
            self.values[channel, from_us(ts)] = value
        beyond = new[new["value"] > LIMIT]
        flags = np.full(len(beyond), 4, dtype=np.int16)
        write_flags(self.connection, "limit", beyond["channel_id"], beyond["ts"], flags)

    def correct(self, key: tuple[int, datetime], value: float | None) -> None:
        correct(self.connection, *key, value, reason="calibration", person="wang", at=NOW)
        self.corrected[key] = value

    def keep(self) -> None:
        """Let the keeper take in all there is."""
        keeper = Keeper(self.connection, leader=None)
        while keeper.step(NOW):
            pass

    def kept(self, view: str) -> list[Bucket]:
        query = f"SELECT channel_id, bucket, count, sum, min, max, beyond FROM {view} ORDER BY 1, 2"  # noqa: S608
        return [tuple(row) for row in self.connection.execute(query).fetchall()]

    def computed(self, unit: str) -> list[Bucket]:
        """The buckets, computed in Python from what was written."""
        members: dict[tuple[int, datetime], list[tuple[float, bool]]] = defaultdict(list)
        for key in sorted(self.values):
            value = self.corrected.get(key, self.values[key])
            if value is not None:
                beyond = self.values[key] > LIMIT and key not in self.corrected
                members[key[0], begin_of(key[1], ZONES[key[0]], unit)].append((value, beyond))
        return [
            (*key, len(each), sum(v for v, _ in each), min(each)[0], max(each)[0], sum(b for _, b in each))
            for key, each in sorted(members.items())
        ]

    def check(self) -> None:
        """Every view says what a computation from the readings says."""
        for view, unit in VIEWS.items():
            kept, computed = self.kept(view), self.computed(unit)
            exact = [(*row[:3], *row[4:]) for row in kept]
            assert exact == [(*row[:3], *row[4:]) for row in computed], view
            assert [row[3] for row in kept] == pytest.approx([row[3] for row in computed], rel=1e-12), view


def begin_of(at: datetime, zone: str, unit: str) -> datetime:
    """The begin of a bucket by a zone's wall clock; minutes and hours by arithmetic, since clocks jump by hours."""
    local = at.astimezone(ZoneInfo(zone))
    if unit == "day":
        return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    into = timedelta(seconds=local.second, microseconds=local.microsecond)
    return (local.astimezone(UTC) - into) - timedelta(minutes=local.minute if unit == "hour" else 0)


@pytest.fixture
def world(engine: Engine) -> Iterator[World]:
    """An empty database with a channel in each of three zones."""
    with engine.connect(autocommit=True) as connection:
        yield World(connection)


def minutes(channel: int, first: int, last: int, value: float = 7.0) -> list[Row]:
    """A reading a minute from minute `first` to before `last`, the value rising a little."""
    return [(channel, 60 * minute, value + minute / 1000) for minute in range(first, last)]


def test_buckets_follow_the_site_s_zone(world: World) -> None:
    """Hours and days begin by the site's clock: half an hour off in Kolkata, 23 hours long where clocks change."""
    world.write([row for channel in ZONES for row in minutes(channel, 0, 2 * 1440)])
    world.keep()
    world.check()
    days = {(row[0], row[1]): row[2] for row in world.kept("reading_1d")}
    assert days[3, datetime(2026, 3, 8, 5, 0, tzinfo=UTC)] == 23 * 60
    assert days[2, datetime(2026, 3, 7, 18, 30, tzinfo=UTC)] == 24 * 60


def test_late_readings_change_their_buckets_and_no_other(world: World) -> None:
    """A reading a day late is in its minute, hour and day at the next pass; what it did not touch is not written."""
    world.write(minutes(1, 0, 2000))
    world.keep()
    untouched = {row for row in world.kept("reading_1h") if row[1] > BEGIN + timedelta(hours=4)}
    world.write([(1, 60 * 90 + 30, 9.5)])
    world.keep()
    world.check()
    assert untouched <= set(world.kept("reading_1h"))
    query = "SELECT share, mean FROM reading_1h WHERE beyond > 0 ORDER BY bucket LIMIT 1"
    assert world.connection.execute(query).fetchone() == pytest.approx((1 / 61, (60 * 7.0695 + 9.5) / 61))


def test_a_correction_counts_in_place_of_the_reading(world: World) -> None:
    """The newest correction counts, a void reading counts nowhere, and neither is beyond a limit; the reading stays."""
    world.write([*minutes(1, 0, 180), (1, 30, 14.0), (2, 0, 3.0)])
    world.keep()
    spike, only = (1, BEGIN + timedelta(seconds=30)), (2, BEGIN)
    world.correct(spike, 7.3)
    world.keep()
    world.check()
    world.correct(spike, 7.1)
    world.correct(only, None)
    world.keep()
    world.check()
    assert {row[0] for row in world.kept("reading_1d")} == {1}
    stored = world.connection.execute(
        "SELECT value FROM reading WHERE ts = %s AND channel_id = 1", spike[1:]
    ).fetchall()
    assert stored == [(14.0,)]


def test_a_correction_needs_a_reading_a_reason_and_a_person(world: World) -> None:
    """Nothing is corrected that was never read, and nobody corrects without saying why."""
    world.write(minutes(1, 0, 1))
    with pytest.raises(LookupError, match="channel 2 has no reading"):
        world.correct((2, BEGIN), 7.0)
    with pytest.raises(ValueError, match="finite"):
        world.correct((1, BEGIN), float("nan"))
    with pytest.raises(ValueError, match="reason"):
        correct(world.connection, 1, BEGIN, 7.0, reason=" ", person="wang", at=NOW)


def test_readings_from_before_the_aggregates_are_taken_in(world: World) -> None:
    """A database that already holds weeks of readings, journal dropped, has them computed once at the first pass."""
    world.write([*minutes(1, 0, 300), *minutes(2, 20 * 1440, 20 * 1440 + 90), *minutes(3, 40 * 1440, 40 * 1440 + 60)])
    world.connection.execute("DELETE FROM journal WHERE id < (SELECT max(id) FROM journal)")
    assert not aggregates.built(world.connection)
    world.keep()
    assert aggregates.built(world.connection)
    world.check()


def test_rows_deleted_behind_the_journal_go_at_a_rebuild(world: World) -> None:
    """When a removed venue's readings were deleted, asking for everything anew leaves no bucket of them."""
    world.write([*minutes(1, 0, 100), *minutes(2, 0, 100)])
    world.keep()
    with world.connection.transaction():
        world.connection.execute("DELETE FROM reading WHERE channel_id = 2")
        world.connection.execute("DELETE FROM channel WHERE id = 2")
        aggregates.ask_rebuild(world.connection, NOW)
    world.values = {key: value for key, value in world.values.items() if key[0] == 1}
    world.keep()
    world.check()


def test_long_ranges_are_answered_from_aggregates_with_the_same_buckets(world: World) -> None:
    """Hours and days from the aggregates equal those computed from the readings, judgements and corrections too."""
    world.write([*minutes(1, 0, 5 * 1440), *minutes(3, 0, 5 * 1440)])
    world.correct((1, BEGIN), 13.0)
    first, last = BEGIN - timedelta(hours=18), BEGIN + timedelta(days=5)
    for channel, zone in ((1, "Asia/Shanghai"), (3, "America/New_York")):
        midnight = begin_of(first, zone, "day")
        for width in (timedelta(hours=1), timedelta(hours=6), timedelta(days=1)):
            if zone == "America/New_York" and width > timedelta(hours=1):
                continue  # its clocks change: see the next test
            asked = (world.connection, channel, midnight, last, width, zone)
            world.connection.execute("DELETE FROM journal_cursor")
            raw = queries.reading_buckets(*asked)
            world.keep()
            kept = queries.reading_buckets(*asked)
            assert (raw.source, kept.source) == ("readings", "day" if width == timedelta(days=1) else "hour")
            for name in ("ts", "lowest", "highest", "count", "beyond"):
                np.testing.assert_array_equal(getattr(kept, name), getattr(raw, name), err_msg=f"{name} {width}")
            np.testing.assert_allclose(kept.mean, raw.mean, rtol=1e-12)
            assert kept.beyond.sum() > 0


def test_a_crowd_of_readings_is_drawn_from_minutes_where_they_are_kept(world: World) -> None:
    """A device that reports each second is drawn from minutes on TimescaleDB, with the buckets of its readings."""
    begin = begin_of(BEGIN, ZONES[1], "hour")
    query = (
        "INSERT INTO reading SELECT 1, %s + n * INTERVAL '1 s', 7 + n %% 100 / 50.0, 1 FROM generate_series(0, 50399) n"
    )
    world.connection.execute(query, (begin,))
    world.keep()
    asked = (world.connection, 1, begin, begin + timedelta(seconds=50_400), 60, ZONES[1])
    width, found = queries.chart(*asked)
    assert width == timedelta(minutes=15)
    assert found.source == ("minute" if aggregates.keeps_minutes(world.connection) else "readings")
    assert found.count.tolist() == [900] * 56
    assert (set(found.lowest.tolist()), set(found.highest.tolist())) == ({7.0}, {8.98})


def test_buckets_of_days_begin_at_midnight_all_year(world: World) -> None:
    """Where clocks change, a bucket of two days begins at local midnight before and after the change."""
    world.write(minutes(3, 0, 6 * 1440)[::30])
    world.keep()
    asked = (BEGIN, BEGIN + timedelta(days=6), timedelta(days=2), "America/New_York")
    found = queries.reading_buckets(world.connection, 3, *asked)
    local = [from_us(ts).astimezone(ZoneInfo("America/New_York")) for ts in found.ts.tolist()]
    assert {(at.hour, at.minute) for at in local} == {(0, 0)}
    assert {at.utcoffset() for at in local} == {timedelta(hours=-5), timedelta(hours=-4)}
    assert found.count.sum() == 6 * 48


def test_single_readings_are_shown_as_corrected(world: World) -> None:
    """A chart of a few readings shows the values in force; an export keeps what was reported."""
    world.write([(1, 0, 9.0), (1, 60, 9.5), (1, 120, 7.0)])
    world.correct((1, BEGIN), 7.2)
    world.correct((1, BEGIN + timedelta(seconds=120)), None)
    shown = queries.single_readings(world.connection, 1, BEGIN, BEGIN + timedelta(hours=1))
    assert list(zip(shown.mean.tolist(), shown.beyond.tolist(), strict=True)) == [(7.2, 0), (9.5, 1)]
    rows = queries.reading_rows(world.connection, [1], BEGIN, BEGIN + timedelta(hours=1))
    assert rows.value.tolist() == [9.0, 9.5, 7.0]


def test_buckets_of_removed_channels_are_forgotten(world: World) -> None:
    """When a venue is removed with its readings, its buckets go too, and those of others stay."""
    world.write([*minutes(1, 0, 100), *minutes(2, 0, 100)])
    world.keep()
    world.connection.execute("DELETE FROM reading WHERE channel_id = 2")
    world.connection.execute("DELETE FROM channel WHERE id = 2")
    aggregates.forget(world.connection, [2], NOW)
    world.values = {key: value for key, value in world.values.items() if key[0] == 1}
    world.keep()
    world.check()


def test_the_keeper_stays_behind_the_monitor(engine: Engine) -> None:
    """A reading's judgement is written when the monitor passes it, so the keeper waits for the monitor's cursor."""
    with engine.connect(autocommit=True) as connection:
        world = World(connection)
        keeper = Keeper(connection)
        while keeper.step(NOW):
            pass
        world.write(minutes(1, 0, 3))
        assert not keeper.step(NOW)
        with connection.transaction():
            journal.move_cursor(connection, "monitor", journal.last_id(connection), NOW)
        assert keeper.step(NOW)
        world.check()


@pytest.mark.slow
def test_a_month_of_back_filled_data_ends_equal_to_recomputation(world: World) -> None:
    """30 days of history in shuffled pieces, a piece twice, on top of live readings: each bucket is as recomputed."""
    order = np.random.default_rng(7).permutation(30)
    world.write(minutes(1, 30 * 1440, 30 * 1440 + 60))
    world.keep()
    for day in [*order.tolist(), int(order[0])]:
        world.write([row for channel in (1, 3) for row in minutes(channel, day * 1440, (day + 1) * 1440, 7.5)][::3])
        world.keep()
    world.check()


def empty(connection: Connection) -> None:
    """Remove the venues with all that was stored, as an operator does, so that an example begins with nothing."""
    for table in ("reading", "reading_flag", "correction", "site"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    with connection.transaction():
        aggregates.ask_rebuild(connection, NOW)
    keeper = Keeper(connection, leader=None)
    while keeper.step(NOW):
        pass


OFFSETS = st.one_of(st.integers(0, 7200), st.integers(0, 3 * 86_400))
ROWS = st.tuples(st.sampled_from(sorted(ZONES)), OFFSETS, st.floats(0, 14, allow_nan=False, width=32))
STEPS = st.one_of(
    st.lists(ROWS, min_size=1, max_size=12),
    st.tuples(st.integers(0, 1000), st.one_of(st.none(), st.floats(0, 14, width=32))),
    st.just("keep"),
    st.just("again"),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_any_order_of_late_duplicate_and_corrected_readings_ends_equal_to_recomputation(
    engine: Engine, steps: list[list[Row] | tuple[int, float | None] | str]
) -> None:
    """Whatever comes, in whatever order and between whichever passes: the views equal a computation from scratch."""
    with engine.connect(autocommit=True) as connection:
        empty(connection)
        world, last = World(connection), [(1, 0, 7.0)]
        for step in steps:
            if step == "keep":
                world.keep()
            elif step == "again":
                world.write(last)
            elif isinstance(step, list):
                world.write(step)
                last = step
            elif world.values and isinstance(step, tuple):
                world.correct(sorted(world.values)[step[0] % len(world.values)], step[1])
        world.keep()
        world.check()
