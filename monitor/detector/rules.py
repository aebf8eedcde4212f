"""How strongly each kind of fault speaks at a tick: the rules, as arithmetic over places.

A strength of 1 is the kind's threshold. Rules read the evidence of `causes` and the chemistry's explanation; the
numbers are in `verdict.Parameters`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.causes import MEASURED, QUALITY, Seen, Sense, log_flow, standard, transformed
from monitor.detector.chemistry import Cause, explain, log_chlorine, zero_if_unknown
from monitor.detector.layout import Bools, Floats32, Ints
from monitor.detector.verdict import Evidence, Kind, Lane, Parameters

if TYPE_CHECKING:
    from monitor.detector.verdicts import Verdicts

Masks = NDArray[np.uint16]
KINDS: Final = len(Kind)
SPEAKS: Final = 0.8
"""Strength from which a rule's evidence and channels are named."""
_CHEMICAL: Final = (Sense.CHLORINE, Sense.PH, Sense.ORP)
_COLUMN_OF_CAUSE: Final = {
    Cause.CHLORINE_PROBE: Sense.CHLORINE,
    Cause.PH_PROBE: Sense.PH,
    Cause.ORP_PROBE: Sense.ORP,
}


@dataclass(slots=True)
class Strengths:
    """Shape (n, kinds) but for `columns` (n, kinds, measured), `margin` and `oddness` (n,).

    `margin` is 0–1, how far the second explanation is behind; `oddness` how far the place is from its own past.
    """

    strength: Floats32
    evidence: Masks
    columns: Bools
    margin: Floats32
    oddness: Floats32

    @classmethod
    def none(cls, places: int) -> "Strengths":
        """Nothing speaks."""
        return cls(
            np.zeros((places, KINDS), dtype=np.float32),
            np.zeros((places, KINDS), dtype=np.uint16),
            np.zeros((places, KINDS, MEASURED), dtype=np.bool_),
            np.ones(places, dtype=np.float32),
            np.zeros(places, dtype=np.float32),
        )

    def say(self, kind: Kind, strength: Floats32, evidence: Evidence, *columns: Sense) -> None:
        """A kind speaks so strongly; of two strengths the greater stays; what spoke is noted."""
        before = self.strength[:, kind]
        speaks = strength >= SPEAKS
        if not speaks.any():
            self.strength[:, kind] = np.maximum(before, strength)
            return
        self.strength[:, kind] = np.maximum(before, strength)
        self.evidence[:, kind] |= np.where(speaks, np.uint16(1 << evidence), np.uint16(0))
        for column in columns:
            self.columns[:, kind, column] |= speaks


def strengths(of: "Verdicts", i: Ints, seen: Seen, x1: Floats32) -> Strengths:
    """How strongly each kind speaks at places `i` after `causes.advance`; `x1` are the values before."""
    p, senses = of.parameters, of.senses
    found = Strengths.none(i.size)
    fast, slow, spread, slow_spread = standard(senses, p.tuning, i)
    fast, slow = zero_if_unknown(fast), zero_if_unknown(slow)
    factor = of.factor[i]
    warm = senses.seen[i] >= p.warm_s
    z, z_slow = np.where(warm, fast / spread, 0), np.where(warm, slow / slow_spread, 0)
    settled = senses.settled[i] > p.settle_s
    _steps(of, i, seen, x1, settled)
    own = of.replaced_s[i] > p.replaced_s
    honest = of.kind[i, Lane.HONESTY] == Kind.NONE
    stands = _flow(found, of, i, fast, z, factor, own & honest)
    quiet = settled & own & honest & ~stands
    filled = _water_change(found, of, i, settled & ~stands, warm)
    found.oddness = np.abs(np.clip(z[:, :MEASURED], -20, 20)).max(axis=1).astype(np.float32)
    _chemistry(found, of, i, seen, (fast, slow, spread, slow_spread), quiet & ~filled, warm, factor)
    clear = quiet & ~filled & (senses.settled[i] > p.turbidity_settle_s)
    clear &= senses.seen[i][:, Sense.TURBIDITY] >= p.turbidity_warm_s
    _turbidity(found, z, z_slow, clear, p, factor)
    cold = np.where(quiet, z[:, Sense.COLD] / (np.float32(p.cold) * factor), 0).astype(np.float32)
    found.say(Kind.COLD_STORE, cold, Evidence.LEVEL, Sense.COLD)
    _bubbles(found, of, i, fast, settled, factor)
    _scale(found, of, i, seen, warm)
    _runs(found, of, i, settled & ~stands, factor)
    _unknown(found, of, i, z, quiet & ~filled)
    return found


