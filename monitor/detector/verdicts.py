"""The observer that gives every place its verdicts, and remembers which stand.

It is called at every closing of ticks (`monitor.detector.step`), and once at the end of a batch (`finish`) for what
needs the order of the whole stream: who copied from whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.detector.causes import FIELDS as SENSE_FIELDS
from monitor.detector.causes import (
    MEASURED,
    QUALITY,
    Places,
    Sense,
    Senses,
    advance,
    original,
    slots_of,
    unknown_columns,
)
from monitor.detector.copies import FIELDS as COPY_FIELDS
from monitor.detector.copies import Copies, Match
from monitor.detector.flags import Flag
from monitor.detector.layout import Bools, Floats, Floats32, Ints, Layout
from monitor.detector.rules import WHISPERS, Levels, Strengths, levels, steps, strengths, unusual
from monitor.detector.state import NEVER
from monitor.detector.step import Closing
from monitor.detector.verdict import LANE_OF, TICK_LANES, Evidence, Kind, Lane, Parameters, sureness

LANES: Final = len(Lane)
BAND: Final = 3.0
"""Half of the width of what is usual, in spreads."""
KINDS: Final = len(Kind)

FIELDS: Final[Mapping[str, tuple[type, Any, int]]] = {
    # name: (dtype, value when nothing is known, columns; 0 = one number a place)
    "jags": (np.float32, 0.0, MEASURED),  # jagged values lately, fading
    "jumps": (np.float32, 0.0, MEASURED),  # sum of sudden steps that stayed, as levels are kept, fading over days
    "jump_age": (np.float32, 1e9, MEASURED),  # s since the last sudden step
    "level_before": (np.float32, np.nan, MEASURED),  # before the last sudden step
    "scaled_s": (np.float32, 0.0, 0),  # s, for how long chlorine has been off by a factor of ten or a hundred
    "replaced_s": (np.float32, 1e9, 0),  # s since many channels jumped at once
    "shut_s": (np.float32, 0.0, 0),  # s, for how long nothing has been learned
    "hot_s": (np.float32, 0.0, 0),  # s, for how long the detector's own score has been above its threshold
    "greatest": (np.float32, 0.0, 0),  # the newest greatest strength
    "kind": (np.uint8, 0, LANES),  # what stands
    "began": (np.int64, NEVER, LANES),  # us, since when what stands or comes up has been strong
    "weak_s": (np.float32, 0.0, LANES),  # s, for how long what stands has been weak
    "stood_s": (np.float32, 0.0, LANES),
    "coming": (np.float32, 0.0, KINDS),  # s, for how long each kind has been strong
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict began, changed or ended at a tick.

    `row` is the reading of the batch that closed the tick (-1: time alone), `ts` the tick's newest reading, `since`
    when the evidence began (us each). `kind` is NONE where the lane's verdict ended, with `before` what it was.
    `slots` are the channels that spoke, with their `values` then and what was `expected` of each (lowest, highest),
    in the channels' units; `partner` is the site whose series equals this one's (-1 none).
    """

    row: int
    site: int
    ts: int
    lane: Lane
    kind: Kind
    before: Kind
    since: int
    sureness: float = 0.0
    slots: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    expected: tuple[tuple[float, float], ...] = ()
    evidence: tuple[Evidence, ...] = ()
    partner: int = -1


