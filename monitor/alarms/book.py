"""The book of alarms that are not over, and the row changes that come of what happens to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from monitor.alarms.changes import LIMIT_FLAG, Act, AlarmEvent, Changes
from monitor.alarms.muting import Away, HoldOff, Kept, Muting
from monitor.alarms.rules import latches, priority, rule_code
from monitor.alarms.states import AlarmState, Happening, Mute, Standing
from registry.alarm_settings import AlarmSettings
from store.records import from_us, to_us

__all__ = ["LIMIT_FLAG", "ORDINALS", "Act", "AlarmEvent", "Book", "BookError", "Changes"]

ORDINALS: Final = 65_536
"""Alarms that one journal row can raise; alarm id = journal id × ORDINALS + ordinal."""

EXPIRED: Final = "expired"
"""What the event of a shelf says that ended by itself."""

_COLUMNS_OF: Final[Mapping[Mute, tuple[str, ...]]] = {
    Mute.SHELVED: ("shelved_until", "shelved_by", "shelved_once", "shelve_reason"),
    Mute.SUPPRESSED: ("suppressed_by", "suppressed_since"),
    Mute.OUT_OF_SERVICE: ("out_of_service_until", "out_of_service_by", "out_of_service_reason"),
}
"""The columns that tell of each mute; null while it is off."""


class BookError(RuntimeError):
    """The book would become wrong: a fault of this program, never of the data, so nobody should pass over it."""


class Book:
    """Alarms that are not `normal`.

    `alarms` by id; `open` is the id of each condition that is on, `waiting` that of its last occurrence where that is
    over but not acknowledged or reset. `muting` is what mutes, `settings` the alarm parameters of sites' own.
    """

    def __init__(self) -> None:
        self.alarms: dict[int, Kept] = {}
        self.open: dict[str, int] = {}
        self.waiting: dict[str, int] = {}
        self.muting = Muting()
        self.settings = AlarmSettings()
        self.hold_off = HoldOff()
        self._suppressed: set[int] = set()
        self._journal_id = -1
        self._ordinal = 0

    # ------------------------------------------------------------------ the process
    def raise_alarm(self, changes: Changes, journal_id: int, row: Mapping[str, Any]) -> int:
        """Open an alarm for ``row["condition"]`` and return its id. One condition is one alarm: it must not be on."""
        condition: str = row["condition"]
        if condition in self.open:
            raise BookError(
                f"condition {condition}: alarm {self.open[condition]} is still on, one condition is one alarm"
            )
        alarm_id = self._begin(changes, journal_id, row, Happening.RAISED)
        self.open[condition] = alarm_id
        alarm = self.alarms[alarm_id]
        act = Act(journal_id, row["raised_at"])
        for happening, away in (
            (Happening.OUT_OF_SERVICE, self.muting.out_of_service(alarm)),
            (Happening.SHELVED, self.muting.shelves.get(condition)),
        ):
            if away is not None:
                self._put_away(changes, alarm_id, Act(journal_id, act.at, away.by, away.reason), happening, away)
        by = self.muting.suppressor(alarm, self.hold_off)
        if by is not None:
            self._suppress(changes, act, alarm_id, by)
        return alarm_id

    def find(self, changes: Changes, journal_id: int, row: Mapping[str, Any]) -> int:
        """Write down what late data show: a historic finding, over when it is found. Returns its id.

        It is never active, and its condition is no live one's; a newer one takes the place of one that nobody has seen.
        """
        return self._begin(changes, journal_id, {**row, "historic": True}, Happening.FOUND)

    def _begin(self, changes: Changes, journal_id: int, row: Mapping[str, Any], happening: Happening) -> int:
        condition = row["condition"]
        alarm_id = self._next_id(journal_id)
        rule = row.get("rule") or rule_code(row)
        site, point = row.get("site", ""), row.get("sampling_point")
        before = self.waiting.get(condition)
        standing = Standing(latches=latches(self.settings, row, rule))
        self.alarms[alarm_id] = alarm = Kept(
            condition=condition,
            rule=rule,
            kind=row.get("kind", ""),
            site=site,
            device=row.get("device"),
            sampling_point=point,
            since=to_us(row.get("since", row["raised_at"])),
            legal_lead=bool(row.get("legal_lead", False)),
            occurrence=1 if before is None else self.alarms[before].occurrence + 1,
            standing=standing,
        )
        act = Act(journal_id, row["raised_at"])
        if before is not None:
            self._happen(changes, act, before, Happening.RELAPSED, detail={"as": alarm_id})
        changes.raised[alarm_id] = {
            **_NEW,
            **row,
            "id": alarm_id,
            "state": standing.state,
            "rule": rule,
            "priority": priority(self.settings, row, rule),
            "legal_lead": alarm.legal_lead,
            "latches": standing.latches,
            "occurrence": alarm.occurrence,
            "relapse_of": before,
        }
        self._happen(changes, act, alarm_id, happening)
        return alarm_id

    def return_alarm(
        self, changes: Changes, journal_id: int, condition: str, at: datetime, reason: str, extreme: float | None = None
    ) -> None:
        """End a condition at an instant; a condition that is not on is nothing to end."""
        alarm_id = self.open.pop(condition, None)
        if alarm_id is None:
            return
        columns: dict[str, Any] = {"returned_at": at, "return_reason": reason}
        if extreme is not None:
            columns["extreme"] = extreme
        self._happen(changes, Act(journal_id, at, text=reason), alarm_id, Happening.RETURNED, columns)
        shelf = self.muting.shelves.get(condition)
        if shelf is not None and shelf.once:
            self._take_back(changes, Act(journal_id, at, text=reason), condition)

    def worsen(
        self,
        changes: Changes,
        journal_id: int,
        condition: str,
        at: datetime,
        priority: str,
        text: str,
        severity: str | None = None,
    ) -> None:
        """Raise the priority of a condition that is on; one condition is one alarm, so its state stays as it is."""
        worse = {"priority": priority} if severity is None else {"priority": priority, "severity": severity}
        columns = {**worse, "worsened_at": at}
        act = Act(journal_id, at, text=text)
        self._happen(changes, act, self.open[condition], Happening.WORSENED, columns, detail=worse)

    # ------------------------------------------------------------------ people
    def acknowledge(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Record that a person saw an alarm. On one seen before, over or unknown it changes nothing but is recorded."""
        columns = {"acknowledged_at": at, "acknowledged_by": actor}
        self._happen(changes, Act(journal_id, at, actor, text), alarm_id, Happening.ACKNOWLEDGED, columns)

    def reset(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Let a latched alarm go. On any other it changes nothing but is recorded."""
        columns = {"reset_at": at, "reset_by": actor}
        self._happen(changes, Act(journal_id, at, actor, text), alarm_id, Happening.RESET, columns)

    def comment(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Record what a person has to say about an alarm."""
        self._happen(changes, Act(journal_id, at, actor, text), alarm_id, Happening.COMMENT)

    def on_the_way(
        self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, actor: str, text: str | None
    ) -> None:
        """Record that a person is going there."""
        columns = {"on_the_way_at": at, "on_the_way_by": actor}
        self._happen(changes, Act(journal_id, at, actor, text), alarm_id, Happening.ON_THE_WAY, columns)

    def put_away(
        self, changes: Changes, act: Act, alarm_id: int, happening: Happening, away: Away, device: str | None = None
    ) -> None:
        """Shelve an alarm (`Happening.SHELVED`) or put it out of service, with `device` all alarms of that device.

        On an alarm that is over it changes nothing but is recorded: there is nothing to put away.
        """
        alarm = self.alarms.get(alarm_id)
        if alarm is None:
            self._happen(changes, act, alarm_id, happening)
            return
        if happening is Happening.SHELVED:
            self.muting.shelves[alarm.condition] = away
            self._put_away(changes, alarm_id, act, happening, away)
            return
        target = alarm.condition if device is None else f"device:{device}"
        self.muting.out[target] = away
        for each in sorted(self.alarms):
            if self.muting.out_of_service(self.alarms[each]) is away:
                self._put_away(changes, each, act, happening, away)

    def take_back(self, changes: Changes, act: Act, alarm_id: int, happening: Happening) -> None:
        """End a shelf, or put back into service, ahead of its time; what is not put away is only recorded."""
        alarm = self.alarms.get(alarm_id)
        if alarm is None:
            self._happen(changes, act, alarm_id, happening)
        elif happening is Happening.UNSHELVED and alarm.condition in self.muting.shelves:
            self._take_back(changes, act, alarm.condition)
        elif happening is Happening.IN_SERVICE and self.muting.out_of_service(alarm) is not None:
            target = alarm.condition if alarm.condition in self.muting.out else f"device:{alarm.device}"
            self._back_in_service(changes, act, target)
        else:
            self._happen(changes, act, alarm_id, happening)

    def _put_away(self, changes: Changes, alarm_id: int, act: Act, happening: Happening, away: Away) -> None:
        until = from_us(away.until)
        detail = {
            "until": until.isoformat(),
            "once": away.once,
            "legal_lead": self.alarms[alarm_id].legal_lead,
        }
        if happening is Happening.SHELVED:
            columns = dict(zip(_COLUMNS_OF[Mute.SHELVED], (until, away.by, away.once, away.reason), strict=True))
        else:
            columns = dict(zip(_COLUMNS_OF[Mute.OUT_OF_SERVICE], (until, away.by, away.reason), strict=True))
        self._happen(changes, act, alarm_id, happening, columns, detail)

    def _take_back(self, changes: Changes, act: Act, condition: str) -> None:
        del self.muting.shelves[condition]
        for alarm_id in (self.open.get(condition), self.waiting.get(condition)):
            if alarm_id is not None:
                self._happen(changes, act, alarm_id, Happening.UNSHELVED)

    def _back_in_service(self, changes: Changes, act: Act, target: str) -> None:
        del self.muting.out[target]
        for alarm_id in sorted(self.alarms):
            alarm = self.alarms[alarm_id]
            held = Mute.OUT_OF_SERVICE in alarm.standing.mutes
            if held and self.muting.out_of_service(alarm) is None:
                self._happen(changes, act, alarm_id, Happening.IN_SERVICE)

    # ------------------------------------------------------------------ time
    def sweep(self, changes: Changes, journal_id: int, now: int, *, outages_changed: bool) -> None:
        """End at a tick (`now` in us) what mutes no longer, and mute what hangs on what is not heard any more."""
        act = Act(journal_id, from_us(now), text=EXPIRED)
        shelves, out = self.muting.expired(now)
        for condition in shelves:
            self._take_back(changes, act, condition)
        for target in out:
            self._back_in_service(changes, act, target)
        for alarm_id in sorted(self.alarms) if outages_changed else sorted(self._suppressed):
            alarm = self.alarms[alarm_id]
            by = self.muting.still(alarm, now, self.hold_off) if alarm.standing.active or alarm.suppressed_by else None
            if by == alarm.suppressed_by:
                continue
            if by is None:
                act_of_end = Act(journal_id, from_us(now), text=alarm.suppressed_by)
                alarm.suppressed_by = None
                self._suppressed.discard(alarm_id)
                self._happen(changes, act_of_end, alarm_id, Happening.UNSUPPRESSED)
            else:
                self._suppress(changes, Act(journal_id, from_us(now)), alarm_id, by)
        self.muting.forget(now)

    def _suppress(self, changes: Changes, act: Act, alarm_id: int, by: str) -> None:
        self.alarms[alarm_id].suppressed_by = by
        self._suppressed.add(alarm_id)
        columns = {"suppressed_by": by, "suppressed_since": act.at}
        said = Act(act.journal_id, act.at, text=by)
        self._happen(changes, said, alarm_id, Happening.SUPPRESSED, columns)

    # ------------------------------------------------------------------ the detector
    def judge(self, changes: Changes, journal_id: int, alarm_id: int, at: datetime, columns: Mapping[str, Any]) -> None:
        """Write on an alarm what the detector makes of it now: columns verdict, sureness, evidence (and others)."""
        changes.amend(alarm_id, columns)
        detail = {"verdict": columns["verdict"], "sureness": columns["sureness"], **(columns["evidence"] or {})}
        self._happen(changes, Act(journal_id, at), alarm_id, Happening.VERDICT, detail=detail)

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
        self._happen(changes, Act(journal_id, at, actor, text), alarm_id, happening, detail=detail)

    # ------------------------------------------------------------------ one step of the machine
    def _happen(
        self,
        changes: Changes,
        act: Act,
        alarm_id: int,
        happening: Happening,
        columns: Mapping[str, Any] | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Move an alarm past a happening, and write what that changes.

        `columns` count where the standing moves and for `_ALWAYS`; an alarm that is over or unknown gets the event
        alone.
        """
        alarm = self.alarms.get(alarm_id)
        before = Standing() if alarm is None else alarm.standing
        after = before.after(happening)
        if alarm is not None:
            changed: dict[str, Any] = {}
            if after != before or happening in _ALWAYS:
                changed.update(columns or {})
            if after.state is not before.state:
                changed["state"] = after.state
                if before.state is AlarmState.ACKNOWLEDGED and after.state is AlarmState.UNACKNOWLEDGED:
                    # It asks again; who answered before is in its history.
                    changed |= {"acknowledged_at": None, "acknowledged_by": None}
            for mute in before.mutes - after.mutes:
                changed |= dict.fromkeys(_COLUMNS_OF[mute])
            alarm.standing = after
            self._keep(alarm_id, alarm)
            if changed:
                changes.amend(alarm_id, changed)
        changes.events.append(
            AlarmEvent(alarm_id, act.journal_id, act.at, happening, after.state, act.actor, act.text, detail)
        )

    def _keep(self, alarm_id: int, alarm: Kept) -> None:
        """Keep the look-ups in step with an alarm's standing."""
        state = alarm.standing.state
        if state is AlarmState.NORMAL:
            del self.alarms[alarm_id]
            self._suppressed.discard(alarm_id)
            if self.waiting.get(alarm.condition) == alarm_id:
                del self.waiting[alarm.condition]
        elif not alarm.standing.active:
            self.waiting[alarm.condition] = alarm_id

    def _next_id(self, journal_id: int) -> int:
        self._ordinal = self._ordinal + 1 if journal_id == self._journal_id else 0
        self._journal_id = journal_id
        if self._ordinal >= ORDINALS:
            raise BookError(f"journal row {journal_id} raises more than {ORDINALS} alarms, their ids would collide")
        return journal_id * ORDINALS + self._ordinal

    # ------------------------------------------------------------------ looking and keeping
    @property
    def states(self) -> dict[int, AlarmState]:
        """The state of each alarm that is not over."""
        return {alarm_id: alarm.standing.state for alarm_id, alarm in self.alarms.items()}

    @property
    def open_count(self) -> int:
        """How many conditions are on."""
        return len(self.open)

    def save(self) -> dict[str, Any]:
        """The book as JSON can hold it."""
        return {
            "alarms": {
                str(alarm_id): [
                    *(getattr(alarm, name) for name in _KEPT),
                    alarm.standing.state,
                    alarm.standing.latches,
                    sorted(alarm.standing.mutes),
                ]
                for alarm_id, alarm in self.alarms.items()
            },
            "muting": self.muting.save(),
            "settings": [each.to_json() for each in self.settings.all.values()],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Become what `save` saw; settings and hold-off are the caller's."""
        for key, (*fields, state, latches_, mutes) in saved["alarms"].items():
            standing = Standing(AlarmState(state), latches_, frozenset(map(Mute, mutes)))
            alarm = Kept(**dict(zip(_KEPT, fields, strict=True)), standing=standing)
            alarm_id = int(key)
            self.alarms[alarm_id] = alarm
            (self.open if standing.active else self.waiting)[alarm.condition] = alarm_id
            if alarm.suppressed_by is not None:
                self._suppressed.add(alarm_id)
        self.muting = Muting.restored(saved["muting"])


_KEPT: Final = (
    "condition",
    "rule",
    "kind",
    "site",
    "device",
    "sampling_point",
    "since",
    "legal_lead",
    "occurrence",
    "suppressed_by",
)
_ALWAYS: Final = frozenset(
    {
        Happening.RETURNED,
        Happening.WORSENED,
        Happening.SHELVED,
        Happening.SUPPRESSED,
        Happening.OUT_OF_SERVICE,
        Happening.ON_THE_WAY,
    }
)
"""Happenings whose columns count though the standing stays: a shelf made longer, another cause of suppression."""

_NEW: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("device", "sampling_point", "channel_id", "indicator", "value", "extreme", "unit", "side")),
    **dict.fromkeys(("limit_lo", "limit_hi", "limit_profile", "clause", "returned_at", "return_reason")),
    **dict.fromkeys(("acknowledged_at", "acknowledged_by", "reset_at", "reset_by", "verdict", "sureness", "evidence")),
    **dict.fromkeys((*(name for names in _COLUMNS_OF.values() for name in names), "on_the_way_at", "on_the_way_by")),
    "worsened_at": None,
    "audience": "inspector",
    "severity": "warning",
    "historic": False,
}
"""Columns of a new alarm that its row does not give."""
