"""What each place's readings look like beside its own past: the evidence that a verdict is made of.

A place is what the detector calls a site: one basin or one store, whose instruments belong together. For each
closed tick `Senses.advance` takes the newest value of each known indicator and keeps, over its own past:

- `mid` and `slow`, the level over minutes and over hours (EWMA of a median of three, each step clipped, so that
  a bubble moves neither; Huber 1964),
- `ref` and `spread`, where that level usually is and how far it strays (EWMA over days, frozen while anything is
  unusual, so that nothing is learned from data in alarm),
- `rough`, the roughness of neighbouring values (QARTOD's spike form), now and usually: bubbles raise it, made-up
  figures lower it,
- runs of equal values, beside how often neighbours usually are equal.

Two columns are made: `HOCL`, log10 of hypochlorous acid, and `RESIDUAL`, ORP less what that lets expect.
Everything is element-wise over places, so batches do not matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np

from monitor.detector.chemistry import log_chlorine, log_hypochlorous, slope, zero_if_unknown
from monitor.detector.layout import Bools, Floats, Floats32, Ints, Layout
from monitor.detector.state import NEVER


class Sense(IntEnum):
    """A column: an indicator whose physics we know, or one derived from several."""

    CHLORINE = 0
    PH = 1
    ORP = 2
    TURBIDITY = 3
    TEMPERATURE = 4
    FLOW = 5
    COLD = 6
    HOCL = 7
    RESIDUAL = 8


MEASURED: Final = 7
"""The first columns are read from channels."""
QUALITY: Final = 4
"""Chlorine, pH, ORP, turbidity."""
COLUMN_OF: Final[Mapping[str, Sense]] = {
    "free_chlorine": Sense.CHLORINE,
    "ph": Sense.PH,
    "orp": Sense.ORP,
    "turbidity": Sense.TURBIDITY,
    "water_temperature": Sense.TEMPERATURE,
    "circulation_flow": Sense.FLOW,
    "cold_store": Sense.COLD,
}
LEAST_FLOW: Final = 0.5  # m³/h


@dataclass(frozen=True, slots=True)
class Tuning:
    """Time constants in seconds, and the least spread of each column that is taken for usual."""

    mid_tau: float = 480.0
    slow_tau: float = 10_800.0
    ref_tau: float = 172_800.0
    rough_tau: float = 300.0
    calm_tau: float = 2_400.0
    rough_ref_tau: float = 86_400.0
    clip: float = 8.0
    """Most that one value may pull at `mid`, in spreads."""
    floors: tuple[float, ...] = (0.012, 0.02, 2.5, 0.03, 0.15, 0.015, 0.3, 0.012, 2.0)
    """log10 mg/L, pH, mV, NTU, ℃, log10 m³/h, ℃, log10 mg/L, mV."""
    rough_floors: tuple[float, ...] = (0.004, 0.004, 0.6, 0.004, 0.04, 0.05, 0.04)
    """In the unit of the readings: what a working instrument's noise is at least, after rounding."""
    gap_s: float = 900.0
    """After such a silence the levels begin anew."""


FIELDS: Final[Mapping[str, tuple[type, Any, int]]] = {
    # name: (dtype, value when nothing is known, columns; 0 = one number a place)
    "ts": (np.int64, NEVER, MEASURED),
    "x1": (np.float32, np.nan, MEASURED),
    "x2": (np.float32, np.nan, MEASURED),
    "jag": (np.float32, 0.0, MEASURED),
    "rough": (np.float32, 0.0, MEASURED),
    "calm": (np.float32, 0.0, MEASURED),
    "rough_ref": (np.float32, 0.0, MEASURED),
    "equal": (np.float32, 0.5, MEASURED),
    "run": (np.float32, 0.0, MEASURED),
    "run_s": (np.float32, 0.0, MEASURED),
    "mid": (np.float32, np.nan, 9),
    "slow": (np.float32, np.nan, 9),
    "ref": (np.float32, np.nan, 9),
    "spread": (np.float32, 0.0, 9),
    "slow_spread": (np.float32, 0.0, 9),
    "seen": (np.float32, 0.0, 9),
    "variance": (np.float32, 0.0, 0),
    "covariance": (np.float32, 0.0, 0),
    "settled": (np.float32, 0.0, 0),
}


