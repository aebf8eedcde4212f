import pytest

from operations.evaluation.waste import Run, Settings, run
from operations.evaluation.waste_report import figures_of, shortfalls, table
from operations.evaluation.waste_scoring import Alarm, Explained, figures, outcomes
from simulators.waste.fault_kinds import WasteFault
from simulators.waste.month import Truth

HOUR_US = 3_600_000_000
LONG = {WasteFault.SILENT_INSTITUTION, WasteFault.HIDDEN_WASTE, WasteFault.HIDDEN_SHARPS}
"""Kinds that need a history or more days than the short form has."""
SHORT = Settings(institutions=60, with_beds=24, days=11, each=1, kinds=tuple(set(WasteFault) - LONG))


@pytest.fixture(scope="module")
def lived() -> Run:
    """Eleven days of sixty institutions with a fault of twenty kinds each."""
    return run(SHORT)


def test_every_planted_fault_is_found_and_nothing_else_is_said(lived: Run) -> None:
    """The custody engine names each fault by its rule, and raises no alarm that no fault explains."""
    found = figures_of(lived)
    assert {kind: each["recall"] for kind, each in found["kinds"].items()} == dict.fromkeys(
        [kind.value for kind in WasteFault if kind not in LONG], 1.0
    )
    assert found["false"] == 0
    assert shortfalls(found) == []
    assert "lost_bag" in table(found)


def test_the_weights_balance_to_the_gram(lived: Run) -> None:
    """What the engine knows of every step is what the simulator put in, but for codes used twice."""
    balance = figures_of(lived)["balance_g"]
    assert all(each["difference"] == 0 for each in balance.values())
    assert balance["collected"]["put_in"] > 5_000_000
    assert balance["collected"]["twice"] > 0


TRUTH = Truth(WasteFault.LOST_BAG, 3, 0.0, 100 * HOUR_US, 101 * HOUR_US, (7,))


@pytest.mark.parametrize(
    ("alarm", "about"),
    [
        (Alarm("missing", 70, 70, 5, 0, 125 * HOUR_US), True),
        (Alarm("storage_36h", 70, 70, 5, 0, 140 * HOUR_US), True),
        (Alarm("missing", 71, 71, 5, 0, 125 * HOUR_US), False),
        (Alarm("weight", 70, 70, 5, 0, 125 * HOUR_US), False),
        (Alarm("missing", 70, 70, 5, 0, 300 * HOUR_US), False),
    ],
)
def test_an_alarm_is_explained_by_the_right_bag_rule_and_time_only(alarm: Alarm, *, about: bool) -> None:
    """Another bag, a rule that the fault does not bring, or a time days later is a false alarm."""
    explained = Explained([TRUTH], {7: 70}, [0, 1, 2, 5], [])
    assert (explained.of(alarm) is TRUTH) is about
    found = figures(outcomes([TRUTH], [alarm], explained), [alarm], explained)
    assert found["false"] == (0 if about else 1)
    assert found["kinds"]["lost_bag"]["found"] == (about and alarm.rule == "missing")
