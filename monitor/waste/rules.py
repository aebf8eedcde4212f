"""What is judged: each rule with its clause and how sure that is, whose work it is, and what may be tolerated.

Sources are those of docs/waste.md. ``primary``: read in the text of the law; ``secondary``: stated by a secondary
page; ``unverified``: from memory; ``design``: no rule was found, a default of this platform that an agency sets.
A finding is a lead (线索), never proof.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

from registry.catalogue import text
from registry.words import WordedError, Words, listed

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
_MOST: Final = 1e9


class Rule(IntEnum):
    """A rule by the number it has in verdicts; the bit of a bag's rule is its number. Numbers never change."""

    STORAGE_36H = 0
    STORAGE_44H = 1
    STORAGE_48H = 2
    MISSING = 3
    IN_TRANSIT = 4
    UNSCANNED = 5
    DUPLICATE = 6
    ORDER = 7
    CATEGORY = 8
    UNSIGNED = 9
    OPENED = 10
    WEIGHT = 11
    BAG_WEIGHT = 12
    MANIFEST = 13
    VEHICLE = 14
    RECEIVER = 15
    DISPOSER_STORAGE = 16
    BATCH_WEIGHT = 17
    PICKUP = 24
    SILENT = 25
    OUTPUT = 26
    SHARPS = 27
    STORE_WARM = 28
    ROUTE = 29
    STOP = 30
    CLOCK = 31

    @property
    def code(self) -> str:
        """As conditions, messages and settings write it."""
        return self.name.lower()


