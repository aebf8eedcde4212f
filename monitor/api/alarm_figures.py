"""The figures of alarms over a span: how many, how fast answered, which rules are the worst, and what to change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from monitor.alarms.figures import TARGETS, Figures, Occurrence, figures
from monitor.api.context import Now, Shared, requires
from monitor.api.refusals import check_zone, parameter, unacceptable
from monitor.api.schemas.alarm_figures import (
    AlarmFigures,
    AnsweringInfo,
    CountyCount,
    DayCount,
    FloodInfo,
    PriorityCount,
    RuleAtSite,
    StaleAlarm,
    Targets,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import check_county
from monitor.api.snapshot import Snapshot
from registry.alarm_rules import alarm_rule
from registry.alarm_settings import AlarmSettings
from registry.catalogue import LANGUAGES, Language, entries, indicator_name, text
from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.words import moment
from store.alarm_settings import load_alarm_settings
from store.people import Person, load_people
from store.queries.alarm_figures import alarm_history

router = APIRouter(tags=["alarms"])

Reader = Annotated[Principal, Depends(requires(Permission.SEE_ALARM_FIGURES))]
LONGEST: Final = timedelta(days=92)
USUAL: Final = timedelta(days=30)
RESPOND_WITHIN_S: Final = 14_400
"""Time to respond where a rule has no record."""


@router.get("/alarm-figures", summary="Figures of alarms")
def alarm_figures(
    shared: Shared,
    now: Now,
    reader: Reader,
    first: Annotated[datetime | None, Query(alias="from", description="By default 30 days before `to`")] = None,
    last: Annotated[datetime | None, Query(alias="to", description="By default now")] = None,
    county: Annotated[str | None, Query(description="Only this county")] = None,
    simulated: Annotated[bool, Query(description="Simulated sites instead of live ones; never both")] = False,
) -> AlarmFigures:
    """By ISA-18.2 and EEMUA 191, over the inspectors' alarms of the sites in scope; at most 92 days."""
    check_county(county)
    at = shared.clock()
    end = _aware("to", last) or at
    begin = _aware("from", first) or end - USUAL
    if not timedelta(0) < end - begin <= LONGEST:
        raise unacceptable("alarm_figures.span", begin=moment(begin), end=moment(end), days=LONGEST.days)
    sites = {
        each.site.code: each.site
        for each in now.in_scope(reader)
        if county in {None, each.site.county} and each.site.simulated == simulated
    }
    with shared.database.connection() as connection:
        rows = alarm_history(connection, list(sites), begin, end)
        settings = AlarmSettings(load_alarm_settings(connection))
        people = [each for each in load_people(connection) if each.role == "inspector" and each.disabled_at is None]
    counties = {site.county for site in sites.values()}
    inspectors = [each for each in people if not each.counties or counties & set(each.counties)]
    found = figures([_occurrence(row, settings) for row in rows], begin, end, len(inspectors))
    told = Counter(sites[row["site"]].county for row in rows if not row["muted"] and row["raised_at"] >= begin)
    return _answer(found, now, simulated=simulated, counties=_counties(told, sorted(counties), inspectors, found.days))


def _occurrence(row: Mapping[str, Any], settings: AlarmSettings) -> Occurrence:
    own = settings.value("respond_within_s", row["site"], row["sampling_point"], row["rule"])
    return Occurrence(
        **{name: value for name, value in row.items() if name != "sampling_point"},
        respond_within_s=own or _respond_within(row["rule"]),
    )


def _respond_within(rule: str) -> int:
    try:
        return alarm_rule(rule).respond_within_s
    except KeyError:
        return RESPOND_WITHIN_S


def _counties(
    told: Mapping[str, int], counties: Sequence[str], inspectors: Sequence[Person], days: float
) -> list[CountyCount]:
    found = []
    for code in counties:
        people = sum(not each.counties or code in each.counties for each in inspectors)
        known = COUNTIES.get(code)
        found.append(
            CountyCount(
                county=code,
                county_name_zh=known.name_zh if known else code,
                county_name_en=known.name_en if known else code,
                alarms=told.get(code, 0),
                inspectors=people,
                per_inspector_day=told.get(code, 0) / people / days if people else None,
            )
        )
    return found


def _answer(found: Figures, now: Snapshot, *, simulated: bool, counties: list[CountyCount]) -> AlarmFigures:
    return AlarmFigures(
        first=found.first,
        last=found.last,
        days=found.days,
        simulated=simulated,
        enough=found.enough,
        alarms=found.alarms,
        muted=found.muted,
        inspectors=found.inspectors,
        per_inspector_day=found.per_inspector_day,
        by_priority=[
            PriorityCount.model_validate({"priority": name, "alarms": n}) for name, n in found.by_priority.items()
        ],
        daily=[
            DayCount.model_validate({"day": day, "alarms": told, "muted": muted}) for day, told, muted in found.daily
        ],
        counties=counties,
        floods=[FloodInfo(began=f.began, ended=f.ended, alarms=f.alarms, peak=f.peak) for f in found.floods],
        flood_share=min(1.0, found.flood_share),
        stale=[
            StaleAlarm(id=each.id, raised_at=each.raised_at, **_names(now, each.site, each.rule))
            for each in found.stale
        ],
        chattering=[RuleAtSite(alarms=n, **_names(now, site, rule)) for site, rule, n in found.chattering],
        top=[
            RuleAtSite(alarms=each.alarms, share=each.share, **_names(now, each.site, each.rule)) for each in found.top
        ],
        top_share=None if found.top_share is None else min(1.0, found.top_share),
        answering=AnsweringInfo(
            acknowledged=found.answering.acknowledged,
            unacknowledged=found.answering.unacknowledged,
            median_s=found.answering.median_s,
            p90_s=found.answering.p90_s,
            in_time=found.answering.in_time,
        ),
        again=found.again,
        returned=found.returned,
        false_share=found.false_share,
        answered=found.answered,
        targets=Targets(**TARGETS),
        advice=list(found.advice),
    )


def _names(now: Snapshot, site: str, rule: str) -> dict[str, Any]:
    known = now.registry.sites.get(site)
    return {
        "site": site,
        "site_name_zh": known.name_zh if known else site,
        "site_name_en": known.name_en if known else site,
        "rule": rule,
        **{f"rule_name_{language}": rule_name(language, rule) for language in LANGUAGES},
    }


def rule_name(language: Language, rule: str) -> str:
    """A rule in words: ``pH 偏高``, ``全站离线``, what a verdict is called; its code where there are none."""
    kind, *rest = rule.split(":")
    if kind == "limit" and len(rest) > 1 and rest[0] in INDICATORS:
        return text(language, f"alarm.rule.{rest[1]}", indicator=indicator_name(language, rest[0]))
    named = {"detector": "verdict.kind", "waste": "waste.rule"}.get(kind, "")
    keys = (f"{named}.{rest[0]}" if named and rest else "", f"alarm.rule.{'_'.join([kind, *rest])}")
    return next((entries()[key][language] for key in (*keys, f"alarm.kind.{kind}") if key in entries()), rule)


def _aware(name: str, at: datetime | None) -> datetime | None:
    check_zone(parameter(name), at)
    return None if at is None else at.astimezone(UTC)
