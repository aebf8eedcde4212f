"""Rules of custody, each told as the life of a bag."""

from typing import Any

import numpy as np
import pytest

from monitor.waste import Rule, Tolerances
from monitor.waste.rows import rows_of
from monitor.waste.rules import ToleranceError
from registry.waste.catalogue import Container, Event, tag_key
from tests.monitor.waste.chains import CLINIC, HOSPITAL, MIDNIGHT, PLANT, Chain


def test_a_life_as_it_ought_to_be_breaks_no_rule() -> None:
    """From ward to furnace in a day, signed, weighed and scanned at every step: nothing is said."""
    chain = Chain()
    for event in chain.life("B1"):
        chain.take(event)
        assert chain.said((event["ts"][0] - MIDNIGHT) / 3.6e9 + 0.1) == []
    assert chain.said(120) == []
    assert chain.found("B1") == set()


def test_a_bag_in_the_store_is_told_at_36_44_and_48_hours_and_ends_when_it_is_handed_over() -> None:
    """Two pre-warnings, then the limit; the hand-over ends all three."""
    chain = Chain()
    life = chain.life("B1")
    chain.take(*life[:2])
    assert chain.said(8.5 + 35.9) == []
    assert chain.said(8.5 + 36) == [("storage_36h", True)]
    assert chain.said(8.5 + 44) == [("storage_44h", True)]
    assert chain.said(8.5 + 47.99) == []
    (overdue,) = chain.at(8.5 + 48)
    assert (overdue["rule"], overdue["value"], overdue["limit"]) == (Rule.STORAGE_48H, 48.0, 48.0)
    assert overdue["site"] == HOSPITAL
    assert not overdue["late"]
    chain.take(chain.event(60, Event.HANDED_OVER, "B1"))
    assert chain.said(60.1) == [("storage_36h", False), ("storage_44h", False), ("storage_48h", False)]
    assert chain.found("B1") == {"storage_36h", "storage_44h", "storage_48h"}


def test_without_a_store_the_clock_starts_at_the_ward() -> None:
    """A clinic that hands over straight from the ward is judged from collection on."""
    chain = Chain()
    chain.take(chain.event(8, Event.COLLECTED, "B1", site=CLINIC))
    assert chain.said(8 + 47.9)[-1] == ("storage_44h", True)
    assert chain.said(8 + 48) == [("storage_48h", True)]


def test_a_bag_that_never_reaches_the_store_is_missing_and_nothing_else() -> None:
    """One lost bag is one verdict, not one for every rule that it breaks by being lost."""
    chain = Chain()
    chain.take(chain.event(8, Event.COLLECTED, "B1"))
    assert chain.said(31.9) == []
    assert chain.said(32) == [("missing", True)]
    assert chain.said(200) == []
    chain.take(chain.event(201, Event.STORED_IN, "B1"))
    assert ("missing", False) in chain.said(201.1)


def test_a_bag_that_does_not_arrive_is_lost_on_the_road() -> None:
    """Handed over and not received within a day."""
    chain = Chain()
    chain.take(*chain.life("B1")[:3])
    assert chain.said(43.9) == []
    assert chain.said(44) == [("in_transit", True)]


def test_a_step_that_was_not_scanned_is_told_once_a_later_one_is_known_for_some_hours() -> None:
    """A hand-held that comes late has time to come; then the gap is told, and it is not "missing"."""
    chain = Chain()
    life = chain.life("B1")
    chain.take(life[0], life[2])
    assert chain.said(25.9) == []
    (gap,) = chain.at(26)
    assert (gap["rule"], gap["event"]) == (Rule.UNSCANNED, Event.STORED_IN)
    chain.take(life[1])
    assert chain.said(26.1) == [("unscanned", False)]
    assert chain.found("B1") == set()


@pytest.mark.parametrize(
    ("what", "step_of", "said"),
    [
        ("unsigned", Event.COLLECTED, {"signatures": 1}),
        ("unsigned", Event.HANDED_OVER, {"signatures": 0}),
        ("category", Event.STORED_IN, {"category": 2}),
        ("opened", Event.STORED_IN, {"unsealed": True}),
        ("weight", Event.HANDED_OVER, {"net_g": 1_700}),
        ("weight", Event.RECEIVED, {"net_g": 2_400}),
        ("bag_weight", Event.COLLECTED, {"net_g": 0}),
        ("manifest", Event.HANDED_OVER, {"manifest": False}),
        ("vehicle", Event.HANDED_OVER, {"vehicle": "stranger"}),
        ("vehicle", Event.HANDED_OVER, {"vehicle": "V2"}),
        ("vehicle", Event.HANDED_OVER, {"vehicle": "stranger", "net_g": -1}),
        ("receiver", Event.HANDED_OVER, {"to": "R2", "vehicle": None}),
        ("receiver", Event.RECEIVED, {"place": "nobody"}),
        ("order", Event.RECEIVED, {"ts": MIDNIGHT + 15 * 3_600_000_000, "arrived": MIDNIGHT + 15 * 3_600_000_000}),
    ],
)
def test_one_fault_in_a_life_is_found_and_named(what: str, step_of: Event, said: dict[str, Any]) -> None:
    """Each fault is told, with the event it is about, and no fault is taken for another one."""
    chain = Chain()
    life = [event for event in chain.life("B1") if event["event"][0] != step_of]
    hours = {Event.COLLECTED: 8, Event.STORED_IN: 8.5, Event.HANDED_OVER: 20, Event.RECEIVED: 22}[step_of]
    manifest = said.get("manifest", True)
    for event in life:
        event["manifest"] = manifest
    chain.take(*life, chain.event(hours, step_of, "B1", **said))
    verdicts = chain.at(36)
    expected = {what, "weight"} if what == "bag_weight" else {what}
    assert {Rule(each["rule"]).code for each in verdicts} == expected
    assert not verdicts["late"].any()
    assert chain.found("B1") == expected