def _flow(
    found: Strengths, of: "Verdicts", i: Ints, fast: Floats32, z: Floats32, factor: Floats32, judged: Bools
) -> Bools:
    """The pump: the flow fell. While the water stands the cell says nothing about the pool."""
    p, senses = of.parameters, of.senses
    usual = senses.ref[i][:, Sense.FLOW]
    now = log_flow(np.nan_to_num(senses.x1[i][:, Sense.FLOW], nan=1.0))
    warm = senses.seen[i][:, Sense.FLOW] >= p.warm_s / 4
    below = np.where(warm & ~np.isnan(usual), now - zero_if_unknown(usual), 0)
    stands = (below < -p.stands) & judged
    low = stands | (of.kind[i, Lane.WATER] == Kind.PUMP_OFF) & (below < -p.flow_drop / 2)
    senses.settled[i] = np.where(low, 0, senses.settled[i])
    drop = np.where(
        judged & warm & (z[:, Sense.FLOW] < -2.5), -fast[:, Sense.FLOW] / (np.float32(p.flow_drop) * factor), 0
    )
    found.say(Kind.PUMP_OFF, np.clip(drop, 0, 4).astype(np.float32), Evidence.FLOW, Sense.FLOW)
    return stands


def _steps(of: "Verdicts", i: Ints, seen: Seen, x1: Floats32, settled: Bools) -> None:
    """Keep count of jagged values and of sudden steps, and notice when many channels jump at once."""
    p, senses = of.parameters, of.senses
    floors = np.array(p.tuning.rough_floors, dtype=np.float32)
    usual = np.maximum(senses.rough_ref[i], floors)
    x, x2 = senses.x1[i], x1
    # `senses.x1` is the newest value by now, `x1` the one before; a jag is judged when its successor has come.
    whole = seen.fresh & (seen.dt > 0) & ~np.isnan(x2)
    step = np.where(whole, x - x2, 0)
    jump = np.abs(step) > p.jump * usual
    _jumps(of, i, seen, jump)
    jagged = whole & (senses.jag[i] > p.jag * usual) & settled[:, None]
    of.jags[i] = of.jags[i] / (1 + seen.dt / np.float32(p.jag_tau)) + jagged
    # Nothing in a plant moves the flow and the water within one reading; another plant's series does.
    many = (jump.sum(axis=1) >= p.many) | (jump[:, Sense.FLOW] & (jump.sum(axis=1) >= 2))
    of.replaced_s[i] = np.where(many, 0, of.replaced_s[i] + seen.elapsed)


def _jumps(of: "Verdicts", i: Ints, seen: Seen, jump: Bools) -> None:
    """Follow sudden steps: where the level was before, where it came to rest, and take the slow levels along.

    A level needs hours to follow a step, and hours again back; so when ten minutes have passed without another jump
    it is set to where the readings are. What a bubble leaves behind is nothing; what a calibration leaves is its step.
    """
    p, senses = of.parameters, of.senses
    age = of.jump_age[i]
    mid, slow = senses.mid[i], senses.slow[i]
    begins = jump & (age > p.rest_s)
    of.level_before[i] = np.where(begins, mid[:, :MEASURED], of.level_before[i])
    grown = np.where(jump, np.float32(0), age + seen.dt)
    of.jump_age[i] = grown
    level = transformed(senses.x1[i])
    half = (age < p.rest_s / 2) & (grown >= p.rest_s / 2)
    rested = (age < p.rest_s) & (grown >= p.rest_s)
    mid[:, :MEASURED] = np.where(half, level, mid[:, :MEASURED])
    slow[:, :MEASURED] = np.where(rested, mid[:, :MEASURED], slow[:, :MEASURED])
    senses.mid[i], senses.slow[i] = mid, slow
    faded = of.jumps[i] / (1 + seen.dt / np.float32(p.jump_tau))
    of.jumps[i] = np.where(rested, faded + zero_if_unknown(mid[:, :MEASURED] - of.level_before[i]), faded)


