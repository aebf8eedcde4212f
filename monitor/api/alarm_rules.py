"""The rules that raise alarms with their rationalisation, and the alarm parameters of sites' own."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, status

from monitor.alarms.rules import latches, rule_code
from monitor.api.context import Now, Shared, SignedIn, requires, visible_site
from monitor.api.refusals import conflict, not_found, unacceptable
from monitor.api.schemas import Error
from monitor.api.schemas.alarm_acts import (
    AlarmRuleInfo,
    AlarmSettingInfo,
    NewAlarmSetting,
    Rationale,
    RecordWords,
    Withdrawal,
)
from monitor.api.scope import Permission, Principal
from monitor.api.sites import NOT_FOUND, SiteInPath
from registry.alarm_rules import alarm_rule, alarm_rules, beginnings
from registry.alarm_settings import AlarmSetting, AlarmSettings, check
from registry.site_settings import SettingError
from registry.words import moment
from store import audit
from store.alarm_settings import add_alarm_setting, end_alarm_setting, find_alarm_setting, load_alarm_settings

router = APIRouter(tags=["alarms"])

Reader = Annotated[Principal, Depends(requires(Permission.READ_ALARMS))]
Setter = Annotated[Principal, Depends(requires(Permission.SET_LIMITS))]
_ENDED: Final[dict[int | str, dict[str, Any]]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "The setting is over already"},
}


@router.get("/alarm-rules", summary="Rules that raise alarms, with their rationalisation")
def rules(_: SignedIn) -> list[AlarmRuleInfo]:
    """Cause, consequence, response, time to respond and basis of each; what is a design default says so."""
    return [
        AlarmRuleInfo(
            rule=each.code,
            priority=None if each.priority is None else each.priority.value,
            latches=each.latches,
            respond_within_s=each.respond_within_s,
            certainty=each.certainty.value,
            **{part: RecordWords(**words) for part, words in each.words.items()},
        )
        for each in sorted(alarm_rules().values(), key=lambda each: each.code)
    ]


@router.get("/sites/{code}/alarm-settings", summary="A site's own alarm parameters", responses=NOT_FOUND)
def settings(code: SiteInPath, shared: Shared, now: Now, reader: Reader) -> list[AlarmSettingInfo]:
    """Newest first, those that ended too."""
    visible_site(now, reader, code)
    with shared.database.connection() as connection:
        return [_info(each) for each in reversed(load_alarm_settings(connection, site=code))]


@router.post(
    "/sites/{code}/alarm-settings",
    status_code=status.HTTP_201_CREATED,
    summary="Set alarm parameters of a site's own",
    responses=NOT_FOUND,
)
def set_parameters(
    code: SiteInPath, wanted: NewAlarmSetting, shared: Shared, now: Now, setter: Setter
) -> AlarmSettingInfo:
    """Priority, delays, deadband, latching and the record of a rule here, from now on; limits are not changed."""
    site = visible_site(now, setter, code)
    at = shared.clock()
    setting = AlarmSetting(
        id=0,
        site=site.code,
        set_by=setter.username,
        set_at=at,
        **{**wanted.model_dump(), "reason": wanted.reason.strip()},
    )
    try:
        check(setting, now.registry)
    except SettingError as error:
        raise unacceptable(error) from error
    said = {name: value for name, value in wanted.model_dump().items() if value is not None}
    with shared.database.connection() as connection, connection.transaction():
        audit.append(connection, setter.username, "set_alarm_parameters", f"site:{site.code}", said, at)
        return _info(add_alarm_setting(connection, setting, at))


@router.post(
    "/sites/{code}/alarm-settings/{setting_id}/end", summary="End alarm parameters of a site's own", responses=_ENDED
)
def end_parameters(
    code: SiteInPath,
    setting_id: Annotated[int, Path(description="The setting", examples=[12])],
    said: Withdrawal,
    shared: Shared,
    now: Now,
    setter: Setter,
) -> AlarmSettingInfo:
    """From now on the rule's own parameters count again."""
    site = visible_site(now, setter, code)
    at = shared.clock()
    with shared.database.connection() as connection, connection.transaction():
        found = find_alarm_setting(connection, setting_id)
        if found is None or found.site != code:
            raise not_found("alarm_rules.unknown", number=setting_id, site=code)
        if found.ended_at is not None:
            raise conflict("alarm_rules.over", number=setting_id, at=moment(found.ended_at, site.zone))
        detail = {"rule": found.rule, "reason": said.reason.strip()}
        audit.append(connection, setter.username, "end_alarm_parameters", f"site:{code}", detail, at)
        return _info(end_alarm_setting(connection, found, at, setter.username, said.reason.strip()))


def rationale_of(row: Mapping[str, Any], own: Iterable[AlarmSetting]) -> Rationale | None:
    """The rationalisation record of an alarm's row with the site's own words; None where its rule is not declared."""
    rule = row["rule"] or rule_code(row)
    try:
        record = alarm_rule(rule)
    except KeyError:
        return None
    found = AlarmSettings(own)
    place = (row["site"], row["sampling_point"])

    def words(part: str, field: str) -> RecordWords:
        said = found.value(field, *place, rule)
        return RecordWords(**record.words[part]) if said is None else RecordWords(zh=said, en=said)

    names = set(beginnings(rule))
    used = [
        each.id
        for each in found.all.values()
        if each.ended_at is None and each.rule in names and each.sampling_point in (None, row["sampling_point"])
    ]
    return Rationale(
        rule=rule,
        latches=latches(found, row, rule),
        respond_within_s=found.value("respond_within_s", *place, rule) or record.respond_within_s,
        certainty="design" if used else record.certainty.value,
        cause=words("cause", "cause"),
        consequence=words("consequence", "consequence"),
        response=words("response", "response"),
        basis=words("basis", "reason") if used else RecordWords(**record.words["basis"]),
        settings=used,
    )


def _info(setting: AlarmSetting) -> AlarmSettingInfo:
    return AlarmSettingInfo(**{name: getattr(setting, name) for name in AlarmSettingInfo.model_fields})
