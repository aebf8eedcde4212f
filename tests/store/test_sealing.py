"""Secrets of channels as they lie in the database."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.sealing import SEALED, Seal, SealError

KEY, OTHER = (secrets.token_urlsafe(32) for _ in range(2))


@given(st.text(min_size=1))
def test_what_is_sealed_comes_back_and_shows_nothing(text: str) -> None:
    """Whatever was entered, in any script; nobody reads it without the key, and twice it looks different."""
    seal = Seal(KEY)
    stored = seal.close(text)
    if text.startswith(SEALED):
        return
    assert stored.startswith(SEALED)
    assert len(text) < 12 or text not in stored
    assert seal.open(stored) == text
    assert seal.close(text) != stored
    assert seal.close(stored) == stored, "what is sealed is not sealed again"


def test_what_lay_open_before_is_read_as_it_is() -> None:
    """With a key or without; and nothing is no secret."""
    for seal in (Seal(), Seal(KEY)):
        assert seal.open("hunter2") == "hunter2"
        assert seal.close("") == ""


def test_a_lost_key_opens_nothing_and_says_so() -> None:
    """No key, another key, and a damaged text: an error without the secret in it."""
    stored = Seal(KEY).close("hunter2")
    for seal, said in ((Seal(), "no key was given"), (Seal(OTHER), "another key")):
        with pytest.raises(SealError, match=said) as caught:
            seal.open(stored)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(SealError):
        Seal(KEY).open(stored[:-4] + "AAAA")
    with pytest.raises(SealError, match="no key to seal"):
        Seal().close("hunter2")


def test_a_key_is_changed_by_putting_the_new_one_first() -> None:
    """Both open; what is written from then on, and what is sealed anew, needs the new one alone."""
    before, both, after = Seal(KEY).close("hunter2"), Seal(f"{OTHER}\n{KEY}\n"), Seal(OTHER)
    assert both.open(before) == "hunter2"
    assert after.open(both.newest(before)) == "hunter2"
    assert after.open(both.newest("lay open")) == "lay open"
    newest = both.newest(before)
    assert both.newest(newest) == newest


@pytest.mark.parametrize("line", ["short", "x" * 44, KEY + KEY], ids=["short", "not base64", "two in one"])
def test_what_is_no_key_is_refused_by_its_line(line: str) -> None:
    """The line is named, its content is not."""
    with pytest.raises(ValueError, match="line 2 is no key") as caught:
        Seal(f"{KEY}\n{line}")
    assert line not in str(caught.value)
