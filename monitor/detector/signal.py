"""The tests of a channel's signal: spike, rate of change, flat line, attenuated signal, climatology.

Their limits are learned from the channel's own usual behaviour, in readings that are not in alarm. Because they are
learned, they say "suspect" (3); only a line that stays flat or a noise that vanishes altogether says "fail" (4).
"""

import numpy as np

from monitor.detector.flags import Flag, Test
from monitor.detector.layout import Bools, Floats32, Layout
from monitor.detector.parameters import (
    ATTENUATED,
    CALM_TAU,
    CLIMATOLOGY_LIMIT,
    FLAT_TIMES,
    HOUR_TAU,
    NOISE_TAU,
    RATE_LIMIT,
    SPIKE_LIMIT,
    VANISHED,
)
from monitor.detector.reading import Outcome, Reading
from monitor.detector.state import State

HOURS = 48
FINER = 1e-5
"""A step below this part of the resolution known is a rounding error."""


def learn_resolution(state: State, reading: Reading, moved: Floats32) -> None:
    """Take the least step that a channel makes as its resolution, where none was told."""
    at = reading.at
    known = state.resolution[at]
    finer = (moved > known * FINER) & ((moved < known) | (known == 0))
    if finer.any():
        state.resolution[at] = np.where(finer, moved, known)


def judge(
    state: State, layout: Layout, reading: Reading, moved: Floats32, hot: Bools, floor: Floats32, out: Outcome
) -> None:
    """All five tests. `moved` is |x - last x|; `hot` where the channel is away from its level; `floor` its scale."""
    calm = _steps(state, layout, reading, moved, hot, out)
    _flat_line(state, layout, reading, out)
    _climatology(state, reading, hot, floor, calm, out)


def _steps(state: State, layout: Layout, reading: Reading, moved: Floats32, hot: Bools, out: Outcome) -> Bools:
    """Spike, rate of change and attenuated signal, all against the usual step from reading to reading.

    spike: |x - median of the last three| > 8 steps. rate of change: |dx| > 10 steps a period.
    attenuated: the mean |dx| of three hours is below 0.15 (suspect) or 0.05 (fail) of the usual one.
    """
    at, dt, period = reading.at, reading.dt, layout.period_s[reading.at]
    step, resolution, slow = state.step[at], state.resolution[at], state.calm[at]
    noise = np.maximum(step, resolution)
    last, x2 = state.x[at], state.x2[at]
    median = np.maximum(np.minimum(last, x2), np.minimum(np.maximum(last, x2), state.x3[at]))
    spike = np.abs(reading.x - median) > noise * SPIKE_LIMIT
    rate = moved > noise * RATE_LIMIT
    if rate.any():
        rate &= moved > noise * RATE_LIMIT * np.maximum(dt / period, 1)
    bounded = np.minimum(moved, noise * SPIKE_LIMIT)
    calm = slow + dt / (np.minimum(reading.seen, CALM_TAU) + dt + FINER) * (bounded - slow)
    # A channel that hardly ever moves has too few steps in three hours to tell.
    told = (step * CALM_TAU > resolution * period * 20) & (reading.seen > 86400)
    attenuated = (calm < step * ATTENUATED) & told
    vanished = attenuated & (calm < step * VANISHED)
    usual = ~(hot | attenuated | reading.bad)
    # `step` and `slow` may be views of the state: from here on they are not read again.
    state.step[at] = step + dt / (np.minimum(reading.seen, NOISE_TAU) + dt + FINER) * (bounded - step) * usual
    state.calm[at] = calm
    _suspect(out, Test.SPIKE, spike, reading)
    _suspect(out, Test.RATE_OF_CHANGE, rate, reading)
    if attenuated.any():
        out.flags[Test.ATTENUATED_SIGNAL][attenuated] = Flag.SUSPECT
        out.flags[Test.ATTENUATED_SIGNAL][vanished] = Flag.FAIL
    return attenuated


def _suspect(out: Outcome, test: Test, where: Bools, reading: Reading) -> None:
    if where.any():
        out.flags[test][where & ~reading.warming] = Flag.SUSPECT


def _flat_line(state: State, layout: Layout, reading: Reading, out: Outcome) -> None:
    """Within half a resolution of one value for longer than three times the longest usual line (fail: six times).

    The longest usual line fades over three days; a line that alarmed lengthens it by half at most.
    """
    at, dt = reading.at, reading.dt
    anchor, flat_s, usual = state.anchor[at], state.flat_s[at], state.flat_usual[at]
    lies = np.abs(reading.x - anchor) <= state.resolution[at] * 0.5
    line = flat_s + dt
    limit = np.maximum(usual * FLAT_TIMES, layout.taus.flat[at])
    suspect = lies & (line > limit)
    if suspect.any():
        out.flags[Test.FLAT_LINE][suspect] = Flag.SUSPECT
        out.flags[Test.FLAT_LINE][suspect & (line > limit * 2)] = Flag.FAIL
    ended = np.minimum(flat_s, usual * 1.5) * ~lies
    faded = usual - usual * (np.minimum(dt, NOISE_TAU) / NOISE_TAU) * ~suspect
    state.flat_usual[at] = np.maximum(faded, ended)
    state.anchor[at] = np.where(lies, anchor, reading.x)
    state.flat_s[at] = line * lies


def _climatology(state: State, reading: Reading, hot: Bools, floor: Floats32, attenuated: Bools, out: Outcome) -> None:
    """Further than six usual distances from what the hour of the day, open or closed, usually has.

    Needs three days of data and one visit of the hour before; the hour's value is an EWMA over ten hours spent in it.
    """
    at, dt = reading.at, reading.dt
    # One flat index is four times faster than a pair of them.
    hours, place = state.hours.reshape(-1), reading.slot * HOURS + state.bin[at]
    usual = hours.take(place)
    never = np.isnan(usual)
    if never.any():
        usual = np.where(never, reading.x, usual)
    away = reading.x - usual
    distance = np.abs(away)
    scale = np.maximum(state.hour_scale[at], floor)
    most = scale * CLIMATOLOGY_LIMIT
    suspect = distance > most
    if suspect.any():
        out.flags[Test.CLIMATOLOGY][suspect & (reading.seen > 3 * 86400)] = Flag.SUSPECT
    learning = dt * ~(hot | attenuated | reading.bad)
    bounded = np.minimum(np.maximum(away, -most), most)
    hours[place] = usual + learning / (HOUR_TAU + learning) * bounded
    hour_scale = state.hour_scale[at]
    gain = learning / (np.minimum(reading.seen, NOISE_TAU) + learning + FINER)
    state.hour_scale[at] = hour_scale + gain * (np.minimum(distance, most) - hour_scale)
