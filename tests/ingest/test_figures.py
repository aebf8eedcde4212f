"""Received is held against what became of it: only a difference that stays is believed."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.figures import CHECKS_TO_BELIEVE, Reconciliation


@given(st.integers(-5, 5).filter(bool), st.integers(1, CHECKS_TO_BELIEVE - 1))
def test_a_message_counted_an_instant_before_it_is_queued_is_no_imbalance(difference: int, times: int) -> None:
    """A difference seen less often than it takes is forgotten with the next check that adds up."""
    accounts = Reconciliation()
    for _ in range(times):
        assert accounts.check(10 + difference, 7, 3) == 0
    assert accounts.check(10, 7, 3) == 0
    assert accounts.imbalance == 0


@given(st.integers(-5, 5).filter(bool))
def test_a_difference_that_stays_is_told_until_it_is_gone(difference: int) -> None:
    """Lost sight of or counted twice: told with its sign, and over with the first check that adds up."""
    accounts = Reconciliation()
    told = [accounts.check(10 + difference, 7, 3) for _ in range(CHECKS_TO_BELIEVE)]
    assert told == [0] * (CHECKS_TO_BELIEVE - 1) + [difference]
    assert accounts.check(11 + difference, 8, 3) == difference, "it stays while more messages come"
    assert accounts.check(12, 9, 3) == 0
