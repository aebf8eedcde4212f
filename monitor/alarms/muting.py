"""What mutes alarms: shelves, what is out of service, announcements, and devices that are not heard. Pure state.

The book of alarms asks here when an alarm begins, and at ticks whether a mute has ended. All of it is folded from the
journal, so a recomputed history mutes the same alarms at the same moments.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from monitor.alarms.states import Standing
from registry.announcements import Announcement
from store.records import from_us, to_us

HANGING: Final = frozenset({"limit", "circulation", "detector"})
"""Kinds of alarm that rest on what a device measures: while it is not heard, nothing new can be known of them."""

KEPT_US: Final = 8 * 86_400_000_000
"""So long after its end an announcement still says why values of that time were not judged: late readings are a week
old at most."""


@dataclass(slots=True)
class Kept:
    """What the book keeps of an alarm that is not over. `since` in us; `suppressed_by` None: it is not suppressed."""

    condition: str
    rule: str
    kind: str
    site: str
    device: str | None
    sampling_point: str | None
    since: int
    legal_lead: bool
    occurrence: int
    standing: Standing
    suppressed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """Alarms that a person put away until `until` (us): a shelf, or out of service. `once`: at most this occurrence."""

    until: int
    by: str
    reason: str
    once: bool = False


@dataclass
class Muting:
    """What mutes now.

    `shelves` by condition; `out` by condition or ``device:<code>``; `announcements` by id; `down` is device code → the
    condition that says that it is not heard.
    """

    shelves: dict[str, Away] = field(default_factory=dict)
    out: dict[str, Away] = field(default_factory=dict)
    announcements: dict[int, Announcement] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)
    _of_site: dict[str, list[Announcement]] | None = field(default=None, repr=False)

    def out_of_service(self, alarm: Kept) -> Away | None:
        """Who put an alarm, or its device, out of service."""
        found = self.out.get(alarm.condition)
        return found or (self.out.get(f"device:{alarm.device}") if alarm.device else None)

    def suppressor(self, alarm: Kept, hold_off: "HoldOff") -> str | None:
        """What suppresses an alarm that begins now, by design; None where nothing does."""
        return self.outage(alarm) or next(
            (
                f"announcement:{each.id}"
                for each in self.of_site(alarm.site)
                if each.covers(alarm.site, alarm.sampling_point)
                and each.mutes(alarm.kind, from_us(alarm.since), hold_off(each))
            ),
            None,
        )

    def outage(self, alarm: Kept) -> str | None:
        """The silence that mutes an alarm. A legal lead is not muted by it: who unplugs a device quiets nothing."""
        if alarm.kind not in HANGING or alarm.device is None or alarm.legal_lead:
            return None
        return self.down.get(alarm.device)

    def still(self, alarm: Kept, now: int, hold_off: "HoldOff") -> str | None:
        """What goes on suppressing an alarm, or began to: an announcement that it began under, or an outage."""
        by = alarm.suppressed_by or ""
        if by.startswith("announcement:"):
            found = self.announcements.get(int(by.rpartition(":")[2]))
            if found is not None and now < _over(found, hold_off):
                return by
        return self.outage(alarm)

    def of_site(self, site: str) -> Sequence[Announcement]:
        """The announcements of a site, oldest first."""
        if self._of_site is None:
            self._of_site = {}
            for each in self.announcements.values():
                self._of_site.setdefault(each.site, []).append(each)
        return self._of_site.get(site, ())

    def announce(self, announcement: Announcement) -> None:
        """Take up an announcement, or its withdrawal."""
        self.announcements[announcement.id] = announcement
        self._of_site = None

    def expired(self, now: int) -> tuple[list[str], list[str]]:
        """The shelves and what is out of service whose time has run out at `now` (us)."""
        shelves = [key for key, each in self.shelves.items() if each.until <= now]
        return shelves, [key for key, each in self.out.items() if each.until <= now]

    def forget(self, now: int) -> bool:
        """Drop announcements that can mute nothing any more, not even late readings; whether there were any."""
        gone = [key for key, each in self.announcements.items() if to_us(each.ends_at) + KEPT_US < now]
        for key in gone:
            del self.announcements[key]
            self._of_site = None
        return bool(gone)

    def save(self) -> dict[str, Any]:
        """The state as JSON can hold it; what is down follows from the silence of devices."""
        return {
            "shelves": {key: [each.until, each.by, each.reason, each.once] for key, each in self.shelves.items()},
            "out": {key: [each.until, each.by, each.reason, each.once] for key, each in self.out.items()},
            "announcements": [each.to_json() for each in self.announcements.values()],
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> "Muting":
        """What `save` saw."""
        return cls(
            {key: Away(*each) for key, each in saved["shelves"].items()},
            {key: Away(*each) for key, each in saved["out"].items()},
            _by_id(map(Announcement.from_json, saved["announcements"])),
        )


class HoldOff:
    """How long after its end an announcement mutes, in seconds: less at simulated sites, as all delays there."""

    def __init__(self, simulated: Iterable[str] = (), speed: float = 1.0) -> None:
        self.simulated = frozenset(simulated)
        self.speed = speed

    def __call__(self, announcement: Announcement) -> float:
        """The hold-off of one announcement."""
        return announcement.hold_off_s / (self.speed if announcement.site in self.simulated else 1.0)


def _over(announcement: Announcement, hold_off: HoldOff) -> int:
    return to_us(announcement.ends_at) + round(hold_off(announcement) * 1e6)


def _by_id(found: Iterable[Announcement]) -> dict[int, Announcement]:
    return {each.id: each for each in found}
