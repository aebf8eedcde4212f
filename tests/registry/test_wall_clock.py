"""Times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.catalogue import LANGUAGES, Language
from registry.wall_clock import wall_clock, zone_offset

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("Asia/Shanghai", "UTC+8"), ("Asia/Kolkata", "UTC+5:30"), ("UTC", "UTC+0"), ("America/New_York", "UTC-5")],
)
def test_zone_is_named_by_its_offset(zone: str, shown: str) -> None:
    """A zone is recognised by its offset."""
    assert zone_offset(zone, NOON) == shown


@pytest.mark.parametrize(
    ("language", "zone", "shown"),
    [
        ("zh", "Asia/Shanghai", "2026-11-22 12:00"),
        ("en", "Asia/Shanghai", "2026-11-22 12:00 (UTC+8)"),
        ("en", "America/New_York", "2026-11-21 23:00 (UTC-5)"),
    ],
)
def test_a_time_is_that_of_the_wall_clock(language: Language, zone: str, shown: str) -> None:
    """Day and minute by the site's zone, which an English reader is told."""
    assert wall_clock(language, NOON, zone) == shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_time_is_written_for_machines(language: Language) -> None:
    """Whatever it was read from: no ISO offset, no fraction of a second."""
    at = NOON + timedelta(seconds=3, microseconds=7)
    assert "+08:00" not in wall_clock(language, at, "Asia/Shanghai")
    assert wall_clock(language, at, "Asia/Shanghai") == wall_clock(language, NOON, "Asia/Shanghai")
