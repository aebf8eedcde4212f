"""Notifications: inbox, channels, routes, roster, gateways, the log, and what a dry run says."""

from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, model_validator

from monitor.api.schemas.common import CountyCode, Priority, SiteCode, Time
from registry.words import WordedError

Language = Literal["zh", "en"]
ChannelKind = Literal["email", "sms", "wecom", "dingtalk", "feishu", "webhook", "mqtt"]
GatewayKind = Literal["email", "sms", "mqtt"]
StepRole = Literal["inspector", "section_head", "duty_officer", "venue", "centre", "administrator"]
DutyRole = Literal["inspector", "section_head", "duty_officer"]
ReasonName = Literal[
    "new", "more", "worse", "repeat", "resolved", "escalated", "handover", "undelivered", "test", "case", "put_away"
]
DeliveryState = Literal["waiting", "sent", "failed", "obsolete"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise WordedError.of("refusal.notifications.zone")
    return name


Zone = Annotated[str, AfterValidator(_known_zone), Field(examples=["Asia/Shanghai"])]
ChannelId = Annotated[int, Field(description="A channel", examples=[3])]


class Notification(BaseModel):
    """A message to a person, as in their inbox."""

    id: int
    at: Time
    reason: ReasonName = Field(description="Why it was sent")
    priority: Priority
    simulated: bool = Field(description="About simulated sites")
    sites: list[SiteCode]
    alarms: list[int] = Field(description="The alarms it is about")
    title: str
    body: str
    language: Language
    why: dict[str, Any] = Field(description="Route, step, by roster or role, who was absent; group by group")
    read_at: Time | None


class Inbox(BaseModel):
    """A page of one's inbox, newest first."""

    unread: int = Field(description="Messages not read yet, on all pages")
    items: list[Notification]


class ReadRequest(BaseModel):
    """Which messages were read."""

    ids: list[int] | None = Field(default=None, max_length=1000, description="None: all of them")


class Wishes(BaseModel):
    """How a person wants to be told. Quiet hours hold all channels but the inbox."""

    language: Language = "zh"
    zone: Zone = "Asia/Shanghai"
    quiet_from: time | None = Field(default=None, description="By the clock of `zone`", examples=["22:00"])
    quiet_to: time | None = Field(default=None, examples=["07:00"])
    quiet_broken_by: list[Priority] = Field(default=["high"], description="Priorities that come through all the same")

    @model_validator(mode="after")
    def _both(self) -> "Wishes":
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise WordedError.of("refusal.notifications.quiet")
        return self


class ChannelRequest(BaseModel):
    """Where to tell. What is secret is written and never answered."""

    name: str = Field(min_length=1, max_length=100, examples=["工作邮箱"])
    kind: ChannelKind
    target: str | None = Field(
        default=None,
        max_length=2000,
        description="Address, number, token of the robot, URL or topic; None keeps what is there",
    )
    secret: str | None = Field(
        default=None, max_length=500, description="For signing (DingTalk, webhook); None keeps what is there"
    )
    language: Language = Field(default="zh", description="Of shared receivers; a person's own speak theirs")
    priorities: list[Priority] = Field(default=["high", "medium", "low"], min_length=1)
    enabled: bool = True
    demonstration: bool = Field(default=False, description="Told of simulated sites, and of them only")
    shared: bool = Field(default=False, description="Nobody's own: a receiver for routes")


class ChannelInfo(BaseModel):
    """A channel; `target` is masked where it is as good as a password."""

    id: ChannelId
    person: str | None = Field(description="None: a shared receiver")
    name: str
    kind: ChannelKind
    target: str
    has_secret: bool
    language: Language
    priorities: list[Priority]
    enabled: bool
    demonstration: bool
    unreadable: bool = Field(description="Its secret was sealed with a key that is lost: enter it anew, or put it back")


class Mine(BaseModel):
    """How I am told."""

    wishes: Wishes
    channels: list[ChannelInfo]
    duties: list["DutyInfo"] = Field(description="My lines of the roster in the next 14 days")
    email_ready: bool = Field(description="Whether a gateway for mail is set")
    sms_ready: bool = Field(description="Whether a gateway for short messages is set")


class Queued(BaseModel):
    """A message on its way; the log says what became of it."""

    notification: int
    detail: str


class StepShape(BaseModel):
    """A step of a route."""

    role: StepRole
    after_s: int = Field(ge=0, le=604_800, description="Time without acknowledgement within working hours, s")
    after_off_s: int | None = Field(
        default=None, ge=0, le=604_800, description="The same outside working hours, s; null: the clock stands still"
    )


class RouteRequest(BaseModel):
    """Which alarms go to whom. An empty filter lets everything pass; the first route that fits takes an alarm.

    A route `beside` gets a copy of each alarm that fits and takes none.
    """

    position: int = Field(ge=0, le=10_000, description="Routes are asked in this order")
    name_zh: str = Field(min_length=1, max_length=100)
    name_en: str = Field(min_length=1, max_length=100)
    enabled: bool = True
    counties: list[CountyCode] = Field(default_factory=list)
    scenarios: list[str] = Field(default_factory=list)
    kinds: list[str] = Field(default_factory=list, description="Kinds of alarm: limit, circulation, offline, …")
    priorities: list[Priority] = Field(default_factory=list)
    audiences: list[Literal["inspector", "venue"]] = Field(default_factory=list)
    steps: list[StepShape] = Field(min_length=1, max_length=6)
    receivers: list[ChannelId] = Field(default_factory=list, description="Shared receivers, told with the first step")
    group_wait_s: int = Field(default=30, ge=0, le=3600, description="Wait for other alarms of the site, s")
    group_interval_s: int = Field(default=300, ge=10, le=86_400, description="Least time between two messages, s")
    repeat_s: int | None = Field(default=14_400, ge=300, le=604_800, description="Repeat while unacknowledged, s")
    digest_s: int | None = Field(default=None, ge=300, le=86_400, description="Collect and send every so often, s")
    tell_resolved: bool = True
    beside: bool = Field(default=False, description="Tell beside the route that takes the alarm")

    @model_validator(mode="after")
    def _ascending(self) -> "RouteRequest":
        after = [each.after_s for each in self.steps]
        if after != sorted(after):
            raise WordedError.of("refusal.notification_settings.steps", after=after)
        return self


class RouteInfo(RouteRequest):
    """A route as it is set."""

    id: int
    changed_by: str
    changed_at: Time


class OfficeHours(BaseModel):
    """Working hours within a day, by the clock of each site's zone."""

    begins: time = Field(description="Local time", examples=["08:30"])
    ends: time = Field(description="Local time, later than `begins`", examples=["17:30"])

    @model_validator(mode="after")
    def _in_order(self) -> "OfficeHours":
        if self.begins.tzinfo is not None or self.ends.tzinfo is not None:
            raise WordedError.of("refusal.office_hours.zone")
        if self.begins >= self.ends:
            raise WordedError.of("refusal.office_hours.order", begins=self.begins, ends=self.ends)
        return self


class OfficeHoursInfo(OfficeHours):
    """Working hours as they are in force."""

    changed_by: str | None = Field(description="None: the platform's default, which nobody has changed")
    changed_at: Time | None


class DutyRequest(BaseModel):
    """A line of the roster."""

    person: str = Field(examples=["zhang.wei"])
    county: CountyCode | Literal[""] = Field(description="Empty: all counties")
    role: DutyRole
    since: Time
    until: Time


class DutyInfo(DutyRequest):
    """A line as it was entered."""

    id: int
    person_name: str
    entered_by: str


class GatewayRequest(BaseModel):
    """Through what a kind of channel goes out."""

    url: str = Field(
        max_length=2000,
        description="email: mailto(s)://user@host:port?from=… (Apprise); sms: https://…; mqtt: mqtt(s)://user@host:port",
    )
    secret: str | None = Field(default=None, max_length=500, description="Password or signing secret; None keeps it")


class GatewayInfo(BaseModel):
    """A gateway that is set, without its secret."""

    kind: GatewayKind
    host: str
    has_secret: bool
    unreadable: bool = Field(description="Its secret was sealed with a key that is lost: enter it anew, or put it back")
    changed_by: str
    changed_at: Time


class Delivery(BaseModel):
    """A message on one channel, and what became of it."""

    id: int
    notification: int
    at: Time
    reason: ReasonName
    person: str | None
    person_name: str
    channel: str | None = Field(description="Name of the channel; None for the inbox")
    kind: Literal["inbox", "email", "sms", "wecom", "dingtalk", "feishu", "webhook", "mqtt"]
    state: DeliveryState
    attempts: int
    quiet_until: Time | None
    next_at: Time | None = Field(description="The next attempt")
    problem: str | None = Field(description="Why the last attempt failed")
    problem_detail: str | None = Field(description="A code of the protocol")
    sent_at: Time | None
    priority: Priority
    simulated: bool
    sites: list[SiteCode]
    alarms: int = Field(description="How many alarms it is about")
    title: str
    body: str
    why: dict[str, Any]


class DeliveryPage(BaseModel):
    """Newest first."""

    total: int
    items: list[Delivery]


class DryRunRequest(BaseModel):
    """An alarm that is there, or one that might be."""

    alarm: int | None = Field(default=None, description="An alarm; else give the site")
    site: SiteCode | None = None
    priority: Priority = "high"
    kind: str = "limit"
    audience: Literal["inspector", "venue"] = "inspector"
    at: Time | None = Field(default=None, description="As if it were raised now; now for None")


class DryRunDrop(BaseModel):
    """A channel that a message would go out on."""

    channel: str | None = Field(description="None for the inbox")
    kind: str
    quiet_until: Time | None


class DryRunTold(BaseModel):
    """Somebody who would be told."""

    person: str | None = Field(description="None for a shared receiver")
    name: str
    by: Literal["roster", "role", "route"]
    drops: list[DryRunDrop]


class DryRunStep(BaseModel):
    """A step: from when it tells, if nobody acknowledges before."""

    role: StepRole
    at: Time | None = Field(description="None: not within 14 days")
    told: list[DryRunTold]


class DryRunBeside(BaseModel):
    """A route that would tell its people beside the one that takes the alarm."""

    route: int
    route_zh: str
    route_en: str
    group_wait_s: int = Field(description="s")
    steps: list[DryRunStep]


class DryRun(BaseModel):
    """Who would be told, and why."""

    outcome: str | None = Field(description="Why nobody is told; None where somebody is")
    route: int | None
    route_zh: str
    route_en: str
    group_wait_s: int | None = Field(description="s")
    steps: list[DryRunStep]
    office: OfficeHoursInfo | None = Field(description="Working hours that count; None for simulated sites: all hours")
    beside: list[DryRunBeside] = Field(description="Who would be told as well, such as the venue")
    told_before: list[Delivery] = Field(description="Of an alarm that is there: what was sent so far")
