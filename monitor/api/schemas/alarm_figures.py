"""How well the alarms serve those who act on them."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import Count, CountyCode, Priority, Share, SiteCode, Time


class DayCount(BaseModel):
    """Alarms of one day by the calendar of Asia/Shanghai."""

    day: date
    alarms: Count = Field(description="Alarms that somebody was to be told of")
    muted: Count = Field(description="Alarms muted when they began")


class CountyCount(BaseModel):
    """A county's alarms and inspectors."""

    county: CountyCode
    county_name_zh: str
    county_name_en: str
    alarms: Count = Field(description="Alarms told, in the span")
    inspectors: Count = Field(description="Inspectors whose counties include it; those of all counties count in each")
    per_inspector_day: float | None = Field(description="Alarms per inspector and day; null without inspectors")


class FloodInfo(BaseModel):
    """A flood: begun above 10 alarms in 10 minutes, ended below 5 (ISA-18.2)."""

    began: Time
    ended: Time
    alarms: Count = Field(description="Alarms in it")
    peak: Count = Field(description="Most alarms within 10 minutes")


class RuleAtSite(BaseModel):
    """Alarms of one rule at one site."""

    site: SiteCode
    site_name_zh: str
    site_name_en: str
    rule: str
    rule_name_zh: str
    rule_name_en: str
    alarms: Count = Field(description="Alarms in the span")
    share: Share | None = Field(default=None, description="Share of all alarms, 0–1")


class StaleAlarm(BaseModel):
    """An alarm that has been active for more than 24 hours."""

    id: int
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    rule: str
    rule_name_zh: str
    rule_name_en: str
    raised_at: Time


class AnsweringInfo(BaseModel):
    """How soon alarms are acknowledged."""

    acknowledged: Count = Field(description="Alarms that were acknowledged")
    unacknowledged: Count = Field(description="Alarms that were not (yet)")
    median_s: float | None = Field(description="Median time to acknowledge, s")
    p90_s: float | None = Field(description="90th percentile of the time to acknowledge, s")
    in_time: Share | None = Field(description="Share of the acknowledged within the time to respond of their rule, 0–1")


class PriorityCount(BaseModel):
    """Alarms of one priority."""

    priority: Priority
    alarms: Count = Field(description="Alarms told, in the span")


class Targets(BaseModel):
    """What is manageable, by ISA-18.2 and EEMUA 191."""

    per_inspector_day: float = Field(description="Alarms per inspector and day")
    flood_share: float = Field(description="Share of time in flood, 0–1")
    stale: float = Field(description="Stale alarms, fewer than")
    chattering: float = Field(description="Chattering conditions")
    top_share: float = Field(description="Share of the ten worst, 0–1")
    priority_high: float = Field(description="Share of alarms of high priority, 0–1")


class AlarmFigures(BaseModel):
    """The figures of one group of sites, live or simulated, never both."""

    first: Time
    last: Time
    days: float = Field(description="Length of the span, days")
    simulated: bool
    enough: bool = Field(description="Whether the span is 30 days or more: shorter ones say little")
    alarms: Count = Field(description="Alarms told; historic findings and what was muted when it began are not in it")
    muted: Count = Field(description="Alarms muted when they began: announced, hanging on an outage, or put away")
    inspectors: Count = Field(description="Inspectors of these counties")
    per_inspector_day: float | None = Field(description="Alarms per inspector and day; null without inspectors")
    by_priority: list[PriorityCount]
    daily: list[DayCount]
    counties: list[CountyCount]
    floods: list[FloodInfo]
    flood_share: Share = Field(description="Share of the time in flood, 0–1")
    stale: list[StaleAlarm]
    chattering: list[RuleAtSite] = Field(description="Conditions with three alarms within a minute")
    top: list[RuleAtSite] = Field(description="The ten with most alarms")
    top_share: Share | None = Field(description="Their share of all alarms, 0–1")
    answering: AnsweringInfo
    again: Share | None = Field(description="Share of returned alarms whose condition came back within 7 days, 0–1")
    returned: Count = Field(description="Returned alarms that `again` is a share of")
    false_share: Share | None = Field(description="Share of answered alarms that inspectors called false, 0–1")
    answered: Count = Field(description="Alarms that inspectors answered true or false")
    targets: Targets
    advice: list[
        Literal[
            "too_many", "flood", "stale", "chattering", "top", "again", "slow", "false_alarms", "priorities", "muted"
        ]
    ] = Field(description="What the figures say should be changed, in words in the catalogue")
