"""Instants as the clock on a venue's wall shows them, for people to read."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from registry.catalogue import Language


def wall_clock(language: Language, at: datetime, zone: str) -> str:
    """``2026-11-22 14:05``, in English with its zone as ``2026-11-22 14:05 (UTC+8)``.

    Chinese readers have one zone, and the pages name it; an English sentence may be read anywhere.
    """
    shown = f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    return shown if language == "zh" else f"{shown} ({zone_offset(zone, at)})"


def zone_offset(zone: str, at: datetime | None = None) -> str:
    """``UTC+8``: how a reader recognises a zone."""
    offset = (at or datetime.now(UTC)).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
