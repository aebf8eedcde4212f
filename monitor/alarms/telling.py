"""No legal lead is put away silently: the section heads find it in their inboxes, in the transaction of the act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from registry.catalogue import Language, text
from registry.wall_clock import wall_clock
from store import notifications, notify_settings
from store.connections import Connection

REASON: Final = "put_away"
SECTION_HEAD: Final = "section_head"

_PEOPLE: Final = (
    "SELECT p.username, coalesce(n.language, 'zh') FROM person p LEFT JOIN notify_person n ON n.person = p.username "
    "WHERE p.disabled_at IS NULL AND p.username <> %s AND (p.username = ANY(%s) OR (%s AND p.role = 'centre'))"
)


def tell_put_away(
    connection: Connection, alarm: Mapping[str, Any], zone: str, act: str, actor: str, until: datetime, at: datetime
) -> int:
    """Tell the section heads on duty for the alarm's county, the centre where there is none; how many. Not `actor`.

    `alarm` has the fields of the API's `Alarm`, `act` is ``shelve`` or ``out_of_service``.
    """
    duties = notify_settings.roster(connection, at, at)
    heads = [
        each["person"] for each in duties if each["role"] == SECTION_HEAD and each["county"] in (None, alarm["county"])
    ]
    told = 0
    for person, code in connection.execute(_PEOPLE, (actor, heads, not heads)).fetchall():
        language: Language = "en" if code == "en" else "zh"
        fields = {
            "site": alarm[f"site_name_{language}"],
            "text": alarm[f"text_{language}"],
            "who": actor,
            "until": wall_clock(language, until, zone),
            "reason": alarm["reason"],
        }
        message: dict[str, Any] = {
            "at": at,
            "reason": REASON,
            "person": person,
            "channel_id": None,
            "priority": alarm["priority"],
            "simulated": alarm["simulated"],
            "sites": [alarm["site"]],
            "counties": [alarm["county"]],
            "alarms": [alarm["id"]],
            "title": text(language, f"alarm.told.{act}", **fields),
            "body": text(language, "alarm.told.body", **fields),
            "language": language,
            "why": {"act": act, "by": actor},
        }
        notifications.add(connection, message, [{"channel_id": None, "kind": "inbox"}])
        told += 1
    return told
