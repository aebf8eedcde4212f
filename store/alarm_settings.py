"""The alarm parameters of sites' own, as rows and in the journal."""

from datetime import datetime
from typing import Final

from registry.alarm_settings import AlarmSetting
from store.config_records import ConfigTable
from store.connections import Connection

_SETTINGS: Final = ConfigTable(
    "alarm_setting", AlarmSetting, what="alarm_setting", key="setting", make=AlarmSetting, end=AlarmSetting.ended
)


def load_alarm_settings(
    connection: Connection, *, site: str | None = None, as_of: int | None = None
) -> list[AlarmSetting]:
    """Every setting there ever was, by id, those that ended too; those of one `site` if it is named.

    With `as_of` as it was right after that journal row.
    """
    return _SETTINGS.load(connection, as_of, "%(site)s::text IS NULL OR site = %(site)s", {"site": site})


def find_alarm_setting(connection: Connection, setting_id: int) -> AlarmSetting | None:
    """One setting, None where there is none; locked until the transaction ends."""
    return _SETTINGS.find(connection, setting_id)


def add_alarm_setting(connection: Connection, wanted: AlarmSetting, at: datetime) -> AlarmSetting:
    """Keep a new setting and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    return _SETTINGS.add(connection, wanted, at)


def end_alarm_setting(
    connection: Connection, setting: AlarmSetting, at: datetime, by: str, reason: str
) -> AlarmSetting:
    """End a setting and journal that; returns it as it is now. The last work before COMMIT; does not commit."""
    return _SETTINGS.end_one(connection, setting, at, by, reason)
