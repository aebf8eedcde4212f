"""What people do about alarms, as the journal's ``action`` rows tell it, done to the book."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from monitor.alarms.book import Act, Book, Changes
from monitor.alarms.muting import Away
from monitor.alarms.states import Happening

LONGEST_SHELF: Final[Mapping[str, timedelta]] = MappingProxyType(
    {"high": timedelta(hours=8), "medium": timedelta(hours=24), "low": timedelta(hours=72)}
)
"""How long an alarm of each priority may be shelved at a time (ISA-18.2 asks for a limit; design defaults)."""
LONGEST_SHELF_OF_LEAD: Final = timedelta(hours=8)
"""… and one that is beyond a limit of a binding standard, whatever its priority."""
LONGEST_OUT_OF_SERVICE: Final = timedelta(days=30)


def apply_act(book: Book, changes: Changes, act: Act, alarm_id: int, body: Mapping[str, Any]) -> None:
    """Do to an alarm what a person did. Raises `KeyError` or `ValueError` naming what is not acceptable."""
    what, actor = body["what"], act.actor or ""
    simple = {
        "acknowledge": book.acknowledge,
        "comment": book.comment,
        "reset": book.reset,
        "on_the_way": book.on_the_way,
    }
    if what in simple:
        simple[what](changes, act.journal_id, alarm_id, act.at, actor, act.text)
    elif what == "shelve":
        away = Away(int(body["until"]), actor, act.text or "", bool(body["once"]))
        book.put_away(changes, act, alarm_id, Happening.SHELVED, away)
    elif what == "out_of_service":
        away = Away(int(body["until"]), actor, act.text or "")
        book.put_away(changes, act, alarm_id, Happening.OUT_OF_SERVICE, away, body.get("device"))
    elif what in ("unshelve", "in_service"):
        happening = Happening.UNSHELVED if what == "unshelve" else Happening.IN_SERVICE
        book.take_back(changes, act, alarm_id, happening)
    else:
        raise ValueError(f"act {what!r} on alarm {alarm_id} is not known")
