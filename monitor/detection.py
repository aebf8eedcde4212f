"""The detector in the chain: readings of the journal in, flags and verdicts about places out.

A place is a sampling point: one basin or one store. The detector's time is the device's, but for simulated sites it
runs as fast as their physics (`TimeMap`), so that every time constant means the same there.

The detector learns from timely readings only. A channel that never had one may have a past all the same (a
back-fill, a venue that brings its history): such late readings, in order, form what is usual, and raise nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor import detector
from monitor.detector.layout import DEFAULT_BUDGET
from monitor.detector.verdict import Parameters
from monitor.detector.verdicts import Finding, Verdicts
from monitor.layout import Ints, Layout
from monitor.sensitivity import Feedback, site_budget, threshold_factor
from registry.indicators import INDICATORS
from store.records import Readings

FLAG_TESTS: Final = tuple(test for test in detector.Test if test is not detector.Test.GROSS_RANGE)
"""Tests whose flags the detector writes; gross range is the limit judge's."""


@dataclass
class TimeMap:
    """Wall time (us) ↔ the detector's time at simulated sites: since `wall` it runs `speed` times as fast."""

    wall: int = 0
    inner: int = 0
    speed: float = 1.0
    before: float = 1.0

    def inward(self, ts: Ints) -> Ints:
        """The detector's time of instants of the wall clock."""
        off = ts - self.wall
        factor = np.where(off >= 0, self.speed, self.before)
        return self.inner + np.rint(off * factor).astype(np.int64)

    def outward(self, inner: int) -> int:
        """The instant of the wall clock."""
        return int(self.outwards(np.array([inner]))[0])

    def outwards(self, inner: Ints) -> Ints:
        """The instants of the wall clock: exactly those that `inward` was given, since speeds are at least 1."""
        off = inner - self.inner
        return self.wall + np.rint(off / np.where(off >= 0, self.speed, self.before)).astype(np.int64)

    def change(self, at: int, speed: float) -> None:
        """Run at another speed from `at` (us, wall)."""
        inner = int(self.inward(np.array([at]))[0])
        self.wall, self.inner, self.before, self.speed = at, inner, self.speed, speed


@dataclass(frozen=True, slots=True)
class Detected:
    """What a batch brought: findings in the order of the stream, and flags by test as (row, flag).

    `spoke` are (slots, us) of the readings that standing verdicts rest on, which may be of an earlier batch.
    """

    findings: list[Finding]
    flags: Mapping[str, tuple[Ints, NDArray[np.int16]]]
    spoke: tuple[Ints, Ints] = field(default_factory=lambda: (np.empty(0, np.int64), np.empty(0, np.int64)))


