"""The chain of custody end to end: devices publish over MQTT, ingest commits, the monitor gives its verdict.

Institutions and a disposer with a hand-held each tell the whole life of bags, six events a bag; what is measured is the
time from the first publish until the monitor has passed the journal's row of the last event.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final

from operations.bench import servers
from operations.bench.commits import Commits
from operations.bench.rig import STALLED_S, Rig, Settings
from operations.errors import OperatorError
from registry.counties import COUNTIES
from registry.model import Device, Registry, SamplingPoint, Site, SiteStatus
from registry.waste.catalogue import PartyKind, categories
from registry.waste.model import SCENARIO, Handler, Party, Receiver, Vehicle, Ward, WasteRegistry
from store import journal
from store.connections import Connection
from store.registry_rows import save_registry
from store.waste_registry import save_waste_registry

REGISTERED: Final = datetime(2024, 1, 1, tzinfo=UTC)
STEP_MS: Final = 20
"""Between two events of a device: the whole of a run lies within the last hours, and no bag is overdue."""

_AT_INSTITUTION: Final = ("collected", "stored_in", "handed_over")
_AT_DISPOSER: Final = ("received", "moved", "treated")


@dataclass(frozen=True)
class WasteWorkload:
    """`messages` events, one a message, by `devices` hand-helds in turn: half at institutions, half at disposers."""

    devices: int
    messages: int
    now_ms: int

    def __post_init__(self) -> None:
        if self.devices < 2 or self.devices % 2 or self.messages % (3 * self.devices):
            raise ValueError(
                f"{self.messages} messages of {self.devices} devices; devices must be even and messages a multiple of "
                f"three times as many"
            )

    @cached_property
    def registry(self) -> Registry:
        """The institutions, each with its disposer."""
        counties = list(COUNTIES)
        sites = [
            Site(
                code,
                counties[number // 2 % len(counties)],
                SiteStatus.SIMULATED,
                "测速",
                "Benchmark",
                120.9,
                32.0,
                REGISTERED,
                scenario=SCENARIO,
            )
            for number, code in enumerate(self._sites)
        ]
        return Registry.of(
            sites,
            [SamplingPoint(code, "s1", "暂存间", "Store") for code in self._sites],
            [Device(f"hand-{number:04d}", code, "s1", kind="handheld") for number, code in enumerate(self._sites)],
            [],
        )

    @cached_property
    def waste(self) -> WasteRegistry:
        """Wards, persons, receivers and vehicles, so that nothing is wrong with any bag."""
        pairs = range(self.devices // 2)
        return WasteRegistry.of(
            parties=[
                Party(code, PartyKind.DISPOSER if number % 2 else PartyKind.PRODUCER)
                for number, code in enumerate(self._sites)
            ],
            wards=[Ward(f"bench-{2 * pair}", "w1", "病区", "Ward") for pair in pairs],
            handlers=[
                Handler(f"p{number}-{at}", code, "人") for number, code in enumerate(self._sites) for at in (1, 2)
            ],
            receivers=[
                Receiver(
                    f"r{pair}",
                    "中心",
                    "Centre",
                    f"L{pair}",
                    REGISTERED.date(),
                    date(2099, 1, 1),
                    f"bench-{2 * pair + 1}",
                )
                for pair in pairs
            ],
            vehicles=[Vehicle(f"v{pair}", f"苏F{pair:05d}", f"r{pair}") for pair in pairs],
        )

    @property
    def topics(self) -> list[str]:
        """The topic of each device."""
        return [self.registry.topic_of(device, "waste") for device in self.registry.devices.values()]

    def save(self, connection: Connection) -> None:
        """Register everything."""
        save_registry(connection, self.registry)
        save_waste_registry(connection, self.waste)

    def payloads(self) -> Iterator[bytes]:
        """Each message: a bag goes through the institution in three turns and through the disposer in the next."""
        codes = [each.code for each in categories().values()]
        turns = self.messages // self.devices
        for number in range(self.messages):
            turn, device = divmod(number, self.devices)
            pair, at_disposer = divmod(device, 2)
            bag = turn // 3 - at_disposer
            event = (_AT_DISPOSER if at_disposer else _AT_INSTITUTION)[turn % 3]
            if bag < 0:  # the disposer's first turns: bags that came before the measurement began
                event = "treated"
            yield json.dumps(
                {
                    "id": f"{number:x}",
                    "ts": self.now_ms - (turns - turn) * STEP_MS,
                    "event": event,
                    "tag": f"E28{pair:05X}{bag & 0xFFFF_FFFF:08X}{turn % 3 if bag < 0 else 0:08X}",
                    "category": codes[bag % len(codes)],
                    "gross_kg": 1 + bag % 700 / 100,
                    "tare_kg": 0.1,
                    "signed_by": [f"p{device}-1", f"p{device}-2"],
                    **_circumstances(event, pair),
                }
            ).encode()

    @property
    def _sites(self) -> list[str]:
        return [f"bench-{number}" for number in range(self.devices)]


def _circumstances(event: str, pair: int) -> dict[str, str]:
    """What an event of this kind says of where it happened."""
    match event:
        case "collected":
            return {"ward": "w1"}
        case "stored_in" | "moved":
            return {"place": "s1"}
        case "handed_over" | "received":
            return {"to": f"r{pair}", "vehicle": f"v{pair}", "manifest": f"m{pair}"}
        case _:
            return {}


def measure_chain(
    *, events: int = 60_000, devices: int = 100, broker: str = "nats", dsn: str | None = None
) -> dict[str, Any]:
    """Events a second from MQTT to verdict (`chain_events_per_s`), and to commit (`chain_commits_per_s`).

    Raises `OperatorError` where a part does not start, or nothing moves for `STALLED_S` seconds.
    """
    events -= events % (3 * devices)
    workload = WasteWorkload(devices, events, int(time.time() * 1000))
    with ExitStack() as stack:
        home = stack.enter_context(servers.folder())
        server = stack.enter_context(servers.database_server(home, dsn))
        settings = Settings(broker=broker, devices=devices, messages=events)
        rig = stack.enter_context(Rig.running(settings, workload, home, server))
        stack.enter_context(servers.monitor_process(home, rig.dsn))
        rig.load(workload)
        commits = Commits(rig.connection, kind="waste")
        outcome = rig.publish(None, commits, events)
        judged_at = _await_verdicts(rig.connection)
        began = float(outcome.sent.min())
        dead = rig.connection.execute("SELECT count(*) FROM dead_letter").fetchone()
    if commits.rows != events:
        raise OperatorError(f"bench: {commits.rows} of {events} events were committed, {dead} became dead letters")
    return {
        "chain_events": events,
        "chain_seconds": round(judged_at - began, 2),
        "chain_commits_per_s": round(events / (commits.last_at - began)),
        "chain_events_per_s": round(events / (judged_at - began)),
    }


def _await_verdicts(connection: Connection) -> float:
    """When the monitor has passed all that is committed by now."""
    wanted, at = journal.last_id(connection), -1
    moved_at = time.monotonic()
    while (now_at := journal.cursor(connection, "monitor")) < wanted:
        if now_at != at:
            at, moved_at = now_at, time.monotonic()
        if time.monotonic() - moved_at > STALLED_S:
            raise OperatorError(f"bench: the monitor stands at journal row {at} of {wanted}")
        time.sleep(Commits.interval_s)
    return time.time()
