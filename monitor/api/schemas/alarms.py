"""Alarms and what people do about them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.alarm_acts import Rationale
from monitor.api.schemas.common import (
    AlarmState,
    ChannelId,
    Count,
    CountyCode,
    DeviceCode,
    IndicatorCode,
    IsaState,
    PointCode,
    Priority,
    SiteCode,
    Time,
)


class AlarmEvent(BaseModel):
    """One transition of an alarm, or a comment on it."""

    at: Time
    event: Literal[
        "raised",
        "found",
        "returned",
        "relapsed",
        "acknowledged",
        "reset",
        "shelved",
        "unshelved",
        "suppressed",
        "unsuppressed",
        "out_of_service",
        "in_service",
        "on_the_way",
        "comment",
        "worsened",
        "verdict",
        "feedback",
        "feedback_undone",
    ] = Field(description="`found`: a historic finding in late data; `relapsed`: a later occurrence took its place")
    state: AlarmState
    actor: str | None = Field(description="Username; null for the platform itself")
    text: str | None
    journal_id: int
    detail: dict[str, Any] | None = Field(
        default=None,
        description="Of a verdict: what the detector said; of feedback: the answer, or what it undoes; "
        "of a shelf: until when, and whether it concerns a legal lead",
    )


class SpokenChannel(BaseModel):
    """A channel that a verdict rests on, with its value then and what is usual of it, in its unit."""

    channel_id: ChannelId
    indicator: IndicatorCode
    value: float | None = Field(default=None, description="When it spoke, in the indicator's unit")
    expected_lo: float | None = Field(default=None, description="Lowest usual level, in the indicator's unit")
    expected_hi: float | None = Field(default=None, description="Highest usual level, in the indicator's unit")


class SameAs(BaseModel):
    """Where else the same figures are."""

    site: SiteCode
    sampling_point: PointCode


class Evidence(BaseModel):
    """What a verdict rests on: since when, which tests and which channels spoke."""

    since: Time
    tests: list[str]
    channels: list[SpokenChannel]
    same_as: SameAs | None = None
    minutes: int | None = Field(default=None, description="How far a clock is behind, minutes; negative: ahead")


class Alarm(BaseModel):
    """An alarm (预警): a lead for an inspector, never a proof. States follow ISA-18.2."""

    id: int = Field(examples=[8128 * 65536])
    kind: str = Field(description="limit, circulation, offline or detector", examples=["limit"])
    audience: Literal["inspector", "venue"] = Field(description="Whose work it is")
    verdict: str | None = Field(description="What the detector makes of it; null: nothing", examples=["dosing_failure"])
    verdict_name_zh: str | None
    verdict_name_en: str | None
    sureness: float | None = Field(description="How sure the detector is, 0–1")
    evidence: Evidence | None = Field(description="What the verdict rests on")
    advice_zh: str | None = Field(description="What to do about the verdict")
    advice_en: str | None
    condition: str = Field(description="What makes it one condition", examples=["channel:12:low"])
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    county: CountyCode
    device: DeviceCode | None
    sampling_point: PointCode | None
    sampling_point_name_zh: str | None
    sampling_point_name_en: str | None
    channel_id: ChannelId | None
    indicator: IndicatorCode | None
    indicator_name_zh: str | None
    indicator_name_en: str | None
    simulated: bool
    priority: Priority
    state: AlarmState = Field(description="The occurrence itself, whatever mutes it")
    isa_state: IsaState = Field(description="The ISA-18.2 state to show: the mute while there is one, else the state")
    rule: str = Field(description="What raised it; its record is in /alarm-rules", examples=["limit:ph:high"])
    severity: Literal["warning", "alarm", "serious"] = Field(
        description="By depth and duration: a warning at first, an alarm after 30 min, serious beyond a hazard bound"
    )
    worsened_at: Time | None = Field(description="When it last got worse (event time)")
    legal_lead: bool = Field(description="Beyond a limit of a binding standard (疑似): never shelved silently")
    historic: bool = Field(description="Found in late data: over when it was found, nobody was told at once")
    latches: bool = Field(description="Stays after its condition ended until a person resets it")
    occurrence: int = Field(description="The n-th in a row that nobody acknowledged between")
    relapse_of: int | None = Field(description="The occurrence before, whose place it took")
    muted: bool = Field(description="Shelved, suppressed by design or out of service: nobody is told")
    shelved_until: Time | None
    shelved_by: str | None
    shelved_once: bool | None
    shelve_reason: str | None
    suppressed_by: str | None = Field(
        description="announcement:<id>, or the condition of the silence that it hangs on", examples=["site:P-1:offline"]
    )
    suppressed_since: Time | None
    out_of_service_until: Time | None
    out_of_service_by: str | None
    out_of_service_reason: str | None
    on_the_way_at: Time | None
    on_the_way_by: str | None
    reset_at: Time | None
    reset_by: str | None
    since: Time = Field(description="The condition began (event time)")
    raised_at: Time = Field(description="The reading or tick that completed the on-delay (event time)")
    returned_at: Time | None
    acknowledged_at: Time | None
    acknowledged_by: str | None
    value: float | None = Field(description="The value at raised_at, in `unit`")
    extreme: float | None = Field(description="Furthest beyond the limit while active, in `unit`")
    unit: str | None
    side: Literal["low", "high"] | None
    limit_lo: float | None = Field(description="Lower bound it was judged by, in `unit`")
    limit_hi: float | None = Field(description="Upper bound it was judged by, in `unit`")
    limit_profile: str | None
    clause: str | None
    return_reason: str | None = Field(description="within_limit, closed, circulation_off, online, historic, …")
    text_zh: str = Field(description="The alarm in one sentence, Chinese")
    text_en: str = Field(description="The alarm in one sentence, English")


class AlarmDetail(Alarm):
    """An alarm with its history, oldest first."""

    events: list[AlarmEvent]
    rationale: Rationale | None = Field(description="Cause, consequence, response, time to respond and basis")


class AlarmPage(BaseModel):
    """A page of alarms, newest first."""

    total: Count = Field(description="Alarms matching the filter, on all pages")
    items: list[Alarm]


class Acknowledgement(BaseModel):
    """Taking note of an alarm."""

    model_config = ConfigDict(extra="forbid")
    comment: str | None = Field(default=None, max_length=2000, examples=["已电话通知场所，正在检查加药泵"])


class Comment(BaseModel):
    """A remark kept in the alarm's history."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=2000, examples=["现场复测 0.4 mg/L"])


class ActionPending(BaseModel):
    """The action is committed but the monitor hasn't applied it yet; it will when it is back."""

    journal_id: int
    detail: str = Field(examples=["recorded; the monitor has not applied it yet"])