class Verdicts:
    """State and logic of the verdicts of a layout's sites; an `Observer` of the detector.

    `factor` (sites,) multiplies every threshold: budget and feedback set it.
    """

    def __init__(self, layout: Layout, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self.layout = layout
        self.slots = np.asfortranarray(slots_of(layout))
        self.known: Bools = np.asarray((self.slots >= 0).any(axis=1))
        self.senses = Senses(len(layout.sites))
        self.factor: Floats32 = np.ones(len(layout.sites), dtype=np.float32)
        for name, (dtype, unknown, columns) in FIELDS.items():
            setattr(self, name, unknown_columns(len(layout.sites), columns, unknown, dtype))
        self.copies = Copies(np.tile(np.arange(QUALITY, dtype=np.int64), len(layout.sites)))
        self.copied: dict[int, int] = {}
        """The place whose chunks match → the place whose series is the copy."""
        self.unheeded: set[tuple[int, int]] = set()
        """Verdicts (place, lane) that stand but were not told, because the series is another's."""
        self._on_s, self._adopt_s = _on_s(self.parameters), _adopt_s(self.parameters)
        self._whole: tuple[Layout, tuple[Ints, Bools, Floats, Floats]] | None = None
        """What `_channels_of` every place is under a layout, which is asked for at nearly every tick."""
        self.found: list[Finding] = []
        self.spoke: list[tuple[Ints, Ints]] = []
        """(slots, us) of readings that standing verdicts rest on, since `spoken` was last asked."""

    jags: Floats32
    jumps: Floats32
    jump_age: Floats32
    level_before: Floats32
    scaled_s: Floats32
    replaced_s: Floats32
    shut_s: Floats32
    hot_s: Floats32
    greatest: Floats32
    kind: NDArray[np.uint8]
    began: Ints
    weak_s: Floats32
    stood_s: Floats32
    coming: Floats32

    def closed(self, closing: Closing) -> None:
        """Judge the ticks of `closing.sites`."""
        here = self.known[closing.sites]
        i, ticks = (closing.sites, closing.ticks) if here.all() else (closing.sites[here], closing.ticks[here])
        if not i.size:
            return
        at: Places = slice(None) if i.size == self.known.size else i
        p, senses = self.parameters, self.senses
        value, ts = self._newest(closing, at)
        idle = ~self.kind[at].any(axis=1)
        ready = (self.greatest[at] < p.learn_below) & idle
        ready &= (senses.settled[at] > p.settle_s) & (self.replaced_s[at] > p.replaced_s)
        ready |= senses.seen[at].max(axis=1) < p.warm_s
        seen = advance(senses, p.tuning, at, value, ts, ready | (self.shut_s[at] > p.shut_s) & idle)
        self.shut_s[at] = (self.shut_s[at] + seen.elapsed) * ~ready
        settled = senses.settled[at] > p.settle_s
        self.hot_s[at] = (self.hot_s[at] + seen.elapsed) * ((ticks["flag"] == Flag.SUSPECT) & settled)
        now = levels(senses, p, at)
        steps(self, at, seen, settled)
        self._copies(i, at, ticks["row"], value, seen.fresh, now)
        # What follows costs most, and is idle but where something is unusual.
        hot = unusual(self, at, seen, now)
        self.greatest[at] = 0
        if hot.any():
            k = np.flatnonzero(hot)
            part = seen.of(k)
            self._decide(i[k], ticks[k], part.elapsed, strengths(self, i[k], part, now.of(k), settled[k]))

    def _newest(self, closing: Closing, at: Places) -> tuple[Floats, Ints]:
        """The newest values of the places' channels, NaN where there is none, and when they were read (us)."""
        state = closing.state
        slots, there, lowest, highest = self._channels_of(closing.layout, at)
        value, ts = state.x.take(slots) + state.origin.take(slots), state.ts.take(slots)
        told = there & (value >= lowest) & (value <= highest)
        if (told != there).any():
            # What no working instrument reports is flagged by the gross range test, and says nothing here. The state
            # gives a value back to within a rounding, and a chlorine of exactly zero must not come back as less.
            slack = ROUNDING * (1 + np.abs(value))
            told = there & (value >= lowest - slack) & (value <= highest + slack)
        ts[~there] = NEVER
        value[~told | (ts == NEVER)] = np.nan  # a channel that is there need not have been heard
        return value.T, ts.T

    def _channels_of(self, layout: Layout, at: Places) -> tuple[Ints, Bools, Floats, Floats]:
        """Shape (columns, places) each: slots, whether there is a channel, and the least and greatest it reports."""
        whole = isinstance(at, slice)
        if whole and self._whole is not None and self._whole[0] is layout:
            return self._whole[1]
        slots = np.ascontiguousarray(self.slots[at].T)
        found = slots, slots >= 0, layout.gross_lo.take(slots), layout.gross_hi.take(slots)
        if whole:
            self._whole = layout, found
        return found

    def _decide(self, i: Ints, ticks: NDArray[Any], elapsed: Floats32, found: Strengths) -> None:
        ts = ticks["ts"].astype(np.int64)
        strength = found.strength
        greatest = strength[:, 1:].max(axis=1)
        # What is not always noted is never remembered, so that memory too is the same however places are grouped.
        self.greatest[i] = np.where(greatest >= WHISPERS, greatest, 0)
        if greatest.max() < 1 and not self.kind[i].any():
            self.coming[i] = 0
            self.began[i[:, None], _TICK_LANES] = NEVER
            return
        self.coming[i] = np.where(strength >= 1, self.coming[i] + elapsed[:, None] + np.float32(1e-3), 0)
        due = self.coming[i] > self._on_s
        for lane in TICK_LANES:
            kinds = _KINDS_OF[lane]
            candidates = np.where(due[:, kinds], strength[:, kinds], 0)
            best = np.argmax(candidates, axis=1)
            strongest = candidates[np.arange(i.size), best]
            wanted = np.where(strongest >= 1, kinds[best], 0).astype(np.uint8)
            self._lane(i, ticks, ts, elapsed, lane, wanted, found)
            self._speak(i, lane, found)

    def _lane(
        self,
        i: Ints,
        ticks: NDArray[Any],
        ts: Ints,
        elapsed: Floats32,
        lane: Lane,
        wanted: NDArray[np.uint8],
        found: Strengths,
    ) -> None:
        p = self.parameters
        stands = self.kind[i, lane]
        strong = found.strength[:, _KINDS_OF[lane]] >= 1
        if not stands.any() and not strong.any():
            self.began[i, lane] = NEVER
            return
        own = found.strength[np.arange(i.size), stands]
        any_strong = strong.any(axis=1)
        began = self.began[i, lane]
        self.began[i, lane] = np.where(
            stands > 0, began, np.where(any_strong, np.where(began == NEVER, ts, began), NEVER)
        )
        weak = (stands > 0) & (own < p.weak) & (wanted == 0)
        self.weak_s[i, lane] = np.where(weak, self.weak_s[i, lane] + elapsed, 0)
        self.stood_s[i, lane] = np.where(stands > 0, self.stood_s[i, lane] + elapsed, 0)
        over = weak & (self.weak_s[i, lane] > p.off_s)
        adopted = (stands > 0) & (self.stood_s[i, lane] > self._adopt_s[stands])
        # Another kind takes over only when what stands has lost its own ground.
        other = (wanted > 0) & (wanted != stands) & ((stands == 0) | (own < p.weak))
        changed = over | adopted | other
        if not changed.any():
            return
        for k in np.flatnonzero(changed).tolist():
            self._tell(int(i[k]), ticks[k], lane, int(wanted[k]) if other[k] else 0, found, k)
            if adopted[k]:
                self._adopt(int(i[k]))

    def _speak(self, i: Ints, lane: Lane, found: Strengths) -> None:
        """Note the newest readings of the channels that a standing verdict rests on."""
        kind = self.kind[i, lane]
        stands = np.flatnonzero(kind)
        if not stands.size or lane is Lane.CAUSE:
            return
        here = found.columns[stands, kind[stands]] & (self.slots[i[stands]] >= 0)
        if here.any():
            self.spoke.append((self.slots[i[stands]][here], self.senses.ts[i[stands]][here]))

    def spoken(self) -> tuple[Ints, Ints]:
        """(slots, us) of the readings that standing verdicts rested on since the last call: QARTOD's multi-variate."""
        if not self.spoke:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        slots, ts = (np.concatenate(column) for column in zip(*self.spoke, strict=True))
        self.spoke = []
        return slots, ts

    def _tell(self, site: int, tick: Any, lane: Lane, kind: int, found: Strengths, k: int) -> None:
        before = Kind(int(self.kind[site, lane]))
        since = int(self.began[site, lane]) if before is Kind.NONE else int(tick["ts"])
        if kind == Kind.STUCK:
            run_s = float(self.senses.run_s[site][found.columns[k, kind]].max(initial=0))
            since = int(tick["ts"]) - round(run_s * 1e6)
        self.kind[site, lane] = kind
        self.weak_s[site, lane] = 0
        if kind == 0 or before is Kind.NONE:
            self.stood_s[site, lane] = 0
        row, ts = int(tick["row"]), int(tick["ts"])
        if kind == 0:
            self.began[site, lane] = NEVER
            self.found.append(Finding(row, site, ts, lane, Kind.NONE, before, ts))
            return
        columns = [Sense(c) for c in np.flatnonzero(found.columns[k, kind]).tolist() if self.slots[site, c] >= 0]
        mask = int(found.evidence[k, kind])
        self.found.append(
            Finding(
                row,
                site,
                ts,
                lane,
                Kind(kind),
                before,
                since,
                sureness(float(found.strength[k, kind]), float(found.margin[k])),
                tuple(int(self.slots[site, column]) for column in columns),
                tuple(float(self.senses.x1[site, column]) for column in columns),
                tuple(self.expected(site, column) for column in columns),
                tuple(each for each in Evidence if mask >> each & 1),
            )
        )

    def expected(self, site: int, column: Sense) -> tuple[float, float]:
        """Lowest and highest level that is usual at a site, in the unit of the channel; NaN where it is not known."""
        ref = float(self.senses.ref[site, column])
        spread = max(float(self.senses.spread[site, column]), self.parameters.tuning.floors[column])
        return original(column, ref - BAND * spread), original(column, ref + BAND * spread)

    def _adopt(self, site: int) -> None:
        """Take the level of the last hours for the usual one."""
        senses = self.senses
        known = ~np.isnan(senses.slow[site])
        senses.ref[site] = np.where(known, senses.slow[site], senses.ref[site])
        senses.ref[site, Sense.RESIDUAL] = 0
        self.jumps[site] = 0

    def _copies(self, i: Ints, at: Places, row: Ints, value: Floats, fresh: Bools, now: Levels) -> None:
        """Append the fresh values of chlorine, pH, ORP and turbidity to their series."""
        series = at if isinstance(at, slice) else (i[:, None] * QUALITY + np.arange(QUALITY)).ravel()
        self.copies.take(
            lambda ended: row[ended // QUALITY].astype(np.int64),
            series,
            value[:, :QUALITY].ravel(),
            _steps_of(i.size),
            fresh[:, :QUALITY].ravel(),
            lambda ended: now.oddness(ended // QUALITY),
        )

    def finish(self, ticks: NDArray[Any]) -> list[Finding]:
        """The findings of the batch whose closed ticks are given, in the order of the stream.

        While a place's series is another's, nothing that its readings say is about it.
        """
        ended = list(self.copies.matched())
        keys = zip(ticks["row"].tolist(), ticks["site"].tolist(), strict=True) if ended else ()
        times = dict(zip(keys, ticks["ts"].tolist() if ended else (), strict=True))
        own = sorted(self.found, key=lambda each: (each.row if each.row >= 0 else _LAST_ROW, each.site, each.lane))
        self.found = []
        told: list[Finding] = []
        for match in ended:
            while own and own[0].row >= 0 and own[0].row < match.row:
                told += self._heeded(own.pop(0))
            told += self._matched(match, times)
        for finding in own:
            told += self._heeded(finding)
        return told

    def _heeded(self, finding: Finding) -> list[Finding]:
        key = (finding.site, int(finding.lane))
        if finding.kind is Kind.NONE:
            if key in self.unheeded:
                self.unheeded.discard(key)
                return []
            return [finding]
        if finding.site in self.copied.values() and (finding.before is Kind.NONE or key in self.unheeded):
            self.unheeded.add(key)
            return []
        if key in self.unheeded:
            self.unheeded.discard(key)
            return [replace(finding, before=Kind.NONE)]
        return [finding]

    def _matched(self, match: Match, times: Mapping[tuple[int, int], int]) -> list[Finding]:
        """A chunk of a place's series ended: begin or end its verdict. It is kept by the place that sent later."""
        here, partner = match.series // QUALITY, match.partner // QUALITY
        matches = self.copies.arrays["matches"][here * QUALITY : (here + 1) * QUALITY]
        ts, total = times[match.row, here], int(matches.sum())
        if total == 0 and here in self.copied:
            culprit = self.copied.pop(here)
            kind, before = Kind.NONE, Kind.TAMPERING_SUSPECTED
            return [Finding(match.row, culprit, ts, Lane.SERIES, kind, before, ts)]
        if match.partner < 0 or total < SAME_CHUNKS or here in self.copied:
            return []
        culprit = self.copies.odder(match.series, match.partner) // QUALITY
        self.copied[here] = culprit
        columns = [Sense(c) for c in np.flatnonzero(matches).tolist() if self.slots[culprit, c] >= 0]
        slots = tuple(int(self.slots[culprit, column]) for column in columns)
        return [
            Finding(
                match.row,
                culprit,
                ts,
                Lane.SERIES,
                Kind.TAMPERING_SUSPECTED,
                Kind.NONE,
                ts,
                COPY_SURENESS,
                slots,
                evidence=(Evidence.SAME_SERIES,),
                partner=partner if culprit == here else here,
            )
        ]

    def save(self) -> dict[str, NDArray[Any]]:
        """Every array by name: a copy, which `restore` takes back."""
        arrays = {f"sense_{name}": getattr(self.senses, name) for name in SENSE_FIELDS}
        arrays |= {f"verdict_{name}": getattr(self, name) for name in FIELDS}
        arrays |= {f"copy_{name}": self.copies.arrays[name] for name in COPY_FIELDS}
        arrays |= {"copy_digests": self.copies.digests, "copy_owners": self.copies.owners}
        arrays["copied"] = np.array(sorted(self.copied.items()), dtype=np.int64).reshape(-1, 2)
        arrays["unheeded"] = np.array(sorted(self.unheeded), dtype=np.int64).reshape(-1, 2)
        return {name: array.copy() for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], old: Sequence[str]) -> None:
        """Take up what was saved for the sites `old` (codes, in order) as far as they are here.

        A site keeps its memory when its channels stay. The table of digests is kept only when the sites are the same.
        """
        codes = [site.code for site in self.layout.sites]
        index = {code: at for at, code in enumerate(old)}
        pairs = [(to, index[code]) for to, code in enumerate(codes) if code in index]
        if not pairs:
            return
        to, of = np.array(pairs, dtype=np.int64).T
        for prefix, fields, owner in (("sense_", SENSE_FIELDS, self.senses), ("verdict_", FIELDS, self)):
            for name in fields:
                getattr(owner, name)[to] = arrays[prefix + name][of]
        columns = np.arange(QUALITY)
        series_to, series_of = ((each[:, None] * QUALITY + columns).ravel() for each in (to, of))
        for name in COPY_FIELDS:
            self.copies.arrays[name][series_to] = arrays[f"copy_{name}"][series_of]
        if list(old) == codes:
            self.copies.digests[:], self.copies.owners[:] = arrays["copy_digests"], arrays["copy_owners"]
        else:
            self.copies.arrays["matches"][:] = 0
        moved = dict(zip(of.tolist(), to.tolist(), strict=True))
        self.unheeded = {(moved[a], lane) for a, lane in arrays["unheeded"].tolist() if a in moved}
        self.copied = {moved[a]: moved[b] for a, b in arrays["copied"].tolist() if a in moved and b in moved}


_LAST_ROW: Final = 2**62
ROUNDING: Final = 1e-6
"""How far a value may be off, as a share of it, that the state gives back as origin plus a float32."""
SAME_CHUNKS: Final = 2
"""Chunks of a place's series that must be another's before it is said."""
COPY_SURENESS: Final = 0.98
_TICK_LANES: Final = np.array(TICK_LANES)
_STEPS: Final = np.array([0.01, 0.01, 1.0, 0.01])
"""Resolution of chlorine, pH, ORP and turbidity, in their units."""


@lru_cache(maxsize=8)
def _steps_of(places: int) -> Floats:
    """`_STEPS` for so many places, one after the other."""
    return np.tile(_STEPS, places)


_KINDS_OF: Final = {
    lane: np.array([kind for kind in Kind if LANE_OF.get(kind) is lane], dtype=np.int64) for lane in Lane
}


def _on_s(parameters: Parameters) -> Floats32:
    return np.array([parameters.on_s.get(kind, 0.0) for kind in Kind], dtype=np.float32)


def _adopt_s(parameters: Parameters) -> Floats32:
    return np.array([parameters.adopt_s.get(kind, 604_800.0) for kind in Kind], dtype=np.float32)
