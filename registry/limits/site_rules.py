"""Rules of a site's own: a limit tightened or relaxed there, or a further standard it is judged by, for a while.

A rule is set by a person with a reason and is never changed afterwards, only ended: what a reading was judged by can
always be told. It begins now or later, never in the past, because what came before was judged already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from registry.indicators import INDICATORS
from registry.journal_json import record_fields, record_json
from registry.limits.model import Certainty, Condition, Force, Limit, Severity
from registry.limits.profiles import families
from registry.model import Registry
from registry.scenarios import scenario_of
from registry.site_settings import GRACE, SettingError, check_place, check_reason

SITE_RULE: Final = "site-rule"
"""The profile of a limit that a site rule sets is ``site-rule:{id}``."""
TRIAL: Final = "trial"
"""The profile of a limit that is in force nowhere, only tried on history."""

_TIMES: Final = ("since", "until", "set_at", "ended_at")


@dataclass(frozen=True, slots=True)
class SiteRule:
    """One rule. Either a `profile` (family) is adopted, or `indicator` gets the bounds `lo`, `hi`.

    `sampling_point` None: all of the site. In force from `since` until `until` (excluded; None: for good). `ended_*`
    say who ended it ahead of that, and when they did; `until` is then the moment it ended.
    """

    id: int
    site: str
    sampling_point: str | None
    profile: str | None
    indicator: str | None
    lo: float | None
    hi: float | None
    reason: str
    since: datetime
    until: datetime | None
    set_by: str
    set_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The rule as the journal and the snapshot keep it."""
        return record_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "SiteRule":
        """What `to_json` made. Raises `KeyError`, `TypeError` or `ValueError` on anything else."""
        return cls(**record_fields(cls, raw, _TIMES))

    def ended(self, at: datetime, by: str, reason: str) -> "SiteRule":
        """The rule ended at `at`; one that has not begun never comes into force."""
        until = max(at, self.since) if self.until is None else min(max(at, self.since), self.until)
        return replace(self, until=until, ended_by=by, ended_at=at, end_reason=reason)

    def limit(self, base: Limit | None) -> Limit:
        """The limit that this rule sets in place of `base` (None: nothing else limits the indicator).

        Where it is stricter than a standard on any side, a value outside is not for that reason beyond the standard:
        such a limit is the platform's (operational), never binding.
        """
        if self.indicator is None:
            raise ValueError(f"site rule {self.id} adopts profile {self.profile!r}, it sets no limit")
        name = f"{SITE_RULE}:{self.id}"
        if base is None:
            return replace(_limit_of_its_own(name, self.indicator, self.lo, self.hi), clause=f"#{self.id}")
        hazard_lo = base.hazard_lo if self.lo is not None and _at_most(base.hazard_lo, self.lo) else None
        hazard_hi = base.hazard_hi if self.hi is not None and _at_most(self.hi, base.hazard_hi) else None
        return replace(
            base,
            profile=name,
            lo=self.lo,
            hi=self.hi,
            lo_inclusive=True,
            hi_inclusive=True,
            precision=INDICATORS[self.indicator].precision,
            clause=f"#{self.id}",
            force=Force.OPERATIONAL if self.stricter_than(base) else base.force,
            certainty=Certainty.DESIGN,
            condition_certainty=Certainty.DESIGN,
            note_zh="",
            note_en="",
            hazard_lo=hazard_lo,
            hazard_hi=hazard_hi,
            depends_on=None,
            bands=(),
        )

    def stricter_than(self, base: Limit) -> bool:
        """Whether any value that `base` allows is outside this rule."""
        raised = self.lo is not None and (base.lo is None or self.lo > base.lo)
        lowered = self.hi is not None and (base.hi is None or self.hi < base.hi)
        return raised or lowered


def check(rule: SiteRule, registry: Registry, now: datetime) -> None:
    """Raise `SettingError` where a new rule is not acceptable."""
    check_place(registry, rule.site, rule.sampling_point)
    if (rule.profile is None) == (rule.indicator is None):
        raise SettingError("give either profile, a standard to adopt, or indicator with its bounds")
    if rule.profile is not None:
        _check_adoption(rule, scenario_of(registry.sites[rule.site].scenario).adoptable)
    else:
        _check_bounds(rule)
    _check_words_and_times(rule, now)


def _check_adoption(rule: SiteRule, adoptable: Iterable[str]) -> None:
    known = [family for family in adoptable if family in families()]
    if rule.profile not in known:
        raise SettingError(
            f"profile: {rule.profile!r} must be one of {', '.join(known) or 'none for this kind of venue'}"
        )
    if rule.lo is not None or rule.hi is not None:
        raise SettingError("lo, hi: a standard that is adopted brings its own bounds")


def _check_bounds(rule: SiteRule) -> None:
    known = INDICATORS.get(rule.indicator or "")
    if known is None:
        raise SettingError(f"indicator: {rule.indicator!r} is not an indicator; known: {', '.join(INDICATORS)}")
    if rule.lo is None and rule.hi is None:
        raise SettingError("lo, hi: give at least one of them")
    for name, bound in (("lo", rule.lo), ("hi", rule.hi)):
        if bound is not None and not known.physical_lo <= bound <= known.physical_hi:
            raise SettingError(
                f"{name}: {bound:g} is outside what {known.code} can be, "
                f"{known.physical_lo:g} to {known.physical_hi:g} {known.unit}"
            )
    if rule.lo is not None and rule.hi is not None and rule.lo >= rule.hi:
        raise SettingError(f"lo: {rule.lo:g} must be less than hi {rule.hi:g}")


def _check_words_and_times(rule: SiteRule, now: datetime) -> None:
    check_reason("reason", rule.reason)
    if rule.since < now - GRACE:
        raise SettingError(
            f"since: {rule.since.isoformat()} is past; a rule begins now or later, what came before is judged already"
        )
    if rule.until is not None and rule.until <= max(rule.since, now):
        raise SettingError(f"until: {rule.until.isoformat()} must be after the beginning and after now")


def _at_most(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one <= other


def _limit_of_its_own(name: str, indicator: str, lo: float | None, hi: float | None) -> Limit:
    """A limit where no standard has one; its alarm parameters are design defaults."""
    known = INDICATORS[indicator]
    return Limit(
        profile=name,
        indicator=indicator,
        lo=lo,
        hi=hi,
        lo_inclusive=True,
        hi_inclusive=True,
        unit=known.unit,
        precision=known.precision,
        clause="—",
        force=Force.OPERATIONAL,
        severity=Severity.MEDIUM,
        severity_low=Severity.MEDIUM,
        certainty=Certainty.DESIGN,
        condition=Condition(),
        condition_certainty=Certainty.DESIGN,
        note_zh="",
        note_en="",
        on_delay_s=600.0,
        off_delay_s=600.0,
        deadband=0.0,
    )
