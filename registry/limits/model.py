"""What a limit is: a bound on an indicator, with the clause it comes from and when it applies."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from registry.model import SamplingPoint, Site

ALARM_AFTER_S = 1_800.0
"""A breach is a warning at first, an alarm once it has lasted this long (s), serious beyond a hazard bound.

FACTS 2.3, design defaults: warning after 10 minutes and 3 valid samples, alarm after 30 minutes.
"""


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

    water_kinds: Set[str] = frozenset()
    all_of_disinfection: Set[str] = frozenset()

    def holds(self, site: Site, point: SamplingPoint) -> bool:
        """Whether the limit applies at a sampling point of a site."""
        if self.water_kinds and point.water_kind not in self.water_kinds:
            return False
        return self.all_of_disinfection <= site.disinfection


@dataclass(frozen=True, slots=True)
class Band:
    """The bounds that apply while another indicator is within [`least`, `greatest`], in that indicator's unit."""

    least: float
    greatest: float
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one indicator.

    `lo` and `hi` are in `unit`, either may be absent. A value is rounded to `precision` decimals (half to
    even, GB/T 8170 修约值比较) before it is compared. `severity_low` is the severity below `lo`, `severity`
    that above `hi`. Beyond `hazard_lo` or `hazard_hi`, where there are any, the severity is high whatever these say;
    `hazard_clause` and `hazard_certainty` say where they come from.

    With `bands` the bounds depend on the newest value of `depends_on` at the same sampling point, rounded to one
    decimal: the first band that holds it counts, outside all of them there is no limit. While that value is not
    known `lo` and `hi` count, which are those of the least demanding band: what is beyond them is so at any value.

    `on_delay_s`, `off_delay_s` (seconds) and `deadband` (in `unit`) are alarm parameters of ours (ISA-18.2), not
    part of the standard.
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
    hazard_lo: float | None = None
    hazard_hi: float | None = None
    hazard_clause: str = ""
    hazard_certainty: Certainty = Certainty.DESIGN
    depends_on: str | None = None
    bands: tuple[Band, ...] = ()

    @property
    def raises_alarm(self) -> bool:
        """Whether a value outside raises an alarm; a recommendation only shows as advice."""
        return self.force is not Force.RECOMMENDED

    @property
    def has_hazard(self) -> bool:
        """Whether there is a bound beyond which the severity is high."""
        return self.hazard_lo is not None or self.hazard_hi is not None

    def at(self, companion: float | None) -> "Limit | None":
        """The limit with the bounds that apply while `depends_on` has a value (None: not known); None: no limit."""
        if not self.bands or companion is None:
            return self
        value = round_companion(companion)
        band = next((each for each in self.bands if each.least <= value <= each.greatest), None)
        return None if band is None else replace(self, lo=band.lo, hi=band.hi)

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


def round_companion(value: float) -> float:
    """A value that chooses a band, rounded to one decimal, half to even, as decimal arithmetic would."""
    return round(round(value * 10.0, 6)) / 10.0


@dataclass(frozen=True, slots=True)
class LimitProfile:
    """A standard in one version: its limits and the days it is in force (`valid_to` excluded).

    The versions of one standard share a `family` and never overlap. `note_*` say what the encoding leaves out.
    """

    code: str
    family: str
    standard: str
    title_zh: str
    title_en: str
    version: str
    valid_from: date
    valid_to: date | None
    source_zh: str
    source_en: str
    limits: tuple[Limit, ...]
    note_zh: str = ""
    note_en: str = ""

    def in_force(self, at: datetime, zone: str) -> bool:
        """Whether the profile is in force at an instant, by the calendar of the site's zone."""
        day = at.astimezone(ZoneInfo(zone)).date()
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def applicable(self, site: Site, point: SamplingPoint) -> Mapping[str, Limit]:
        """The limits that apply at a sampling point, by indicator; of two on one indicator the later in the file."""
        return {limit.indicator: limit for limit in self.limits if limit.condition.holds(site, point)}
