"""How strongly each kind of fault speaks at a tick: the rules, as arithmetic over places.

A strength of 1 is the kind's threshold. Rules read the evidence of `causes` and the chemistry's explanation; the
numbers are in `verdict.Parameters`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.causes import MEASURED, QUALITY, Places, Seen, Sense, Senses, floors_of, kept, standard
from monitor.detector.chemistry import Cause, explain, zero_if_unknown
from monitor.detector.layout import Bools, Floats32, Ints
from monitor.detector.verdict import TICK_LANES, Evidence, Kind, Lane, Parameters

if TYPE_CHECKING:
    from monitor.detector.verdicts import Verdicts

Masks = NDArray[np.uint16]
KINDS: Final = len(Kind)
WHISPERS: Final = 0.5
"""A strength below this changes nothing anywhere: where no place's is above, it is not even noted."""
SPEAKS: Final = 0.8
"""Strength from which a rule's evidence and channels are named."""
_COLUMN_OF_CAUSE: Final = {
    Cause.CHLORINE_PROBE: Sense.CHLORINE,
    Cause.PH_PROBE: Sense.PH,
    Cause.ORP_PROBE: Sense.ORP,
}


@dataclass(slots=True)
class Strengths:
    """Shape (n, kinds) but for `columns` (n, kinds, measured) and `margin` (n,).

    `margin` is 0–1, how far the second explanation is behind.
    """

    strength: Floats32
    evidence: Masks
    columns: Bools
    margin: Floats32

    @classmethod
    def none(cls, places: int) -> "Strengths":
        """Nothing speaks."""
        return cls(
            np.zeros((places, KINDS), dtype=np.float32),
            np.zeros((places, KINDS), dtype=np.uint16),
            np.zeros((places, KINDS, MEASURED), dtype=np.bool_),
            np.ones(places, dtype=np.float32),
        )

    def say(self, kind: Kind, strength: Floats32, evidence: Evidence, *columns: Sense) -> None:
        """A kind speaks so strongly; of two strengths the greater stays; what spoke is noted."""
        greatest = strength.max()
        if greatest < WHISPERS:
            return
        self.strength[:, kind] = np.maximum(self.strength[:, kind], strength)
        if greatest < SPEAKS:
            return
        speaks = strength >= SPEAKS
        self.evidence[:, kind] |= np.where(speaks, np.uint16(1 << evidence), np.uint16(0))
        for column in columns:
            self.columns[:, kind, column] |= speaks


@dataclass(frozen=True, slots=True)
class Levels:
    """Places beside their own past: departures and usual spreads of `causes.standard`, shape (n, columns).

    `z`, `z_slow`: departures in spreads, 0 where there is too little past (not `warm`) to tell.
    """

    fast: Floats32
    slow: Floats32
    spread: Floats32
    slow_spread: Floats32
    warm: Bools
    z: Floats32
    z_slow: Floats32

    def of(self, some: Ints) -> "Levels":
        """The same of some of the places, 0 for departures that are not known."""
        found = Levels(*(getattr(self, name)[some] for name in self.__slots__))
        return replace(found, fast=zero_if_unknown(found.fast), slow=zero_if_unknown(found.slow))

    def oddness(self, some: Ints) -> Floats32:
        """How far some of the places are from their own past, in spreads."""
        return np.asarray(np.minimum(np.abs(self.z[some, :MEASURED]), 20).max(axis=1), dtype=np.float32)


def levels(senses: Senses, p: Parameters, at: Places) -> Levels:
    """Where the places `at` are after `causes.advance`."""
    fast, slow, spread, slow_spread = standard(senses, p.tuning, at)
    warm = senses.seen[at] >= p.warm_s
    z, z_slow = kept(fast / spread, warm), kept(slow / slow_spread, warm)
    return Levels(fast, slow, spread, slow_spread, warm, z, z_slow)


