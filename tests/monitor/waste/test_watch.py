"""Custody in the monitor's fold: from journal rows to alarms, over snapshots and changes of the registry."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from monitor import carrying
from monitor.alarms.book import Changes
from monitor.alarms.wording import alarm_text
from monitor.engine import Engine
from registry.catalogue import LANGUAGES, Language, clause
from registry.model import Device, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import Container, Event, PartyKind
from registry.waste.model import SCENARIO, Party, Receiver, Vehicle, WasteRegistry
from store.journal import Entry
from store.records import to_us
from store.waste_body import WasteRow, encode, pack_waste
from tests.monitor.waste.chains import HOUR, MIDNIGHT

REGISTERED: Final = datetime(2020, 1, 1, tzinfo=UTC)


def _site(code: str, status: SiteStatus) -> Site:
    return Site(code, "320602", status, f"{code}院", f"{code} hospital", 120.8, 32.0, REGISTERED, scenario=SCENARIO)


REGISTRY: Final = Registry.of(
    [_site("H1", SiteStatus.LIVE), _site("S1", SiteStatus.SIMULATED), _site("P1", SiteStatus.LIVE)],
    [SamplingPoint(code, "store", "暂存间", "store", "producer_store") for code in ("H1", "S1", "P1")],
    [Device(f"{code}-hand", code, "store", kind="handheld") for code in ("H1", "S1", "P1")],
    [],
)
WASTE: Final = WasteRegistry.of(
    parties=[Party("H1", beds=100), Party("S1", beds=100), Party("P1", PartyKind.DISPOSER)],
    receivers=[Receiver("R1", "处置一", "One", "L1", date(2020, 1, 1), date(2030, 1, 1), "P1")],
    vehicles=[Vehicle("V1", "苏F1", "R1")],
)


def scan(at_h: float, event: Event, tag: str, site: str = "H1", late_h: float = 0.0, **said: Any) -> WasteRow:
    """One scan, as it ought to be where nothing else is said."""
    ts = MIDNIGHT + round(at_h * HOUR)
    row = WasteRow(
        ts,
        ts + 1_000_000 + round(late_h * HOUR),
        f"{site}-hand",
        f"{tag}-{event.code}",
        site,
        event,
        tag,
        Container.BAG,
        gross_g=2_000,
        signed_by=("n1", "t1"),
    )
    usual: dict[Event, dict[str, Any]] = {
        Event.COLLECTED: {"ward": "W1", "category": 1},
        Event.STORED_IN: {"place": "store"},
        Event.HANDED_OVER: {"to": "R1", "vehicle": "V1", "manifest": "M1"},
    }
    return row._replace(**{**usual.get(event, {}), **said})


def journal(rows: Iterable[tuple[float, str, Any]]) -> list[Entry]:
    """Journal rows of (hours, kind, scans or nothing), numbered from 1."""
    entries = []
    for number, (hours, kind, what) in enumerate(rows, start=1):
        at = datetime.fromtimestamp((MIDNIGHT + round(hours * HOUR)) / 1e6, UTC)
        body = encode(pack_waste(what)) if kind == "waste" else json.dumps({"now": to_us(at), **(what or {})}).encode()
        entries.append(Entry(number, kind, at, 1, None, body, None, b"", b""))
    return entries


def lost_and_overdue() -> list[Entry]:
    """Twenty bags of one store are left behind, one never reaches it, and a code is on a simulated bag as well."""
    rows: list[tuple[float, str, Any]] = []
    tags = [f"B{number}" for number in range(20)]
    rows.append((8.1, "waste", [scan(8, Event.COLLECTED, tag) for tag in (*tags, "LOST")]))
    rows.append((8.1, "waste", [scan(8, Event.COLLECTED, "B0", "S1")]))
    rows.append((9.1, "waste", [scan(9, Event.STORED_IN, tag) for tag in tags]))
    rows += [(hour, "tick", None) for hour in range(10, 60)]
    rows.append((60.1, "waste", [scan(60, Event.HANDED_OVER, tag) for tag in tags]))
    rows.append((60.2, "tick", None))
    rows.append((61, "waste", [scan(61, Event.STORED_IN, "LOST")]))
    rows.append((61.1, "tick", None))
    return journal(rows)


def fold(engine: Engine, entries: list[Entry]) -> Changes:
    """What a fold changes."""
    changes = Changes()
    engine.fold(entries, changes)
    return changes


def rules(changes: Changes) -> list[str]:
    """The rules of the alarms that were raised, in their order."""
    return [row["rule"] for _, row in sorted(changes.raised.items())]


def test_one_lost_bag_is_one_alarm_and_twenty_overdue_ones_are_one_with_twenty_bags() -> None:
    """The lost bag is missing; the store's bags are one pre-warning, then one alarm that names and counts them."""
    changes = fold(Engine(REGISTRY, waste=WASTE), lost_and_overdue())
    live = [row for _, row in sorted(changes.raised.items()) if not row["simulated"]]
    assert [row["rule"] for row in live] == [
        "waste:missing",
        "waste:storage_36h",
        "waste:pickup",
        "waste:storage_48h",
    ]
    missing, warning, _, overdue = live
    assert [bag["tag"] for bag in missing["evidence"]["bags"]] == ["LOST"]
    assert (overdue["evidence"]["count"], len(overdue["evidence"]["bags"])) == (20, 20)
    assert (warning["audience"], overdue["audience"], overdue["legal_lead"]) == ("venue", "inspector", True)
    assert [row["return_reason"] for row in live] == ["custody_settled"] * 4
    assert [event.event for event in changes.events if event.alarm_id == warning["id"]] == [
        "raised",
        "worsened",
        "returned",
    ]


