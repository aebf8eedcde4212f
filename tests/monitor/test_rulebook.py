"""Limits by time and by another indicator, as arrays and through the fold."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import carrying
from monitor.alarms.book import Changes
from monitor.engine import Engine
from monitor.judgement import Grade, JudgeState, State, judge
from monitor.layout import Layout
from monitor.rulebook import Rulebook
from registry.limits import SiteRule, timelines
from registry.limits.timeline import version_at
from store.journal import Entry
from store.records import READING, Readings, from_us
from tests.monitor.worlds import START, channel, event_entry, pool, readings, readings_entry, us

REGISTRY = pool(devices=2, sites=2)


def rule(
    number: int,
    indicator: str | None,
    lo: float | None,
    hi: float | None,
    since: float,
    until: float | None = None,
    *,
    site: str = "P1",
    point: str | None = None,
    profile: str | None = None,
) -> SiteRule:
    """A rule of P1 from and until so many minutes after `START`."""
    return SiteRule(
        number, site, point, profile, indicator, lo, hi, "测试", from_us(us(since)),
        None if until is None else from_us(us(until)), "admin", START,
    )  # fmt: skip


DIN = rule(1, None, None, None, -1000, profile="din19643")


@st.composite
def some_rules(draw: st.DrawFn) -> list[SiteRule]:
    """Rules of both sites, whole or a basin, over several hours."""
    found = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        since = draw(st.integers(0, 200))
        until = draw(st.one_of(st.none(), st.integers(since + 1, 260)))
        indicator = draw(st.sampled_from(["ph", "free_chlorine", "bathers"]))
        site, point = draw(st.sampled_from(["P1", "P2"])), draw(st.sampled_from([None, "B1", "B2"]))
        found.append(rule(number, indicator, 1.0, 9.0, since, until, site=site, point=point))
    return found


@given(some_rules(), st.lists(st.tuples(st.integers(1, 28), st.integers(-20, 300)), min_size=1, max_size=40))
def test_the_version_of_each_reading_is_that_of_a_simple_reference(
    rules: list[SiteRule], rows: list[tuple[int, int]]
) -> None:
    """Whatever rules there are, the arrays find the version that the line of versions has."""
    layout = Layout.of(REGISTRY, rules)
    slot = layout.slot_of(np.array([number for number, _ in rows]))
    ts = np.array([us(minute) for _, minute in rows])
    found = layout.rulebook.version_of(slot, ts)
    for version, (number, minute) in zip(found.tolist(), rows, strict=True):
        of = REGISTRY.channels[number]
        point = REGISTRY.sampling_point_of(REGISTRY.device_of(of))
        line = timelines(REGISTRY.site_of(of), point, rules).get(of.indicator)
        assert layout.rulebook.versions[version].limit == (version_at(line, us(minute)).limit if line else None)


def play(
    layout: Layout, stream: Readings, cuts: Sequence[int] = ()
) -> tuple[list[tuple[object, ...]], list[int], bytes]:
    """Transitions, rows beyond their limit, and the final state, for any cuts of the stream."""
    state = JudgeState(layout)
    transitions, beyond = [], []
    bounds = [0, *sorted(cuts), len(stream)]
    for start, stop in pairwise(bounds):
        batch = stream[start:stop]
        found = judge(layout, layout.delays(1.0), state, batch, np.zeros(len(batch), np.int64))
        transitions += [(int(each["row"]) + start, *each.tolist()[1:]) for each in found.transitions]
        beyond += [row + start for row in found.beyond.tolist()]
    companions = state.companions.value.tobytes() + state.companions.ts.tobytes()
    return transitions, beyond, state.code.tobytes() + state.grade.tobytes() + companions


CHLORINE = channel(REGISTRY, "free_chlorine")
PH, ORP = channel(REGISTRY, "ph"), channel(REGISTRY, "orp")
PH_2, ORP_2 = channel(REGISTRY, "ph", "D1-2"), channel(REGISTRY, "orp", "D1-2")


def outside_at(ph: float | None, orp: float) -> bool:
    """Whether an ORP is below DIN 19643-1's limit, by the plainest reading: the pH, rounded, chooses the band."""
    tenths = None if ph is None else round(ph * 10)
    if tenths is None or 65 <= tenths <= 73:
        return orp < 750
    return 73 < tenths <= 75 and orp < 770