def test_a_difference_within_the_tolerance_is_none() -> None:
    """Just 3 % of 10 kg is allowed; a gram more is not."""
    for grams, expected in ((9_700, set()), (9_699, {"weight"})):
        chain = Chain()
        chain.take(
            chain.event(8, Event.COLLECTED, "B1", net_g=10_000), chain.event(9, Event.STORED_IN, "B1", net_g=grams)
        )
        chain.at(10)
        assert chain.found("B1") == expected


def test_a_code_on_two_bags_is_told_as_that_and_its_mixed_chain_is_not_judged() -> None:
    """Two wards collect the same code: one verdict, not one for weight, category and order as well."""
    chain = Chain()
    other = chain.event(10, Event.COLLECTED, "B1", place="W2", category=2, net_g=9_000)
    chain.take(*chain.life("B1"), other)
    assert chain.said(31) == [("duplicate", True)]
    assert chain.found("B1") == {"duplicate"}


def test_weighing_again_at_once_is_no_second_bag() -> None:
    """The same ward, minutes later: a person put the bag on the scale again."""
    chain = Chain()
    chain.take(*chain.life("B1"), chain.event(8.1, Event.COLLECTED, "B1", net_g=2_020))
    assert chain.said(31) == []


def test_what_only_late_events_tell_is_history() -> None:
    """An unsigned collection that comes half a day late is found, and pages nobody."""
    chain = Chain()
    life = chain.life("B1")
    chain.take(*life[1:4])
    chain.take(chain.event(8, Event.COLLECTED, "B1", signatures=0, late_h=14))
    (told,) = chain.at(23)
    assert told["rule"] == Rule.UNSIGNED
    assert told["late"]


def test_a_late_event_is_no_witness_of_order() -> None:
    """A hand-held that kept its scans for hours may have had a wrong clock; order is judged between timely scans."""
    chain = Chain()
    life = chain.life("B1")
    life[0] = chain.event(9.5, Event.COLLECTED, "B1", late_h=3)
    chain.take(*life)
    assert chain.said(31) == []


def test_a_treated_bag_leaves_memory_and_late_news_of_it_opens_no_other() -> None:
    """Three days after its end it is gone; what comes later goes to who keeps the rows."""
    chain = Chain()
    chain.take(*chain.life("B1"))
    chain.at(31)
    chain.at(31 + 3 * 24)
    assert chain.state.open_bags == 0
    assert [int(each["key"]) for each in chain.state.closed[0]] == [tag_key("B1")]
    late = chain.event(8.6, Event.MOVED, "B1", place="store", late_h=24 * 8)
    chain.take(late)
    assert chain.state.open_bags == 0
    assert [int(each["key"][0]) for each in chain.state.beyond] == [tag_key("B1")]


def test_a_disposer_that_keeps_waste_is_told() -> None:
    """72 h in the cold; 24 h where its store is measured warm, which binds disposers only."""
    chain = Chain()
    chain.take(*chain.life("B1")[:4])
    assert chain.said(22 + 71.9) == []
    assert chain.said(22 + 72) == [("disposer_storage", True)]


def box(chain: Chain, at_h: float, event: Event, net_g: int = -1, **said: Any) -> Any:
    """An event of turnover box X."""
    return chain.event(at_h, event, "X", kind=Container.BOX, net_g=net_g, **said)


def boxed_day(chain: Chain, begin_h: float, tags: tuple[str, ...], weight: int | None = None) -> list[Any]:
    """A day of box X: bags of 2 kg are collected, stored, boxed; the box is handed over, received and emptied."""
    events = []
    for tag in tags:
        events += [
            chain.event(begin_h, Event.COLLECTED, tag),
            chain.event(begin_h + 1, Event.STORED_IN, tag, net_g=2_000),
            chain.event(begin_h + 2, Event.BOXED, tag, parent="X"),
        ]
    grams = 2_000 * len(tags) if weight is None else weight
    events += [
        box(chain, begin_h + 3, Event.HANDED_OVER, grams),
        box(chain, begin_h + 5, Event.RECEIVED, grams + 50),
        box(chain, begin_h + 6, Event.TREATED),
    ]
    return events