def test_simulated_waste_never_meets_live_waste() -> None:
    """The same code at both: two bags, and the simulated one's alarm is badged."""
    changes = fold(Engine(REGISTRY, waste=WASTE), lost_and_overdue())
    simulated = [row for row in changes.raised.values() if row["simulated"]]
    assert {row["rule"] for row in simulated} >= {"waste:missing"}
    assert all(row["site"] == "S1" for row in simulated)


@pytest.mark.parametrize("cut", [1, 2, 4, 30, 45, 52, 54])
def test_a_snapshot_anywhere_changes_nothing(cut: int) -> None:
    """What is folded before and after a snapshot is what is folded at once."""
    entries = lost_and_overdue()
    whole = fold(Engine(REGISTRY, waste=WASTE), entries)
    engine = Engine(REGISTRY, waste=WASTE)
    first = fold(engine, entries[:cut])
    state = carrying.dump(engine)
    again = carrying.load(state, REGISTRY, WASTE)
    assert carrying.dump(again) == state
    second = fold(again, entries[cut:])
    assert [*first.events, *second.events] == whole.events
    assert [*rules(first), *rules(second)] == rules(whole)


def test_how_the_journal_is_cut_into_calls_changes_nothing() -> None:
    """Row by row or all at once: the same alarms and events."""
    entries = lost_and_overdue()
    whole, engine, changes = fold(Engine(REGISTRY, waste=WASTE), entries), Engine(REGISTRY, waste=WASTE), Changes()
    for entry in entries:
        engine.fold([entry], changes)
    assert changes.events == whole.events
    assert changes.raised == whole.raised


def test_a_change_of_the_registry_keeps_bags_and_ends_alarms_of_sites_that_are_gone() -> None:
    """A new site moves the numbers of the others; a removed one takes its bags with it."""
    engine = Engine(REGISTRY, waste=WASTE)
    before = fold(engine, lost_and_overdue()[:30])
    assert rules(before)
    sites = [*REGISTRY.sites.values(), _site("A0", SiteStatus.LIVE)]
    points = [*REGISTRY.sampling_points.values(), SamplingPoint("A0", "store", "店", "store", "producer_store")]
    wider = carrying.with_registry(engine, Registry.of(sites, points, REGISTRY.devices.values(), []))
    assert sorted(wider.waste.open_conditions()) == sorted(engine.waste.open_conditions())
    later = fold(wider, lost_and_overdue()[30:])
    assert rules(later) == rules(fold(engine, lost_and_overdue()[30:]))
    kept = [each for each in sites if each.code not in ("H1", "A0")]
    smaller = Registry.of(
        kept,
        [each for each in points if each.site in ("S1", "P1")],
        [each for each in REGISTRY.devices.values() if each.site in ("S1", "P1")],
        [],
    )
    narrow = carrying.with_registry(engine, smaller, replace(WASTE, parties={"S1": Party("S1")}))
    changes = Changes()
    carrying.end_orphans(narrow, changes, 99, MIDNIGHT)
    assert all(condition.count("H1") == 0 for condition in narrow.waste.open_conditions())


