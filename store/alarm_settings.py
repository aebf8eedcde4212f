"""The alarm parameters of sites' own, as rows and in the journal. A change is one transaction with its journal row."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from registry.alarm_settings import AlarmSetting
from store import journal
from store.connections import Connection, scalar

_SET: Final = (
    "site",
    "sampling_point",
    "rule",
    "priority",
    "on_delay_s",
    "off_delay_s",
    "deadband",
    "latches",
    "respond_within_s",
    "cause",
    "consequence",
    "response",
    "reason",
    "set_by",
    "set_at",
)
_COLUMNS: Final = ", ".join(("id", *_SET, "ended_by", "ended_at", "end_reason", "ended_journal_id"))
_INSERT: Final = (
    f"INSERT INTO alarm_setting ({', '.join(_SET)}) "  # noqa: S608 -- constants
    f"VALUES ({', '.join(['%s'] * len(_SET))}) RETURNING id"
)


def load_alarm_settings(
    connection: Connection, *, site: str | None = None, as_of: int | None = None
) -> list[AlarmSetting]:
    """Every setting there ever was, by id, those that ended too; those of one `site` if it is named.

    With `as_of` as it was right after that journal row.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM alarm_setting "  # noqa: S608 -- constants
        "WHERE (%(site)s::text IS NULL OR site = %(site)s) "
        "AND (%(as_of)s::bigint IS NULL OR journal_id <= %(as_of)s) ORDER BY id",
        {"site": site, "as_of": as_of},
    ).fetchall()
    return [_setting(row, as_of) for row in rows]


def find_alarm_setting(connection: Connection, setting_id: int) -> AlarmSetting | None:
    """One setting, None where there is none; locked until the transaction ends."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM alarm_setting WHERE id = %s FOR UPDATE",  # noqa: S608 -- constants
        (setting_id,),
    ).fetchone()
    return None if row is None else _setting(row, None)


def add_alarm_setting(connection: Connection, wanted: AlarmSetting, at: datetime) -> AlarmSetting:
    """Keep a new setting and journal it; returns it with its id. The last work before COMMIT; does not commit."""
    found = scalar(connection, _INSERT, tuple(getattr(wanted, name) for name in _SET))
    added = replace(wanted, id=int(found))
    journal_id = _journal(connection, added, at)
    connection.execute("UPDATE alarm_setting SET journal_id = %s WHERE id = %s", (journal_id, added.id))
    return added


def end_alarm_setting(
    connection: Connection, setting: AlarmSetting, at: datetime, by: str, reason: str
) -> AlarmSetting:
    """End a setting and journal that; returns it as it is now. The last work before COMMIT; does not commit."""
    ended = setting.ended(at, by, reason)
    journal_id = _journal(connection, ended, at)
    connection.execute(
        "UPDATE alarm_setting SET ended_by = %s, ended_at = %s, end_reason = %s, ended_journal_id = %s WHERE id = %s",
        (by, at, reason, journal_id, setting.id),
    )
    return ended


def _journal(connection: Connection, setting: AlarmSetting, at: datetime) -> int:
    """The row carries the whole setting, so that what alarms were raised by follows from the journal alone."""
    return journal.append_event(connection, "config", {"what": "alarm_setting", "setting": setting.to_json()}, at)


def _setting(row: Sequence[Any], as_of: int | None) -> AlarmSetting:
    *fields, ended_by, ended_at, end_reason, ended_journal_id = row
    setting = AlarmSetting(*fields)
    if ended_at is None or (as_of is not None and (ended_journal_id is None or ended_journal_id > as_of)):
        return setting
    return setting.ended(ended_at, ended_by, end_reason)
