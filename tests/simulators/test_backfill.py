from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from registry.indicators import INDICATORS
from simulators.backfill import CHECKPOINT_NAME, Chunk, backfill
from simulators.clock import next_sample
from simulators.engine import Engine
from simulators.instrument import INDICATOR_ROWS
from simulators.state import load_checkpoint
from tests.simulators.worlds import MINUTE_US, SEED, city

FIRST = datetime(2025, 11, 3, 2, 0, 30, tzinfo=UTC)


def filled(hours: float, period_s: int = 60, folder: Path | None = None, chunk_rows: int = 1_000) -> list[Chunk]:
    """The chunks of a back-fill from `FIRST` on."""
    last = FIRST + timedelta(hours=hours)
    return list(backfill(city(), SEED, FIRST, last, period_s, folder=folder, chunk_rows=chunk_rows))


def joined(chunks: list[Chunk]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All channel ids, instants and values."""
    return tuple(np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("channel_id", "ts", "value"))  # type: ignore[return-value]


def test_every_channel_has_one_reading_a_period_within_the_span() -> None:
    """Nothing before the first instant, nothing at or after the last, no key twice, chunks in order of time."""
    chunks = filled(3)
    ids, ts, values = joined(chunks)
    registry = city()
    assert set(ids.tolist()) == set(registry.channels)
    assert np.unique(ids, return_counts=True)[1].tolist() == [180] * len(registry.channels)
    begin = round(FIRST.timestamp() * 1e6)
    assert begin <= ts.min()
    assert ts.max() < begin + 180 * MINUTE_US
    assert len({*zip(ids.tolist(), ts.tolist(), strict=True)}) == len(ids)
    assert len(chunks) > 2
    assert (np.diff(ts) >= 0).all()
    assert np.isfinite(values).all()


def test_values_are_within_physical_ranges_at_the_indicators_resolution() -> None:
    """What the back-fill writes is what an instrument could report."""
    ids, _, values = joined(filled(3))
    for channel_id, value in zip(ids.tolist(), values.tolist(), strict=True):
        indicator = INDICATORS[city().channels[channel_id].indicator]
        assert indicator.physical_lo <= value <= indicator.physical_hi
        assert value == pytest.approx(round(value, indicator.precision), abs=1e-9)


def test_size_of_the_chunks_changes_nothing() -> None:
    """The series is the same in small and in large chunks."""
    for small, large in zip(joined(filled(1, chunk_rows=1)), joined(filled(1, chunk_rows=10**9)), strict=True):
        assert np.array_equal(small, large)


def test_longer_period_takes_every_nth_sample() -> None:
    """With five minutes a device reports what the physics shows in the minute its phase falls in."""
    ids, ts, values = joined(filled(2, 300))
    assert np.unique(ids, return_counts=True)[1].tolist() == [24] * len(city().channels)
    every_minute = {
        (channel, instant // MINUTE_US): value
        for channel, instant, value in zip(*(part.tolist() for part in joined(filled(2))), strict=True)
    }
    for channel, instant, value in zip(ids.tolist(), ts.tolist(), values.tolist(), strict=True):
        # The minute before the first full one of a device is not in the other series.
        assert every_minute.get((channel, instant // MINUTE_US), value) == value


def test_fleet_goes_on_from_the_water_the_back_fill_left(tmp_path: Path) -> None:
    """The kept water continues exactly as an uninterrupted run, and live samples fall on the same grid."""
    filled(3, folder=tmp_path)
    engine = Engine(city(), SEED, 0)
    kept = load_checkpoint(tmp_path / CHECKPOINT_NAME, engine.plant.devices, SEED)
    assert kept is not None
    live = Engine(city(), SEED, kept.minute, kept)
    longer = joined(filled(4))
    device = live.devices[0]
    column = live.columns[device.code]
    channel = city().channel_ids[device.code, "ph"]
    expected = {int(ts): value for cid, ts, value in zip(*longer, strict=True) if cid == channel}
    instant = next_sample(kept.minute * MINUTE_US + MINUTE_US, MINUTE_US, float(live.plant.phase[column]))
    for _ in range(30):
        live.advance(instant // MINUTE_US)
        assert live.readings[INDICATOR_ROWS["ph"], column] == expected[instant]
        instant = next_sample(instant, MINUTE_US, float(live.plant.phase[column]))


@pytest.mark.parametrize("period", [0, 30, 90, -60])
def test_period_the_physics_cannot_step_in_is_refused(period: int) -> None:
    """The error names the period and what would be right."""
    with pytest.raises(ValueError, match=f"period_s is {period}, must be a positive multiple of 60"):
        filled(1, period)


def test_span_that_ends_before_it_begins_is_refused() -> None:
    """The error names both instants."""
    with pytest.raises(ValueError, match="is before first"):
        filled(-1)
