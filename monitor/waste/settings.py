"""What an agency may set of the tolerances: unit, range and source of each, the rules it is for, and what is refused.

The engine takes any number of at least 0, so that a journal of other ranges can still be folded; what a person sets is
checked here. A tolerance whose source was read in the law (``primary``) can be made stricter than it, never looser.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, Literal

from monitor.waste.rules import FACTS, Rule, ToleranceError, Tolerances, named
from registry.words import Words, listed, together

Value = bool | int | float
_REFUSAL: Final = "refusal.waste_tolerances"


@dataclass(frozen=True, slots=True)
class About:
    """What stands behind a tolerance.

    `group` is the step of custody that it stands at, `unit` a code of the catalogue (``waste_tolerance.unit``); `least`
    and `most` are in that unit. Where `certainty` is not ``design`` the source is ``waste_tolerance.source.<name>``.
    """

    group: str
    unit: str
    least: float
    most: float
    rules: tuple[Rule, ...]
    certainty: Literal["primary", "secondary", "unverified", "design"] = "design"


_OF_TIME: Final = (Rule.STORAGE_36H, Rule.STORAGE_44H, Rule.STORAGE_48H, Rule.MISSING, Rule.IN_TRANSIT, Rule.UNSCANNED)
_OF_BOXES: Final = (Rule.UNSCANNED, Rule.IN_TRANSIT, Rule.DISPOSER_STORAGE, Rule.BATCH_WEIGHT)

ABOUT: Final[Mapping[str, About]] = MappingProxyType(
    {
        "signatures_collected": About("collected", "persons", 1, 4, (Rule.UNSIGNED,), "secondary"),
        "heaviest_bag_kg": About("collected", "kg", 1, 100, (Rule.BAG_WEIGHT,)),
        "reweigh_min": About("collected", "min", 0, 240, (Rule.DUPLICATE,)),
        "missing_h": About("stored", "h", 1, 168, (Rule.MISSING,)),
        "signatures_stored_in": About("stored", "persons", 0, 4, (Rule.UNSIGNED,)),
        "storage_first_h": About("stored", "h", 1, 48, (Rule.STORAGE_36H,)),
        "storage_second_h": About("stored", "h", 1, 48, (Rule.STORAGE_44H,)),
        "storage_h": About("stored", "h", 1, 48, (Rule.STORAGE_48H,), "primary"),
        "producer_celsius": About("stored", "℃", 0, 40, (Rule.STORE_WARM,), "secondary"),
        "warm_min": About("stored", "min", 0, 1440, (Rule.STORE_WARM,)),
        "pickup_days": About("handed", "d", 1, 2, (Rule.PICKUP,), "primary"),
        "pickup_grace_h": About("handed", "h", 0, 12, (Rule.PICKUP, Rule.SILENT, Rule.OUTPUT, Rule.SHARPS)),
        "signatures_handed_over": About("handed", "persons", 1, 4, (Rule.UNSIGNED,), "secondary"),
        "transit_h": About("handed", "h", 1, 168, (Rule.IN_TRANSIT,)),
        "route_fixes": About("handed", "fixes", 3, 20, (Rule.ROUTE,)),
        "stop_min": About("handed", "min", 1, 240, (Rule.STOP,), "secondary"),
        "stop_kmh": About("handed", "km/h", 0, 30, (Rule.STOP,)),
        "stop_m": About("handed", "m", 10, 1000, (Rule.STOP,)),
        "signatures_received": About("received", "persons", 1, 4, (Rule.UNSIGNED,), "primary"),
        "disposer_cold_h": About("received", "h", 1, 168, (Rule.DISPOSER_STORAGE,), "secondary"),
        "disposer_warm_h": About("received", "h", 1, 168, (Rule.DISPOSER_STORAGE,), "unverified"),
        "disposer_celsius": About("received", "℃", 0, 40, (Rule.DISPOSER_STORAGE, Rule.STORE_WARM), "secondary"),
        "treated_expected": About("received", "", 0, 1, (Rule.DISPOSER_STORAGE,)),
        "signatures_treated": About("received", "persons", 0, 4, (Rule.UNSIGNED,)),
        "bag_kg": About("between", "kg", 0, 10, (Rule.WEIGHT,)),
        "bag_percent": About("between", "%", 0, 50, (Rule.WEIGHT,)),
        "batch_kg": About("between", "kg", 0, 100, (Rule.BATCH_WEIGHT,)),
        "batch_percent": About("between", "%", 0, 50, (Rule.BATCH_WEIGHT,), "secondary"),
        "unscanned_h": About("between", "h", 0.5, 72, (Rule.UNSCANNED,)),
        "order_min": About("between", "min", 0, 240, (Rule.ORDER,)),
        "late_min": About("between", "min", 5, 2880, FACTS),
        "settle_min": About("between", "min", 0, 1440, (*_OF_TIME, Rule.BATCH_WEIGHT)),
        "box_h": About("between", "h", 1, 168, _OF_BOXES),
        "fact_h": About("between", "h", 1, 720, FACTS),
        "silent_days": About("institution", "d", 1, 31, (Rule.SILENT,)),
        "silent_most_days": About("institution", "d", 1, 31, (Rule.SILENT,)),
        "history_days": About("institution", "d", 7, 56, (Rule.SILENT, Rule.OUTPUT, Rule.SHARPS)),
        "output_sigma": About("institution", "deviations", 1, 20, (Rule.OUTPUT,)),
        "output_ratio": About("institution", "times", 1, 10, (Rule.OUTPUT,)),
        "sharps_sigma": About("institution", "deviations", 1, 20, (Rule.SHARPS,)),
        "sharps_points": About("institution", "points", 0, 100, (Rule.SHARPS,)),
        "keep_days": About("memory", "d", 1, 30, ()),
        "lost_days": About("memory", "d", 3, 180, ()),
    }
)
"""In the order in which they are shown: by step of custody."""

DEFAULTS: Final[Mapping[str, Value]] = MappingProxyType(asdict(Tolerances()))

NOT_ABOVE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "storage_first_h": "storage_second_h",
        "storage_second_h": "storage_h",
        "disposer_warm_h": "disposer_cold_h",
        "silent_days": "silent_most_days",
        "keep_days": "lost_days",
    }
)
"""What may not be greater than what."""


def checked(wanted: Mapping[str, Any]) -> dict[str, Value]:
    """Those of `wanted` that differ from the defaults, once all of it is acceptable, the rest being at its default.

    Raises `ToleranceError`, which names every tolerance that is not, its value and what would be right.
    """
    wrong = [said for name, value in wanted.items() if (said := _wrong(name, value))]
    wrong = wrong or list(_contradictions({**DEFAULTS, **wanted}))
    if wrong:
        raise ToleranceError(together(wrong))
    found = Tolerances.from_json(wanted).to_json()
    return {name: found[name] for name in wanted if found[name] != DEFAULTS[name]}


def _wrong(name: str, value: Any) -> Words | None:
    """What is wrong with one value by itself."""
    about = ABOUT.get(name)
    if about is None:
        if near := get_close_matches(name, ABOUT, n=1):
            return Words.of(f"{_REFUSAL}.near", name=name, near=named(near[0]))
        return Words.of(f"{_REFUSAL}.unknown", name=name, known=listed(sorted(ABOUT)))
    kind = type(DEFAULTS[name])
    if kind is bool:
        return None if isinstance(value, bool) else Words.of(f"{_REFUSAL}.not_bool", name=named(name), value=value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and about.least <= value <= about.most and (kind is float or value == int(value)):
        return None
    return Words.of(
        f"{_REFUSAL}.range_{kind.__name__}",
        name=named(name),
        value=f"{value:g}" if isinstance(value, float) else repr(value),
        least=f"{about.least:g}",
        most=f"{about.most:g}",
        unit=Words.of(f"waste_tolerance.unit.{about.unit}"),
    )


def _contradictions(values: Mapping[str, Any]) -> Iterator[Words]:
    for name, other in NOT_ABOVE.items():
        if values[name] > values[other]:
            yield Words.of(
                f"{_REFUSAL}.above", name=named(name), value=values[name], other=named(other), limit=values[other]
            )
