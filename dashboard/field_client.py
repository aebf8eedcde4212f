"""The API for the pages of inspectors on their way and of venues."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from dashboard.client import ApiClient
from dashboard.keeping_client import Device
from dashboard.shapes import Priority


class Comparison(TypedDict):
    """A quick test beside the on-line value."""

    sample_id: int
    online: float | None
    readings: int
    first: str
    last: str
    difference: float | None
    tolerance: float | None
    agreement: str
    online_state: str | None
    finding: str


class DisplayLink(TypedDict):
    """A link to a venue's public display."""

    id: int
    site: str
    place: str
    key: str | None
    made_by: str
    made_at: str
    revoked_by: str | None
    revoked_at: str | None
    shown_at: str | None


class Notification(TypedDict):
    """A message to the person who is signed in."""

    id: int
    at: str
    reason: str
    priority: Priority
    simulated: bool
    sites: list[str]
    alarms: list[int]
    title: str
    body: str
    why: dict[str, Any]
    read_at: str | None


class Inbox(TypedDict):
    """A page of messages, newest first; `unread` counts all pages."""

    unread: int
    items: list[Notification]


class Announcement(TypedDict):
    """What a venue or an inspector announced."""

    id: int
    site: str
    sampling_point: str | None
    kind: str
    starts_at: str
    ends_at: str
    hold_off_s: int
    state: str
    reason: str
    announced_by: str
    muted_alarms: int


class FieldClient(ApiClient):
    """What these pages ask for beside what every page does."""

    # ------------------------------------------------------------------ the inbox
    def inbox(self, *, unread: bool = False, limit: int = 30, before: int | None = None) -> Inbox:
        """My messages, newest first; those older than the message `before`."""
        query = {"unread": str(unread).lower(), "limit": limit, "before": before}
        return cast(Inbox, self._get("/notifications/inbox", query))

    def mark_read(self, numbers: Sequence[int] | None) -> None:
        """Mark messages as read, all of them for None; that acknowledges no alarm."""
        self._post("/notifications/inbox/read", {"ids": None if numbers is None else list(numbers)})

    # ------------------------------------------------------------------ alarms
    def on_the_way(self, number: int) -> bool:
        """Say that one is on the way to an alarm; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/on-the-way", {})

    # ------------------------------------------------------------------ quick tests and instruments
    def enter_test(self, test: Mapping[str, object]) -> list[int]:
        """Enter the results of a quick test; the numbers of those that were new."""
        return cast(list[int], self._post("/samples", test)["ids"])

    def comparison(self, sample: int) -> Comparison:
        """A result beside the on-line value of its time."""
        return cast(Comparison, self._get(f"/samples/{sample}/comparison"))

    def devices_of(self, site: str) -> list[Device]:
        """The instruments of a site with state and calibration."""
        return cast(list[Device], self._get(f"/sites/{site}/devices"))

    def calibrate(self, device: str, on: str, due: str | None, note: str) -> None:
        """Enter a calibration that was made; `due` is when the next is."""
        self._post(f"/devices/{device}/calibrations", {"calibrated_on": on, "due_on": due, "note": note})

    # ------------------------------------------------------------------ announcements
    def announcements(self, site: str) -> list[Announcement]:
        """A site's announcements that are on, coming or in their hold-off, newest first."""
        return cast(list[Announcement], self._get("/announcements", {"site": site, "current": "true"}))

    def announce(self, announcement: Mapping[str, object]) -> Announcement:
        """Announce closure, stopped circulation, calibration or maintenance."""
        return cast(Announcement, self._post("/announcements", announcement))

    def withdraw_announcement(self, number: int, reason: str) -> None:
        """End an announcement ahead of its time."""
        self._post(f"/announcements/{number}/withdraw", {"reason": reason})

    # ------------------------------------------------------------------ public displays
    def displays(self, site: str) -> list[DisplayLink]:
        """The links to a venue's public display, newest first."""
        return cast(list[DisplayLink], self._get(f"/sites/{site}/displays"))

    def make_display(self, site: str, place: str) -> DisplayLink:
        """Make a link."""
        return cast(DisplayLink, self._post(f"/sites/{site}/displays", {"place": place}))

    def revoke_display(self, site: str, number: int) -> None:
        """Let a link open nothing any more."""
        self._delete(f"/sites/{site}/displays/{number}")
