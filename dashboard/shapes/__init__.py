"""The answers of the API as this side reads them; `monitor.api.schemas` is where they are stated."""

from dashboard.shapes.alarms import Alarm, AlarmEvent, AlarmPage, Evidence, SpokenChannel
from dashboard.shapes.common import Mistake, Priority
from dashboard.shapes.detector import BackTest, FeedbackGiven, Picture, PictureChannel, PictureFlag, Sensitivity
from dashboard.shapes.health import (
    Canary,
    Component,
    DeadLetter,
    DeadLetterPage,
    DeadLetterSummary,
    Health,
    Pipeline,
    SequenceGaps,
)
from dashboard.shapes.people import Me, Token
from dashboard.shapes.readings import Latest, Points, Series
from dashboard.shapes.simulators import ActiveFault, Basin, FaultKind, Fleet, FleetSite, Truth
from dashboard.shapes.sites import (
    AlarmCounts,
    Channel,
    CountyState,
    Device,
    Group,
    Limit,
    Overview,
    Point,
    SampleSummary,
    Site,
    SiteDetail,
)

__all__ = [
    "ActiveFault",
    "Alarm",
    "AlarmCounts",
    "AlarmEvent",
    "AlarmPage",
    "BackTest",
    "Basin",
    "Canary",
    "Channel",
    "Component",
    "CountyState",
    "DeadLetter",
    "DeadLetterPage",
    "DeadLetterSummary",
    "Device",
    "Evidence",
    "FaultKind",
    "FeedbackGiven",
    "Fleet",
    "FleetSite",
    "Group",
    "Health",
    "Latest",
    "Limit",
    "Me",
    "Mistake",
    "Overview",
    "Picture",
    "PictureChannel",
    "PictureFlag",
    "Pipeline",
    "Point",
    "Points",
    "Priority",
    "SampleSummary",
    "Sensitivity",
    "SequenceGaps",
    "Series",
    "Site",
    "SiteDetail",
    "SpokenChannel",
    "Token",
    "Truth",
]
