"""Who finds a step of a case in their inbox: the venue what is asked of it, the officers what has come to them."""

from collections.abc import Sequence
from typing import Any, Final

from monitor.supervision.case import Act, Action, Case, Party
from registry.catalogue import Language, text
from store import notifications
from store.connections import Connection

REASON: Final = "case"
TO_THE_VENUE: Final = frozenset(
    {
        Action.WORK_ORDER,
        Action.GUIDE,
        Action.ORDER,
        Action.EXTEND,
        Action.RECHECK_PASSED,
        Action.RECHECK_FAILED,
        Action.REVOKE,
        Action.TRANSFER,
        Action.FILE,
        Action.CLOSE,
    }
)
TO_THE_OFFICERS: Final = frozenset({Action.ASSIGN, Action.FEEDBACK, Action.REOPEN, Action.RAISE_PRIORITY})


def tell(connection: Connection, number: int, case: Case, act: Act) -> int:
    """Put a step into the inboxes of those whom it concerns, but not of who took it; how many. In its transaction."""
    told = 0
    for person, language in _whom(connection, case, act):
        title = text(language, "supervision.told.title", action=_action(language, act), number=number)
        message: dict[str, Any] = {
            "at": act.at,
            "reason": REASON,
            "person": person,
            "channel_id": None,
            "priority": case.priority if act.party is not Party.VENUE else "medium",
            "simulated": case.simulated,
            "sites": [case.site],
            "counties": [case.county],
            "alarms": [],
            "title": title,
            "body": _body(language, case, act),
            "language": language,
            "why": {"case": number, "action": act.action.value, "by": act.actor},
        }
        notifications.add(connection, message, [{"channel_id": None, "kind": "inbox"}])
        told += 1
    return told


def _whom(connection: Connection, case: Case, act: Act) -> Sequence[tuple[str, Language]]:
    """Usernames and languages of those who are told and may sign in."""
    if act.action in TO_THE_OFFICERS:
        people = [each for each in (case.officer, case.second_officer) if each]
        found = connection.execute(f"{_PEOPLE} AND p.username = ANY(%s)", (act.actor, people))
    elif act.action in TO_THE_VENUE and case.told_at is not None:
        found = connection.execute(f"{_PEOPLE} AND p.role = 'venue' AND p.site = %s", (act.actor, case.site))
    else:
        return ()
    return [(username, "en" if language == "en" else "zh") for username, language in found.fetchall()]


_PEOPLE: Final = (
    "SELECT p.username, coalesce(n.language, 'zh') FROM person p LEFT JOIN notify_person n ON n.person = p.username "
    "WHERE p.disabled_at IS NULL AND p.username <> %s"
)


def _action(language: Language, act: Act) -> str:
    return text(language, f"supervision.action.{act.action.value}")


def _body(language: Language, case: Case, act: Act) -> str:
    """What was said, until when, and how urgent it is now."""
    due = case.deadline.day.isoformat() if case.deadline and act.due else ""
    until = text(language, "supervision.told.until", due=due) if due else ""
    now = text(language, "supervision.told.priority", priority=_priority(language, act)) if act.priority else ""
    return "\n".join(filter(None, (act.text.strip(), until, now)))


def _priority(language: Language, act: Act) -> str:
    return text(language, f"alarm.priority.{act.priority}")