FACTS: Final = (
    Rule.DUPLICATE,
    Rule.ORDER,
    Rule.CATEGORY,
    Rule.UNSIGNED,
    Rule.UNSCANNED,
    Rule.OPENED,
    Rule.WEIGHT,
    Rule.BATCH_WEIGHT,
    Rule.BAG_WEIGHT,
    Rule.MANIFEST,
    Rule.VEHICLE,
    Rule.RECEIVER,
)
"""Rules whose verdict tells of something that happened: that does not change any more."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """What stands behind a rule. `priority` and `audience` are those of its alarm.

    `legal_lead` says that a clause of law may be broken; `respond_h` within how many hours somebody should act. Cause,
    consequence and response (ISA-18.2 rationalisation) are in the catalogue, ``waste.rule.<code>``.
    """

    law: str
    clause: str
    certainty: str
    unit: str
    priority: str
    audience: str
    legal_lead: bool
    respond_h: float


_REGULATION: Final = "《医疗废物管理条例》"
_MEASURES: Final = "《医疗卫生机构医疗废物管理办法》"
_NONE: Final = ""

RULES: Final[Mapping[Rule, RuleText]] = MappingProxyType(
    {
        Rule.STORAGE_36H: RuleText(_NONE, "—", "design", "h", "low", "venue", False, 8),
        Rule.STORAGE_44H: RuleText(_NONE, "—", "design", "h", "medium", "venue", False, 4),
        Rule.STORAGE_48H: RuleText(_REGULATION, "Art 17", "primary", "h", "high", "inspector", True, 4),
        Rule.MISSING: RuleText(_REGULATION, "Art 13, 18", "primary", "h", "high", "inspector", True, 2),
        Rule.IN_TRANSIT: RuleText(_REGULATION, "Art 11, 13", "primary", "h", "high", "inspector", True, 2),
        Rule.UNSCANNED: RuleText(_REGULATION, "Art 12", "primary", _NONE, "medium", "venue", True, 24),
        Rule.DUPLICATE: RuleText(_REGULATION, "Art 12", "primary", _NONE, "medium", "venue", False, 24),
        Rule.ORDER: RuleText(_REGULATION, "Art 12", "primary", "min", "medium", "venue", False, 24),
        Rule.CATEGORY: RuleText(_REGULATION, "Art 16", "primary", _NONE, "high", "inspector", True, 24),
        Rule.UNSIGNED: RuleText(_REGULATION, "Art 12", "primary", "人", "medium", "venue", True, 24),
        Rule.OPENED: RuleText(_REGULATION, "Art 13, 16", "primary", _NONE, "high", "inspector", True, 2),
        Rule.WEIGHT: RuleText(_REGULATION, "Art 12", "primary", "kg", "high", "inspector", True, 24),
        Rule.BAG_WEIGHT: RuleText(_NONE, "—", "design", "kg", "medium", "venue", False, 24),
        Rule.MANIFEST: RuleText(_REGULATION, "Art 11, 47(2)", "primary", _NONE, "high", "inspector", True, 24),
        Rule.VEHICLE: RuleText(_REGULATION, "Art 26, 46(3)", "primary", _NONE, "high", "inspector", True, 4),
        Rule.RECEIVER: RuleText(_REGULATION, "Art 47(3)", "primary", _NONE, "high", "inspector", True, 4),
        Rule.DISPOSER_STORAGE: RuleText("GB 39707-2020", "—", "unverified", "h", "medium", "inspector", True, 24),
        Rule.BATCH_WEIGHT: RuleText(_REGULATION, "Art 12", "primary", "kg", "high", "inspector", True, 24),
        Rule.PICKUP: RuleText(_REGULATION, "Art 25", "primary", "d", "high", "inspector", True, 24),
        Rule.SILENT: RuleText(_REGULATION, "Art 12, 16", "primary", "d", "medium", "inspector", False, 48),
        Rule.OUTPUT: RuleText(_NONE, "—", "design", "kg/床日", "low", "inspector", False, 72),
        Rule.SHARPS: RuleText(_NONE, "—", "design", "%", "low", "inspector", False, 72),
        Rule.STORE_WARM: RuleText("环发[2003]206", "2.4", "secondary", "℃", "medium", "venue", False, 8),
        Rule.ROUTE: RuleText(_NONE, "—", "design", "m", "medium", "inspector", False, 2),
        Rule.STOP: RuleText(_NONE, "—", "design", "min", "medium", "inspector", False, 2),
        Rule.CLOCK: RuleText(_NONE, "—", "design", "min", "low", "venue", False, 24),
    }
)
"""The table of rules. What GB 39707-2020 says of ≥ 5 ℃ is unverified; it binds disposers, never institutions."""


class ToleranceError(WordedError):
    """A tolerance is not one, or not within sense; the words name it and what would be right."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What may be tolerated: all are settings of the agency. Hours unless the name says otherwise.

    Defaults are [design] but for 48 h (环发[2003]206; the regulation says two days), ±2 % a batch and 10 min of
    standing (practice of the trade, secondary), and what GB 39707-2020 is said to allow a disposer.
    """

    storage_first_h: float = 36.0
    storage_second_h: float = 44.0
    storage_h: float = 48.0
    missing_h: float = 24.0
    transit_h: float = 24.0
    unscanned_h: float = 6.0
    settle_min: float = 30.0
    """After the last arrival so long, before what has not come counts as missing: a backlog may be on its way."""
    late_min: float = 120.0
    """An event that arrives later than this after its time is late: history, and no witness of order."""
    order_min: float = 5.0
    reweigh_min: float = 10.0
    """A ward that weighs a bag again within this has not used its code twice."""
    bag_kg: float = 0.10
    bag_percent: float = 3.0
    batch_kg: float = 0.20
    batch_percent: float = 2.0
    heaviest_bag_kg: float = 25.0
    box_h: float = 72.0
    """So long after it was filled, a box's events are its content's, unless it was emptied (treated) before."""
    signatures_collected: int = 2
    signatures_stored_in: int = 0
    signatures_handed_over: int = 2
    signatures_received: int = 1
    signatures_treated: int = 0
    treated_expected: bool = True
    fact_h: float = 48.0
    """So long after a bag was last heard of a fact about it is a matter for somebody; then it is history."""
    disposer_cold_h: float = 72.0
    disposer_warm_h: float = 24.0
    disposer_celsius: float = 5.0
    producer_celsius: float = 20.0
    warm_min: float = 15.0
    pickup_days: int = 2
    pickup_grace_h: float = 2.0
    silent_days: int = 2
    silent_most_days: int = 7
    history_days: int = 14
    output_sigma: float = 6.0
    output_ratio: float = 1.35
    sharps_sigma: float = 6.0
    sharps_points: float = 8.0
    route_fixes: int = 3
    stop_min: float = 10.0
    stop_kmh: float = 5.0
    stop_m: float = 60.0
    keep_days: float = 3.0
    """A bag stays in memory so long after its end, so that late events still find it."""
    lost_days: float = 30.0
    """A bag that is not heard of for so long leaves memory with its verdicts as they are."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 <= value < _MOST:
                raise ToleranceError.of("refusal.waste_tolerances.negative", name=named(each.name), value=value)
        if not self.storage_first_h <= self.storage_second_h <= self.storage_h:
            hours = {"first": self.storage_first_h, "second": self.storage_second_h, "last": self.storage_h}
            raise ToleranceError.of("refusal.waste_tolerances.falling", **hours)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Tolerances":
        """Of a mapping of some of them; the rest stay at their defaults. Raises `ToleranceError`."""
        kinds: dict[str, type[float | int | bool]] = {name: type(value) for name, value in asdict(cls()).items()}
        for name, value in raw.items():
            if name not in kinds:
                raise ToleranceError.of("refusal.waste_tolerances.unknown", name=name, known=listed(sorted(kinds)))
            kind = kinds[name]
            other = isinstance(value, bool) is not (kind is bool) or not isinstance(value, int | float)
            if other or (kind is int and value != int(value)):
                raise ToleranceError.of(f"refusal.waste_tolerances.not_{kind.__name__}", name=named(name), value=value)
        known: dict[str, Any] = {name: kinds[name](value) for name, value in raw.items()}
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """As JSON, every one of them."""
        return asdict(self)

    def signatures(self) -> tuple[int, ...]:
        """How many persons must have signed each step."""
        return (
            self.signatures_collected,
            self.signatures_stored_in,
            self.signatures_handed_over,
            self.signatures_received,
            self.signatures_treated,
        )


def named(name: str) -> Words:
    """A tolerance as sentences name it: in Chinese with what it is called."""
    return Words(f"“{text('zh', f'waste_tolerance.name.{name}')}”（{name}）", name)


def us(hours: float) -> int:
    """Hours as microseconds."""
    return round(hours * HOUR_US)
