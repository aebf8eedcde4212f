"""The book of alarms that are not over, and the row changes that come of what happens to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.states import AlarmState, Happening, active, step

ORDINALS: Final = 65_536
"""Alarms that one journal row can raise; alarm id = journal id × ORDINALS + ordinal."""

LIMIT_FLAG: Final = np.dtype([("channel_id", "<i4"), ("ts", "<i8"), ("flag", "<i2")])
"""A reading beyond its limit, `ts` in us: QARTOD flag 3 for an operational limit, 4 for one of a standard."""


class BookError(RuntimeError):
    """The book would become wrong: a fault of this program, never of the data, so nobody should pass over it."""


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """A row of table ``alarm_event``: something happened to an alarm because of a journal row."""

    alarm_id: int
    journal_id: int
    at: datetime
    event: Happening
    state: AlarmState
    actor: str | None = None
    text: str | None = None
    detail: Mapping[str, Any] | None = None


@dataclass
class Changes:
    """What is to be written: new alarm rows by id, changed columns of older ones by id, events in order.

    `gross_range` are (channel id, ts in us) of readings no working instrument reports, `beyond` arrays of dtype
    `LIMIT_FLAG` of readings beyond the limit in force at their time, `detected` such arrays by test of the detector.
    """

    raised: dict[int, dict[str, Any]] = field(default_factory=dict)
    amended: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[AlarmEvent] = field(default_factory=list)
    gross_range: list[tuple[int, int]] = field(default_factory=list)
    beyond: list[NDArray[Any]] = field(default_factory=list)
    detected: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def amend(self, alarm_id: int, columns: Mapping[str, Any]) -> None:
        """Change columns of an alarm, be it new in these changes or not."""
        row = self.raised.get(alarm_id)
        if row is None:
            row = self.amended.setdefault(alarm_id, {})
        row.update(columns)


class Book:
    """Alarms that are not `normal`: `open` is the id of each condition that is on, `states` the state of each id."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.states: dict[int, AlarmState] = {}
        self._journal_id = -1
        self._ordinal = 0

    def raise_alarm(self, changes: Changes, journal_id: int, row: Mapping[str, Any]) -> int:
        """Open an alarm for ``row["condition"]`` and return its id. One condition is one alarm: it must not be on."""
        condition: str = row["condition"]
        if condition in self.open:
            raise BookError(
                f"condition {condition}: alarm {self.open[condition]} is still on, one condition is one alarm"
            )
        alarm_id = self._next_id(journal_id)
        state = step(AlarmState.NORMAL, Happening.RAISED)
        self.open[condition], self.states[alarm_id] = alarm_id, state
        changes.raised[alarm_id] = {
            "id": alarm_id,
            "state": state,
            "returned_at": None,
            "acknowledged_at": None,
            "acknowledged_by": None,
            "return_reason": None,
            "audience": "inspector",
            "verdict": None,
            "sureness": None,
            "evidence": None,
            **row,
        }
        changes.events.append(AlarmEvent(alarm_id, journal_id, row["raised_at"], Happening.RAISED, state))
        return alarm_id

    def return_alarm(
        self, changes: Changes, journal_id: int, condition: str, at: datetime, reason: str, extreme: float | None = None
    ) -> None:
        """End a condition at an instant; a condition that is not on is nothing to end."""
        alarm_id = self.open.pop(condition, None)
        if alarm_id is None:
            return
        state = self._move(alarm_id, Happening.RETURNED)
        columns = {"state": state, "returned_at": at, "return_reason": reason}
        changes.amend(alarm_id, columns if extreme is None else {**columns, "extreme": extreme})
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, Happening.RETURNED, state, text=reason))

    def worsen(self, changes: Changes, journal_id: int, condition: str, at: datetime, priority: str, text: str) -> None:
        """Raise the priority of a condition that is on; one condition is one alarm, so its state stays as it is."""
        alarm_id = self.open[condition]
        state = self._move(alarm_id, Happening.WORSENED)
        changes.amend(alarm_id, {"priority": priority})
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, Happening.WORSENED, state, text=text))

    def acknowledge(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Record that a person saw an alarm. On one seen before, over or unknown it changes nothing but is recorded."""
        before = self.states.get(alarm_id, AlarmState.NORMAL)
        state = self._move(alarm_id, Happening.ACKNOWLEDGED)
        if state is not before:
            changes.amend(alarm_id, {"state": state, "acknowledged_at": at, "acknowledged_by": actor})
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, Happening.ACKNOWLEDGED, state, actor, text))

    def comment(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Record what a person has to say about an alarm."""
        state = self.states.get(alarm_id, AlarmState.NORMAL)
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, Happening.COMMENT, state, actor, text))

    def judge(self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, columns: Mapping[str, Any]) -> None:
        """Write on an alarm what the detector makes of it now: columns verdict, sureness, evidence (and others)."""
        changes.amend(alarm_id, columns)
        state = self.states.get(alarm_id, AlarmState.NORMAL)
        detail = {"verdict": columns["verdict"], "sureness": columns["sureness"], **(columns["evidence"] or {})}
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, Happening.VERDICT, state, detail=detail))

    def feedback(
        self,
        changes: Changes,
        journal_id: int,
        alarm_id: int,
        at: datetime,
        actor: str,
        text: str | None,
        detail: Mapping[str, Any],
    ) -> None:
        """Record that a person said whether an alarm was true, or took that back (`detail` names the journal row)."""
        happening = Happening.FEEDBACK_UNDONE if "undoes" in detail else Happening.FEEDBACK
        state = self.states.get(alarm_id, AlarmState.NORMAL)
        changes.events.append(AlarmEvent(alarm_id, journal_id, at, happening, state, actor, text, detail))

    def _move(self, alarm_id: int, happening: Happening) -> AlarmState:
        state = step(self.states.get(alarm_id, AlarmState.NORMAL), happening)
        if state is AlarmState.NORMAL:
            self.states.pop(alarm_id, None)
        else:
            self.states[alarm_id] = state
        return state

    def _next_id(self, journal_id: int) -> int:
        self._ordinal = self._ordinal + 1 if journal_id == self._journal_id else 0
        self._journal_id = journal_id
        if self._ordinal >= ORDINALS:
            raise BookError(f"journal row {journal_id} raises more than {ORDINALS} alarms, their ids would collide")
        return journal_id * ORDINALS + self._ordinal

    @property
    def open_count(self) -> int:
        """How many conditions are on."""
        return sum(active(state) for state in self.states.values())