def _water_change(found: Strengths, of: "Verdicts", i: Ints, judged: Bools, warm: Bools) -> Bools:
    """Fresh water is colder: the temperature falls faster than the air could cool it."""
    p, senses = of.parameters, of.senses
    fall = senses.slow[i][:, Sense.TEMPERATURE] - senses.mid[i][:, Sense.TEMPERATURE]
    strength = np.where(judged & warm[:, Sense.TEMPERATURE], zero_if_unknown(fall) / np.float32(p.temperature_fall), 0)
    found.say(Kind.WATER_CHANGE, strength.astype(np.float32), Evidence.LEVEL, Sense.TEMPERATURE)
    return np.asarray((strength >= 1) | (of.kind[i, Lane.CAUSE] == Kind.WATER_CHANGE))


def _chemistry(
    found: Strengths,
    of: "Verdicts",
    i: Ints,
    seen: Seen,
    levels: tuple[Floats32, Floats32, Floats32, Floats32],
    judged: Bools,
    warm: Bools,
    factor: Floats32,
) -> None:
    p = of.parameters
    fast, slow, spread, slow_spread = levels
    judged = judged & warm[:, Sense.CHLORINE] & warm[:, Sense.PH]
    for off, scale, threshold, is_slow in (
        (fast, spread, p.chemistry, False),
        (slow, slow_spread, p.chemistry_slow, True),
    ):
        scales = (scale[:, Sense.CHLORINE], scale[:, Sense.PH], scale[:, Sense.RESIDUAL])
        cause, explained, second, high = explain(
            off[:, Sense.CHLORINE], off[:, Sense.PH], off[:, Sense.RESIDUAL], scales, seen.slope, seen.share
        )
        strength = np.where(judged, explained / (np.float32(threshold) * factor), 0).astype(np.float32)
        found.margin = np.where(strength >= 0.8, (explained - second) / np.maximum(explained, 1e-6), found.margin)
        how = Evidence.SLOW_DRIFT if is_slow else Evidence.CHEMISTRY

        def when(which: Bools, strength: Floats32 = strength) -> Floats32:
            return np.where(which, strength, np.float32(0))

        chlorine = cause == Cause.CHLORINE
        found.say(Kind.DOSING_FAILURE, when(chlorine & ~high), how, Sense.CHLORINE, Sense.ORP)
        found.say(Kind.OVER_DOSING, when(chlorine & high), how, Sense.CHLORINE, Sense.ORP)
        found.say(Kind.PH_CONTROL, when(cause == Cause.ACIDITY), how, Sense.PH, Sense.ORP)
        for probe, column in _COLUMN_OF_CAUSE.items():
            sudden = _sudden(of, i, off, column)
            mine = cause == probe
            found.say(Kind.CALIBRATION, when(mine & sudden), Evidence.SUDDEN_STEP, column)
            found.say(Kind.SENSOR_FOULING, when(mine & ~sudden), how, column)


def _sudden(of: "Verdicts", i: Ints, off: Floats32, column: Sense) -> Bools:
    jumped, away = of.jumps[i][:, column], off[:, column]
    return (jumped * away > 0) & (np.abs(jumped) > of.parameters.sudden * np.abs(away))


def _turbidity(found: Strengths, z: Floats32, z_slow: Floats32, judged: Bools, p: Parameters, factor: Floats32) -> None:
    for departure, threshold, how in (
        (z, p.turbidity, Evidence.LEVEL),
        (z_slow, p.turbidity_slow, Evidence.SLOW_DRIFT),
    ):
        strength = np.where(judged, departure[:, Sense.TURBIDITY] / (np.float32(threshold) * factor), 0)
        found.say(Kind.FILTRATION, strength.astype(np.float32), how, Sense.TURBIDITY)


def _bubbles(found: Strengths, of: "Verdicts", i: Ints, fast: Floats32, settled: Bools, factor: Floats32) -> None:
    """A value or a few that jump and come back; a step to stay makes two jagged values, these make more."""
    p = of.parameters
    jags = of.jags[i][:, :QUALITY]
    # A unit that changed is not a bubble: there the level is off by a decade.
    settled = settled & (np.abs(fast[:, Sense.CHLORINE]) < 0.7) & (of.scaled_s[i] == 0)
    strength = np.where(settled[:, None], jags / (np.float32(p.jags) * factor[:, None]), 0)
    for column in range(QUALITY):
        found.say(Kind.AIR_BUBBLE, strength[:, column].astype(np.float32), Evidence.SPIKE, Sense(column))


