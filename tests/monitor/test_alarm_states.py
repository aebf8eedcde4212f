import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.alarms.book import ORDINALS, Act, Book, BookError, Changes
from monitor.alarms.muting import Away
from monitor.alarms.states import MUTING, WAITING, AlarmState, Happening, Mute, Standing, active, step
from store.records import to_us
from tests.monitor.worlds import START


@pytest.mark.parametrize(
    ("story", "end"),
    [
        ([Happening.RAISED], AlarmState.UNACKNOWLEDGED),
        ([Happening.RAISED, Happening.ACKNOWLEDGED], AlarmState.ACKNOWLEDGED),
        ([Happening.RAISED, Happening.ACKNOWLEDGED, Happening.RETURNED], AlarmState.NORMAL),
        ([Happening.RAISED, Happening.RETURNED], AlarmState.RETURNED_UNACKNOWLEDGED),
        ([Happening.RAISED, Happening.RETURNED, Happening.ACKNOWLEDGED], AlarmState.NORMAL),
        ([Happening.RAISED, Happening.COMMENT], AlarmState.UNACKNOWLEDGED),
        ([Happening.ACKNOWLEDGED], AlarmState.NORMAL),
    ],
)
def test_stories_of_isa_18_2(story: list[Happening], end: AlarmState) -> None:
    """Each story ends in the state that ISA-18.2 names."""
    state = AlarmState.NORMAL
    for happening in story:
        state = step(state, happening)
    assert state is end


stories = st.lists(st.sampled_from(Happening), max_size=25)


def told(story: list[Happening], *, latches: bool) -> Iterator[tuple[Standing, Happening, Standing]]:
    """Each step of a story: before, what happened, after."""
    standing = Standing(latches=latches)
    for happening in story:
        after = standing.after(happening)
        yield standing, happening, after
        standing = after


@given(stories, st.booleans())
def test_a_condition_is_on_exactly_between_raise_and_return(story: list[Happening], latches: bool) -> None:
    """Whatever people do and whatever is muted, only the process switches a condition."""
    for before, happening, after in told(story, latches=latches):
        begins = before.state is AlarmState.NORMAL and happening is Happening.RAISED
        assert after.active == (begins or (before.active and happening is not Happening.RETURNED))


@given(stories, st.booleans())
def test_nobody_but_a_person_stops_an_alarm_from_asking(story: list[Happening], latches: bool) -> None:
    """An alarm asks until it is acknowledged, or a later occurrence asks in its place; muting it answers nothing."""
    for before, happening, after in told(story, latches=latches):
        if before.state in WAITING and after.state not in WAITING:
            assert happening in {Happening.ACKNOWLEDGED, Happening.RELAPSED}
        if after.state in WAITING and before.state not in WAITING:
            assert happening in {Happening.RAISED, Happening.FOUND, Happening.UNSHELVED, Happening.IN_SERVICE}


@given(stories)
def test_a_latched_alarm_ends_by_reset_alone(story: list[Happening]) -> None:
    """What latches is over only when a person resets it, or when it comes back as a new occurrence."""
    for before, happening, after in told(story, latches=True):
        if before.state is not AlarmState.NORMAL and after.state is AlarmState.NORMAL:
            seen = before.state is AlarmState.LATCHED and happening is Happening.RESET
            found = before.state is AlarmState.RETURNED_UNACKNOWLEDGED and happening is Happening.ACKNOWLEDGED
            assert seen or found or happening is Happening.RELAPSED


@given(stories, st.booleans())
def test_a_mute_lasts_until_it_is_taken_off_or_the_alarm_is_over(story: list[Happening], latches: bool) -> None:
    """Each of the three mutes comes and goes by its own two happenings; what is over is not muted."""
    for before, happening, after in told(story, latches=latches):
        mute, on = MUTING.get(happening, (None, False))
        expected = before.mutes if mute is None else before.mutes | {mute} if on else before.mutes - {mute}
        assert after.mutes == (frozenset() if after.state is AlarmState.NORMAL else expected)
        assert (after.isa == after.state) == (not after.muted)


