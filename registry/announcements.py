"""What venues and inspectors announce ahead: closure, stopped circulation, calibration, maintenance.

An announcement mutes by design what begins while it lasts (ISA-18.2: suppressed by design), and never what was on
before it was made: nobody can announce an alarm away. While closed or without circulation, the water is not judged,
as outside opening hours; during calibration and maintenance it is, and what is found waits for the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from registry.catalogue import text
from registry.journal_json import record_fields, record_json
from registry.model import Registry
from registry.site_settings import GRACE, SettingError, check_place, check_reason
from registry.words import Words, moment

HOLD_OFF_S: Final = 1_800
"""So long after a calibration or maintenance its alarms stay muted (FACTS 2.3, design default)."""

AHEAD: Final = timedelta(days=366)
"""An announcement begins no further ahead than this."""


class AnnouncementKind(StrEnum):
    """What is announced; values are those of column ``announcement.kind``."""

    CLOSED = "closed"
    CIRCULATION_OFF = "circulation_off"
    CALIBRATION = "calibration"
    MAINTENANCE = "maintenance"


LONGEST: Final[Mapping[AnnouncementKind, timedelta]] = MappingProxyType(
    {
        AnnouncementKind.CLOSED: timedelta(days=366),
        AnnouncementKind.CIRCULATION_OFF: timedelta(days=1),
        AnnouncementKind.CALIBRATION: timedelta(hours=4),
        AnnouncementKind.MAINTENANCE: timedelta(days=3),
    }
)
"""How long each may be announced for at a time (design default): longer is another announcement, with its reason."""

MUTES: Final[Mapping[AnnouncementKind, frozenset[str]]] = MappingProxyType(
    {
        AnnouncementKind.CLOSED: frozenset({"limit", "circulation", "detector", "offline"}),
        AnnouncementKind.CIRCULATION_OFF: frozenset({"limit", "circulation", "detector"}),
        AnnouncementKind.CALIBRATION: frozenset({"limit", "circulation", "detector"}),
        AnnouncementKind.MAINTENANCE: frozenset({"limit", "circulation", "detector", "offline"}),
    }
)
"""Kinds of alarm that each mutes."""

_TIMES: Final = ("starts_at", "ends_at", "announced_at", "withdrawn_at")


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement for [`starts_at`, `ends_at`); `sampling_point` None: all of the site.

    `hold_off_s` (seconds) is how long after its end alarms stay muted. `withdrawn_*` say who ended it ahead of time;
    `ends_at` is then that moment, and one that had not begun never does.
    """

    id: int
    site: str
    sampling_point: str | None
    kind: AnnouncementKind
    starts_at: datetime
    ends_at: datetime
    hold_off_s: int
    reason: str
    announced_by: str
    announced_at: datetime
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdraw_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The announcement as the journal and the snapshot keep it."""
        return record_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Announcement":
        """What `to_json` made. Raises `KeyError`, `TypeError` or `ValueError` on anything else."""
        fields = record_fields(cls, raw, _TIMES)
        return cls(**{**fields, "kind": AnnouncementKind(fields["kind"])})

    def withdrawn(self, at: datetime, by: str, reason: str) -> "Announcement":
        """The announcement ended at `at`."""
        ends = min(max(at, self.starts_at), self.ends_at)
        return replace(self, ends_at=ends, withdrawn_by=by, withdrawn_at=at, withdraw_reason=reason)

    @property
    def judges_nothing(self) -> bool:
        """Whether values are not judged at all while it lasts."""
        return self.kind in (AnnouncementKind.CLOSED, AnnouncementKind.CIRCULATION_OFF)

    def covers(self, site: str, point: str | None) -> bool:
        """Whether it is about a place; about a whole site only if it is for the whole site."""
        return self.site == site and self.sampling_point in (None, point)

    def mutes(self, kind: str, since: datetime, hold_off_s: float) -> bool:
        """Whether an alarm of a kind whose condition began at `since` is muted by it; `hold_off_s` as it counts."""
        return kind in MUTES[self.kind] and self.starts_at <= since < self.ends_at + timedelta(seconds=hold_off_s)


def hold_off_of(kind: AnnouncementKind) -> int:
    """Seconds after the end in which alarms stay muted."""
    return HOLD_OFF_S if kind in (AnnouncementKind.CALIBRATION, AnnouncementKind.MAINTENANCE) else 0


def check(wanted: Announcement, registry: Registry, now: datetime) -> None:
    """Raise `SettingError` where a new announcement is not acceptable."""
    check_place(registry, wanted.site, wanted.sampling_point)
    check_reason("reason", wanted.reason)
    zone = registry.sites[wanted.site].zone
    if wanted.starts_at < now - GRACE:
        raise _refused("past", at=moment(wanted.starts_at, zone))
    if wanted.starts_at > now + AHEAD:
        raise _refused("far", at=moment(wanted.starts_at, zone), days=AHEAD.days)
    if wanted.ends_at <= max(wanted.starts_at, now):
        raise _refused("ends", at=moment(wanted.ends_at, zone))
    longest = LONGEST[wanted.kind]
    if wanted.ends_at - wanted.starts_at > longest:
        kind = Words(text("zh", f"alarm.announcement.{wanted.kind}"), wanted.kind)
        raise _refused("long", kind=kind, hours=longest.total_seconds() / 3600)


def _refused(why: str, **fields: object) -> SettingError:
    return SettingError.of(f"refusal.announcements.{why}", **fields)