def test_late_scans_are_history_and_page_nobody() -> None:
    """A scan without a signature that comes half a day late is a finding that is over."""
    rows: list[tuple[float, str, Any]] = [
        (9, "waste", [scan(8.5, Event.STORED_IN, "B1")]),
        (9.1, "tick", None),
        (20, "waste", [scan(8, Event.COLLECTED, "B1", late_h=12, signed_by=())]),
        (20.1, "tick", None),
    ]
    changes = fold(Engine(REGISTRY, waste=WASTE), journal(rows))
    (row,) = changes.raised.values()
    assert (row["rule"], row["historic"], row["return_reason"]) == ("waste:unsigned", True, "historic")
    assert [event.event for event in changes.events] == ["found"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alarm_of_custody_has_its_sentence(language: Language) -> None:
    """Site, bags, hours, limit and clause, and never the word for a violation."""
    changes = fold(Engine(REGISTRY, waste=WASTE), lost_and_overdue())
    texts = [alarm_text(language, row, REGISTRY) for row in changes.raised.values()]
    assert all(("H1" in each or "S1" in each) and "违法" not in each for each in texts)
    assert any("LOST" in each for each in texts)
    assert any(clause(language, "Art 17") in each and "20" in each for each in texts)


def test_a_faster_simulation_has_its_own_hours_from_when_it_is_faster() -> None:
    """At 60 times the speed 48 hours are 48 minutes at simulated sites; what lay there before ages from then on."""
    rows: list[tuple[float, str, Any]] = [
        (4, "waste", [scan(4, event, tag, site) for site, tag in (("S1", "B0"), ("H1", "B2")) for event in _TWO]),
        (4.1, "tick", None),
        (7, "config", {"what": "simulation", "speed": 60}),
        (7.01, "waste", [scan(7.01, event, "B1", "S1") for event in _TWO]),
        (7 + 44.5 / 60, "tick", None),
    ]
    engine = Engine(REGISTRY, waste=WASTE)
    changes = fold(engine, journal(rows))
    told = {(row["site"], row["rule"]): row["evidence"]["count"] for row in changes.raised.values()}
    assert told == {("S1", "waste:storage_44h"): 2, ("S1", "waste:pickup"): 1}
    later = journal([*rows, (7 + 45.5 / 60, "tick", None)])[-1:]
    (overdue,) = fold(carrying.load(carrying.dump(engine), REGISTRY, WASTE), later).raised.values()
    assert (overdue["rule"], [bag["tag"] for bag in overdue["evidence"]["bags"]]) == ("waste:storage_48h", ["B0"])
    assert overdue["since"] == datetime.fromtimestamp((MIDNIGHT + 4 * HOUR) / 1e6, UTC)


_TWO: Final = (Event.COLLECTED, Event.STORED_IN)


def test_tolerances_are_a_row_of_the_journal() -> None:
    """An agency that allows 60 hours is told at 60."""
    rows: list[tuple[float, str, Any]] = [
        (7, "config", {"what": "waste_tolerances", "tolerances": {"storage_h": 60}}),
        (8, "waste", [scan(8, event, "B1") for event in _TWO]),
        (8 + 59, "tick", None),
    ]
    engine = Engine(REGISTRY, waste=WASTE)
    assert "waste:storage_48h" not in rules(fold(engine, journal(rows)))
    later = journal([*rows, (8 + 60.1, "tick", None)])[-1:]
    assert "waste:storage_48h" in rules(fold(engine, later))


def changed_tolerances() -> list[Entry]:
    """Bags in a store under 24 h from hour 20 on, 48 h again from hour 45; one is weighed 0.2 kg short."""
    stored = [scan(8.5, Event.STORED_IN, tag, gross_g=2_200 if tag == "B2" else 2_000) for tag in ("B1", "B2")]
    rows: list[tuple[float, str, Any]] = [
        (8.1, "waste", [scan(8, Event.COLLECTED, tag) for tag in ("B1", "B2")]),
        (8.6, "waste", stored),
        *((hour, "tick", None) for hour in range(9, 20)),
        (20, "config", {"what": "waste_tolerances", "tolerances": STRICT}),
        *((hour, "tick", None) for hour in range(21, 45)),
        (44.9, "waste", [scan(44.8, Event.HANDED_OVER, "B2")]),
        (45, "config", {"what": "waste_tolerances", "tolerances": {"bag_kg": 0.5}}),
        *((hour, "tick", None) for hour in range(46, 58)),
    ]
    return journal(rows)


STRICT: Final = {"storage_first_h": 6, "storage_second_h": 18, "storage_h": 24}


def told(changes: Changes) -> list[tuple[int, str, str]]:
    """What was told of alarms: journal row, rule, and what happened, with why."""
    of = {number: row["rule"].removeprefix("waste:") for number, row in changes.raised.items()}
    return [
        (event.journal_id, of[event.alarm_id], f"{event.event} {event.text or ''}".strip())
        for event in changes.events
        if of[event.alarm_id] != "pickup"
    ]


def test_tolerances_set_in_the_middle_hold_for_what_is_there_and_end_what_no_longer_stands() -> None:
    """Stricter ones tell at their own row what is due by them, looser ones end at theirs what is not, and say why."""
    changes = fold(Engine(REGISTRY, waste=WASTE), changed_tolerances())
    strict, loose = 14, 40
    assert [entry.id for entry in changed_tolerances() if entry.kind == "config"] == [strict, loose]
    assert told(changes) == [
        (3, "weight", "raised"),
        # By 24 h nothing is overdue at hour 20 yet, by 6 h both run out soon.
        (strict, "storage_36h", "raised"),
        (21, "storage_36h", "worsened 18 h"),
        (27, "storage_36h", "returned custody_settled"),
        (27, "storage_48h", "raised"),
        # B1 lies there for 36.5 h: no longer overdue, and to be told of at 36 h again. B2 left by the former ones.
        (loose, "storage_36h", "relapsed"),
        (loose, "storage_36h", "raised"),
        (loose, "storage_48h", "returned custody_tolerances"),
        (loose, "weight", "returned custody_tolerances"),
        (48, "storage_36h", "worsened 44 h"),
        (52, "storage_36h", "returned custody_settled"),
        (52, "storage_48h", "relapsed"),
        (52, "storage_48h", "raised"),
    ]


def test_changed_tolerances_are_told_alike_however_the_journal_is_cut_and_after_every_restart() -> None:
    """A history folded in one go, row by row, and over a snapshot after each row comes to the same alarms."""
    entries = changed_tolerances()
    whole = fold(Engine(REGISTRY, waste=WASTE), entries)
    engine, pieces = Engine(REGISTRY, waste=WASTE), Changes()
    for entry in entries:
        engine.fold([entry], pieces)
        engine = carrying.load(carrying.dump(engine), REGISTRY, WASTE)
    assert pieces.raised == whole.raised
    assert pieces.events == whole.events
    assert engine.waste.tolerances.bag_kg == 0.5


def test_tolerances_that_are_none_change_nothing() -> None:
    """A row with an unknown name is counted and passed over whole; what holds goes on holding."""
    engine = Engine(REGISTRY, waste=WASTE)
    wrong = {"what": "waste_tolerances", "tolerances": {"storage_h": 24, "no_such": 1}}
    fold(engine, journal([(7, "config", wrong)]))
    assert engine.unreadable == 1
    assert engine.waste.tolerances.storage_h == 48


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "调整公差后不再构成预警"), ("en", "no longer an alarm by the tolerances")]
)
def test_an_alarm_that_other_tolerances_ended_says_so(language: Language, words: str) -> None:
    """In both languages, and the weight that it was about stands in it still."""
    changes = fold(Engine(REGISTRY, waste=WASTE), changed_tolerances())
    (row,) = (row for row in changes.raised.values() if row["rule"] == "waste:weight")
    said = alarm_text(language, row, REGISTRY)
    assert words in said
    assert "0.2 kg" in said