class Detection:
    """The detector's state over a layout, with its budget and what inspectors answered."""

    def __init__(
        self,
        layout: Layout,
        budget: float = DEFAULT_BUDGET,
        answers: Sequence[Feedback] = (),
        parameters: Parameters | None = None,
    ) -> None:
        self.monitored = layout
        self.budget = budget
        self.answers = list(answers)
        self.parameters = parameters or Parameters()
        self.time = TimeMap()
        self.layout = _detector_layout(layout, self.site_budget)
        self.state = detector.State(self.layout)
        self.verdicts = Verdicts(self.layout, self.parameters)
        self.live = np.zeros(len(layout.channels), dtype=np.bool_)
        self.simulated = np.array(
            [layout.registry.site_of(channel).simulated for channel in layout.channels], dtype=np.bool_
        )
        self._set_factors()
        self._silent = False

    def silence(self) -> None:
        """Say nothing from now on: for tests on history that are not about the detector."""
        self._silent = True

    def site_budget(self, site: str) -> float:
        """The site's budget after its feedback, expected false alarms a week."""
        return site_budget(self.budget, [each.answer for each in self.answers if each.site == site])

    def take(self, readings: Readings, slot: Ints) -> Detected:
        """Judge a batch in the order of the stream and advance past it; `slot` is that of each reading, -1 unknown."""
        if self._silent:
            return Detected([], {})
        rows = np.flatnonzero(slot >= 0)
        late = readings["late"].astype(np.bool_)
        teaches = late & self._before_first_timely(slot, late)
        use = rows[~late[rows] | teaches[rows]]
        at = slot[use]
        ts = readings["ts"][use].astype(np.int64)
        ts = np.where(self.simulated[at], self.time.inward(ts), ts)
        value = readings["value"][use].astype(np.float64)
        judged = detector.Rows(at, ts, value, np.zeros(use.size, dtype=np.bool_))
        step = detector.step(self.state, self.layout, judged, [self.verdicts])
        self.live[at[~late[use]]] = True
        findings = [
            replace(each, row=int(use[each.row]))
            for each in self.verdicts.finish(step.ticks)
            if not late[use[each.row]]
        ]
        slots, spoke = self.verdicts.spoken()
        spoke = np.where(self.simulated[slots], self.time.outwards(spoke), spoke)
        return Detected(findings, self._flags(step, use, late), (slots, spoke))

    def _before_first_timely(self, slot: Ints, late: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each row comes before its channel's first timely reading ever."""
        first = np.where(self.live, -1, slot.size)
        timely = np.flatnonzero(~late & (slot >= 0))
        np.minimum.at(first, slot[timely], timely)
        return (slot >= 0) & (np.arange(slot.size) < first[slot])

    def _flags(
        self, step: detector.Step, use: Ints, late: NDArray[np.bool_]
    ) -> dict[str, tuple[Ints, NDArray[np.int16]]]:
        row, test, flag = step.flagged
        row = use[row]
        kept = ~late[row]
        row, test, flag = row[kept], test[kept], flag[kept]
        found = {}
        for each in FLAG_TESTS:
            mine = test == each
            if mine.any():
                found[each.code] = (row[mine], flag[mine].astype(np.int16))
        return found

    def since(self, finding: Finding) -> tuple[int, int]:
        """(since, tick) of a finding on the wall clock, us."""
        slot = int(self.verdicts.slots[finding.site].max())
        if not self.simulated[slot]:
            return finding.since, finding.ts
        return self.time.outward(finding.since), self.time.outward(finding.ts)

    def point(self, place: int) -> tuple[str, str]:
        """(site, sampling point) of a place."""
        site, _, point = self.layout.sites[place].code.partition("/")
        return site, point

    # ------------------------------------------------------------------ settings
    def set_speed(self, at: int, speed: float) -> None:
        """Simulated sites run at another speed from `at` (us) on."""
        self.time.change(at, speed)

    def set_budget(self, budget: float) -> None:
        """Another budget, expected false alarms a site and week."""
        self.budget = budget
        self._relay()

    def answer(self, feedback: Feedback) -> None:
        """An inspector's answer moves its site."""
        self.answers.append(feedback)
        self._relay()

    def take_back(self, number: int) -> None:
        """An answer, by the id of its journal row, is taken back. Raises `ValueError` where there is none."""
        kept = [each for each in self.answers if each.id != number]
        if len(kept) == len(self.answers):
            raise ValueError(f"feedback {number} is not one that stands")
        self.answers = kept
        self._relay()

    def _relay(self) -> None:
        """Lay out again under changed budgets, with all that was learned."""
        before, self.layout = self.layout, _detector_layout(self.monitored, self.site_budget)
        self.state = self.state.relaid(before, self.layout)
        self.verdicts.layout = self.layout
        self._set_factors()

    def _set_factors(self) -> None:
        of_site = {site.code: threshold_factor(self.site_budget(site.code)) for site in self.monitored.sites}
        factors = [of_site[self.point(place)[0]] for place in range(len(self.layout.sites))]
        self.verdicts.factor = np.array(factors, dtype=np.float32)

    # ------------------------------------------------------------------ carrying over
    def export(self) -> dict[str, NDArray[Any]]:
        """Every array, with the names of channels and places, for a snapshot or another registry."""
        arrays = {f"detector_{name}": array for name, array in self.state.save().items()}
        arrays |= {f"detector_{name}": array for name, array in self.verdicts.save().items()}
        arrays["detector_channels"] = self.monitored.channel_ids.copy()
        arrays["detector_channel_site"] = self.layout.site.copy()
        arrays["detector_places"] = np.array([site.code for site in self.layout.sites], dtype=np.str_)
        arrays["detector_live"] = self.live.copy()
        return arrays

    def adopt(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up what was exported, as far as its channels and places are here."""
        theirs = {
            name.removeprefix("detector_"): array for name, array in arrays.items() if name.startswith("detector_")
        }
        places = theirs["places"].tolist()
        keys, site = theirs["channels"].tolist(), theirs["channel_site"].tolist()
        old = detector.Layout.of(
            [detector.ChannelSpec(key, places[at], "") for key, at in zip(keys, site, strict=True)],
            [detector.SiteSpec(code) for code in places],
        )
        self.state = detector.State.restore(old, theirs).relaid(old, self.layout)
        self.verdicts.restore(theirs, places)
        _, to, of = np.intersect1d(
            self.monitored.channel_ids, theirs["channels"], assume_unique=True, return_indices=True
        )
        self.live[to] = theirs["live"][of]

    def head(self) -> dict[str, Any]:
        """What is no array, as JSON."""
        clock = self.time
        return {
            "budget": self.budget,
            "answers": [[each.id, each.alarm, each.site, each.answer] for each in self.answers],
            "time": [clock.wall, clock.inner, clock.speed, clock.before],
        }

    @classmethod
    def of_head(cls, layout: Layout, head: Mapping[str, Any]) -> "Detection":
        """A detection with the settings of `head`."""
        found = cls(layout, head["budget"], [Feedback(*each) for each in head["answers"]])
        found.time = TimeMap(*head["time"])
        return found


def _detector_layout(layout: Layout, budget_of: Any) -> detector.Layout:
    registry = layout.registry
    points = dict.fromkeys(registry.sites, 0)
    for site, _ in layout.points:
        points[site] += 1
    channels = []
    for channel in layout.channels:
        device, indicator = registry.device_of(channel), INDICATORS[channel.indicator]
        channels.append(
            detector.ChannelSpec(
                key=channel.id,
                site=f"{device.site}/{device.sampling_point}",
                indicator=channel.indicator,
                role=indicator.role,
                point=device.sampling_point,
                period_s=float(device.period_s),
                gross_lo=indicator.physical_lo,
                gross_hi=indicator.physical_hi,
            )
        )
    sites = []
    for site, point in layout.points:
        known = registry.sites[site]
        sites.append(
            detector.SiteSpec(
                code=f"{site}/{point}",
                budget=budget_of(site) / points[site],
                zone=known.zone,
                opening=known.opening,
            )
        )
    return detector.Layout.of(channels, sites)
