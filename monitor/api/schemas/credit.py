"""Credit and double random: weights, a site's class with its sum, conflicts of interest, draws and inspections."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.common import Count, CountyCode, SiteCode, Time

Letter = Literal["A", "B", "C", "D"]
Outcome = Literal["in_order", "problem", "not_found"]


class WeightsVersion(BaseModel):
    """Weights that are or were in force."""

    id: int | None = Field(description="Number of the version; null for the start values that come with the platform")
    weights: dict[str, Any] = Field(description="As PUT /credit/weights takes them")
    reason: str
    set_by: str | None
    set_at: Time | None


class NewWeights(BaseModel):
    """Other weights, with the reason."""

    model_config = ConfigDict(extra="forbid")

    weights: dict[str, Any] = Field(description="`days`, `unknown`, `classes` and `facts`, all of them")
    reason: str = Field(min_length=1, max_length=1_000, description="Why: the rule or decision it follows")


class CreditItem(BaseModel):
    """One line of the sum."""

    fact: str = Field(examples=["orders"])
    name_zh: str
    name_en: str
    count: Count = Field(description="How often it happened in the time that counts; days for silent_days")
    points_each: int = Field(description="Points taken each time; negative ones are given")
    most: Count = Field(description="Points at most")
    points: int = Field(description="Points it took; negative: gave")


class SiteCredit(BaseModel):
    """A site's class, and the whole sum that leads to it."""

    site: SiteCode
    site_name_zh: str
    site_name_en: str
    county: CountyCode
    simulated: bool
    letter: Letter
    points: Count = Field(le=100, description="100 less what each item took, 0 to 100")
    known: bool = Field(description="False: nothing is recorded of this site, its class is that of the unknown")
    lots: int | None = Field(description="Lots in the draw; null: drawn for certain", examples=[2])
    items: list[CreditItem]
    days: Count = Field(description="How many days back the record counts")
    weights_id: int | None = Field(description="Version of the weights; null for the start values")


class CreditPage(BaseModel):
    """Sites by class, the least points first."""

    total: Count = Field(description="Sites matching the filter, on all pages")
    classes: dict[Letter, Count] = Field(description="Sites of each class, in scope and kind asked for")
    items: list[SiteCredit]


class ConflictInfo(BaseModel):
    """Somebody who must not inspect a site."""

    id: int
    officer: str = Field(description="Username")
    officer_name: str
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    reason: str
    declared_by: str
    declared_at: Time


class NewConflict(BaseModel):
    """A conflict of interest to be noted."""

    model_config = ConfigDict(extra="forbid")

    officer: str = Field(description="Username of an inspector", examples=["li"])
    site: SiteCode
    reason: str = Field(min_length=1, max_length=1_000)


class NewDraw(BaseModel):
    """A draw to be announced."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["2026 年第四季度游泳场所双随机"])
    count: Count = Field(description="How many sites of the urn are drawn, beside those that are drawn for certain")
    counties: list[CountyCode] = Field(default_factory=list, description="Of these counties; empty: all in scope")
    scenario: str | None = Field(default=None, description="Only sites of this scenario", examples=["pool"])
    simulated: bool = Field(default=False, description="The demonstration's sites instead of the real ones")
    officers: list[str] = Field(
        default_factory=list, description="Usernames of those who may be sent; empty: every inspector"
    )
    round_id: int | None = Field(default=None, description="A closed round of votes: a lot for each vote (你点我测)")
    word_from: str = Field(
        min_length=1,
        max_length=500,
        description="Where the word will come from, which nobody can know today",
        examples=["福利彩票双色球 2026135 期开奖号码"],
    )


class DrawInfo(BaseModel):
    """A draw as a line of the list."""

    id: int
    name: str
    simulated: bool
    sites: Count = Field(description="Sites in the population")
    to_draw: Count = Field(description="Sites to be drawn from the urn")
    population_sha256: str = Field(description="SHA-256 of the published population, hexadecimal")
    commitment: str = Field(description="SHA-256 of the platform's number, published before the draw")
    word_from: str
    announced_by: str
    announced_at: Time
    nonce: str | None = Field(description="The platform's number; null until the draw is held")
    word: str | None
    seed: str | None = Field(description="SHA-256 of nonce, a bar, and word")
    drawn_by: str | None
    drawn_at: Time | None
    cancelled_at: Time | None
    cancel_reason: str | None


class TaskInfo(BaseModel):
    """An inspection that a draw asks for."""

    place: int = Field(description="In the order of the draw, from 1")
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    county: CountyCode
    letter: Letter = Field(description="The class it was drawn with")
    officer: str
    officer_name: str
    second_officer: str
    second_officer_name: str
    outcome: Outcome | None = Field(description="null: not inspected yet")
    note: str
    inspected_on: date | None
    reported_by: str | None
    case_id: int | None = Field(description="The case that a problem opened")


class DrawDetail(DrawInfo):
    """A draw with what came of it."""

    tasks: list[TaskInfo]


class TheWord(BaseModel):
    """What decides a draw."""

    model_config = ConfigDict(extra="forbid")

    word: str = Field(
        min_length=1, max_length=500, description="Exactly as it was published", examples=["03 09 12 18 25 31 + 07"]
    )


class DrawReason(BaseModel):
    """Why a draw is cancelled."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1_000)


class TaskReport(BaseModel):
    """What came of an inspection."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    inspected_on: date
    note: str = Field(default="", max_length=4_000, description="Needed where there was a problem, or nobody was found")
