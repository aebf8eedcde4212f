"""A pool whose chlorine falls below its limit for a while, beside another pool, stored and judged as it really is."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from monitor import output
from monitor.alarms.book import Changes
from monitor.engine import Engine
from registry.model import Registry, SiteStatus
from store import audit, journal, people, upkeep
from store.connections import Connection
from store.people import Person
from store.readings import WriteMode, write_batch
from store.records import READING, DeadLetter, Message, to_us
from store.registry_rows import save_registry
from tests.monitor.worlds import GOOD, INDICATORS, channel, pool

BEGAN: Final = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
MINUTES: Final = 90
LOW: Final = range(30, 60)
"""Minutes in which pool P1 has too little chlorine."""


def played(connection: Connection, *, status: SiteStatus = SiteStatus.LIVE) -> Registry:
    """An hour and a half of two pools: their messages, the alarm at P1, an acknowledgement, a rejected message."""
    registry = pool(sites=2, status=status)
    save_registry(connection, registry)
    for username, role in (("wang", "inspector"), ("li", "centre")):
        people.save(connection, Person(username, f"{username} 监督员", role, (), None, "x"), BEGAN)
    upkeep.calibrate(connection, "D1-1", date(2026, 5, 1), date(2026, 6, 30), "比对合格", "wang", BEGAN)
    connection.commit()
    dice = random.Random(3)  # noqa: S311 -- a test's noise
    for minute in range(MINUTES):
        _report(connection, registry, minute, dice)
    engine, changes = Engine(registry), Changes()
    engine.fold(journal.read_after(connection, 0, 10_000), changes)
    with connection.transaction():
        output.write(connection, changes)
    (alarm,) = connection.execute("SELECT id FROM alarm WHERE site = 'P1'").fetchone() or (0,)
    at = BEGAN + timedelta(minutes=MINUTES)
    body = {"what": "acknowledge", "alarm": alarm, "actor": "wang", "text": "已电话通知", "at": to_us(at)}
    with connection.transaction():
        audit.append(connection, "wang", "acknowledge", f"alarm:{alarm}", {"text": "已电话通知"}, at)
        acted = journal.append_event(connection, "action", body, at)
    changes = Changes()
    engine.fold(journal.read_after(connection, acted - 1, 10), changes)
    with connection.transaction():
        output.write(connection, changes)
    return registry


def alarm_id(connection: Connection, site: str = "P1") -> int:
    """The alarm of a pool."""
    (found,) = connection.execute("SELECT id FROM alarm WHERE site = %s", (site,)).fetchone() or (0,)
    return int(found)


def _report(connection: Connection, registry: Registry, minute: int, dice: random.Random) -> None:
    """Both pools' messages of a minute in one batch, and a tick."""
    at = BEGAN + timedelta(minutes=minute)
    arrived = at + timedelta(milliseconds=dice.randrange(200, 900))
    rows, messages, dead = [], [], []
    for site in (1, 2):
        device = f"D{site}-1"
        values = {name: round(GOOD[name] + dice.uniform(-0.02, 0.02), 3) for name in INDICATORS}
        if site == 1 and minute in LOW:
            values["free_chlorine"] = 0.12
        payload = json.dumps({"ts": to_us(at) // 1000, "values": values}).encode()
        messages.append(Message(f"landun/v1/320602/P{site}/{device}/telemetry", payload, to_us(arrived)))
        rows += [(channel(registry, name, device), to_us(at), values[name], to_us(arrived), False) for name in values]
    if minute == 45:
        topic = "landun/v1/320602/P1/D1-1/telemetry"
        dead = [DeadLetter(arrived, topic, b"\xff\x00{", "malformed", "no JSON", site="P1", device="D1-1")]
    write_batch(
        connection,
        np.array(rows, dtype=READING),
        messages=messages,
        dead=dead,
        recorded_at=arrived + timedelta(milliseconds=40),
        mode=WriteMode.ON_CONFLICT,
    )
    with connection.transaction():
        journal.append_event(connection, "tick", {"now": to_us(at), "listened": to_us(at), "since": None}, at)
