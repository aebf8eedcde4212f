"""Rules of a site's own: a limit tightened or relaxed there, or a further standard it is judged by, for a while.

A rule is set by a person with a reason and is never changed afterwards, only ended: what a reading was judged by can
always be told. It begins now or later, never in the past, because what came before was judged already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from registry.catalogue import unit
from registry.indicators import INDICATORS
from registry.journal_json import record_fields, record_json
from registry.limits.model import Certainty, Condition, Force, Limit, Severity
from registry.limits.profiles import families
from registry.model import Registry
from registry.scenarios import scenario_of
from registry.site_settings import GRACE, SettingError, check_place, check_reason
from registry.words import Words, listed, moment

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
        raise SettingError.of("refusal.site_rules.profile_or_indicator")
    if rule.profile is not None:
        _check_adoption(rule, scenario_of(registry.sites[rule.site].scenario).adoptable)
    else:
        _check_bounds(rule)
    _check_words_and_times(rule, registry.sites[rule.site].zone, now)


def _check_adoption(rule: SiteRule, adoptable: Iterable[str]) -> None:
    known = [family for family in adoptable if family in families()]
    if rule.profile not in known:
        if not known:
            raise SettingError.of("refusal.site_rules.none_to_adopt", value=rule.profile)
        raise SettingError.of("refusal.site_rules.profile", value=rule.profile, known=listed(known))
    if rule.lo is not None or rule.hi is not None:
        raise SettingError.of("refusal.site_rules.adopted_bounds")


def _check_bounds(rule: SiteRule) -> None:
    known = INDICATORS.get(rule.indicator or "")
    if known is None:
        raise SettingError.of("refusal.site_rules.indicator", value=rule.indicator, known=listed(INDICATORS))
    if rule.lo is None and rule.hi is None:
        raise SettingError.of("refusal.site_rules.no_bounds")
    for name, bound in (("lo", rule.lo), ("hi", rule.hi)):
        if bound is not None and not known.physical_lo <= bound <= known.physical_hi:
            raise SettingError.of(
                "refusal.site_rules.impossible",
                field=name,
                value=f"{bound:g}",
                indicator=Words(known.name_zh, known.code),
                low=f"{known.physical_lo:g}",
                high=f"{known.physical_hi:g}",
                unit=Words(unit("zh", known.code), known.unit),
            )
    if rule.lo is not None and rule.hi is not None and rule.lo >= rule.hi:
        raise SettingError.of("refusal.site_rules.crossed", low=f"{rule.lo:g}", high=f"{rule.hi:g}")


def _check_words_and_times(rule: SiteRule, zone: str, now: datetime) -> None:
    check_reason("reason", rule.reason)
    if rule.since < now - GRACE:
        raise SettingError.of("refusal.site_rules.past", since=moment(rule.since, zone))
    if rule.until is not None and rule.until <= max(rule.since, now):
        raise SettingError.of("refusal.site_rules.ends_too_early", until=moment(rule.until, zone))


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
