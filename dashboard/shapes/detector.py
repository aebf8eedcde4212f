"""What the detector shows and learns."""

from typing import TypedDict

from dashboard.shapes.alarms import Alarm
from dashboard.shapes.sites import Limit


class PictureFlag(TypedDict):
    """A reading that tests flagged."""

    ts: str
    value: float
    tests_zh: str
    tests_en: str
    flag: int


class PictureChannel(TypedDict):
    """One panel of an alarm's picture."""

    channel_id: int
    indicator: str
    precision: int
    spoke: bool
    expected_lo: float | None
    expected_hi: float | None
    limit: Limit | None
    flags: list[PictureFlag]


class Picture(TypedDict):
    """An alarm beside everything else at its place, on one time axis."""

    alarm_id: int
    zone: str
    first: str
    last: str
    since: str
    raised_at: str
    returned_at: str | None
    channels: list[PictureChannel]


class FeedbackGiven(TypedDict):
    """An answer to an alarm."""

    id: int
    alarm_id: int
    at: str
    actor: str | None
    answer: str
    comment: str | None
    verdict: str | None
    verdict_name_zh: str
    verdict_name_en: str
    undone_at: str | None
    undone_by: str | None


class Sensitivity(TypedDict):
    """How easily the detector speaks at a site."""

    site: str
    budget: float
    site_budget: float
    threshold: float
    feedback: list[FeedbackGiven]


class BackTest(TypedDict):
    """A test of changed rules on stored history."""

    id: str
    state: str
    share: float
    readings: int
    detail: str | None
    detail_zh: str | None
    found: int
    as_set: int
    alarms: list[Alarm]
