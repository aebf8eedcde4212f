from datetime import UTC, datetime

import pytest

from dashboard import formatting

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-22T03:59:58Z", "11:59:58"),
        ("2026-11-21T16:00:00Z", "00:00:00"),  # the site's today began at 16:00 UTC yesterday
        ("2026-11-21T15:59:59Z", "11-21 23:59"),
        ("2025-12-31T15:59:00Z", "2025-12-31 23:59"),
        (None, "–"),
    ],
)
def test_times_are_the_sites(moment: str | None, shown: str) -> None:
    """A time is shown by the site's calendar, as short as can be without doubt."""
    assert formatting.clock(moment, "Asia/Shanghai", NOON) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(1.0, "100.0 %"), (0.9999, "99.9 %"), (0.975, "97.5 %"), (0.0, "0.0 %"), (None, "–")]
)
def test_only_all_is_a_hundred_percent(share: float | None, shown: str) -> None:
    """Shares are rounded down: 100 % means all."""
    assert formatting.percent(share) == shown


def test_what_is_unknown_is_a_dash_never_zero() -> None:
    """An unknown figure is a dash."""
    assert (formatting.number(None, 2), formatting.size(None), formatting.full_time(None, "UTC")) == ("–", "–", "–")


def test_times_go_to_the_api_in_utc() -> None:
    """RFC 3339 with Z."""
    assert formatting.rfc3339(NOON) == "2026-11-22T04:00:00.000Z"
