"""Cases (线索): where they stand, what was done, what can be done now."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.api.schemas.alarms import Alarm
from monitor.api.schemas.common import Count, CountyCode, Priority, RoleName, Share, SiteCode, Time
from monitor.supervision.case import Action, CaseState, Closure, Measure, Source, TransferReason
from monitor.supervision.clocks import Sure, Unit

MOST_TEXT = 4_000
Severity = Literal["warning", "alarm", "serious"]


class CaseInfo(BaseModel):
    """A case as a line of a list. What a venue is not to see is null for it."""

    id: int
    number: str = Field(description="Year it was opened in, and its id", examples=["2026-000012"])
    site: SiteCode
    site_name_zh: str
    site_name_en: str
    county: CountyCode
    zone: str = Field(description="IANA zone of the site; its days are those of the deadlines")
    simulated: bool = Field(description="Of the demonstration: a book of its own, never mixed with live cases")
    source: Source | None = Field(description="Where the lead came from; null for a venue")
    subject: str | None = Field(description="What it is about; null for a venue")
    priority: Priority
    state: CaseState
    since: Time = Field(description="In this state since")
    opened_at: Time
    officer: str | None = Field(description="Username; null where nobody is assigned, and for a venue")
    officer_name: str | None
    second_officer: str | None
    second_officer_name: str | None
    clock: str | None = Field(description="The clock that runs; null once closed", examples=["recheck"])
    due_day: date | None = Field(description="Its last local day")
    due_at: Time | None = Field(description="The end of that day")
    days_left: int | None = Field(description="Calendar days to the last day; 0 is today, negative is overdue")
    overdue: bool
    due_unpublished: int | None = Field(
        description="The year whose working days are not published yet: counted Monday to Friday, set right later"
    )
    measure: Measure | None = Field(description="What the venue was asked to do")
    requirement: str | None
    measure_due_at: Time | None = Field(description="Until when, extensions included")
    extended: Count = Field(description="How often a deadline was extended")
    corrected_at: Time | None = Field(description="The venue's first report after the newest demand")
    closed_at: Time | None
    closure: Closure | None
    merged_into: int | None


class CasePage(BaseModel):
    """A page of cases; open ones by deadline, the overdue first."""

    total: Count = Field(description="Cases matching the filter, on all pages")
    items: list[CaseInfo]


class CaseFile(BaseModel):
    """A photo or paper, kept unaltered."""

    id: int
    name: str
    media_type: str = Field(examples=["image/jpeg"])
    bytes: int
    sha256: str = Field(description="Of the content, hexadecimal")
    for_venue: bool = Field(description="Given by the venue, or shown to it")
    added_at: Time
    added_by: str | None = Field(description="Null for a venue, where it is not its own")


class CaseStep(BaseModel):
    """One step, oldest first; a venue sees those that concern it."""

    id: int
    at: Time
    action: Action
    state: CaseState = Field(description="After it")
    actor: str | None = Field(description="Username; `platform` for the platform; null for a venue, unless its own")
    actor_name: str | None
    text: str
    due: date | None = Field(description="The last local day that was set")
    officers: list[str] = Field(description="Names of those on site")
    closure: Closure | None
    reason: TransferReason | None
    letter: str = Field(description="Number of the filing or decision")
    recipient: str
    other: int | None = Field(description="The other case of a merge")
    priority: Priority | None = Field(description="What it was opened with, or raised to as a warning got worse")
    files: list[CaseFile]


class CaseChoice(BaseModel):
    """A reason that may be chosen for an action."""

    value: str
    possible: bool
    why_not_zh: str
    why_not_en: str


class CaseAction(BaseModel):
    """An action: possible now, or why it is not."""

    action: Action
    possible: bool
    why_not_zh: str
    why_not_en: str
    asks: list[str] = Field(description="The fields it asks for", examples=[["text", "due", "officers"]])
    choices: list[CaseChoice] = Field(description="Of closing: its reasons; of a transfer: its grounds")


class ClockInfo(BaseModel):
    """How the clock that runs was set."""

    clock: str
    started: date = Field(description="The local day it started on, which is not counted")
    days: int | None = Field(description="Null where a person set the last day")
    unit: Unit | None
    sure: Sure | None = Field(description="`primary`: law read in the original; `design`: the platform's default")
    source: str


class CaseDetail(CaseInfo):
    """A case with its clock, history, warnings, files and what can be done."""

    source_ref: str | None = Field(description="Number of the sample, complaint or letter; null for a venue")
    opened_by: str | None
    clock_info: ClockInfo | None
    steps: list[CaseStep]
    alarms: list[Alarm]
    files: list[CaseFile]
    actions: list[CaseAction] = Field(description="In the order of the workflow")


class BoardLine(BaseModel):
    """Open cases of a county, an officer or a state."""

    key: str | None = Field(description="County code, username or state; null: assigned to nobody")
    name_zh: str
    name_en: str
    open: Count
    overdue: Count = Field(description="Whose clock has ended")
    soon: Count = Field(description="Whose clock ends within the next days, see `soon_days`")
    first_due: Time | None = Field(description="The earliest deadline")


class CaseBoard(BaseModel):
    """Open cases by county, officer and state."""

    total: BoardLine
    counties: list[BoardLine]
    officers: list[BoardLine]
    states: list[BoardLine]
    soon_days: int


class ClosureCount(BaseModel):
    """Cases closed for a reason."""

    closure: Closure
    cases: Count


class CaseFigures(BaseModel):
    """What became of cases in a period. A share is null where nothing was due or checked."""

    first: Time
    last: Time
    opened: Count
    closed: Count
    closures: list[ClosureCount]
    days_to_close: float | None = Field(description="Median from lead to closure of those closed, days")
    corrections_due: Count = Field(description="Cases whose newest order was due in the period")
    corrected_on_time: Count = Field(description="Reported before the deadline, and no recheck failed")
    corrections_extended: Count = Field(description="Of those due: whose deadline was extended")
    on_time_share: Share | None = Field(description="corrected_on_time ÷ corrections_due")
    rechecks: Count
    rechecks_passed: Count
    recheck_pass_share: Share | None = Field(description="rechecks_passed ÷ rechecks")


class OfficerInfo(BaseModel):
    """Somebody a case may be assigned to."""

    username: str
    name: str
    role: RoleName
    counties: list[CountyCode] = Field(description="Empty: all")


class NewCase(BaseModel):
    """A lead. One from warnings needs no subject: it is that of the first."""

    model_config = ConfigDict(extra="forbid")
    site: SiteCode
    source: Source
    subject: str = Field(default="", max_length=500, examples=["群众反映池水异味"])
    source_ref: str = Field(default="", max_length=200, examples=["12345-20260301-118"])
    priority: Priority = "medium"
    alarms: list[int] = Field(default=[], max_length=50, description="Warnings of the site that it is about")
    text: str = Field(default="", max_length=MOST_TEXT, description="What else is known")


class CaseAct(BaseModel):
    """Something to do about a case; `CaseDetail.actions` says what each action asks for."""

    model_config = ConfigDict(extra="forbid")
    action: Literal[
        "accept",
        "assign",
        "work_order",
        "guide",
        "order",
        "extend",
        "recheck_passed",
        "recheck_failed",
        "revoke",
        "transfer",
        "file",
        "close",
        "merge",
        "reopen",
        "add_alarms",
        "note",
    ]
    text: str = Field(default="", max_length=MOST_TEXT, description="What was found or asked for, or why")
    due: date | None = Field(default=None, description="The last local day")
    officers: list[str] = Field(default=[], max_length=4, description="Usernames: assigned, or on site")
    closure: Closure | None = None
    reason: TransferReason | None = None
    number: str = Field(default="", max_length=100, description="Of the filing or decision")
    recipient: str = Field(default="", max_length=200, description="The agency it is referred to")
    minor: bool = Field(default=False, description="It is minor (行政处罚法 Art 33)")
    harmless: bool = Field(default=False, description="There was no harm (行政处罚法 Art 33)")
    into: int | None = Field(default=None, description="The case that this one is merged into")
    alarms: list[int] = Field(default=[], max_length=50)


class NewLeadRule(BaseModel):
    """When warnings of a severity become leads."""

    model_config = ConfigDict(extra="forbid")
    after_minutes: int = Field(ge=0, le=10_080, description="Present for so long, minutes; 0: at once")
    reason: str = Field(min_length=4, max_length=500, examples=["重点时段加密督办"])


class LeadRuleInfo(NewLeadRule):
    """A rule with who set it."""

    severity: Severity
    set_by: str
    set_at: Time