def unusual(of: "Verdicts", at: Places, seen: Seen, now: Levels) -> Bools:
    """Whether a place needs its strengths told: where it is False, every strength is below `Parameters.learn_below`.

    Each line bounds one rule below from above, at a fraction of its cost; what was unusual a tick ago or has a verdict
    standing is told too, so that it can end. Shape (n,).
    """
    p, senses = of.parameters, of.senses
    factor = of.factor[at]
    part = np.float32(p.learn_below * 0.98) * factor
    found = (of.greatest[at] >= p.learn_below) | (of.hot_s[at] > 0) | (of.scaled_s[at] > 0)
    for lane in TICK_LANES:
        found |= of.kind[at, lane] != 0
    # The longest projection of `chemistry.explain` is no longer than the readings it is made of.
    for z, threshold in ((now.z, p.chemistry), (now.z_slow, p.chemistry_slow)):
        chlorine, ph, residual = z[:, Sense.CHLORINE], z[:, Sense.PH], z[:, Sense.RESIDUAL]
        length = np.maximum(chlorine * chlorine, ph * ph) + residual * residual
        found |= length >= np.square(np.float32(threshold) * part)
    found |= now.z[:, Sense.TURBIDITY] >= np.float32(p.turbidity) * part
    found |= now.z_slow[:, Sense.TURBIDITY] >= np.float32(p.turbidity_slow) * part
    found |= now.z[:, Sense.COLD] >= np.float32(p.cold) * part
    fall = senses.slow[at, Sense.TEMPERATURE] - senses.mid[at, Sense.TEMPERATURE]
    found |= fall >= np.float32(p.temperature_fall * p.learn_below * 0.98)
    found |= -now.fast[:, Sense.FLOW] >= np.float32(p.flow_drop) * part
    found |= seen.level[:, Sense.FLOW] - senses.ref[at, Sense.FLOW] < -p.stands * 0.98
    found |= np.abs(seen.level[:, Sense.CHLORINE] - senses.ref[at, Sense.CHLORINE]) > 0.49
    found |= of.jags[at, :QUALITY].max(axis=1) >= np.float32(p.jags) * part
    calm, usual = senses.calm[at, :QUALITY], senses.rough_ref[at, :QUALITY]
    # A channel that is not there is calm, and says nothing.
    rough = usual > floors_of(p.tuning.rough_floors[:QUALITY], len(usual)) * np.float32(0.5)
    found |= ((calm < p.calm * usual) & rough).sum(axis=1) >= 2
    long = senses.run_s[at] >= p.run_s
    if long.any():
        equal = np.clip(senses.equal[at], 0.05, 0.98)
        run = senses.run[at] * -np.log(equal) / np.float32(p.run)
        found |= (long & (run >= np.minimum(part, np.float32(0.49))[:, None])).any(axis=1)
    return found


def strengths(of: "Verdicts", i: Ints, seen: Seen, now: Levels, settled: Bools) -> Strengths:
    """How strongly each kind speaks at places `i` after `causes.advance` and `steps`."""
    p, senses = of.parameters, of.senses
    found = Strengths.none(i.size)
    factor, warm = of.factor[i], now.warm
    own = of.replaced_s[i] > p.replaced_s
    honest = of.kind[i, Lane.HONESTY] == Kind.NONE
    stands = _flow(found, of, i, seen.level[:, Sense.FLOW], now, factor, own & honest)
    quiet = settled & own & honest & ~stands
    filled = _water_change(found, of, i, settled & ~stands, warm)
    _chemistry(found, of, i, seen, now, quiet & ~filled, factor)
    clear = quiet & ~filled & (senses.settled[i] > p.turbidity_settle_s)
    clear &= senses.seen[i, Sense.TURBIDITY] >= p.turbidity_warm_s
    _turbidity(found, now.z, now.z_slow, clear, p, factor)
    cold = np.where(quiet, now.z[:, Sense.COLD] / (np.float32(p.cold) * factor), 0).astype(np.float32)
    found.say(Kind.COLD_STORE, cold, Evidence.LEVEL, Sense.COLD)
    _bubbles(found, of, i, now.fast, settled, factor)
    _scale(found, of, i, seen, warm)
    _runs(found, of, i, settled & ~stands, factor)
    _unknown(found, of, i, now.z, quiet & ~filled)
    return found