@pytest.mark.parametrize("mute_off", [Happening.UNSHELVED, Happening.IN_SERVICE])
def test_what_was_put_away_asks_again_while_it_is_still_there(mute_off: Happening) -> None:
    """The end of a shelf or of being out of service shows an acknowledged alarm as new; by design it does not."""
    on = Standing().after(Happening.RAISED).after(Happening.ACKNOWLEDGED)
    assert on.after(mute_off).state is AlarmState.UNACKNOWLEDGED
    assert on.after(Happening.SUPPRESSED).after(Happening.UNSUPPRESSED) == on
    assert on.after(Happening.RETURNED).after(mute_off).state is AlarmState.NORMAL


CONDITIONS = ("channel:1:low", "channel:1:high", "site:P1:offline")


class BookMachine(RuleBasedStateMachine):
    """Random raises, returns and actions on a book, with every row kept as the table would keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.rows: dict[int, dict[str, object]] = {}
        self.journal_id = 0
        self.events = 0
        self.relapsed: set[object] = set()

    def _apply(self, changes: Changes) -> None:
        for alarm_id, columns in changes.amended.items():
            self.rows[alarm_id].update(columns)
        for alarm_id, row in changes.raised.items():
            assert alarm_id not in self.rows
            self.rows[alarm_id] = row
        self.events += len(changes.events)
        self.relapsed |= {row["relapse_of"] for row in changes.raised.values()} - {None}
        for alarm_id, row in self.rows.items():
            mutes = self.book.alarms[alarm_id].standing.mutes if alarm_id in self.book.alarms else frozenset()
            shown = {Mute.SHELVED: "shelved_until", Mute.SUPPRESSED: "suppressed_by"}
            assert {mute for mute, column in shown.items() if row[column] is not None} == mutes

    def _next(self) -> tuple[Changes, int]:
        self.journal_id += 1
        return Changes(), self.journal_id

    @rule(condition=st.sampled_from(CONDITIONS))
    def raise_alarm(self, condition: str) -> None:
        changes, journal_id = self._next()
        row = {"condition": condition, "raised_at": START}
        if condition.startswith("channel"):
            row |= {"kind": "limit", "indicator": "ph", "side": "high", "site": "P1", "device": "D1"}
        if condition in self.book.open:
            with pytest.raises(BookError, match="one condition is one alarm"):
                self.book.raise_alarm(changes, journal_id, row)
            return
        self.book.raise_alarm(changes, journal_id, row)
        self._apply(changes)

    @rule(condition=st.sampled_from(CONDITIONS))
    def return_alarm(self, condition: str) -> None:
        changes, journal_id = self._next()
        on = condition in self.book.open
        self.book.return_alarm(changes, journal_id, condition, START, "within_limit")
        assert [each.event for each in changes.events].count(Happening.RETURNED) == on
        self._apply(changes)

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), once=st.booleans(), minutes=st.integers(1, 3))
    def shelve(self, data: st.DataObject, once: bool, minutes: int) -> None:
        changes, journal_id = self._next()
        alarm_id = data.draw(st.sampled_from([*self.rows]))
        at = START + timedelta(minutes=journal_id)
        away = Away(to_us(at + timedelta(minutes=minutes)), "inspector", "等待更换探头", once)
        act = Act(journal_id, at, "inspector", "等待更换探头")
        self.book.put_away(changes, act, alarm_id, Happening.SHELVED, away)
        self._apply(changes)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def unshelve(self, data: st.DataObject) -> None:
        changes, journal_id = self._next()
        act = Act(journal_id, START + timedelta(minutes=journal_id), "inspector")
        self.book.take_back(changes, act, data.draw(st.sampled_from([*self.rows])), Happening.UNSHELVED)
        self._apply(changes)

    @rule(down=st.booleans())
    def tick(self, down: bool) -> None:
        changes, journal_id = self._next()
        self.book.muting.down = {"D1": "site:P1:offline"} if down else {}
        self.book.sweep(changes, journal_id, to_us(START + timedelta(minutes=journal_id)), outages_changed=True)
        self._apply(changes)
        for alarm in self.book.alarms.values():
            muted = alarm.suppressed_by is not None
            assert not muted or down, "nothing stays suppressed once its cause is over"
            assert muted or not (down and alarm.standing.active and alarm.device == "D1"), "what hangs on it is muted"

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), comment=st.booleans())
    def act(self, data: st.DataObject, comment: bool) -> None:
        changes, journal_id = self._next()
        alarm_id = data.draw(st.sampled_from([*self.rows, 12345]))
        act = self.book.comment if comment else self.book.acknowledge
        act(changes, journal_id, alarm_id, START + timedelta(minutes=journal_id), "inspector", None)
        assert len(changes.events) == 1, "what a person does is recorded, whatever it changes"
        self._apply(changes)

    @invariant()
    def one_condition_is_one_alarm(self) -> None:
        on = [row["condition"] for row in self.rows.values() if active(AlarmState(str(row["state"])))]
        assert sorted(map(str, on)) == sorted(self.book.open)

    @invariant()
    def the_book_holds_exactly_what_is_not_over(self) -> None:
        kept = {alarm_id: row["state"] for alarm_id, row in self.rows.items() if row["state"] != AlarmState.NORMAL}
        assert kept == self.book.states
        assert self.book.open_count == len(self.book.open)

    @invariant()
    def who_acknowledged_is_kept_with_when(self) -> None:
        for row in self.rows.values():
            seen = row["state"] in (AlarmState.ACKNOWLEDGED, AlarmState.NORMAL) and row["id"] not in self.relapsed
            assert (row["acknowledged_by"] is not None) == seen == (row["acknowledged_at"] is not None)

    @invariant()
    def of_one_condition_one_occurrence_asks(self) -> None:
        asking = [str(row["condition"]) for row in self.rows.values() if row["state"] in WAITING]
        assert len(asking) == len(set(asking))
        assert sorted(self.book.alarms) == sorted({*self.book.open.values(), *self.book.waiting.values()})

    @invariant()
    def a_book_kept_and_restored_is_the_same(self) -> None:
        restored = Book()
        restored.restore(json.loads(json.dumps(self.book.save())))
        assert (restored.alarms, restored.open, restored.waiting) == (
            self.book.alarms,
            self.book.open,
            self.book.waiting,
        )
        assert restored.save() == self.book.save()


TestBook = BookMachine.TestCase


def test_ids_tell_the_journal_row_and_never_collide() -> None:
    """Alarm id = journal id × 65 536 + ordinal within the row."""
    book, changes = Book(), Changes()
    ids = [book.raise_alarm(changes, 7, {"condition": f"channel:{i}:low", "raised_at": START}) for i in range(3)]
    ids.append(book.raise_alarm(changes, 8, {"condition": "channel:9:low", "raised_at": START}))
    assert ids == [7 * ORDINALS, 7 * ORDINALS + 1, 7 * ORDINALS + 2, 8 * ORDINALS]


def test_an_alarm_raised_and_returned_in_one_step_is_one_row() -> None:
    """The row is inserted as it ends up, so that the condition is free when it recurs in the same step."""
    book, changes = Book(), Changes()
    for _ in range(2):
        alarm_id = book.raise_alarm(changes, 1, {"condition": "channel:1:low", "raised_at": START})
        book.return_alarm(changes, 1, "channel:1:low", START, "within_limit", 0.1)
        assert changes.raised[alarm_id]["state"] is AlarmState.RETURNED_UNACKNOWLEDGED
    assert len(changes.raised) == 2
    assert not changes.amended


def test_acknowledging_twice_keeps_the_first_name() -> None:
    """The second acknowledgement is an event and changes nothing."""
    book, changes = Book(), Changes()
    alarm_id = book.raise_alarm(changes, 1, {"condition": "channel:1:low", "raised_at": START})
    book.acknowledge(changes, 2, alarm_id, START, "first", None)
    book.acknowledge(changes, 3, alarm_id, START, "second", None)
    assert changes.raised[alarm_id]["acknowledged_by"] == "first"
    assert [event.actor for event in changes.events] == [None, "first", "second"]
