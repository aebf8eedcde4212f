"""Reading limit profiles from their TOML files, with every mistake named."""

from collections.abc import Iterable, Mapping, Set
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from registry.indicators import INDICATORS
from registry.limits.model import Band, Certainty, Condition, Force, Limit, LimitProfile, Severity
from registry.model import Indicator, RegistryError
from registry.scenarios import added_limit_files, scenarios
from registry.toml_fields import choice, number, only, parse, take, words

_PROFILE_FIELDS: Final = frozenset(
    {
        "code",
        "family",
        "standard",
        "title_zh",
        "title_en",
        "version",
        "valid_from",
        "valid_to",
        "source_zh",
        "source_en",
    }
    | {"note_zh", "note_en", "alarm", "applies", "limit"}
)
_ALARM_FIELDS: Final = frozenset({"on_delay_s", "off_delay_s"})
_LIMIT_FIELDS: Final = _ALARM_FIELDS | frozenset(
    {"indicator", "lo", "hi", "lo_inclusive", "hi_inclusive", "unit", "precision", "clause", "force"}
    | {"severity", "severity_low", "certainty", "condition", "condition_certainty", "note_zh", "note_en", "deadband"}
    | {"hazard_lo", "hazard_hi", "hazard_clause", "hazard_certainty", "depends_on", "band"}
)


@cache
def profiles() -> Mapping[str, LimitProfile]:
    """Every profile that ships with the platform or comes with a scenario, by code."""
    found = {code: profile for code, (profile, _) in _declared().items()}
    _check_named(families_of(found.values()))
    return MappingProxyType(found)


def source(code: str) -> str:
    """The text of the file that declares a profile: the version that judged, for evidence."""
    return _declared()[code][1]


@cache
def _declared() -> Mapping[str, tuple[LimitProfile, str]]:
    shipped = [
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(files("registry.limits").iterdir(), key=lambda each: each.name)
        if entry.name.endswith(".toml")
    ]
    added = [(str(path), path.read_text(encoding="utf-8")) for path in added_limit_files()]
    found: dict[str, tuple[LimitProfile, str]] = {}
    for name, text in (*shipped, *added):
        profile = load_profile(name, text)
        if profile.code in found:
            raise RegistryError(f"limit profile {profile.code!r} is declared twice")
        found[profile.code] = profile, text
    return found


@cache
def families() -> Mapping[str, tuple[LimitProfile, ...]]:
    """The versions of each standard, oldest first, by the name of their family."""
    return families_of(profiles().values())


def families_of(every: Iterable[LimitProfile]) -> Mapping[str, tuple[LimitProfile, ...]]:
    """Profiles grouped by family, oldest first. Raises `RegistryError` where two versions are in force at once."""
    grouped: dict[str, list[LimitProfile]] = {}
    for profile in sorted(every, key=lambda each: each.valid_from):
        grouped.setdefault(profile.family, []).append(profile)
    for versions in grouped.values():
        for before, after in pairwise(versions):
            if before.valid_to is None or before.valid_to > after.valid_from:
                raise RegistryError(
                    f"limit profile {before.code}: field valid_to: must be at most {after.valid_from}, when version "
                    f"{after.version} ({after.code}) begins"
                )
    return MappingProxyType({family: tuple(versions) for family, versions in grouped.items()})


def _check_named(known: Mapping[str, tuple[LimitProfile, ...]]) -> None:
    """Each family that a scenario names exists, and its conditions name what some scenario declares."""
    point_kinds = {code for each in scenarios().values() for code in each.point_kinds}
    treatments = {code for each in scenarios().values() for code in each.treatments}
    for scenario in scenarios().values():
        for family in (*scenario.profiles, *scenario.adoptable):
            if family not in known:
                raise RegistryError(
                    f"scenario {scenario.code}: limit profile family {family!r} is not declared; "
                    f"known: {', '.join(sorted(known))}"
                )
            for profile in known[family]:
                check_conditions(profile, point_kinds, treatments)


def check_conditions(profile: LimitProfile, point_kinds: Set[str], treatments: Set[str]) -> None:
    """Raise `RegistryError` where a condition names a kind of sampling point or a treatment that is not declared.

    A profile that no scenario names may wait for one that declares them.
    """
    for limit in profile.limits:
        for what, given, declared in (
            ("kind of sampling point", limit.condition.water_kinds, point_kinds),
            ("treatment", limit.condition.all_of_disinfection, treatments),
        ):
            for code in sorted(given - declared):
                raise RegistryError(
                    f"limit profile {profile.code} ({limit.indicator}): field condition: {code!r} is not a {what} "
                    f"of any scenario; known: {', '.join(sorted(declared))}"
                )


def load_profile(name: str, text: str) -> LimitProfile:
    """Parse a profile. Raises `RegistryError` naming the file, the limit, the field and what would be right."""
    raw = parse(name, text)
    only(raw, _PROFILE_FIELDS, name)
    code = take(raw, "code", str, name)
    defaults = raw.get("alarm", {})
    only(defaults, _ALARM_FIELDS, f"{name}, table alarm")
    applies = raw.get("applies", {})
    return LimitProfile(
        code=code,
        family=raw.get("family", code),
        standard=take(raw, "standard", str, name),
        title_zh=take(raw, "title_zh", str, name),
        title_en=take(raw, "title_en", str, name),
        version=take(raw, "version", str, name),
        valid_from=take(raw, "valid_from", date, name),
        valid_to=take(raw, "valid_to", date, name) if "valid_to" in raw else None,
        source_zh=take(raw, "source_zh", str, name),
        source_en=take(raw, "source_en", str, name),
        limits=tuple(
            _limit(f"{name}, limit {place}", code, {**defaults, **entry}, applies)
            for place, entry in enumerate(take(raw, "limit", list, name), start=1)
        ),
        note_zh=raw.get("note_zh", ""),
        note_en=raw.get("note_en", ""),
    )


