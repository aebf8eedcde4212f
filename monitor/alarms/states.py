"""The states of an alarm and what moves it between them (ISA-18.2 / IEC 62682), as a pure transition table.

The table is that of one occurrence. When a condition comes back before its last occurrence was acknowledged,
that is a new occurrence with a row of its own, so that no history is overwritten.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AlarmState(StrEnum):
    """ISA-18.2 states; values are those of column ``alarm.state``."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"


class Happening(StrEnum):
    """What can happen to an alarm; values are those of column ``alarm_event.event``."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    COMMENT = "comment"
    WORSENED = "worsened"
    VERDICT = "verdict"
    FEEDBACK = "feedback"
    FEEDBACK_UNDONE = "feedback_undone"


TRANSITIONS: Final[Mapping[tuple[AlarmState, Happening], AlarmState]] = MappingProxyType(
    {
        (AlarmState.NORMAL, Happening.RAISED): AlarmState.UNACKNOWLEDGED,
        (AlarmState.UNACKNOWLEDGED, Happening.ACKNOWLEDGED): AlarmState.ACKNOWLEDGED,
        (AlarmState.UNACKNOWLEDGED, Happening.RETURNED): AlarmState.RETURNED_UNACKNOWLEDGED,
        (AlarmState.ACKNOWLEDGED, Happening.RETURNED): AlarmState.NORMAL,
        (AlarmState.RETURNED_UNACKNOWLEDGED, Happening.ACKNOWLEDGED): AlarmState.NORMAL,
    }
)


def step(state: AlarmState, happening: Happening) -> AlarmState:
    """The state after something happened; what the table doesn't name leaves the state as it is."""
    return TRANSITIONS.get((state, happening), state)


def active(state: AlarmState) -> bool:
    """Whether the condition is still there."""
    return state in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
