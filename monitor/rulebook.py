"""The limits in force as arrays: one entry a version of a channel's limit, and which version a reading falls under.

A reading is judged by the version valid at its own time, so a late one is judged by what was in force then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from registry.alarm_settings import AlarmSettings
from registry.limits import FOREVER, Force, Limit, LimitProfile, SiteRule, Version, families, timelines
from registry.limits.judgement import round_half_even, side_of_limit
from registry.model import Channel, Registry
from registry.scenarios import scenario_of

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NOTHING = (Version(-FOREVER, FOREVER),)
_ONE_DECIMAL = np.array(1)


@dataclass(frozen=True, slots=True)
class Applied:
    """What each reading of a batch is judged by, shape (n,): its version, the bounds, and whether there are any."""

    version: Ints
    lo: Floats
    hi: Floats
    in_force: Bools

    def at(self, rows: Ints) -> "Applied":
        """That of some of the readings."""
        return Applied(self.version[rows], self.lo[rows], self.hi[rows], self.in_force[rows])


@dataclass(frozen=True)
class Rulebook:
    """Arrays of shape (versions,) unless said otherwise; versions are in order of slot and time.

    `since` is when a version begins (us), `slot` whose it is. `companions` names what the bounds of some versions
    depend on, as (site, sampling point, indicator); `feeds`, shape (channels,), is the companion that a channel's
    values are, `companion` the one that a version's bounds depend on, -1 where there is none.
    """

    versions: tuple[Version, ...]
    slot: Ints
    since: Ints
    companions: tuple[tuple[str, str, str], ...]
    feeds: Ints
    companion: Ints

    @classmethod
    def of(
        cls,
        registry: Registry,
        channels: Sequence[Channel],
        rules: Iterable[SiteRule] = (),
        known: Mapping[str, Sequence[LimitProfile]] | None = None,
        settings: AlarmSettings | None = None,
    ) -> "Rulebook":
        """The limits of `channels`, which are in order of slot. `rules` and `settings` are the sites' own."""
        known = families() if known is None else known
        of_site: dict[str, list[SiteRule]] = {}
        for rule in rules:
            of_site.setdefault(rule.site, []).append(rule)
        lines = {
            key: timelines(registry.sites[key[0]], point, of_site.get(key[0], ()), known)
            for key, point in registry.sampling_points.items()
        }
        where = [(device.site, device.sampling_point) for device in map(registry.device_of, channels)]
        found = [lines[at].get(channel.indicator, _NOTHING) for at, channel in zip(where, channels, strict=True)]
        if settings is not None:
            found = [_set(line, settings, registry, at) for at, line in zip(where, found, strict=True)]
        needed = [
            [
                None if each.limit is None or each.limit.depends_on is None else (*at, each.limit.depends_on)
                for each in line
            ]
            for at, line in zip(where, found, strict=True)
        ]
        companions = tuple(sorted({name for line in needed for name in line if name is not None}))
        index: dict[tuple[str, str, str] | None, int] = {name: place for place, name in enumerate(companions)}
        return cls(
            versions=tuple(each for line in found for each in line),
            slot=_ints([slot for slot, line in enumerate(found) for _ in line]),
            since=_ints([each.since for line in found for each in line]),
            companions=companions,
            feeds=_ints([index.get((*at, c.indicator), -1) for at, c in zip(where, channels, strict=True)]),
            companion=_ints([index.get(name, -1) for line in needed for name in line]),
        )

    def version_of(self, slot: Ints, ts: Ints) -> Ints:
        """The version in force for each reading, shape (n,), by its slot and its own time (us)."""
        if not self._edges.size:
            return slot
        width = len(self._edges) + 1
        key = slot * width + np.searchsorted(self._edges, ts, side="right")
        return np.searchsorted(self._keys, key, side="right") - 1

    def applied(self, slot: Ints, ts: Ints, companion: Floats) -> Applied:
        """The bounds of each reading; `companion`, shape (n,), is the value they may depend on, NaN if not known."""
        version = self.version_of(slot, ts)
        lo, hi, in_force = self.lo[version], self.hi[version], self.limited[version]
        banded = np.flatnonzero((self.companion[version] >= 0) & ~np.isnan(companion))
        if banded.size:
            lo, hi, in_force = lo.copy(), hi.copy(), in_force.copy()
            lo[banded], hi[banded], in_force[banded] = self._band(version[banded], companion[banded])
        return Applied(version, lo, hi, in_force)

    def _band(self, version: Ints, companion: Floats) -> tuple[Floats, Floats, Bools]:
        """Bounds by the first band that holds the companion's value; outside all of them nothing is in force."""
        value = round_half_even(companion, _ONE_DECIMAL)
        lo, hi = np.full(value.shape, -np.inf), np.full(value.shape, np.inf)
        found = np.zeros(value.shape, dtype=np.bool_)
        least, greatest, low, high = self._bands
        for place in range(least.shape[1]):
            here = ~found & (least[version, place] <= value) & (value <= greatest[version, place])
            lo, hi = np.where(here, low[version, place], lo), np.where(here, high[version, place], hi)
            found |= here
        return lo, hi, found

    def side(self, applied: Applied, value: Floats) -> NDArray[np.int8]:
        """-1 below the limit, 1 above it, else 0."""
        version = applied.version
        return side_of_limit(
            value,
            applied.lo,
            applied.hi,
            self.lo_inclusive[version],
            self.hi_inclusive[version],
            self.precision[version],
        )

    def hazard_side(self, applied: Applied, value: Floats) -> NDArray[np.int8]:
        """-1 below the lower hazard bound, 1 above the upper one, else 0."""
        version = applied.version
        allowed = np.ones(value.shape, dtype=np.bool_)
        return side_of_limit(
            value, self.hazard_lo[version], self.hazard_hi[version], allowed, allowed, self.precision[version]
        )

    @cached_property
    def limits(self) -> tuple[Limit | None, ...]:
        """The limit of each version."""
        return tuple(version.limit for version in self.versions)

    @cached_property
    def limited(self) -> Bools:
        """Whether the version limits anything."""
        return _bools([limit is not None for limit in self.limits])

    @cached_property
    def alarming(self) -> Bools:
        """Whether a value outside raises an alarm; a recommendation (宜) is advice only."""
        return _bools([limit is not None and limit.raises_alarm for limit in self.limits])

    def flags(self, version: Ints, value: Floats) -> NDArray[np.int16]:
        """QARTOD flag of values beyond their limit, shape (n,).

        4 fail beyond a limit of a standard; 3 suspect beyond one of the platform's, the site's own or one it adopted,
        unless the value is beyond the binding standard as well.
        """
        allowed = np.ones(value.shape, dtype=np.bool_)
        law = side_of_limit(
            value, self.law_lo[version], self.law_hi[version], allowed, allowed, self.law_precision[version]
        )
        return np.where(self.operational[version] & (law == 0), 3, 4).astype(np.int16)

    @cached_property
    def operational(self) -> Bools:
        """Whether a value outside is for that reason no suspected breach."""
        return _bools([limit is not None and limit.force is Force.OPERATIONAL for limit in self.limits])

    @cached_property
    def law_lo(self) -> Floats:
        """Lower bound of the binding standard, -infinity where there is none."""
        return _floats([-np.inf if each.law is None or each.law.lo is None else each.law.lo for each in self.versions])

    @cached_property
    def law_hi(self) -> Floats:
        """Upper bound of the binding standard, infinity where there is none."""
        return _floats([np.inf if each.law is None or each.law.hi is None else each.law.hi for each in self.versions])

    @cached_property
    def law_precision(self) -> Ints:
        """Decimals of the binding standard."""
        return _ints([0 if each.law is None else each.law.precision for each in self.versions])

    @cached_property
    def lo(self) -> Floats:
        """Lower bound, -infinity where there is none; of a banded limit that of the least demanding band."""
        return _floats([-np.inf if limit is None or limit.lo is None else limit.lo for limit in self.limits])

    @cached_property
    def hi(self) -> Floats:
        """Upper bound, infinity where there is none."""
        return _floats([np.inf if limit is None or limit.hi is None else limit.hi for limit in self.limits])

    @cached_property
    def hazard_lo(self) -> Floats:
        """Bound below which the severity is high, -infinity where there is none."""
        return _floats(
            [-np.inf if limit is None or limit.hazard_lo is None else limit.hazard_lo for limit in self.limits]
        )

    @cached_property
    def hazard_hi(self) -> Floats:
        """Bound above which the severity is high, infinity where there is none."""
        return _floats(
            [np.inf if limit is None or limit.hazard_hi is None else limit.hazard_hi for limit in self.limits]
        )

    @cached_property
    def lo_inclusive(self) -> Bools:
        """Whether the lower bound itself is allowed."""
        return _bools([limit is None or limit.lo_inclusive for limit in self.limits])

    @cached_property
    def hi_inclusive(self) -> Bools:
        """Whether the upper bound itself is allowed."""
        return _bools([limit is None or limit.hi_inclusive for limit in self.limits])

    @cached_property
    def precision(self) -> Ints:
        """Decimals a value is rounded to before it is compared."""
        return _ints([0 if limit is None else limit.precision for limit in self.limits])

    @cached_property
    def deadband(self) -> Floats:
        """How far inside the limit a value must come back before an alarm may return."""
        return _floats([0.0 if limit is None else limit.deadband for limit in self.limits])

    @cached_property
    def on_delay(self) -> Floats:
        """Seconds outside before an alarm."""
        return _floats([0.0 if limit is None else limit.on_delay_s for limit in self.limits])

    @cached_property
    def off_delay(self) -> Floats:
        """Seconds inside before an alarm returns."""
        return _floats([0.0 if limit is None else limit.off_delay_s for limit in self.limits])

    @cached_property
    def _edges(self) -> Ints:
        """Every instant at which any version takes over from another."""
        return np.unique(self.since[self.since > -FOREVER])

    @cached_property
    def _keys(self) -> Ints:
        """Composite keys (slot, rank of the beginning among the edges), ascending."""
        return self.slot * (len(self._edges) + 1) + np.searchsorted(self._edges, self.since, side="right")

    @cached_property
    def _bands(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Least and greatest value of the companion and the bounds then, shape (versions, most bands)."""
        most = max((len(limit.bands) for limit in self.limits if limit is not None), default=0)
        least, greatest, lo, hi = (
            np.full((len(self.limits), most), value) for value in (np.inf, -np.inf, -np.inf, np.inf)
        )
        for version, limit in enumerate(self.limits):
            for place, band in enumerate(limit.bands if limit else ()):
                least[version, place], greatest[version, place] = band.least, band.greatest
                lo[version, place] = -np.inf if band.lo is None else band.lo
                hi[version, place] = np.inf if band.hi is None else band.hi
        return least, greatest, lo, hi


def _set(
    line: tuple[Version, ...], settings: AlarmSettings, registry: Registry, at: tuple[str, str]
) -> tuple[Version, ...]:
    """The versions with the alarm parameters of their place."""
    running = scenario_of(registry.sites[at[0]].scenario).judging.running
    return tuple(
        each
        if each.limit is None
        else replace(each, limit=settings.limit(*at, limit_rule(each.limit.indicator, running), each.limit))
        for each in line
    )


def limit_rule(indicator: str, running: str | None) -> str:
    """The code of the rule that an indicator's limit is, without the side; `running` tells if the plant runs."""
    return "circulation" if indicator == running else f"limit:{indicator}"


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _bools(values: Sequence[bool]) -> Bools:
    return np.array(values, dtype=np.bool_)