STREAMS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 11]),
        st.sampled_from([(PH, None), (PH, None), (ORP, None), (ORP, None), (PH_2, None), (ORP_2, None)]),
        st.sampled_from([6.0, 6.6, 7.3, 7.34, 7.4, 7.52, 7.6]),
        st.sampled_from([745.0, 755.0, 765.0, 775.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=50,
)


@settings(max_examples=200, deadline=None)
@given(STREAMS, st.data())
def test_orp_is_judged_by_the_ph_of_its_basin(
    drawn: list[tuple[int, tuple[int, None], float, float, bool]], data: st.DataObject
) -> None:
    """Every ORP is judged by the newest pH of its own basin, if it came within ten minutes; cuts change nothing."""
    layout = Layout.of(REGISTRY, [DIN])
    minute, rows, expected = 0, [], []
    newest: dict[int, tuple[float, int]] = {}
    for gap, (number, _), ph, orp, late in drawn:
        minute += gap
        basin = 1 if number in (PH, ORP) else 2
        if number in (PH, PH_2):
            rows.append((number, us(minute), ph, us(minute), False))
            newest[basin] = (ph, minute)
            continue
        known = newest.get(basin)
        of_ph = known[0] if known and minute - known[1] <= 10 and not late else None
        if outside_at(of_ph, orp):
            expected.append(len(rows))
        rows.append((number, us(minute), orp, us(minute), late))
    stream = np.array(rows, dtype=READING)
    whole = play(layout, stream)
    assert [row for row in whole[1] if rows[row][0] in (ORP, ORP_2)] == expected
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=5))
    assert play(layout, stream, cuts) == whole


def test_a_late_reading_is_judged_by_the_limit_of_its_own_time() -> None:
    """A rule from noon on does not touch a reading of eleven o'clock that comes at one."""
    layout = Layout.of(REGISTRY, [rule(1, "free_chlorine", 0.4, 0.8, 0)])
    late = np.array([(CHLORINE, us(minute), 0.9, us(60), True) for minute in (-60, -1, 0, 30)], dtype=READING)
    assert play(layout, late)[1] == [2, 3]


def test_a_value_far_outside_is_high_at_once_and_one_that_gets_there_worsens() -> None:
    """Serious beyond the hazard bound for three samples, when it is raised or later; an alarm after half an hour."""
    layout = Layout.of(REGISTRY)
    rising = [(CHLORINE, minute, 1.5) for minute in range(12)] + [(CHLORINE, minute, 3.4) for minute in range(12, 16)]
    told = [
        (each[0], each[3], each[-1], each[-2]) for each in play(layout, readings(rising))[0]
    ]  # row, raised, worsened, grade
    assert told == [(10, True, False, Grade.WARNING), (14, False, True, Grade.SERIOUS)]
    high = [(CHLORINE, minute, 3.4) for minute in range(12)]
    assert [each[-2] for each in play(layout, readings(high))[0]] == [Grade.SERIOUS]
    lasting = [(CHLORINE, minute, 1.5) for minute in range(40)]
    told = [(each[0], each[3], each[-1], each[-2]) for each in play(layout, readings(lasting))[0]]
    assert told == [(10, True, False, Grade.WARNING), (30, False, True, Grade.ALARM)]


