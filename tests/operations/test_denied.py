"""Refused publishes become dead letters."""

import threading
import time
from collections.abc import Sequence

import pytest

from operations.denied import DeniedPublishes
from store.records import DeadLetter

LINE = (
    '[7] 2026/03/01 08:30:00.500000 [ERR] 127.0.0.1:5000 - mid:9 - "{client}" - Publish Violation - '
    'User "{client}", Subject "landun.v1.320602.nt-cc-001.{client}.telemetry"'
)


class Letters:
    """Where letters are written; refuses the first `failures` writes as a database that is away does."""

    def __init__(self, failures: int = 0) -> None:
        self.kept: list[DeadLetter] = []
        self.failures = failures
        self.writes = 0

    def write(self, letters: Sequence[DeadLetter]) -> None:
        self.writes += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("database away")
        self.kept += letters


def wait_for(letters: Letters, number: int) -> None:
    """Until so many letters are kept."""
    deadline = time.monotonic() + 10
    while len(letters.kept) < number:
        assert time.monotonic() < deadline, f"{len(letters.kept)} of {number} letters kept"
        time.sleep(0.02)


def test_each_refusal_is_one_letter_that_names_device_and_topic() -> None:
    """Lines about anything else are passed over; letters are written in few batches."""
    letters = Letters()
    denied = DeniedPublishes(letters.write)
    denied.start()
    for number in range(300):
        denied.hear("[7] 2026/03/01 08:30:00.500000 [INF] Server is ready")
        denied.hear(LINE.format(client=f"dev-{number}"))
    wait_for(letters, 300)
    denied.close()
    assert [letter.device for letter in letters.kept] == [f"dev-{number}" for number in range(300)]
    first = letters.kept[0]
    assert first.reason == "forbidden_publish"
    assert first.topic == "landun/v1/320602/nt-cc-001/dev-0/telemetry"
    assert first.site == "nt-cc-001"
    assert "dev-0" in first.detail
    assert letters.writes < 30


def test_letters_wait_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away loses no letter and makes none twice."""
    monkeypatch.setattr("operations.denied.RETRY_FIRST_S", 0.02)
    letters = Letters(failures=3)
    denied = DeniedPublishes(letters.write)
    denied.start()
    denied.hear(LINE.format(client="dev-1"))
    wait_for(letters, 1)
    denied.close()
    assert letters.writes == 4
    assert len(letters.kept) == 1


def test_hearing_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a database that does not answer, the broker's output is taken without delay and the rest is counted."""
    monkeypatch.setattr("operations.denied.END_S", 0.1)
    stuck = threading.Event()

    def hang(_letters: Sequence[DeadLetter]) -> None:
        stuck.wait(30)

    denied = DeniedPublishes(hang)
    denied.start()
    began = time.monotonic()
    for number in range(12_000):
        denied.hear(LINE.format(client=f"dev-{number}"))
    assert time.monotonic() - began < 10
    assert denied.dropped > 0
    stuck.set()
    denied.close()
