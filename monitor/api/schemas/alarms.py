"""Alarms and what people do about them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import (
    AlarmState,
    ChannelId,
    Count,
    CountyCode,
    DeviceCode,
    IndicatorCode,
    PointCode,
    Priority,
    SiteCode,
    Time,
)


class AlarmEvent(BaseModel):
    """One transition of an alarm, or a comment on it."""

    at: Time
    event: Literal["raised", "acknowledged", "returned", "worsened", "comment"]
    state: AlarmState
    actor: str | None = Field(description="Username; null for the platform itself")
    text: str | None
    journal_id: int


class Alarm(BaseModel):
    """An alarm (预警): a lead for an inspector, never a proof. States follow ISA-18.2."""

    id: int = Field(examples=[8128 * 65536])
    kind: str = Field(description="limit, circulation or offline", examples=["limit"])
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
    state: AlarmState
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
    return_reason: str | None = Field(description="within_limit, closed, circulation_off or online")
    text_zh: str = Field(description="The alarm in one sentence, Chinese")
    text_en: str = Field(description="The alarm in one sentence, English")


class AlarmDetail(Alarm):
    """An alarm with its history, oldest first."""

    events: list[AlarmEvent]


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
