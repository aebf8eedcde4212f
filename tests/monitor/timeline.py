"""Timelines: what happens at which minute, on a real database through the real journal, and what must come of it.

>>> timeline.at(0, 12).push(ph=8.5)
>>> timeline.expect("limit ph high unacknowledged")
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np

from monitor.service import Monitor, MonitorSettings
from registry.announcements import Announcement, AnnouncementKind, hold_off_of
from registry.model import Registry
from store import journal
from store.announcements import add_announcement
from store.connections import Connection
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from store.registry_rows import save_registry
from tests.monitor.worlds import START


@dataclass
class Timeline:
    """A monitor whose clock is the timeline's; readings come once a minute through ``write_batch``."""

    connection: Connection
    registry: Registry
    ingest: bool = True
    monitor_runs: bool = True
    grain_s: int = 20
    now: datetime = START
    _minutes: tuple[float, float] = (0.0, 0.0)
    _monitor: Monitor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.connection.autocommit = True
        save_registry(self.connection, self.registry)

    @property
    def monitor(self) -> Monitor:
        """The monitor; a new one after `restart`."""
        if self._monitor is None:
            settings = MonitorSettings("", latest_s=0.0, snapshot_s=120.0)
            self._monitor = Monitor(self.connection, settings, clock=lambda: self.now)
        return self._monitor

    def restart(self) -> Self:
        """Forget the monitor as a kill does; the next step begins with another."""
        self._monitor = None
        return self

    def at(self, start: float, stop: float | None = None) -> Self:
        """What follows happens every minute from `start` until before `stop` (or once)."""
        self._minutes = (start, start + 1 / 60 if stop is None else stop)
        return self

    def _clock(self) -> Iterator[bool]:
        """Grains of time; whether a whole minute since the start begins."""
        start, stop = (round(minute * 60) for minute in self._minutes)
        for second in range(start, stop, self.grain_s):
            self.now = START + timedelta(seconds=second)
            yield (second - start) % 60 == 0

    def push(self, *, device: str = "D1-1", late: bool = False, age: float = 0.0, **values: float) -> Self:
        """Readings of a device, once a minute; `age` minutes old on arrival."""
        for whole in self._clock():
            if whole:
                arrived = to_us(self.now)
                ts = arrived - round(age * 60e6)
                ids = self.registry.channel_ids
                rows = [(ids[device, name], ts, value, arrived, late) for name, value in values.items()]
                self._write(np.array(rows, dtype=READING))
            self.step()
        return self

    def nothing(self) -> Self:
        """Time passes."""
        for _ in self._clock():
            self.step()
        return self

    def reject(self, reason: str, *, device: str = "D1-1") -> Self:
        """A message of a device that became a dead letter, as ingest journals it."""
        item = {"topic": "", "reason": reason, "device": device, "site": None, "field": None}
        with self.connection.transaction():
            letters = [{**item, "received_at": self.now.isoformat()}]
            journal.append_event(self.connection, "dead", letters, self.now)
        self.step()
        return self

    def _write(self, readings: np.ndarray[Any, Any]) -> None:
        write_batch(self.connection, readings, messages=(), dead=(), recorded_at=self.now, mode=WriteMode.ON_CONFLICT)

    def step(self) -> None:
        """Ingest's heartbeat if it is alive, then the monitor until it has read everything."""
        if self.ingest:
            self.connection.execute(
                "INSERT INTO heartbeat VALUES ('ingest', %s, %s) "
                "ON CONFLICT (service) DO UPDATE SET at = excluded.at, detail = excluded.detail",
                (self.now, json.dumps({"broker": "connected"})),
            )
        if self.monitor_runs:
            while self.monitor.step():
                pass

    def config(self, **body: Any) -> Self:
        """A `config` row of the journal."""
        return self._event("config", {**body, "at": to_us(self.now)})

    def act(self, what: str, alarm: int, text: str = "", **more: Any) -> Self:
        """What an inspector does, as the API journals it."""
        said = {"what": what, "alarm": alarm, "actor": "wang", "text": text, "at": to_us(self.now)}
        return self._event("action", said | more)

    def put_away(self, what: str, alarm: int, minutes: float, **more: Any) -> Self:
        """Shelve an alarm, or put it out of service, for so many minutes from now."""
        until = to_us(self.now + timedelta(minutes=minutes))
        return self.act(what, alarm, "等待更换探头", until=until, **more)

    def announce(self, kind: str, minutes: float, *, point: str | None = None, site: str = "P1") -> Self:
        """What a venue announces from now for so many minutes, as the API keeps it."""
        known = AnnouncementKind(kind)
        wanted = Announcement(
            0,
            site,
            point,
            known,
            self.now,
            self.now + timedelta(minutes=minutes),
            hold_off_of(known),
            "例行维护",
            "venue",
            self.now,
        )
        with self.connection.transaction():
            add_announcement(self.connection, wanted, self.now)
        self.step()
        return self

    def _event(self, kind: str, body: dict[str, Any]) -> Self:
        with self.connection.transaction():
            journal.append_event(self.connection, kind, body, self.now)
        self.step()
        return self

    def alarms(self) -> list[str]:
        """Alarms in order of id, as "kind indicator side state"."""
        rows = self.connection.execute(
            "SELECT kind, coalesce(indicator, device, site), coalesce(side, ''), state FROM alarm ORDER BY id"
        ).fetchall()
        return [" ".join(part for part in row if part) for row in rows]

    def expect(self, *alarms: str) -> Self:
        """These alarms and no others."""
        assert self.alarms() == list(alarms), f"at {self.now}"
        return self

    def shown(self, indicator: str, device: str = "D1-1") -> str | None:
        """The state of a channel in ``channel_latest``."""
        row = self.connection.execute(
            "SELECT state FROM channel_latest WHERE channel_id = %s", (self.registry.channel_ids[device, indicator],)
        ).fetchone()
        return None if row is None else str(row[0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.connection.execute(query).fetchall()