def _limit(where: str, profile: str, raw: dict[str, Any], applies: Mapping[str, Any]) -> Limit:
    indicator = take(raw, "indicator", str, where)
    where = f"{where} ({indicator})"
    only(raw, _LIMIT_FIELDS, where)
    known = _known(indicator, where)
    unit = take(raw, "unit", str, where)
    if unit != known.unit:
        raise RegistryError(f"{where}: field unit: {unit!r} differs from the indicator's unit {known.unit!r}")
    bands = _bands(raw, where)
    lo, hi = _bounds(raw, bands, where)
    hazard_lo, hazard_hi = _hazard(raw, lo, hi, where)
    certainty = choice(Certainty, raw, "certainty", where)
    severity = choice(Severity, raw, "severity", where)
    return Limit(
        profile=profile,
        indicator=indicator,
        lo=lo,
        hi=hi,
        lo_inclusive=raw.get("lo_inclusive", True),
        hi_inclusive=raw.get("hi_inclusive", True),
        unit=unit,
        precision=take(raw, "precision", int, where),
        clause=take(raw, "clause", str, where),
        force=choice(Force, raw, "force", where),
        severity=severity,
        severity_low=choice(Severity, raw, "severity_low", where) if "severity_low" in raw else severity,
        certainty=certainty,
        condition=_condition({**applies, **raw.get("condition", {})}, where),
        condition_certainty=(
            choice(Certainty, raw, "condition_certainty", where) if "condition_certainty" in raw else certainty
        ),
        note_zh=raw.get("note_zh", ""),
        note_en=raw.get("note_en", ""),
        on_delay_s=float(take(raw, "on_delay_s", (int, float), where)),
        off_delay_s=float(take(raw, "off_delay_s", (int, float), where)),
        deadband=float(take(raw, "deadband", (int, float), where)),
        hazard_lo=hazard_lo,
        hazard_hi=hazard_hi,
        hazard_clause=raw.get("hazard_clause", ""),
        hazard_certainty=(
            choice(Certainty, raw, "hazard_certainty", where) if "hazard_certainty" in raw else certainty
        ),
        depends_on=_known(take(raw, "depends_on", str, where), where).code if bands else None,
        bands=bands,
    )


def _known(indicator: str, where: str) -> Indicator:
    known = INDICATORS.get(indicator)
    if known is None:
        raise RegistryError(
            f"{where}: field indicator: {indicator!r} is not an indicator; known: {', '.join(INDICATORS)}"
        )
    return known


def _bounds(raw: Mapping[str, Any], bands: tuple[Band, ...], where: str) -> tuple[float | None, float | None]:
    """The bounds; of a limit with bands those of the least demanding one."""
    if bands:
        if "lo" in raw or "hi" in raw:
            raise RegistryError(f"{where}: lo and hi stand in the bands")
        los, his = [each.lo for each in bands], [each.hi for each in bands]
        lo = None if None in los else min(each for each in los if each is not None)
        hi = None if None in his else max(each for each in his if each is not None)
        if lo is None and hi is None:
            raise RegistryError(f"{where}: every band needs the same side, lo or hi")
        return lo, hi
    lo, hi = number(raw, "lo", where), number(raw, "hi", where)
    if lo is None and hi is None:
        raise RegistryError(f"{where}: needs lo, hi or both")
    if lo is not None and hi is not None and lo >= hi:
        raise RegistryError(f"{where}: lo {lo} must be less than hi {hi}")
    return lo, hi


def _hazard(
    raw: Mapping[str, Any], lo: float | None, hi: float | None, where: str
) -> tuple[float | None, float | None]:
    hazard_lo, hazard_hi = number(raw, "hazard_lo", where), number(raw, "hazard_hi", where)
    if hazard_lo is not None and (lo is None or hazard_lo > lo):
        raise RegistryError(f"{where}: hazard_lo {hazard_lo} must be at most lo {lo}")
    if hazard_hi is not None and (hi is None or hazard_hi < hi):
        raise RegistryError(f"{where}: hazard_hi {hazard_hi} must be at least hi {hi}")
    return hazard_lo, hazard_hi


def _bands(raw: Mapping[str, Any], where: str) -> tuple[Band, ...]:
    found = []
    for place, entry in enumerate(raw.get("band", ()), start=1):
        here = f"{where}, band {place}"
        only(entry, frozenset({"least", "greatest", "lo", "hi"}), here)
        least, greatest = number(entry, "least", here), number(entry, "greatest", here)
        if least is None or greatest is None or least >= greatest:
            raise RegistryError(f"{here}: needs least and greatest, least below greatest")
        found.append(Band(least, greatest, number(entry, "lo", here), number(entry, "hi", here)))
    return tuple(found)


def _condition(raw: Mapping[str, Any], where: str) -> Condition:
    only(raw, frozenset({"water_kinds", "all_of_disinfection"}), f"{where}, field condition")
    return Condition(
        water_kinds=frozenset(words(raw, "water_kinds", where)),
        all_of_disinfection=frozenset(words(raw, "all_of_disinfection", where)),
    )
