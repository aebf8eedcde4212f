"""What the API says of cases, as this side reads it; `monitor.api.schemas.cases` is where it is stated."""

from typing import Any, TypedDict

from dashboard.shapes.alarms import Alarm


class CaseFile(TypedDict):
    """A photo or paper."""

    id: int
    name: str
    media_type: str
    bytes: int
    sha256: str
    for_venue: bool
    added_at: str
    added_by: str | None


class CaseStep(TypedDict):
    """One step."""

    id: int
    at: str
    action: str
    state: str
    actor: str | None
    actor_name: str | None
    text: str
    due: str | None
    officers: list[str]
    closure: str | None
    reason: str | None
    letter: str
    recipient: str
    other: int | None
    priority: str | None
    files: list[CaseFile]


class CaseChoice(TypedDict):
    """A reason that may be chosen."""

    value: str
    possible: bool
    why_not_zh: str
    why_not_en: str


class CaseAction(TypedDict):
    """An action, and why it is not possible."""

    action: str
    possible: bool
    why_not_zh: str
    why_not_en: str
    asks: list[str]
    choices: list[CaseChoice]


class Case(TypedDict):
    """A case as a line of a list."""

    id: int
    number: str
    site: str
    site_name_zh: str
    site_name_en: str
    county: str
    zone: str
    simulated: bool
    source: str | None
    subject: str | None
    priority: str
    state: str
    since: str
    opened_at: str
    officer: str | None
    officer_name: str | None
    second_officer: str | None
    second_officer_name: str | None
    clock: str | None
    due_day: str | None
    due_at: str | None
    days_left: int | None
    overdue: bool
    due_unpublished: int | None
    measure: str | None
    requirement: str | None
    measure_due_at: str | None
    extended: int
    corrected_at: str | None
    closed_at: str | None
    closure: str | None
    merged_into: int | None


class CaseFull(Case):
    """A case with its history and what can be done."""

    source_ref: str | None
    opened_by: str | None
    clock_info: dict[str, Any] | None
    steps: list[CaseStep]
    alarms: list[Alarm]
    files: list[CaseFile]
    actions: list[CaseAction]


class CasePage(TypedDict):
    """A page of cases."""

    total: int
    items: list[Case]


class BoardLine(TypedDict):
    """Open cases of a county, an officer or a state."""

    key: str | None
    name_zh: str
    name_en: str
    open: int
    overdue: int
    soon: int
    first_due: str | None


class CaseBoard(TypedDict):
    """Open cases by county, officer and state."""

    total: BoardLine
    counties: list[BoardLine]
    officers: list[BoardLine]
    states: list[BoardLine]
    soon_days: int


class CaseFigures(TypedDict):
    """What became of cases in a period."""

    opened: int
    closed: int
    closures: list[dict[str, Any]]
    days_to_close: float | None
    corrections_due: int
    corrected_on_time: int
    corrections_extended: int
    on_time_share: float | None
    rechecks: int
    rechecks_passed: int
    recheck_pass_share: float | None


class Officer(TypedDict):
    """Somebody a case may be assigned to."""

    username: str
    name: str
    role: str
    counties: list[str]


class LeadRule(TypedDict):
    """When warnings of a severity become leads by themselves."""

    severity: str
    after_minutes: int
    reason: str
    set_by: str
    set_at: str
