from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.alarms.figures import FLOOD_WINDOW, Occurrence, bad_actors, figures, floods, re_alarms, stale
from tests.monitor.worlds import START

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def occurrence(
    number: int, minute: float, *, lasted: float | None = 30, seen: float | None = None, **more: object
) -> Occurrence:
    """An alarm raised so many minutes after START."""
    at = START + minute * MINUTE
    fields: dict[str, object] = {
        "site": "P1",
        "rule": "limit:ph:high",
        "condition": "channel:1:high",
        "priority": "medium",
        "respond_within_s": 3600,
        **more,
    }
    return Occurrence(
        id=number,
        raised_at=at,
        returned_at=None if lasted is None else at + lasted * MINUTE,
        acknowledged_at=None if seen is None else at + seen * MINUTE,
        **fields,  # type: ignore[arg-type]
    )


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    """Eleven in ten minutes begin it; it ends when of the last ten minutes' alarms only four are left."""
    burst = [START + n * MINUTE / 2 for n in range(12)]
    (flood,) = floods([*burst, START + 60 * MINUTE])
    assert (flood.began, flood.alarms, flood.peak) == (burst[10], 12, 12)
    assert flood.ended == burst[7] + FLOOD_WINDOW
    assert floods([START + n * MINUTE for n in range(1000)]) == [], "one a minute is ten in ten minutes, no flood"


minutes = st.lists(st.integers(0, 400), max_size=120).map(sorted)


@given(minutes)
def test_floods_are_those_that_counting_minute_by_minute_finds(times: Sequence[int]) -> None:
    """Against the definition itself, applied to every second half of a minute of the whole span."""
    raised = [START + minute * MINUTE for minute in times]
    flooding, expected = False, []
    for half in range(2 * 420):
        now = START + half * MINUTE / 2
        count = sum(now - FLOOD_WINDOW < at <= now for at in raised)
        flooding = count > 10 or (flooding and count >= 5)
        expected.append(flooding)
    found = floods(raised)
    told = [any(each.began <= START + half * MINUTE / 2 < each.ended for each in found) for half in range(2 * 420)]
    assert told == expected
    assert all(each.peak > 10 and each.alarms >= each.peak for each in found)


def test_what_has_been_on_for_a_day_is_stale() -> None:
    """Still on after 24 hours, unless it is muted."""
    now = START + 3 * DAY
    old = occurrence(1, 0, lasted=None)
    others = [occurrence(2, 0), occurrence(3, 3 * 24 * 60 - 60, lasted=None), occurrence(4, 0, lasted=None, muted=True)]
    assert stale([old, *others], now) == [old]


def test_re_alarms_are_counted_once_their_week_is_over_or_they_came_back() -> None:
    """One that came back after two days, one that did not, one whose week is not over."""
    day = 24 * 60
    story = [
        occurrence(1, 0),
        occurrence(2, 2 * day),
        occurrence(3, 0, condition="channel:2:low"),
        occurrence(4, 11 * day, condition="channel:3:low"),
    ]
    assert re_alarms(sorted(story, key=lambda each: each.raised_at), START + 12 * DAY) == (1 / 3, 3)


def test_the_ten_worst_and_their_share() -> None:
    """Twelve sites, the n-th with n alarms: the ten with most."""
    story = [occurrence(n, m, site=f"P{n}") for n in range(1, 13) for m in range(n)]
    worst = bad_actors(story)
    assert [each.alarms for each in worst] == list(range(12, 2, -1))
    assert sum(each.share for each in worst) == sum(range(3, 13)) / sum(range(1, 13))


def test_all_figures_of_a_week() -> None:
    """Rates per inspector and day, answering, false alarms; what was muted is apart, and the figures advise."""
    told = [occurrence(n, 30 * n, lasted=None, seen=20 if n % 2 else 90, condition=f"c{n}") for n in range(8)]
    judged = [occurrence(20 + n, 600 + n, answer="false" if n < 3 else "true", condition=f"d{n}") for n in range(6)]
    muted = [occurrence(40 + n, 700, muted=True, condition=f"m{n}") for n in range(30)]
    found = figures([*told, *judged, *muted], START, START + 7 * DAY, inspectors=2)
    assert (found.alarms, found.muted, found.enough) == (14, 30, False)
    assert found.per_inspector_day == 1.0
    assert found.daily[0] == ("2025-06-02", 14, 30)
    assert len(found.daily) == 8, "seven days from noon to noon touch eight"
    assert (found.answering.acknowledged, found.answering.median_s, found.answering.in_time) == (8, 3300.0, 0.5)
    assert (found.false_share, found.answered) == (0.5, 6)
    assert set(found.advice) == {"stale", "slow", "false_alarms", "muted"}


def test_nothing_has_no_figures() -> None:
    """No alarm and nobody to tell: nothing is divided by, nothing advised."""
    found = figures([], START, START + DAY, inspectors=0)
    assert (found.per_inspector_day, found.again, found.top_share, found.false_share) == (None, None, None, None)
    assert found.advice == []


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 5)), max_size=40))
def test_three_within_a_minute_are_chattering(drawn: list[tuple[int, int]]) -> None:
    """Exactly the conditions of which three alarms lie within a minute."""
    times = sorted(drawn)
    story = [occurrence(n, s / 60, condition=f"c{c}", site=f"P{c}") for n, (s, c) in enumerate(times)]
    found = figures(story, START, START + DAY, inspectors=1)
    expected = {f"P{c}" for s, c in times if sum(1 for other, same in times if same == c and s <= other <= s + 60) >= 3}
    assert {site for site, _, _ in found.chattering} == expected
