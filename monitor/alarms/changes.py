"""What a step of the fold changes: rows of alarms, their events and flags of readings, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.states import AlarmState, Happening

LIMIT_FLAG: Final = np.dtype([("channel_id", "<i4"), ("ts", "<i8"), ("flag", "<i2")])
"""A reading beyond its limit, `ts` in us: QARTOD flag 3 for an operational limit, 4 for one of a standard."""


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


@dataclass(frozen=True, slots=True)
class Act:
    """Why and when something happens to an alarm: the journal row, the instant, and who said what, if anybody."""

    journal_id: int
    at: datetime
    actor: str | None = None
    text: str | None = None
