"""Rules of a site's own through the database: the monitor takes them up at their journal row, and after a restart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.alarms.book import Changes
from monitor.engine import Engine
from monitor.service import Monitor, MonitorSettings
from registry.limits import SiteRule
from store import journal
from store.connections import Connection, connect
from store.readings import WriteMode, write_batch
from store.records import READING, to_us
from store.registry_rows import load_registry, save_registry
from store.site_limits import add_rule, end_rule, load_rules
from store.waste_tolerances import add_tolerance_setting
from tests.monitor.worlds import channel, pool

REGISTRY = pool()
CHLORINE = channel(REGISTRY, "free_chlorine")
NOW = datetime.now(UTC).replace(microsecond=0)


def rule(since: datetime) -> SiteRule:
    """Free chlorine at most 0.8 mg/L from then on."""
    return SiteRule(0, "P1", None, None, "free_chlorine", 0.4, 0.8, "从严", since, None, "admin", since)


def report(connection: Connection, at: datetime, value: float = 0.9, *, late: bool = False) -> None:
    """A reading as ingest writes it."""
    batch = np.array([(CHLORINE, to_us(at), value, to_us(NOW), late)], dtype=READING)
    write_batch(connection, batch, messages=(), dead=(), recorded_at=NOW, mode=WriteMode.ON_CONFLICT)


def flagged(connection: Connection) -> list[datetime]:
    """When readings were beyond their limit."""
    rows = connection.execute("SELECT ts FROM reading_flag WHERE test = 'limit' ORDER BY ts").fetchall()
    return [row[0] for row in rows]


def drained(monitor: Monitor) -> Engine:
    """The engine once everything journaled is folded."""
    while monitor.step() or monitor.cursor < journal.last_id(monitor.connection):
        pass
    monitor.finish()
    return monitor.engine


def forget_snapshot(connection: Connection) -> None:
    """As after an upgrade that cannot read the snapshot of before."""
    connection.execute("DELETE FROM journal_snapshot")


def prune_journal(connection: Connection) -> None:
    """As retention does: the rows before the newest few are gone, and the snapshot with them."""
    forget_snapshot(connection)
    connection.execute(
        "DELETE FROM journal WHERE id <= (SELECT greatest((SELECT max(journal_id) FROM site_limit), "
        "(SELECT max(journal_id) FROM waste_tolerances)))"
    )


@pytest.mark.parametrize(
    "between", [lambda _: None, forget_snapshot, prune_journal], ids=["none", "snapshot", "journal"]
)
def test_a_rule_holds_from_its_journal_row_over_restarts(database: str, between: Callable[[Connection], None]) -> None:
    """Readings before the rule keep what they were judged by, later ones are beyond it, whatever is lost in between."""
    with connect(database, autocommit=True) as connection:
        with connection.transaction():
            save_registry(connection, REGISTRY)
        settings = MonitorSettings(database, latest_s=0, snapshot_s=0)
        monitor = Monitor(connection, settings)
        report(connection, NOW - timedelta(minutes=9))
        with connection.transaction():
            kept = add_rule(connection, rule(NOW - timedelta(minutes=6)), NOW)
        report(connection, NOW - timedelta(minutes=5))
        drained(monitor)
        between(connection)
        report(connection, NOW - timedelta(minutes=4))
        report(connection, NOW - timedelta(minutes=7), late=True)
        engine = drained(Monitor(connection, settings))
        assert engine.rules == {kept.id: kept}
        assert flagged(connection) == [NOW - timedelta(minutes=each) for each in (5, 4)]
        with connection.transaction():
            ended = end_rule(connection, kept, NOW - timedelta(minutes=3), "admin", "结束")
        report(connection, NOW - timedelta(minutes=2))
        engine = drained(Monitor(connection, settings))
        assert engine.rules == {kept.id: ended}
        assert load_rules(connection) == [ended]
        assert flagged(connection) == [NOW - timedelta(minutes=each) for each in (5, 4)]


def test_the_journal_alone_tells_what_readings_were_judged_by(database: str) -> None:
    """Folding the journal from its first row, knowing no rule, finds the same readings beyond their limit."""
    with connect(database, autocommit=True) as connection:
        with connection.transaction():
            save_registry(connection, REGISTRY)
        report(connection, NOW - timedelta(minutes=9))
        with connection.transaction():
            add_rule(connection, rule(NOW - timedelta(minutes=6)), NOW)
        report(connection, NOW - timedelta(minutes=5))
        drained(Monitor(connection, MonitorSettings(database)))
        engine, changes = Engine(load_registry(connection)), Changes()
        engine.fold(journal.read_after(connection, 0, 1_000), changes)
        beyond = np.concatenate(changes.beyond)["ts"].tolist()
        assert beyond == [to_us(at) for at in flagged(connection)] == [to_us(NOW - timedelta(minutes=5))]


@pytest.mark.parametrize("between", [forget_snapshot, prune_journal])
def test_tolerances_of_waste_hold_over_restarts(database: str, between: Callable[[Connection], None]) -> None:
    """What was set last is what the custody engine goes on by, whatever is lost in between."""
    with connect(database, autocommit=True) as connection:
        with connection.transaction():
            save_registry(connection, REGISTRY)
        settings = MonitorSettings(database, latest_s=0, snapshot_s=0)
        monitor = Monitor(connection, settings)
        for hours in (36, 12):
            with connection.transaction():
                add_tolerance_setting(connection, {"missing_h": hours}, "从严", "admin", NOW)
        assert drained(monitor).waste.tolerances.missing_h == 12
        between(connection)
        report(connection, NOW)
        engine = drained(Monitor(connection, settings))
        assert engine.waste.tolerances.missing_h == 12
        assert all(state.tolerances == engine.waste.tolerances for state in engine.waste.states.values())
