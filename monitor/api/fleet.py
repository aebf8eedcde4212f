"""Watches the simulators: are they there, what is really wrong in their basins, and how fast does their time run.

The ground truth is kept in ``simulator_truth``, and every change of speed as a ``config`` row of the journal, since
the monitor divides the delays of simulated sites by it. A change that could not be written at once (the database
was away, or the speed was changed behind the API's back) is made good by the next poll.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Error as DatabaseError

from monitor.api.control import Control, RefusedError, SimulatorsMissingError
from monitor.api.database import Database, DatabaseMissingError
from registry.words import Words
from store import journal, queries
from store.connections import Connection
from store.records import to_us

log = logging.getLogger(__name__)

POLL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class FleetState:
    """What the simulators said last; no `problem` when they answered."""

    problem: Words | None = None
    running: bool = False
    paused_reason: str | None = None
    speed: float | None = None


class FleetWatch:
    """Polls the control and records what it says."""

    def __init__(self, control: Control, database: Database, clock: Callable[[], datetime]) -> None:
        self._control = control
        self._database = database
        self._clock = clock
        self._recorded: dict[str, Mapping[str, Any]] = {}
        self._speed: float | None = None
        self.state = FleetState(Words.of("health.simulators_not_asked"))

    async def run(self) -> None:
        """Poll until cancelled; at once returns where the system runs no simulators."""
        while self._control.url is not None:
            await self.poll()
            await asyncio.sleep(POLL_S)

    async def poll(self) -> None:
        """Ask once and record what changed."""
        try:
            fleet = await self._control.get("/fleet")
            faults = await self._control.get("/faults")
            self.state = FleetState(None, bool(fleet["running"]), fleet["paused_reason"], float(fleet["speed"]))
        except (SimulatorsMissingError, RefusedError) as error:
            self.state = FleetState(error.words)
            return
        except (KeyError, TypeError, ValueError) as error:
            self.state = FleetState(Words.of("health.simulators_strange", error=f"{type(error).__name__}: {error}"))
            return
        await self.record(faults, self.state.speed)

    async def record(self, faults: Sequence[Mapping[str, Any]], speed: float | None) -> None:
        """Write truth and speed where they differ from what is written."""
        try:
            await asyncio.to_thread(self._record, faults, speed)
        except (DatabaseMissingError, DatabaseError) as error:
            log.info("simulators' truth not recorded yet: %s", str(error).strip() or "database missing")

    def _record(self, faults: Sequence[Mapping[str, Any]], speed: float | None) -> None:
        changed = [fault for fault in faults if self._recorded.get(fault["id"]) != fault]
        with self._database.connection() as connection:
            if changed:
                queries.save_truth(connection, [_truth(fault) for fault in changed])
                self._recorded = {fault["id"]: fault for fault in faults}
            if speed is not None:
                self._record_speed(connection, speed)

    def _record_speed(self, connection: Connection, speed: float) -> None:
        """Append the ``config`` row that tells the monitor the speed, if it is not the newest one's."""
        if self._speed is None:
            self._speed = queries.configured_speed(connection) or 1.0
        if speed == self._speed:
            return
        at = self._clock()
        with connection.transaction():
            payload = {"what": "simulation", "speed": speed, "at": to_us(at)}
            journal.append_event(connection, "config", payload, at)
        self._speed = speed


def _truth(fault: Mapping[str, Any]) -> dict[str, Any]:
    known = {"id", "site", "sampling_point", "fault", "started_at", "ended_at"}
    return {
        "fault_id": fault["id"],
        "site": fault["site"],
        "sampling_point": fault["sampling_point"],
        "fault": fault["fault"],
        "started_at": fault["started_at"],
        "ended_at": fault.get("ended_at"),
        "detail": {name: value for name, value in fault.items() if name not in known},
    }
