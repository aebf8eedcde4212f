"""The states of an alarm and what moves it between them (ISA-18.2 / IEC 62682), as one pure transition table.

The table is that of one occurrence. Shelved, suppressed by design and out of service are not states beside the
others but mutes over them (OPC UA Part 9, 5.8), so that what lies under a mute goes on and is never lost;
`Standing.isa` names the one ISA-18.2 state that a person is shown.

When a condition comes back before its last occurrence was acknowledged or reset, that is a new occurrence with a row
of its own, so that no history is overwritten; the older one then waits for nobody (`Happening.RELAPSED`), and of one
condition never more than one alarm asks to be acknowledged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AlarmState(StrEnum):
    """ISA-18.2 states under any mute; values are those of column ``alarm.state``."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED = "latched"


class Mute(StrEnum):
    """What keeps an alarm from being announced; of several the first in this order is shown."""

    OUT_OF_SERVICE = "out_of_service"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"


class Happening(StrEnum):
    """What can happen to an alarm; values are those of column ``alarm_event.event``."""

    RAISED = "raised"
    FOUND = "found"
    RETURNED = "returned"
    RELAPSED = "relapsed"
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    ON_THE_WAY = "on_the_way"
    COMMENT = "comment"
    WORSENED = "worsened"
    VERDICT = "verdict"
    FEEDBACK = "feedback"
    FEEDBACK_UNDONE = "feedback_undone"


_S, _H = AlarmState, Happening
TRANSITIONS: Final[Mapping[tuple[AlarmState, Happening], AlarmState]] = MappingProxyType(
    {
        (_S.NORMAL, _H.RAISED): _S.UNACKNOWLEDGED,
        # What is found in late data is over when it is found: it waits to be seen, and never is active.
        (_S.NORMAL, _H.FOUND): _S.RETURNED_UNACKNOWLEDGED,
        (_S.UNACKNOWLEDGED, _H.ACKNOWLEDGED): _S.ACKNOWLEDGED,
        (_S.UNACKNOWLEDGED, _H.RETURNED): _S.RETURNED_UNACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _H.RETURNED): _S.NORMAL,
        (_S.RETURNED_UNACKNOWLEDGED, _H.ACKNOWLEDGED): _S.NORMAL,
        (_S.RETURNED_UNACKNOWLEDGED, _H.RELAPSED): _S.NORMAL,
        (_S.LATCHED_UNACKNOWLEDGED, _H.ACKNOWLEDGED): _S.LATCHED,
        (_S.LATCHED_UNACKNOWLEDGED, _H.RELAPSED): _S.NORMAL,
        (_S.LATCHED, _H.RELAPSED): _S.NORMAL,
        (_S.LATCHED, _H.RESET): _S.NORMAL,
        # Who put an alarm away has seen it; when that ends and the condition is still there, it asks again.
        (_S.ACKNOWLEDGED, _H.UNSHELVED): _S.UNACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _H.IN_SERVICE): _S.UNACKNOWLEDGED,
    }
)
"""What moves an occurrence. What the table doesn't name leaves the state as it is."""

LATCHING: Final[Mapping[tuple[AlarmState, Happening], AlarmState]] = MappingProxyType(
    {
        (_S.UNACKNOWLEDGED, _H.RETURNED): _S.LATCHED_UNACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _H.RETURNED): _S.LATCHED,
    }
)
"""What moves an occurrence of a rule that latches otherwise."""

MUTING: Final[Mapping[Happening, tuple[Mute, bool]]] = MappingProxyType(
    {
        _H.SHELVED: (Mute.SHELVED, True),
        _H.UNSHELVED: (Mute.SHELVED, False),
        _H.SUPPRESSED: (Mute.SUPPRESSED, True),
        _H.UNSUPPRESSED: (Mute.SUPPRESSED, False),
        _H.OUT_OF_SERVICE: (Mute.OUT_OF_SERVICE, True),
        _H.IN_SERVICE: (Mute.OUT_OF_SERVICE, False),
    }
)
"""Which mute a happening puts on or takes off."""

ACTIVE: Final = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED})
WAITING: Final = frozenset(
    {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.LATCHED_UNACKNOWLEDGED}
)
"""States that ask somebody to acknowledge."""

_ISA_OF_MUTE: Final[Mapping[Mute, str]] = MappingProxyType(
    {Mute.OUT_OF_SERVICE: "out_of_service", Mute.SHELVED: "shelved", Mute.SUPPRESSED: "suppressed_by_design"}
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An occurrence's state with the mutes over it."""

    state: AlarmState = AlarmState.NORMAL
    latches: bool = False
    mutes: frozenset[Mute] = frozenset()

    @property
    def active(self) -> bool:
        """Whether the condition is still there."""
        return self.state in ACTIVE

    @property
    def muted(self) -> bool:
        """Whether nobody is to be told."""
        return bool(self.mutes)

    @property
    def isa(self) -> str:
        """The ISA-18.2 state that a person is shown: the mute while there is one, else the state."""
        return next((_ISA_OF_MUTE[mute] for mute in Mute if mute in self.mutes), self.state.value)

    def after(self, happening: Happening) -> "Standing":
        """The standing after something happened: the whole machine. Mutes of an occurrence that is over fall away."""
        table = {**TRANSITIONS, **LATCHING} if self.latches else TRANSITIONS
        state = table.get((self.state, happening), self.state)
        mutes = self.mutes
        if happening in MUTING:
            mute, on = MUTING[happening]
            mutes = mutes | {mute} if on else mutes - {mute}
        return replace(self, state=state, mutes=frozenset() if state is AlarmState.NORMAL else mutes)


def step(state: AlarmState, happening: Happening) -> AlarmState:
    """The state of an unmuted, unlatched occurrence after something happened."""
    return Standing(state).after(happening).state


def active(state: AlarmState) -> bool:
    """Whether the condition is still there."""
    return state in ACTIVE
