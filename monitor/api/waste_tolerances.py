"""What the rules of custody tolerate: read by all who read alarms, set by who sets limits in every county."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends

from monitor.api.context import Context, Shared, requires
from monitor.api.refusals import conflict, forbidden, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.waste_tolerances import (
    NewWasteTolerances,
    ToleranceChange,
    ToleranceInfo,
    ToleranceReset,
    ToleranceSettingInfo,
    WasteTolerances,
)
from monitor.api.scope import Permission, Principal
from monitor.waste.rules import ToleranceError, Tolerances
from monitor.waste.settings import ABOUT, DEFAULTS, NOT_ABOVE, Value, checked
from registry.catalogue import LANGUAGES, Language, text
from registry.words import listed
from store import audit
from store.connections import Connection
from store.waste_tolerances import (
    ToleranceSetting,
    add_tolerance_setting,
    hold_tolerances,
    load_tolerance_settings,
)

router = APIRouter(prefix="/waste/tolerances", tags=["waste"])

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
Setter = Annotated[Principal, Depends(requires(Permission.SET_LIMITS))]
_SAME: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Error, "description": "Nothing would change: these values hold already"}
}


@router.get("", summary="What the rules of custody tolerate")
def tolerances(shared: Shared, reader: Reader) -> WasteTolerances:
    """Every value with its unit, default, range, source and rules; who changed it, when and why; earlier settings."""
    with shared.database.connection() as connection:
        return _answer(reader, load_tolerance_settings(connection))


@router.post("", summary="Set what the rules of custody tolerate", responses=_SAME)
def set_tolerances(wanted: NewWasteTolerances, shared: Shared, setter: Setter) -> WasteTolerances:
    """Journaled: what arrives from then on is judged by it, and what is in memory at once; see docs/waste.md.

    What is not named stays. Of several mistakes all are named.
    """
    return _change(shared, setter, "waste_tolerances_set", wanted.reason, lambda now: {**now, **wanted.values})


@router.post("/reset", summary="Go back to the default tolerances", responses=_SAME)
def reset_tolerances(wanted: ToleranceReset, shared: Shared, setter: Setter) -> WasteTolerances:
    """All of them, or those that are named."""
    names = list(ABOUT) if wanted.names is None else wanted.names

    def without(now: Mapping[str, Any]) -> dict[str, Any]:
        return {**now, **{name: DEFAULTS.get(name) for name in names}}

    return _change(shared, setter, "waste_tolerances_reset", wanted.reason, without)


def tolerances_in_force(connection: Connection) -> Tolerances:
    """As they are set now."""
    return Tolerances.from_json(_now(load_tolerance_settings(connection)))


def _now(settings: Sequence[ToleranceSetting]) -> Mapping[str, Any]:
    return settings[-1].tolerances if settings else {}


def _change(shared: Context, setter: Principal, action: str, reason: str, change: Any) -> WasteTolerances:
    """Set what `change` makes of the values that differ from the defaults now."""
    if setter.counties:
        raise forbidden("waste_tolerances.everywhere", counties=listed(setter.counties))
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        hold_tolerances(connection)
        settings = load_tolerance_settings(connection)
        try:
            wanted = checked(change(_now(settings)))
        except ToleranceError as error:
            raise unacceptable(error) from error
        before, after = {**DEFAULTS, **_now(settings)}, {**DEFAULTS, **wanted}
        changes = {name: after[name] for name in ABOUT if after[name] != before[name]}
        if not changes:
            raise conflict("waste_tolerances.unchanged")
        said = {"reason": reason.strip(), "tolerances": changes, "before": {name: before[name] for name in changes}}
        audit.append(connection, setter.username, action, "waste_tolerances", said, at)
        added = add_tolerance_setting(connection, wanted, reason.strip(), setter.username, at)
    return _answer(setter, [*settings, added])


# ---------------------------------------------------------------------- settings to answers
def _answer(reader: Principal, settings: Sequence[ToleranceSetting]) -> WasteTolerances:
    history = _history(settings)
    now = _now(settings)
    return WasteTolerances(
        may_set=reader.may(Permission.SET_LIMITS) and not reader.counties,
        tolerances=[_info(name, now.get(name), history) for name in ABOUT],
        history=history,
    )


def _history(settings: Sequence[ToleranceSetting]) -> list[ToleranceSettingInfo]:
    """Newest first, each with what it changed."""
    found = []
    before: Mapping[str, Any] = DEFAULTS
    for each in settings:
        after = {**DEFAULTS, **each.tolerances}
        changes = [
            ToleranceChange(name=name, before=before[name], after=after[name], **_names(name))
            for name in ABOUT
            if before[name] != after[name]
        ]
        found.append(
            ToleranceSettingInfo(
                id=each.id, set_by=each.set_by, set_at=each.set_at, reason=each.reason, changes=changes
            )
        )
        before = after
    return found[::-1]


def _info(name: str, value: Value | None, history: Sequence[ToleranceSettingInfo]) -> ToleranceInfo:
    about = ABOUT[name]
    setters = (each for each in history if any(name == of.name for of in each.changes))
    by = None if value is None else next(setters, None)
    source = "design" if about.certainty == "design" else name
    return ToleranceInfo(
        name=name,
        group=about.group,
        unit=about.unit,
        kind=_kind(DEFAULTS[name]),
        value=DEFAULTS[name] if value is None else value,
        default=DEFAULTS[name],
        least=about.least,
        most=about.most,
        not_above=NOT_ABOVE.get(name),
        certainty=about.certainty,
        rules=[rule.code for rule in about.rules],
        rules_zh=_rules(name, "zh"),
        rules_en=_rules(name, "en"),
        changed=value is not None,
        set_by=None if by is None else by.set_by,
        set_at=None if by is None else by.set_at,
        reason=None if by is None else by.reason,
        **_names(name),
        **{f"group_{each}": text(each, f"waste_tolerance.group.{about.group}") for each in LANGUAGES},
        **{f"source_{each}": text(each, f"waste_tolerance.source.{source}") for each in LANGUAGES},
    )


def _kind(default: Value) -> Literal["number", "whole", "yes_no"]:
    if isinstance(default, bool):
        return "yes_no"
    return "whole" if isinstance(default, int) else "number"


def _names(name: str) -> dict[str, str]:
    unit = ABOUT[name].unit
    return {
        **{f"name_{each}": text(each, f"waste_tolerance.name.{name}") for each in LANGUAGES},
        **{f"unit_{each}": text(each, f"waste_tolerance.unit.{unit}") if unit else "" for each in LANGUAGES},
    }


def _rules(name: str, language: Language) -> list[str]:
    """The rules' names, each once: two pre-warnings share one."""
    return list(dict.fromkeys(text(language, f"waste.rule.{rule.code}") for rule in ABOUT[name].rules))