def test_a_box_moves_what_is_in_it_and_serves_again_the_next_day() -> None:
    """Bags follow their box to the furnace; yesterday's bags have nothing to do with today's journey of the box."""
    chain = Chain()
    chain.take(*boxed_day(chain, 8, ("B1", "B2")))
    chain.take(*boxed_day(chain, 32, ("B3",)))
    assert chain.said(60) == []
    slots = chain.state.slots(np.array([tag_key(tag) for tag in ("B1", "B3")]))
    rows = rows_of(chain.state, slots.astype(np.int64))
    assert ((rows["ts"][:, 2] - MIDNIGHT) / 3.6e9).tolist() == [11, 35]
    assert ((rows["ts"][:, 4] - MIDNIGHT) / 3.6e9).tolist() == [14, 38]


def test_a_box_that_weighs_less_than_its_content_is_told_once() -> None:
    """300 g of 4 kg are gone before the gate: the box is told, not each of its bags."""
    chain = Chain()
    chain.take(*boxed_day(chain, 8, ("B1", "B2"), weight=3_700))
    (told,) = chain.at(20)
    assert Rule(told["rule"]) is Rule.BATCH_WEIGHT
    assert told["subject"] == tag_key("X")
    assert told["value"] == pytest.approx(-0.3)
    assert (told["event"], told["limit"]) == (Event.HANDED_OVER, 0.2)


def test_a_box_that_lost_weight_on_the_road_is_compared_with_the_gate() -> None:
    """The plant weighs 1 kg less than the hospital did."""
    chain = Chain()
    events = boxed_day(chain, 8, ("B1", "B2"))
    events[-2] = box(chain, 13, Event.RECEIVED, 3_000)
    chain.take(*events)
    (told,) = chain.at(20)
    assert (told["event"], told["other"]) == (Event.RECEIVED, Event.HANDED_OVER)
    assert told["value"] == pytest.approx(-1.0)


def test_a_bag_that_was_never_stored_weighs_in_its_box_what_it_weighed_in_the_ward() -> None:
    """The sum of a box takes the last weighing of each bag that there was."""
    chain = Chain()
    chain.take(*[each for each in boxed_day(chain, 8, ("B1", "B2")) if each["event"][0] != Event.STORED_IN])
    assert {rule for rule, _ in chain.said(24)} == {"unscanned"}


def test_a_box_without_a_signature_is_told_once_and_its_bags_are_not() -> None:
    """The missing signature is the box's."""
    chain = Chain()
    events = boxed_day(chain, 8, ("B1", "B2", "B3"))
    events[-3]["signatures"] = 1
    chain.take(*events)
    (told,) = chain.at(20)
    assert (Rule(told["rule"]), told["subject"]) == (Rule.UNSIGNED, tag_key("X"))
    assert chain.found("B1") == set()


def test_a_box_lost_on_the_road_is_one_subject() -> None:
    """Three bags are in transit too long, all because of one box."""
    chain = Chain()
    chain.take(*boxed_day(chain, 8, ("B1", "B2", "B3"))[:-2])
    told = chain.at(8 + 3 + 24)
    assert [Rule(each["rule"]) for each in told] == [Rule.IN_TRANSIT] * 3
    assert set(told["subject"].tolist()) == {tag_key("X")}


def test_a_box_in_a_batch_moves_with_it() -> None:
    """小箱进大箱: the batch is handed over, so the box and the bag in it are."""
    chain = Chain()
    chain.take(
        chain.event(8, Event.COLLECTED, "B1"),
        chain.event(9, Event.STORED_IN, "B1"),
        chain.event(10, Event.BOXED, "B1", parent="X"),
        box(chain, 11, Event.BOXED, parent="Y"),
        chain.event(12, Event.HANDED_OVER, "Y", kind=Container.BATCH, net_g=-1),
    )
    chain.at(13)
    assert chain.state["waits"][chain.state.slots(np.array([tag_key("B1")]))] == -1
    told = chain.at(36)
    assert [(Rule(each["rule"]), int(each["subject"])) for each in told] == [(Rule.IN_TRANSIT, tag_key("Y"))]


def test_a_tolerance_that_makes_no_sense_is_refused_by_name() -> None:
    """What is set wrong is named, with what would be right."""
    with pytest.raises(ToleranceError, match="storage_hours"):
        Tolerances.from_json({"storage_hours": 40})
    with pytest.raises(ToleranceError, match="bag_kg"):
        Tolerances.from_json({"bag_kg": -1})
    with pytest.raises(ToleranceError, match="must not fall"):
        Tolerances.from_json({"storage_first_h": 50})
    assert Tolerances.from_json(Tolerances(bag_kg=0.5).to_json()).bag_kg == 0.5


def test_the_plant_is_no_institution() -> None:
    """Sites that take waste are never called silent or not collected from."""
    chain = Chain()
    assert not chain.state.world.producer[PLANT]
    assert chain.said(24 * 30) == []