def _flow(
    found: Strengths, of: "Verdicts", i: Ints, now: Floats32, levels: Levels, factor: Floats32, judged: Bools
) -> Bools:
    """The pump: the flow fell. While the water stands the cell says nothing about the pool."""
    p, senses = of.parameters, of.senses
    usual = senses.ref[i][:, Sense.FLOW]
    warm = senses.seen[i][:, Sense.FLOW] >= p.warm_s / 4
    below = np.where(warm, zero_if_unknown(now - usual), 0)
    stands = (below < -p.stands) & judged
    low = stands | (of.kind[i, Lane.WATER] == Kind.PUMP_OFF) & (below < -p.flow_drop / 2)
    senses.settled[i] = np.where(low, 0, senses.settled[i])
    fell = judged & warm & (levels.z[:, Sense.FLOW] < -2.5)
    drop = np.where(fell, -levels.fast[:, Sense.FLOW] / (np.float32(p.flow_drop) * factor), 0)
    found.say(Kind.PUMP_OFF, np.clip(drop, 0, 4).astype(np.float32), Evidence.FLOW, Sense.FLOW)
    return stands


def steps(of: "Verdicts", at: Places, seen: Seen, settled: Bools) -> None:
    """Keep count of jagged values and of sudden steps, and notice when many channels jump at once."""
    p, senses = of.parameters, of.senses
    usual = senses.rough_ref[at]
    usual = np.maximum(usual, floors_of(p.tuning.rough_floors, len(usual)))
    # `step` is the newest value's; a jag is judged when its successor has come.
    jump = np.abs(seen.step) > p.jump * usual
    jumped = bool(jump.any())
    _jumps(of, at, seen, jump if jumped else None)
    jagged = seen.whole & (senses.jag[at] > p.jag * usual) & settled[:, None]
    of.jags[at] = of.jags[at] / (1 + seen.dt / np.float32(p.jag_tau)) + jagged
    replaced_s = of.replaced_s[at] + seen.elapsed
    if jumped:
        # Nothing in a plant moves the flow and the water within one reading; another plant's series does.
        number = jump.sum(axis=1)
        replaced_s = np.where((number >= p.many) | (jump[:, Sense.FLOW] & (number >= 2)), 0, replaced_s)
    of.replaced_s[at] = replaced_s


def _jumps(of: "Verdicts", at: Places, seen: Seen, jump: Bools | None) -> None:
    """Follow sudden steps: where the level was before, where it came to rest, and take the slow levels along.

    A level needs hours to follow a step, and hours again back; so when ten minutes have passed without another jump
    it is set to where the readings are. What a bubble leaves behind is nothing; what a calibration leaves is its step.
    `jump` is None where nothing jumped.
    """
    p, senses = of.parameters, of.senses
    age = of.jump_age[at]
    grown = age + seen.dt
    if jump is not None:
        grown = np.where(jump, np.float32(0), grown)
        begins = jump & (age > p.rest_s)
        of.level_before[at] = np.where(begins, senses.mid[at, :MEASURED], of.level_before[at])
    half = (age < p.rest_s / 2) & (grown >= p.rest_s / 2)
    rested = (age < p.rest_s) & (grown >= p.rest_s)
    if half.any():
        senses.mid[at, :MEASURED] = np.where(half, seen.level, senses.mid[at, :MEASURED])
    jumps = of.jumps[at] / (1 + seen.dt / np.float32(p.jump_tau))
    if rested.any():
        mid = senses.mid[at, :MEASURED]
        senses.slow[at, :MEASURED] = np.where(rested, mid, senses.slow[at, :MEASURED])
        jumps = np.where(rested, jumps + zero_if_unknown(mid - of.level_before[at]), jumps)
    of.jumps[at] = jumps
    of.jump_age[at] = grown


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
    levels: Levels,
    judged: Bools,
    factor: Floats32,
) -> None:
    p = of.parameters
    judged = judged & levels.warm[:, Sense.CHLORINE] & levels.warm[:, Sense.PH]
    if not judged.any():
        return
    share = np.nan_to_num(np.power(np.float32(10), np.ascontiguousarray(seen.log_share)), nan=0.5)
    for off, scale, threshold, is_slow in (
        (levels.fast, levels.spread, p.chemistry, False),
        (levels.slow, levels.slow_spread, p.chemistry_slow, True),
    ):
        scales = (scale[:, Sense.CHLORINE], scale[:, Sense.PH], scale[:, Sense.RESIDUAL])
        cause, explained, second, high = explain(
            off[:, Sense.CHLORINE], off[:, Sense.PH], off[:, Sense.RESIDUAL], scales, seen.slope, share
        )
        strength = np.where(judged, explained / (np.float32(threshold) * factor), 0).astype(np.float32)
        if strength.max() < WHISPERS:
            continue
        found.margin = np.where(strength >= 0.8, (explained - second) / np.maximum(explained, 1e-6), found.margin)
        how = Evidence.SLOW_DRIFT if is_slow else Evidence.CHEMISTRY

        def when(which: Bools, strength: Floats32 = strength) -> Floats32:
            return np.where(which, strength, np.float32(0))

        chlorine = cause == Cause.CHLORINE
        found.say(Kind.DOSING_FAILURE, when(chlorine & ~high), how, Sense.CHLORINE, Sense.ORP)
        found.say(Kind.OVER_DOSING, when(chlorine & high), how, Sense.CHLORINE, Sense.ORP)
        found.say(Kind.PH_CONTROL, when(cause == Cause.ACIDITY), how, Sense.PH, Sense.ORP)
        for probe, column in _COLUMN_OF_CAUSE.items():
            mine = cause == probe
            if not mine.any():
                continue
            sudden = _sudden(of, i, off, column)
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
    if strength.max() < WHISPERS:
        return
    for column in range(QUALITY):
        found.say(Kind.AIR_BUBBLE, strength[:, column].astype(np.float32), Evidence.SPIKE, Sense(column))


