"""What a limit is: a bound on an indicator, with the clause it comes from and when it applies."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from registry.model import Disinfection, SamplingPoint, Site, WaterKind


class Severity(StrEnum):
    """Priority of the alarm that a breach raises (ISA-18.2 priorities)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Force(StrEnum):
    """What a limit demands.

    ``binding``: outside it is a suspected breach (疑似超标). ``recommended``: worded "宜", outside it is advice
    and raises no alarm. ``operational``: a default of ours about the plant; outside it is an alarm for the
    venue, never a breach.
    """

    BINDING = "binding"
    RECOMMENDED = "recommended"
    OPERATIONAL = "operational"


class Certainty(StrEnum):
    """How sure the encoded value is.

    ``primary``: read in the official text. ``secondary``: stated by a secondary source. ``unverified``:
    from memory, to be checked against the official text before it is relied on. ``design``: our own
    default where no rule was found; never presented as law.
    """

    PRIMARY = "primary"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"
    DESIGN = "design"


@dataclass(frozen=True, slots=True)
class Condition:
    """When a limit applies. An empty set means that the aspect does not matter."""

    water_kinds: Set[WaterKind] = frozenset()
    all_of_disinfection: Set[Disinfection] = frozenset()

    def holds(self, site: Site, point: SamplingPoint) -> bool:
        """Whether the limit applies at a sampling point of a site."""
        if self.water_kinds and point.water_kind not in self.water_kinds:
            return False
        return self.all_of_disinfection <= site.disinfection


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one indicator.

    `lo` and `hi` are in `unit`, either may be absent. A value is rounded to `precision` decimals (half to
    even, GB/T 8170 修约值比较) before it is compared. `severity_low` is the severity below `lo`, `severity`
    that above `hi`. `on_delay_s`, `off_delay_s` (seconds) and `deadband` (in `unit`)
    are alarm parameters of ours (ISA-18.2), not part of the standard.
    """

    profile: str
    indicator: str
    lo: float | None
    hi: float | None
    lo_inclusive: bool
    hi_inclusive: bool
    unit: str
    precision: int
    clause: str
    force: Force
    severity: Severity
    severity_low: Severity
    certainty: Certainty
    condition: Condition
    condition_certainty: Certainty
    note_zh: str
    note_en: str
    on_delay_s: float
    off_delay_s: float
    deadband: float

    @property
    def raises_alarm(self) -> bool:
        """Whether a value outside raises an alarm; a recommendation only shows as advice."""
        return self.force is not Force.RECOMMENDED

    def interval(self) -> str:
        """The allowed values as text, e.g. ``0.30–1.00 mg/L`` or ``≤ 1 NTU``."""

        def number(value: float) -> str:
            return f"{value:.{self.precision}f}"

        if self.lo is not None and self.hi is not None:
            return f"{number(self.lo)}–{number(self.hi)} {self.unit}"
        if self.hi is not None:
            return f"{'≤' if self.hi_inclusive else '<'} {number(self.hi)} {self.unit}"
        if self.lo is not None:
            return f"{'≥' if self.lo_inclusive else '>'} {number(self.lo)} {self.unit}"
        raise ValueError(f"the limit on {self.indicator} in {self.profile} has neither side")


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """A standard in one version: its limits and the days it is in force (`valid_to` excluded)."""

    code: str
    standard: str
    title_zh: str
    title_en: str
    version: str
    valid_from: date
    valid_to: date | None
    source: str
    limits: tuple[Limit, ...]

    def in_force(self, at: datetime, zone: str) -> bool:
        """Whether the profile is in force at an instant, by the calendar of the site's zone."""
        day = at.astimezone(ZoneInfo(zone)).date()
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def applicable(self, site: Site, point: SamplingPoint) -> Mapping[str, Limit]:
        """The limits that apply at a sampling point, by indicator."""
        return {limit.indicator: limit for limit in self.limits if limit.condition.holds(site, point)}
