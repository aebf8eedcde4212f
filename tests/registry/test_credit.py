"""A site's class by points over its record."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.credit import CLASSES, FACTS, WeightsError, assess, default_weights, of_json

records = st.dictionaries(st.sampled_from(FACTS), st.integers(0, 50))


@given(records, st.booleans())
def test_the_sum_is_whole_and_shown(record: dict[str, int], known: bool) -> None:
    """Points are 100 less what every line took, within 0 and 100; no line takes more than its most."""
    found = assess(default_weights(), record, known=known)
    assert found.points == min(max(100 - sum(item.points for item in found.items), 0), 100)
    assert all(abs(item.points) <= item.weight.most for item in found.items)
    assert {item.fact for item in found.items} == set(FACTS)
    assert found.letter in CLASSES


@given(records, st.sampled_from([fact for fact in FACTS if fact != "commitment"]))
def test_a_worse_record_is_never_a_better_class(record: dict[str, int], fact: str) -> None:
    """One occurrence more of anything but a commitment leaves the class or lowers it."""
    before = assess(default_weights(), record, known=True)
    after = assess(default_weights(), {**record, fact: record.get(fact, 0) + 1}, known=True)
    assert after.points <= before.points
    assert CLASSES.index(after.letter) >= CLASSES.index(before.letter)


def test_a_site_without_any_record_is_not_a_good_one() -> None:
    """Not known is class B, whatever the points."""
    found = assess(default_weights(), {}, known=False)
    assert (found.points, found.letter, found.known) == (100, "B", False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"days": 0}, "days is 0; must be a whole number from 1"),
        ({"unknown": "E"}, "unknown is 'E'; must be one of A, B, C, D"),
        ({"facts": {}}, "facts is .*; must give exactly filings"),
        ({"classes": {name: {"from": 50, "lots": 1} for name in CLASSES}}, "each must begin below the one before"),
        (
            {"facts": {**default_weights().to_json()["facts"], "orders": {"points": 1.5, "most": 9}}},
            "facts.orders.points is 1.5",
        ),
    ],
)
def test_weights_that_are_not_acceptable_say_what_would_be(change: dict[str, Any], says: str) -> None:
    """The error names the field, its value and what is right."""
    with pytest.raises(WeightsError, match=says) as caught:
        of_json({**default_weights().to_json(), **change})
    assert "应" in caught.value.words.zh
