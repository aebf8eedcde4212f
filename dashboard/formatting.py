"""Values, shares, sizes and times as text; times always in the site's zone."""

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from registry.indicators import INDICATORS

DASH: Final = "–"


def parse(moment: str) -> datetime:
    """An RFC 3339 time of the API."""
    return datetime.fromisoformat(moment)


def rfc3339(moment: datetime) -> str:
    """A time as the API takes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(moment: str | None, zone: str, now: datetime | None = None) -> str:
    """``14:05:09`` today, ``11-21 14:05`` this year, else with the year; in the site's zone."""
    if moment is None:
        return DASH
    local = parse(moment).astimezone(ZoneInfo(zone))
    today = (now or datetime.now(UTC)).astimezone(ZoneInfo(zone))
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%m-%d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"


def today_in(zone: str) -> date:
    """The day it is at a site; the machine that draws the page may stand elsewhere."""
    return datetime.now(ZoneInfo(zone)).date()


def full_time(moment: str | None, zone: str) -> str:
    """``2026-11-21 14:05:09`` in the site's zone."""
    return DASH if moment is None else f"{parse(moment).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def number(value: float | None, precision: int) -> str:
    """A value with its decimals; a dash if there is none."""
    return DASH if value is None else f"{value:.{precision}f}"


def precision_of(indicator: str | None) -> int:
    """Decimals an indicator is shown with; 2 for one that is not registered."""
    known = INDICATORS.get(indicator or "")
    return known.precision if known else 2


def percent(share: float | None, decimals: int = 1) -> str:
    """``97.3 %``. Rounded down, so that 100 % means all."""
    if share is None:
        return DASH
    scale = 10**decimals
    return f"{int(share * 100 * scale + 1e-9) / scale:.{decimals}f} %"


def size(count: int | None) -> str:
    """Bytes as GB or MB (powers of 1000)."""
    if count is None:
        return DASH
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
