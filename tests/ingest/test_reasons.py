"""Reasons of dead letters, as people read them."""

import pytest

from ingest.rejection import Reason
from registry.catalogue import LANGUAGES, text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_name_and_says_what_would_be_right(reason: Reason) -> None:
    """No dead letter is shown as a bare code, in either language, and each comes with advice."""
    for language in LANGUAGES:
        assert text(language, f"dead_letter.reason.{reason}")
        assert text(language, f"dead_letter.advice.{reason}")
