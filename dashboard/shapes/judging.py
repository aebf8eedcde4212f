"""Answers of the API about rules and manual results; `monitor.api.schemas` is where they are stated."""

from typing import TypedDict

from dashboard.shapes.common import Mistake, Priority


class Band(TypedDict):
    """Bounds while another indicator is within a range."""

    least: float
    greatest: float
    lo: float | None
    hi: float | None


class Rule(TypedDict):
    """A limit in force at a sampling point."""

    sampling_point: str
    indicator: str
    unit: str
    precision: int
    lo: float | None
    hi: float | None
    lo_inclusive: bool
    hi_inclusive: bool
    interval: str
    hazard_lo: float | None
    hazard_hi: float | None
    hazard_certainty: str | None
    depends_on: str | None
    bands: list[Band]
    origin: str
    rule: int | None
    profile: str | None
    standard: str
    standard_title_zh: str
    standard_title_en: str
    clause: str
    source_zh: str
    source_en: str
    force: str
    certainty: str
    condition_certainty: str
    severity: Priority
    severity_low: Priority
    valid_from: str | None
    valid_to: str | None
    note_zh: str
    note_en: str


class OwnRule(TypedDict):
    """A rule of a site's own, in force or not."""

    id: int
    site: str
    sampling_point: str | None
    profile: str | None
    indicator: str | None
    lo: float | None
    hi: float | None
    reason: str
    since: str
    until: str | None
    state: str
    set_by: str | None
    set_at: str
    ended_by: str | None
    ended_at: str | None
    end_reason: str | None


class Standard(TypedDict):
    """A standard in one version."""

    family: str
    profile: str
    standard: str
    version: str
    title_zh: str
    title_en: str
    source_zh: str
    source_en: str
    valid_from: str
    valid_to: str | None
    note_zh: str
    note_en: str


class SiteRules(TypedDict):
    """All that a site is judged by."""

    site: str
    at: str
    rules: list[Rule]
    own: list[OwnRule]
    standards: list[Standard]
    adoptable: list[Standard]
    may_set: bool


class SampleResult(TypedDict):
    """A manual result and what it says."""

    id: int
    site: str
    site_name_zh: str
    site_name_en: str
    simulated: bool
    zone: str
    sampling_point: str
    sampling_point_name_zh: str
    sampling_point_name_en: str
    indicator: str
    value: float
    comparison: str
    text: str
    kind: str
    taken_at: str
    taken_by: str
    laboratory: str
    report: str
    note: str
    state: str
    side: str | None
    interval: str | None
    standard: str | None
    clause: str | None
    force: str | None
    entered_by: str | None
    entered_at: str
    source: str
    withdrawn_at: str | None


class SamplePage(TypedDict):
    """A page of manual results, newest taken first."""

    total: int
    items: list[SampleResult]


class SampleReport(TypedDict):
    """What a file of results holds."""

    imported: bool
    rows: int
    good: int
    known: int
    added: int
    suspected: int
    mistakes: list[Mistake]