def _scale(found: Strengths, of: "Verdicts", i: Ints, seen: Seen, warm: Bools) -> None:
    """Chlorine is off by a factor of ten or a hundred: the unit or the scaling of a register was changed."""
    p, senses = of.parameters, of.senses
    now = seen.level[:, Sense.CHLORINE]
    off = zero_if_unknown(now - senses.ref[i][:, Sense.CHLORINE])
    decades = np.rint(off)
    scaled = warm[:, Sense.CHLORINE] & (np.abs(decades) >= 1) & (np.abs(off - decades) < p.decade)
    of.scaled_s[i] = np.where(scaled, of.scaled_s[i] + seen.elapsed + np.float32(1), 0)
    sudden = np.abs(now - of.level_before[i][:, Sense.CHLORINE]) > 0.6
    # A wrong scale makes the noise as much greater: that is no bubble, also when it ends.
    of.jags[i, Sense.CHLORINE] = np.where(scaled & sudden, 0, of.jags[i, Sense.CHLORINE])
    wrong = scaled & sudden
    if not wrong.any():
        return
    # Then what the chemistry makes of it says nothing.
    for kind in (Kind.SENSOR_FOULING, Kind.CALIBRATION, Kind.OVER_DOSING, Kind.DOSING_FAILURE):
        found.strength[:, kind] = np.where(wrong, 0, found.strength[:, kind])
    strength = np.where(wrong, np.float32(20), np.float32(0))
    found.say(Kind.UNIT_ERROR, strength, Evidence.SCALE, Sense.CHLORINE)


def _runs(found: Strengths, of: "Verdicts", i: Ints, judged: Bools, factor: Floats32) -> None:
    """Equal values, and values that are too calm: in one channel a stuck probe, in several made-up figures."""
    p, senses = of.parameters, of.senses
    floors = floors_of(p.tuning.rough_floors, i.size)
    equal = np.clip(senses.equal[i], 0.05, 0.98)
    ready = (senses.seen[i][:, :MEASURED] >= p.warm_s / 2) & judged[:, None]
    run = np.where(ready & (senses.run_s[i] >= p.run_s), senses.run[i] * -np.log(equal) / np.float32(p.run), 0)
    calm = np.where(
        ready & (senses.rough_ref[i] > floors * 0.5), senses.calm[i] / np.maximum(senses.rough_ref[i], 1e-9), 1
    )
    if run.max() < WHISPERS and not (calm < p.nearly_calm).any():
        return
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
    if not lasting.any():
        return
    away = (np.abs(z[:, :QUALITY]) > 4).sum(axis=1) >= 2
    found.say(Kind.UNKNOWN, (lasting & away).astype(np.float32), Evidence.MULTIVARIATE)
    found.columns[:, Kind.UNKNOWN, :QUALITY] |= (np.abs(z[:, :QUALITY]) > 4) & (lasting & away)[:, None]