def _scale(found: Strengths, of: "Verdicts", i: Ints, seen: Seen, warm: Bools) -> None:
    """Chlorine is off by a factor of ten or a hundred: the unit or the scaling of a register was changed."""
    p, senses = of.parameters, of.senses
    now = log_chlorine(senses.x1[i][:, Sense.CHLORINE])
    off = zero_if_unknown(now - senses.ref[i][:, Sense.CHLORINE])
    decades = np.rint(off)
    scaled = warm[:, Sense.CHLORINE] & (np.abs(decades) >= 1) & (np.abs(off - decades) < p.decade)
    of.scaled_s[i] = np.where(scaled, of.scaled_s[i] + seen.elapsed + np.float32(1), 0)
    sudden = np.abs(now - of.level_before[i][:, Sense.CHLORINE]) > 0.6
    # A wrong scale makes the noise as much greater: that is no bubble, also when it ends.
    of.jags[i, Sense.CHLORINE] = np.where(scaled & sudden, 0, of.jags[i, Sense.CHLORINE])
    wrong = scaled & sudden
    # Then what the chemistry makes of it says nothing.
    for kind in (Kind.SENSOR_FOULING, Kind.CALIBRATION, Kind.OVER_DOSING, Kind.DOSING_FAILURE):
        found.strength[:, kind] = np.where(wrong, 0, found.strength[:, kind])
    strength = np.where(wrong, np.float32(20), np.float32(0))
    found.say(Kind.UNIT_ERROR, strength, Evidence.SCALE, Sense.CHLORINE)


def _runs(found: Strengths, of: "Verdicts", i: Ints, judged: Bools, factor: Floats32) -> None:
    """Equal values, and values that are too calm: in one channel a stuck probe, in several made-up figures."""
    p, senses = of.parameters, of.senses
    floors = np.array(p.tuning.rough_floors, dtype=np.float32)
    equal = np.clip(senses.equal[i], 0.05, 0.98)
    ready = (senses.seen[i][:, :MEASURED] >= p.warm_s / 2) & judged[:, None]
    run = np.where(ready & (senses.run_s[i] >= p.run_s), senses.run[i] * -np.log(equal) / np.float32(p.run), 0)
    calm = np.where(
        ready & (senses.rough_ref[i] > floors * 0.5), senses.calm[i] / np.maximum(senses.rough_ref[i], 1e-9), 1
    )
    quiet = (run >= 1) | (calm < p.calm)
    number = quiet[:, :QUALITY].sum(axis=1)
    nearly = ((run >= 0.5) | (calm < p.nearly_calm))[:, :QUALITY].sum(axis=1)
    # Several channels that calm down at once are no broken probe, though one of them may have stepped or stopped.
    for kind in (Kind.CALIBRATION, Kind.SENSOR_FOULING):
        found.strength[:, kind] = np.where(nearly >= 2, 0, found.strength[:, kind])
    frozen = (run[:, Sense.FLOW] >= 1) | (run[:, Sense.TEMPERATURE] >= 1)
    one = (nearly == 1) | frozen
    strength = (np.minimum(run[:, :QUALITY], 4) / factor[:, None]).astype(np.float32)
    for column in range(QUALITY):
        found.say(Kind.STUCK, np.where(one, strength[:, column], 0), Evidence.FLAT_LINE, Sense(column))
    made_up = np.where(~frozen & (number >= 2), number / np.float32(2), 0).astype(np.float32)
    runs = (run[:, :QUALITY] >= 1).sum(axis=1) >= 1
    found.say(Kind.TAMPERING_SUSPECTED, np.where(runs | (number >= 3), made_up, 0), Evidence.ATTENUATED_SIGNAL)
    found.columns[:, Kind.TAMPERING_SUSPECTED, :QUALITY] |= quiet[:, :QUALITY] & (made_up > 0)[:, None]


def _unknown(found: Strengths, of: "Verdicts", i: Ints, z: Floats32, judged: Bools) -> None:
    """The detector's own score has been in alarm for long, and nothing explains it."""
    others = found.strength[:, 1:].max(axis=1)
    lasting = (of.hot_s[i] > 3_600) & judged & (others < 0.5) & (of.kind[i] == 0).all(axis=1)
    away = (np.abs(z[:, :QUALITY]) > 4).sum(axis=1) >= 2
    found.say(Kind.UNKNOWN, (lasting & away).astype(np.float32), Evidence.MULTIVARIATE)
    found.columns[:, Kind.UNKNOWN, :QUALITY] |= (np.abs(z[:, :QUALITY]) > 4) & (lasting & away)[:, None]
