"""The rules in force at a site: showing them with their sources, and setting and ending those of its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, status

from monitor.api.context import Now, Shared, SignedIn, requires, visible_site
from monitor.api.refusals import check_zone, conflict, not_found, parameter, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.limits import (
    BandInfo,
    EndOfRule,
    NewSiteRule,
    RuleInfo,
    SiteRuleInfo,
    SiteRules,
    StandardInfo,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath
from monitor.api.snapshot import Snapshot
from monitor.rulebook import limit_rule
from registry.alarm_settings import AlarmSettings
from registry.limits import FOREVER, LimitProfile, SiteRule, Version, families, rules_at, timelines
from registry.limits.site_rules import check
from registry.model import SamplingPoint, Site
from registry.scenarios import scenario_of
from registry.site_settings import SettingError, check_reason
from registry.words import moment
from store import audit
from store.alarm_settings import load_alarm_settings
from store.records import from_us
from store.site_limits import add_rule, end_rule, find_rule, load_rules

router = APIRouter(tags=["limits"])

Setter = Annotated[Principal, Depends(requires(Permission.SET_LIMITS))]
_SET: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "The rule is over already"},
}


@router.get("/sites/{code}/rules", summary="Every rule in force at a site", responses=NOT_FOUND)
def rules(
    code: SiteInPath,
    shared: Shared,
    now: Now,
    principal: SignedIn,
    at: Annotated[datetime | None, Query(description="In force at this instant; by default now")] = None,
) -> SiteRules:
    """Each limit with its clause, force and certainty, the site's own rules with who set them and when, and sources."""
    site = visible_site(now, principal, code)
    check_zone(parameter("at"), at)
    with shared.database.connection() as connection:
        own = load_rules(connection, site=code)
        settings = AlarmSettings(load_alarm_settings(connection, site=code))
    return _all_rules(now, site, own, settings, principal, at or shared.clock())


@router.post(
    "/sites/{code}/rules", status_code=status.HTTP_201_CREATED, summary="Set a rule of a site's own", responses=_SET
)
def set_rule(code: SiteInPath, wanted: NewSiteRule, shared: Shared, now: Now, setter: Setter) -> SiteRuleInfo:
    """Tighten or relax a limit at a site, or adopt a further standard there, with a reason and for a time.

    Readings taken from `since` on are judged by it; what came before is not judged again.
    """
    site = visible_site(now, setter, code)
    at = shared.clock()
    for name, told in (("since", wanted.since), ("until", wanted.until)):
        check_zone(name, told)
    rule = SiteRule(
        id=0,
        site=site.code,
        sampling_point=wanted.sampling_point,
        profile=wanted.profile,
        indicator=wanted.indicator,
        lo=wanted.lo,
        hi=wanted.hi,
        reason=wanted.reason.strip(),
        since=(wanted.since or at).astimezone(UTC),
        until=wanted.until.astimezone(UTC) if wanted.until else None,
        set_by=setter.username,
        set_at=at,
    )
    try:
        check(rule, now.registry, at)
    except SettingError as error:
        raise unacceptable(error) from error
    with shared.database.connection() as connection, connection.transaction():
        said = {name: value for name, value in rule.to_json().items() if name != "id" and value is not None}
        audit.append(connection, setter.username, "set_limit", f"site:{site.code}", said, at)
        added = add_rule(connection, rule, at)
    shared.refresher.hasten()
    return _own_info(added, setter, at)


@router.post("/sites/{code}/rules/{rule_id}/end", summary="End a rule of a site's own", responses=_SET)
def finish_rule(
    code: SiteInPath,
    rule_id: Annotated[int, Path(description="The rule", examples=[12])],
    said: EndOfRule,
    shared: Shared,
    now: Now,
    setter: Setter,
) -> SiteRuleInfo:
    """From now on the rule is not in force; what was judged by it stays. One that has not begun never will."""
    site = visible_site(now, setter, code)
    at = shared.clock()
    try:
        check_reason("reason", said.reason)
    except SettingError as error:
        raise unacceptable(error) from error
    with shared.database.connection() as connection, connection.transaction():
        rule = find_rule(connection, rule_id)
        if rule is None or rule.site != code:
            raise not_found("limits.not_of_site", rule=rule_id, site=code)
        if rule.until is not None and rule.until <= at:
            raise conflict("limits.over", rule=rule_id, since=moment(rule.until, site.zone))
        detail = {"rule": rule_id, "reason": said.reason.strip()}
        audit.append(connection, setter.username, "end_limit", f"site:{code}", detail, at)
        ended = end_rule(connection, rule, at, setter.username, said.reason.strip())
    shared.refresher.hasten()
    return _own_info(ended, setter, at)