def test_what_is_outside_the_sites_own_limit_alone_is_only_suspect() -> None:
    """0.9 mg/L is beyond a site's 0.8 (flag 3), 1.2 mg/L beyond GB 37488 as well (flag 4), late or not."""
    layout = Layout.of(REGISTRY, [rule(1, "free_chlorine", 0.4, 0.8, 0)])
    stream = np.array(
        [(CHLORINE, us(minute), value, us(9), late) for minute, value, late in ((1, 0.9, 0), (2, 1.2, 0), (0, 1.2, 1))],
        dtype=READING,
    )
    found = judge(layout, layout.delays(1.0), JudgeState(layout), stream, np.zeros(3, np.int64))
    assert found.beyond_flag.tolist() == [3, 4, 4]


def limits_entry(entry_id: int, changed: SiteRule, minute: float) -> Entry:
    """The journal row of a rule that was set or ended."""
    return event_entry(entry_id, "config", {"what": "limits", "rule": changed.to_json()}, minute)


def history(values: Sequence[float]) -> list[Entry]:
    """Free chlorine each minute, with a rule set at minute 15 (from then on) and ended at minute 40."""
    tight = rule(7, "free_chlorine", 0.4, 0.8, 15)
    changes = {15: tight, 40: tight.ended(from_us(us(40)), "admin", "结束")}
    entries: list[Entry] = []
    for minute, value in enumerate(values):
        if minute in changes:
            entries.append(limits_entry(len(entries) + 1, changes[minute], minute))
        entries.append(readings_entry(len(entries) + 1, readings([(CHLORINE, minute, value)]), minute))
    return entries


def fold(engine: Engine, entries: Sequence[Entry]) -> Changes:
    """Fold the rows one by one."""
    changes = Changes()
    for entry in entries:
        engine.fold([entry], changes)
    return changes


def test_a_rule_changes_the_judgement_at_its_journal_row() -> None:
    """0.9 mg/L is fine by the standard, beyond the site's rule while that is in force, and fine again after its end."""
    changes = fold(Engine(REGISTRY), history([0.9] * 60))
    (alarm,) = changes.raised.values()
    assert (alarm["since"], alarm["limit_profile"]) == (from_us(us(15)), "site-rule:7")
    assert (alarm["limit_lo"], alarm["limit_hi"]) == (0.4, 0.8)
    assert alarm["returned_at"] == from_us(us(50)), "ten minutes within the standard after the rule's end"
    flagged = np.concatenate(changes.beyond)["ts"]
    assert flagged.tolist() == [us(minute) for minute in range(15, 40)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.5, 0.9, 1.3, 3.5]), min_size=60, max_size=60), st.integers(1, 61))
def test_a_restart_anywhere_changes_nothing(values: list[float], at: int) -> None:
    """Folded in one go, or dumped and loaded between any two rows: the same alarms, events and flags."""
    entries = history(values)
    whole = fold(Engine(REGISTRY), entries)
    engine = Engine(REGISTRY)
    first = fold(engine, entries[:at])
    second = fold(carrying.load(carrying.dump(engine), REGISTRY), entries[at:])
    assert {**first.raised, **second.raised}.keys() == whole.raised.keys()
    assert [*first.events, *second.events] == whole.events
    assert sum(map(len, [*first.beyond, *second.beyond])) == sum(map(len, whole.beyond))


def test_what_is_known_of_ph_stays_when_a_rule_changes() -> None:
    """The pH that chose the ORP limit before a change of another rule chooses it after."""
    engine = Engine(REGISTRY, [DIN])
    changed = replace(rule(2, "urea", None, 3.0, 1), set_at=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=1))
    entries = [
        readings_entry(1, readings([(PH, 0, 7.45)]), 0),
        limits_entry(2, changed, 1),
        readings_entry(3, readings([(ORP, 2, 760.0)]), 2),
    ]
    fold(engine, entries)
    assert engine.judge.code[engine.layout.slot_of(np.array([ORP]))[0]] == State.PENDING


def test_a_registry_without_rules_has_no_companions() -> None:
    """Nothing in the default standards of a pool depends on another indicator."""
    layout = Layout.of(REGISTRY)
    assert layout.rulebook.companions == ()
    assert isinstance(layout.rulebook, Rulebook)
