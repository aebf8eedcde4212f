"""What the API answers and accepts, field by field with its unit.

Conventions: times are RFC 3339 in UTC with ``Z``; a ``_zh``/``_en`` pair is the same text in Chinese and
English; a figure is null where it is unknown, never zero; codes are those of the registry. Errors are
``{"detail": "…"}`` with one English sentence naming the field, the value and what would be right.

Choices where the interface leaves room: opening hours are structured (``opening``: seven weekdays, Monday first,
each a list of ``["06:00", "22:00"]`` in the site's zone, plus ``around_the_clock``); ``open_alarms`` and
``worst_priority`` are null for the role ``public``, which sees the state and values of sites only;
``dead_letters_24h`` is empty for roles that may not read dead letters; ``SiteSummary.state`` is ``none`` for
sites without instruments and ``offline`` where all instruments are silent, ``stale`` where some are, or where a
value is not usable; an aggregated point of ``/readings`` carries the start of its bucket, and with
``bucket_s`` 0 the points are single readings.
"""

from monitor.api.schemas.alarms import (
    Acknowledgement,
    ActionPending,
    Alarm,
    AlarmDetail,
    AlarmEvent,
    AlarmPage,
    Comment,
)
from monitor.api.schemas.common import (
    AlarmState,
    ChannelId,
    ChannelState,
    Count,
    CountyCode,
    DeviceCode,
    Error,
    Fault,
    IndicatorCode,
    PointCode,
    Priority,
    RoleName,
    Share,
    SiteCode,
    SiteState,
    Time,
    UnitSymbol,
)
from monitor.api.schemas.dead_letters import DeadLetterInfo, DeadLetterPage, DeadLetterSummary
from monitor.api.schemas.health import Component, Health, HealthSites, JournalHealth, KnownCount, SiteCount
from monitor.api.schemas.live import AlarmFrame, HealthFrame, HelloFrame, LatestFrame, LiveFrame
from monitor.api.schemas.people import Me, Token
from monitor.api.schemas.readings import Points, Series
from monitor.api.schemas.simulators import (
    ActiveFault,
    Basin,
    FaultKind,
    FaultRequest,
    Fleet,
    FleetCommand,
    FleetSite,
    SiteSelection,
    Speed,
    Truth,
)
from monitor.api.schemas.sites import (
    AlarmCounts,
    ChannelInfo,
    ChannelNow,
    CountyState,
    DeviceInfo,
    Group,
    Groups,
    Latest,
    LimitInfo,
    Overview,
    SamplingPointInfo,
    SiteDetail,
    SiteNow,
    SiteSummary,
)

__all__ = [
    "Acknowledgement",
    "ActionPending",
    "ActiveFault",
    "Alarm",
    "AlarmCounts",
    "AlarmDetail",
    "AlarmEvent",
    "AlarmFrame",
    "AlarmPage",
    "AlarmState",
    "Basin",
    "ChannelId",
    "ChannelInfo",
    "ChannelNow",
    "ChannelState",
    "Comment",
    "Component",
    "Count",
    "CountyCode",
    "CountyState",
    "DeadLetterInfo",
    "DeadLetterPage",
    "DeadLetterSummary",
    "DeviceCode",
    "DeviceInfo",
    "Error",
    "Fault",
    "FaultKind",
    "FaultRequest",
    "Fleet",
    "FleetCommand",
    "FleetSite",
    "Group",
    "Groups",
    "Health",
    "HealthFrame",
    "HealthSites",
    "HelloFrame",
    "IndicatorCode",
    "JournalHealth",
    "KnownCount",
    "Latest",
    "LatestFrame",
    "LimitInfo",
    "LiveFrame",
    "Me",
    "Overview",
    "PointCode",
    "Points",
    "Priority",
    "RoleName",
    "SamplingPointInfo",
    "Series",
    "Share",
    "SiteCode",
    "SiteCount",
    "SiteDetail",
    "SiteNow",
    "SiteSelection",
    "SiteState",
    "SiteSummary",
    "Speed",
    "Time",
    "Token",
    "Truth",
    "UnitSymbol",
]