class Senses:
    """Struct of arrays of shape (places,) or (places, columns), fields as in `FIELDS`.

    `settled` is how many seconds the place has been undisturbed: since a gap or a standstill of the water.
    """

    ts: Ints
    x1: Floats32
    x2: Floats32
    jag: Floats32
    rough: Floats32
    calm: Floats32
    rough_ref: Floats32
    equal: Floats32
    run: Floats32
    run_s: Floats32
    mid: Floats32
    slow: Floats32
    ref: Floats32
    spread: Floats32
    slow_spread: Floats32
    seen: Floats32
    variance: Floats32
    covariance: Floats32
    settled: Floats32

    def __init__(self, places: int) -> None:
        for name, (dtype, unknown, columns) in FIELDS.items():
            setattr(self, name, np.full((places, columns) if columns else places, unknown, dtype=dtype))


def slots_of(layout: Layout) -> Ints:
    """The slot of each place's first channel of each measured column, -1 where there is none; (places, MEASURED)."""
    found = np.full((len(layout.sites), MEASURED), -1, dtype=np.int64)
    for slot in range(len(layout.channels) - 1, -1, -1):
        column = COLUMN_OF.get(layout.channels[slot].indicator)
        if column is not None:
            found[layout.site[slot], column] = slot
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What `advance` found at the places it was given: shape (n,) or (n, columns).

    `fresh`: a new value came. `dt` (s) since the one before, 0 where there was none. `gap`: the place begins anew.
    `log_share` is log10 of the share of HOCl.
    """

    fresh: Bools
    dt: Floats32
    elapsed: Floats32
    gap: Bools
    slope: Floats32
    share: Floats32


def advance(senses: Senses, tuning: Tuning, i: Ints, value: Floats, ts: Ints, learn: Bools) -> Seen:
    """Take the newest values of places `i` (each once); shape (n, MEASURED), NaN where nothing was ever read.

    `learn` (n,): whether what is usual may be learned from these values.
    """
    raw = value.astype(np.float32)
    before = senses.ts[i]
    fresh = (ts > before) & ~np.isnan(raw)
    known = fresh & (before != NEVER)
    dt = np.where(known, np.where(known, ts - before, 0) / 1e6, 0.0).astype(np.float32)
    broken = fresh & (~known | (dt > tuning.gap_s))
    elapsed = dt.max(axis=1)
    gap = broken.any(axis=1)
    senses.ts[i] = np.where(fresh, ts, before)
    _roughness(senses, tuning, i, raw, fresh, broken, dt, learn)
    median = _median(raw, senses.x1[i], senses.x2[i], broken)
    senses.x2[i] = np.where(fresh, np.where(broken, raw, senses.x1[i]), senses.x2[i])
    senses.x1[i] = np.where(fresh, raw, senses.x1[i])
    _levels(senses, tuning, i, median, fresh, broken, dt)
    found, share = _derived(senses, tuning, i, learn, elapsed)
    senses.settled[i] = np.where(gap, np.float32(0), senses.settled[i] + elapsed)
    _learn(senses, tuning, i, learn, elapsed)
    return Seen(fresh, dt, elapsed, gap, found, share)


def _roughness(
    senses: Senses, tuning: Tuning, i: Ints, raw: Floats32, fresh: Bools, broken: Bools, dt: Floats32, learn: Bools
) -> None:
    x1, x2 = senses.x1[i], senses.x2[i]
    jag = np.where(fresh & ~broken, np.abs(x1 - (raw + x2) / 2), np.float32(0))
    jag = np.where(np.isnan(jag), np.float32(0), jag)
    whole = fresh & ~broken
    rough, calm, usual = senses.rough[i], senses.calm[i], senses.rough_ref[i]
    seen = senses.seen[i][:, :MEASURED]
    floors = np.array(tuning.rough_floors, dtype=np.float32)
    bounded = np.minimum(jag, 6 * np.maximum(usual, floors))
    senses.jag[i] = jag
    senses.rough[i] = rough + np.where(whole, dt / (tuning.rough_tau + dt), 0).astype(np.float32) * (jag - rough)
    senses.calm[i] = calm + np.where(whole, dt / (tuning.calm_tau + dt), 0).astype(np.float32) * (bounded - calm)
    rate = np.where(whole & learn[:, None], dt / (np.minimum(seen, tuning.rough_ref_tau) + dt + 1), 0)
    senses.rough_ref[i] = usual + rate.astype(np.float32) * (bounded - usual)
    same = whole & (raw == x1)
    run, run_s, equal = senses.run[i], senses.run_s[i], senses.equal[i]
    senses.run[i] = np.where(fresh, np.where(same, run + 1, 0), run)
    senses.run_s[i] = np.where(fresh, np.where(same, run_s + dt, 0), run_s)
    senses.equal[i] = equal + rate.astype(np.float32) * (same - equal)


def _median(raw: Floats32, x1: Floats32, x2: Floats32, broken: Bools) -> Floats32:
    middle = np.maximum(np.minimum(raw, x1), np.minimum(np.maximum(raw, x1), x2))
    return np.where(broken | np.isnan(middle), raw, middle)


def log_flow(value: Floats32) -> Floats32:
    """log10 of a flow in m³/h."""
    return np.asarray(np.log10(np.ascontiguousarray(np.maximum(value, np.float32(LEAST_FLOW)))))


LOGARITHMS: Final[Mapping[Sense, Callable[[Floats32], Floats32]]] = {Sense.CHLORINE: log_chlorine, Sense.FLOW: log_flow}
"""Columns whose levels are kept as logarithms."""


def transformed(value: Floats32) -> Floats32:
    """Readings of the measured columns as levels are kept."""
    level = value.copy()
    for column, logarithm in LOGARITHMS.items():
        level[:, column] = logarithm(value[:, column])
    return level


def _levels(
    senses: Senses, tuning: Tuning, i: Ints, median: Floats32, fresh: Bools, broken: Bools, dt: Floats32
) -> None:
    level = transformed(median)
    mid, slow = senses.mid[i], senses.slow[i]
    floors = np.array(tuning.floors, dtype=np.float32)
    most = tuning.clip * np.maximum(senses.spread[i], floors)[:, :MEASURED]
    begin = broken | np.isnan(mid[:, :MEASURED])
    pull = np.clip(level - mid[:, :MEASURED], -most, most) * (dt / (tuning.mid_tau + dt)).astype(np.float32)
    mid[:, :MEASURED] = np.where(fresh, np.where(begin, level, mid[:, :MEASURED] + pull), mid[:, :MEASURED])
    begin = np.isnan(slow[:, :MEASURED])
    ease = (mid[:, :MEASURED] - slow[:, :MEASURED]) * (dt / (tuning.slow_tau + dt)).astype(np.float32)
    slow[:, :MEASURED] = np.where(
        fresh, np.where(begin, mid[:, :MEASURED], slow[:, :MEASURED] + ease), slow[:, :MEASURED]
    )
    senses.mid[i], senses.slow[i] = mid, slow


def _derived(senses: Senses, tuning: Tuning, i: Ints, learn: Bools, elapsed: Floats32) -> tuple[Floats32, Floats32]:
    """The columns made of others; the slope of ORP on log10 HOCl and the share of HOCl."""
    mid, slow, ref = senses.mid[i], senses.slow[i], senses.ref[i]
    temperature = mid[:, Sense.TEMPERATURE]
    hocl = log_hypochlorous(mid[:, Sense.CHLORINE], mid[:, Sense.PH], temperature)
    share = np.power(np.float32(10), np.ascontiguousarray(hocl - mid[:, Sense.CHLORINE]))
    off_hocl = hocl - ref[:, Sense.HOCL]
    off_orp = mid[:, Sense.ORP] - ref[:, Sense.ORP]
    ready = learn & ~np.isnan(off_hocl) & ~np.isnan(off_orp) & (senses.seen[i][:, Sense.HOCL] > 7_200)
    rate = np.where(ready, elapsed / (tuning.ref_tau + elapsed), 0).astype(np.float32)
    off_hocl, off_orp = zero_if_unknown(off_hocl), zero_if_unknown(off_orp)
    variance, covariance = senses.variance[i], senses.covariance[i]
    senses.variance[i] = variance + rate * (off_hocl * off_hocl - variance)
    senses.covariance[i] = covariance + rate * (off_hocl * off_orp - covariance)
    found = slope(senses.variance[i], senses.covariance[i])
    slow_hocl = log_hypochlorous(slow[:, Sense.CHLORINE], slow[:, Sense.PH], slow[:, Sense.TEMPERATURE])
    for level, acid in ((mid, hocl), (slow, slow_hocl)):
        level[:, Sense.HOCL] = acid
        expected = ref[:, Sense.ORP] + found * (acid - ref[:, Sense.HOCL])
        level[:, Sense.RESIDUAL] = level[:, Sense.ORP] - np.where(np.isnan(expected), level[:, Sense.ORP], expected)
    senses.mid[i], senses.slow[i] = mid, slow
    return found, np.nan_to_num(share, nan=0.5)


def _learn(senses: Senses, tuning: Tuning, i: Ints, learn: Bools, elapsed: Floats32) -> None:
    mid, slow, ref, spread, slow_spread = (
        getattr(senses, n)[i] for n in ("mid", "slow", "ref", "spread", "slow_spread")
    )
    seen = senses.seen[i]
    there = ~np.isnan(mid)
    first = there & np.isnan(ref)
    ref = np.where(first, mid, ref)
    step = np.where(there & learn[:, None], elapsed[:, None], 0).astype(np.float32)
    rate = step / (np.minimum(seen, np.float32(tuning.ref_tau)) + step + 1)
    floors = np.array(tuning.floors, dtype=np.float32)
    young = seen < 21_600
    off = np.where(there, mid - ref, 0)
    most = np.where(young, np.inf, 4 * np.maximum(spread, floors)).astype(np.float32)
    off = np.clip(off, -most, most)
    senses.ref[i] = ref + rate * off
    senses.spread[i] = spread + rate * (np.float32(1.2533) * np.abs(off) - spread)
    off_slow = np.clip(np.where(there, zero_if_unknown(slow) - zero_if_unknown(ref), 0), -most, most)
    senses.slow_spread[i] = slow_spread + rate * (np.float32(1.2533) * np.abs(off_slow) - slow_spread)
    senses.seen[i] = seen + step


def standard(senses: Senses, tuning: Tuning, i: Ints) -> tuple[Floats32, Floats32, Floats32, Floats32]:
    """Departure of `mid` and of `slow` from `ref`, and the usual spread of each; shape (n, columns), NaN: unknown."""
    floors = np.array(tuning.floors, dtype=np.float32)
    ref = senses.ref[i]
    return (
        senses.mid[i] - ref,
        senses.slow[i] - ref,
        np.maximum(senses.spread[i], floors),
        np.maximum(senses.slow_spread[i], floors * np.float32(0.6)),
    )


def original(column: Sense, level: float) -> float:
    """A level in the unit of its channel."""
    return float(10**level) if column in LOGARITHMS else float(level)
