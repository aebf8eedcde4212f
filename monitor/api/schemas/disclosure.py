"""Disclosure (公示): consents, results to be published, rounds of votes, and what everybody may see."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Count, SiteCode, Time
from monitor.api.schemas.displays import DisplayView
from monitor.api.schemas.samples import SampleInfo


class ConsentInfo(BaseModel):
    """Whether a site's current values are public."""

    site: SiteCode
    public: bool
    since: Time | None = Field(description="Since when they are; null where they are not")


class DisclosureSample(BaseModel):
    """A laboratory's result and whether it is published."""

    sample: SampleInfo
    due_on: date = Field(
        description="Last day to publish: 20 working days after it was entered (政府信息公开条例 Art 26)"
    )
    due_sure: bool = Field(description="False: the year's holidays are not announced yet, counted Monday to Friday")
    overdue: bool
    published_at: Time | None
    withdrawn_at: Time | None
    withdraw_reason: str | None


class ToPublish(BaseModel):
    """Results to be published."""

    model_config = ConfigDict(extra="forbid")

    sample_ids: list[int] = Field(min_length=1, max_length=5_000)


class Published(BaseModel):
    """How many became public; the others were already."""

    published: Count = Field(description="Results that became public now")


class WithdrawReason(BaseModel):
    """Why a published result is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1_000)


class NewRound(BaseModel):
    """A round of votes (你点我测)."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    sites: list[SiteCode] = Field(min_length=2, max_length=200, description="What can be voted for")
    closes_at: Time


class Choice(BaseModel):
    """A site that can be voted for."""

    site: SiteCode
    name_zh: str
    name_en: str
    votes: Count = Field(description="Votes so far")


class RoundInfo(BaseModel):
    """A round of votes."""

    id: int
    name: str
    simulated: bool
    opens_at: Time
    closes_at: Time
    open: bool
    choices: list[Choice]


class Vote(BaseModel):
    """One vote."""

    model_config = ConfigDict(extra="forbid")

    site: SiteCode
    voter: str = Field(min_length=16, max_length=200, description="A random text that the voter's browser keeps")


class VoteCounted(BaseModel):
    """What became of a vote."""

    outcome: Literal["counted", "voted_before"]


class PublishedSample(BaseModel):
    """A result as everybody sees it."""

    sample: SampleInfo
    published_at: Time


class PublishedPools(BaseModel):
    """The venues that show their values to everybody."""

    items: list[DisplayView]