def _all_rules(
    now: Snapshot, site: Site, own: list[SiteRule], settings: AlarmSettings, principal: Principal, at: datetime
) -> SiteRules:
    scenario = scenario_of(site.scenario)
    points = [point for point in now.registry.sampling_points.values() if point.site == site.code]
    adopted = tuple(dict.fromkeys(rule.profile for rule in own if rule.profile is not None))
    return SiteRules(
        site=site.code,
        at=at,
        rules=[info for point in points for info in _of_point(site, point, own, settings, at)],
        own=[_own_info(rule, principal, at) for rule in sorted(own, key=lambda each: each.id, reverse=True)],
        standards=[
            _standard(profile)
            for family in (*scenario.profiles, *adopted)
            for profile in reversed(families().get(family, ()))
        ],
        adoptable=[_standard(families()[family][-1]) for family in scenario.adoptable if family in families()],
        may_set=principal.may(Permission.SET_LIMITS),
    )


def _of_point(
    site: Site, point: SamplingPoint, own: list[SiteRule], settings: AlarmSettings, at: datetime
) -> Iterator[RuleInfo]:
    running = scenario_of(site.scenario).judging.running
    for indicator, version in sorted(rules_at(timelines(site, point, own), at).items()):
        if version.limit is not None:
            limit = settings.limit(site.code, point.code, limit_rule(indicator, running), version.limit)
            yield _rule_info(point.code, indicator, replace(version, limit=limit))


def _rule_info(point: str, indicator: str, version: Version) -> RuleInfo:
    limit, profile, rule = version.limit, version.profile, version.rule
    if limit is None:
        raise ValueError(f"{indicator} at {point}: a version without a limit is no rule")
    origin: Literal["standard", "adopted", "site"] = "standard"
    if rule is not None:
        origin = "site" if rule.profile is None else "adopted"
    return RuleInfo(
        sampling_point=point,
        indicator=indicator,
        unit=limit.unit,
        precision=limit.precision,
        lo=limit.lo,
        hi=limit.hi,
        lo_inclusive=limit.lo_inclusive,
        hi_inclusive=limit.hi_inclusive,
        interval=limit.interval(),
        hazard_lo=limit.hazard_lo,
        hazard_hi=limit.hazard_hi,
        hazard_certainty=limit.hazard_certainty.value if limit.has_hazard else None,
        depends_on=limit.depends_on,
        bands=[BandInfo(least=b.least, greatest=b.greatest, lo=b.lo, hi=b.hi) for b in limit.bands],
        origin=origin,
        rule=None if rule is None else rule.id,
        profile=profile.code if profile else None,
        standard=profile.standard if profile else "",
        standard_title_zh=profile.title_zh if profile else "",
        standard_title_en=profile.title_en if profile else "",
        clause=limit.clause,
        source_zh=profile.source_zh if profile else "",
        source_en=profile.source_en if profile else "",
        force=limit.force.value,
        certainty=limit.certainty.value,
        condition_certainty=limit.condition_certainty.value,
        severity=limit.severity.value,
        severity_low=limit.severity_low.value,
        on_delay_s=limit.on_delay_s,
        off_delay_s=limit.off_delay_s,
        deadband=limit.deadband,
        valid_from=_instant(version.since),
        valid_to=_instant(version.until),
        note_zh=limit.note_zh,
        note_en=limit.note_en,
    )


def _instant(us: int) -> datetime | None:
    return None if abs(us) >= FOREVER else from_us(us)


def _own_info(rule: SiteRule, principal: Principal, at: datetime) -> SiteRuleInfo:
    state: Literal["coming", "in_force", "over"] = "in_force"
    if rule.until is not None and rule.until <= at:
        state = "over"
    elif rule.since > at:
        state = "coming"
    named = principal.role != "public"
    return SiteRuleInfo(
        id=rule.id,
        site=rule.site,
        sampling_point=rule.sampling_point,
        profile=rule.profile,
        indicator=rule.indicator,
        lo=rule.lo,
        hi=rule.hi,
        reason=rule.reason,
        since=rule.since,
        until=rule.until,
        state=state,
        set_by=rule.set_by if named else None,
        set_at=rule.set_at,
        ended_by=rule.ended_by if named else None,
        ended_at=rule.ended_at,
        end_reason=rule.end_reason,
    )


@cache
def _standard(profile: LimitProfile) -> StandardInfo:
    return StandardInfo(
        family=profile.family,
        profile=profile.code,
        standard=profile.standard,
        version=profile.version,
        title_zh=profile.title_zh,
        title_en=profile.title_en,
        source_zh=profile.source_zh,
        source_en=profile.source_en,
        valid_from=profile.valid_from.isoformat(),
        valid_to=profile.valid_to.isoformat() if profile.valid_to else None,
        note_zh=profile.note_zh,
        note_en=profile.note_en,
    )
