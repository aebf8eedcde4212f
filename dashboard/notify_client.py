"""The part of the API that says who is told of alarms."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from dashboard.client import ApiClient


class Channel(TypedDict):
    """Where to tell; a token is masked."""

    id: int
    person: str | None
    name: str
    kind: str
    target: str
    has_secret: bool
    language: str
    priorities: list[str]
    enabled: bool
    demonstration: bool
    unreadable: bool


class Wishes(TypedDict):
    """How a person wants to be told."""

    language: str
    zone: str
    quiet_from: str | None
    quiet_to: str | None
    quiet_broken_by: list[str]


class Duty(TypedDict):
    """A line of the roster."""

    id: int
    person: str
    person_name: str
    county: str
    role: str
    since: str
    until: str


class Mine(TypedDict):
    """How I am told."""

    wishes: Wishes
    channels: list[Channel]
    duties: list[Duty]
    email_ready: bool
    sms_ready: bool


class Step(TypedDict):
    """A step of a route; times in seconds."""

    role: str
    after_s: int
    after_off_s: int | None


class Route(TypedDict):
    """Which alarms go to whom."""

    id: int
    position: int
    name_zh: str
    name_en: str
    enabled: bool
    counties: list[str]
    scenarios: list[str]
    kinds: list[str]
    priorities: list[str]
    audiences: list[str]
    steps: list[Step]
    receivers: list[int]
    group_wait_s: int
    group_interval_s: int
    repeat_s: int | None
    digest_s: int | None
    tell_resolved: bool
    beside: bool


class Delivery(TypedDict):
    """A message on one channel, and what became of it."""

    id: int
    notification: int
    at: str
    reason: str
    person: str | None
    person_name: str
    channel: str | None
    kind: str
    state: str
    attempts: int
    quiet_until: str | None
    next_at: str | None
    problem: str | None
    problem_detail: str | None
    sent_at: str | None
    priority: str
    simulated: bool
    sites: list[str]
    alarms: int
    title: str
    body: str


class Drop(TypedDict):
    """A channel that a message would go out on."""

    channel: str | None
    kind: str
    quiet_until: str | None


class Told(TypedDict):
    """Somebody who would be told."""

    person: str | None
    name: str
    by: str
    drops: list[Drop]


class DryStep(TypedDict):
    """A step of a dry run."""

    role: str
    at: str | None
    told: list[Told]


class OfficeHours(TypedDict):
    """The agency's working hours; `changed_by` None: the default."""

    begins: str
    ends: str
    changed_by: str | None
    changed_at: str | None


class DryRunBeside(TypedDict):
    """A route that tells its people as well."""

    route: int
    route_zh: str
    route_en: str
    group_wait_s: int
    steps: list[DryStep]


class DryRun(TypedDict):
    """Who would be told, and why."""

    outcome: str | None
    route: int | None
    route_zh: str
    route_en: str
    group_wait_s: int | None
    steps: list[DryStep]
    office: OfficeHours | None
    beside: list[DryRunBeside]


class Gateway(TypedDict):
    """Through what a kind of channel goes out."""

    kind: str
    host: str
    has_secret: bool
    unreadable: bool


class NotifyClient(ApiClient):
    """Channels, routes, roster, gateways, the log, the dry run."""

    def mine(self) -> Mine:
        """How I am told."""
        return cast(Mine, self._get("/notifications/mine"))

    def set_wishes(self, wishes: Mapping[str, object]) -> None:
        """Set language, zone and quiet hours."""
        self._put("/notifications/mine", wishes)

    def add_channel(self, channel: Mapping[str, object]) -> None:
        """Add a channel of my own, or a shared receiver."""
        self._post("/notifications/channels", channel)

    def delete_channel(self, number: int) -> None:
        """Delete a channel."""
        self._delete(f"/notifications/channels/{number}")

    def test_channel(self, number: int) -> int:
        """Send a test; the message's number, to be looked up in the log."""
        return int(self._post(f"/notifications/channels/{number}/test", {})["notification"])

    def log(self, **query: object) -> tuple[int, list[Delivery]]:
        """How many deliveries match, and the newest of them."""
        page = self._get("/notifications/log", query)
        return int(page["total"]), cast(list[Delivery], page["items"])

    def dry_run(self, asked: Mapping[str, object]) -> DryRun:
        """Who would be told."""
        return cast(DryRun, self._post("/notifications/dry-run", asked))

    def roster(self) -> list[Duty]:
        """The roster of the next 31 days."""
        return cast(list[Duty], self._get("/notifications/roster"))

    def add_duty(self, duty: Mapping[str, object]) -> None:
        """Put somebody on the roster."""
        self._post("/notifications/roster", duty)

    def delete_duty(self, number: int) -> None:
        """Take a line off the roster."""
        self._delete(f"/notifications/roster/{number}")

    def routes(self) -> list[Route]:
        """Routes in their order."""
        return cast(list[Route], self._get("/notifications/routes"))

    def save_route(self, route: Mapping[str, Any], number: int | None) -> None:
        """Add a route, or replace one."""
        if number is None:
            self._post("/notifications/routes", route)
        else:
            self._put(f"/notifications/routes/{number}", route)

    def delete_route(self, number: int) -> None:
        """Delete a route."""
        self._delete(f"/notifications/routes/{number}")

    def receivers(self) -> list[Channel]:
        """Shared receivers."""
        return cast(list[Channel], self._get("/notifications/receivers"))

    def office_hours(self) -> OfficeHours:
        """The agency's working hours."""
        return cast(OfficeHours, self._get("/notifications/office-hours"))

    def set_office_hours(self, begins: str, ends: str) -> None:
        """Set the agency's working hours."""
        self._put("/notifications/office-hours", {"begins": begins, "ends": ends})

    def gateways(self) -> dict[str, Gateway]:
        """Gateways that are set, by kind."""
        return {each["kind"]: each for each in cast(list[Gateway], self._get("/notifications/gateways"))}

    def set_gateway(self, kind: str, url: str, secret: str | None) -> None:
        """Set a gateway; its secret stays as it is for None."""
        self._put(f"/notifications/gateways/{kind}", {"url": url, "secret": secret})

    def delete_gateway(self, kind: str) -> None:
        """Remove a gateway."""
        self._delete(f"/notifications/gateways/{kind}")
