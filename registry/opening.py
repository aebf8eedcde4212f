"""Opening hours of a site, in the site's own time zone.

A limit is judged only while the venue is open, so these functions work on arrays: one call says for each
of many instants whether the site was open.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MINUTES_A_DAY = 24 * 60
MICROSECONDS_A_MINUTE = 60_000_000
_HOUR_US = 60 * MICROSECONDS_A_MINUTE


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Weekly opening hours: [opens, closes) in minutes of the day, for each weekday, Monday first."""

    week: tuple[tuple[tuple[int, int], ...], ...]

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"opening hours have {len(self.week)} days, must be 7, Monday first")
        for day, intervals in enumerate(self.week):
            for opens, closes in intervals:
                if not 0 <= opens < closes <= MINUTES_A_DAY:
                    raise ValueError(
                        f"opening hours of weekday {day}: {opens}–{closes}: must be 0 ≤ opens < closes ≤ 1440 minutes"
                    )

    @classmethod
    def always(cls) -> Self:
        """Open day and night."""
        return cls(week=(((0, MINUTES_A_DAY),),) * 7)

    @classmethod
    def daily(cls, opens: int, closes: int) -> Self:
        """The same interval every day, in minutes of the day."""
        return cls(week=(((opens, closes),),) * 7)

    @property
    def around_the_clock(self) -> bool:
        """Whether the site never closes."""
        return self == OpeningHours.always()

    def minute_table(self) -> NDArray[np.bool_]:
        """Shape (7 × 1440,): whether the site is open in each minute of the week, Monday 00:00 first."""
        table = np.zeros((7, MINUTES_A_DAY), dtype=np.bool_)
        for day, intervals in enumerate(self.week):
            for opens, closes in intervals:
                table[day, opens:closes] = True
        return table.reshape(-1)

    def is_open(self, at: datetime, zone: str) -> bool:
        """Whether the site is open at an instant (aware datetime)."""
        local = at.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        return any(opens <= minute < closes for opens, closes in self.week[local.weekday()])


def minute_of_week(ts: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Local minute of the week (0 = Monday 00:00) of each instant.

    Parameters
    ----------
    ts : int64 array of any shape, microseconds since the Unix epoch, UTC
    zone : IANA name

    Offsets are looked up once for each distinct quarter of an hour, since no zone changes its offset
    within one.

    """
    quarter = _HOUR_US // 4
    quarters, where = np.unique(ts // quarter, return_inverse=True)
    info = ZoneInfo(zone)
    offsets = np.array([_offset_minutes(int(q) * quarter, info) for q in quarters], dtype=np.int64)
    minutes = ts // MICROSECONDS_A_MINUTE + offsets[where].reshape(ts.shape)
    # The epoch was a Thursday: three days after a Monday.
    return (minutes + 3 * MINUTES_A_DAY) % (7 * MINUTES_A_DAY)


def _offset_minutes(ts: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(ts / 1e6, tz=UTC).astimezone(zone)
    return round((local.replace(tzinfo=UTC).timestamp() * 1e6 - ts) / MICROSECONDS_A_MINUTE)
