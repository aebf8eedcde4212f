"""A database with a registry, people and channels, and alarms written as the monitor writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor import output
from monitor.alarms.book import Book, Changes
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store import notify_settings, people
from store.connections import Connection
from store.people import Person
from store.registry_rows import save_registry

REGISTERED = datetime(2026, 1, 1, tzinfo=UTC)


def registry(sites: int = 2) -> Registry:
    """Live sites P-1, P-2 … of Chongchuan, and one simulated, S-1; each with one basin and free chlorine."""
    known = [
        Site(f"P-{n}", "320602", SiteStatus.LIVE, f"崇川{n}号池", f"Pool {n}", 120.9, 32.0, REGISTERED)
        for n in range(1, sites + 1)
    ]
    known.append(Site("S-1", "320602", SiteStatus.SIMULATED, "模拟池", "Simulated pool", 120.9, 32.0, REGISTERED))
    return Registry.of(
        known,
        [SamplingPoint(site.code, "basin-1", "一号池", "Basin 1") for site in known],
        [Device(f"{site.code}-D1", site.code, "basin-1") for site in known],
        [Channel(n, f"{site.code}-D1", "free_chlorine") for n, site in enumerate(known, start=1)],
    )


class Office:
    """What the monitor would write: alarms with their events and outbox rows, through its own book and output."""

    def __init__(self, connection: Connection, sites: int = 2) -> None:
        self.connection = connection
        self.registry = registry(sites)
        self.book = Book()
        self._journal = 0
        with connection.transaction():
            save_registry(connection, self.registry)

    def person(self, name: str, role: str = "inspector", site: str | None = None, **wishes: Any) -> None:
        """Somebody of all counties, or of one venue, and how they want to be told."""
        people.save(self.connection, Person(name, name.title(), role, (), site, "no password"), REGISTERED)
        row = {
            "person": name,
            "language": "zh",
            "zone": "Asia/Shanghai",
            "quiet_from": None,
            "quiet_to": None,
            "quiet_broken_by": ["high"],
            **wishes,
        }
        notify_settings.save_wishes(self.connection, row)

    def channel(self, kind: str, target: str, person: str | None = "wang", **more: Any) -> int:
        """A channel of somebody's, or a shared receiver."""
        row = {
            "person": person,
            "name": f"{kind} of {person}",
            "kind": kind,
            "target": target,
            "secret": "",
            "language": "zh",
            "priorities": ["high", "medium", "low"],
            "enabled": True,
            "demonstration": False,
            "changed_by": "admin",
            "changed_at": REGISTERED,
            **more,
        }
        number = notify_settings.save_channel(self.connection, row)
        assert number is not None
        return number

    def gateway(self, kind: str, url: str, secret: str = "") -> None:
        """Through what a kind goes out."""
        row = {"kind": kind, "url": url, "secret": secret, "changed_by": "admin", "changed_at": REGISTERED}
        notify_settings.save_gateway(self.connection, row)

    def share(self, *channels: int) -> None:
        """Have every route tell these shared receivers."""
        self.connection.execute("UPDATE notify_route SET receivers = %s", (list(channels),))

    def alarm(self, at: datetime, site: str = "P-1", priority: str = "high", **columns: Any) -> int:
        """Free chlorine too low at a site, raised at an instant."""
        point = list(self.registry.sites).index(site) + 1
        row: dict[str, Any] = {
            "kind": "limit",
            "condition": f"channel:{point}:low",
            "site": site,
            "device": f"{site}-D1",
            "sampling_point": "basin-1",
            "channel_id": point,
            "indicator": "free_chlorine",
            "simulated": self.registry.sites[site].simulated,
            "priority": priority,
            "since": at - timedelta(minutes=11),
            "raised_at": at,
            "value": 0.12,
            "extreme": 0.1,
            "unit": "mg/L",
            "side": "low",
            "limit_lo": 0.3,
            "limit_hi": 1.0,
            "limit_profile": "gb37488-2019-artificial-pool",
            "clause": "4.4.1 表4",
            **columns,
        }
        changes = Changes()
        number = self.book.raise_alarm(changes, self._next(), row)
        self._write(changes)
        return number

    def over(self, at: datetime, site: str = "P-1") -> None:
        """The condition at a site ends."""
        point = list(self.registry.sites).index(site) + 1
        changes = Changes()
        self.book.return_alarm(changes, self._next(), f"channel:{point}:low", at, "within_limit")
        self._write(changes)

    def acknowledge(self, alarm: int, at: datetime) -> None:
        """Somebody has seen it."""
        changes = Changes()
        self.book.acknowledge(changes, self._next(), alarm, at, "wang", None)
        self._write(changes)

    def _next(self) -> int:
        self._journal += 1
        return self._journal

    def _write(self, changes: Changes) -> None:
        with self.connection.transaction():
            output.write(self.connection, changes)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.connection.execute(query.encode()).fetchall()
