"""``landun bench ingest --overload``: ten times what ingest can take, from a database that has become slow.

A trigger makes each commit take as long as a server of a tenth of the publishing rate would need. The devices publish
on; then the trigger goes and the time to catch up is taken. What is asked: memory, loss, and that time.
"""

import time
from contextlib import ExitStack
from typing import Any, Final

from psycopg import sql

from operations.bench import servers
from operations.bench.audit import audit
from operations.bench.commits import Commits
from operations.bench.rig import Rig, Settings
from store.connections import Connection

TIMES: Final = 10
BRAKED_MESSAGES_PER_S: Final = 500

_BRAKE: Final = """
CREATE FUNCTION bench_brake() RETURNS trigger LANGUAGE plpgsql AS $brake$
BEGIN
    PERFORM pg_sleep(NEW.rows * {seconds}::float8);
    RETURN NULL;
END
$brake$;
CREATE TRIGGER bench_brake AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION bench_brake()
"""


def measure(settings: Settings) -> dict[str, Any]:
    """Run it and return its figures. Raises `OperatorError` where a part does not work."""
    flood = settings.workload()
    with ExitStack() as stack:
        home = stack.enter_context(servers.folder())
        server = stack.enter_context(servers.database_server(home, settings.dsn))
        rig = stack.enter_context(Rig.running(settings, flood, home, server))
        rig.load(flood)
        brake(rig.connection, BRAKED_MESSAGES_PER_S * settings.values)
        commits = Commits(rig.connection)
        rig.devices.send(float(TIMES * BRAKED_MESSAGES_PER_S))
        outcome = rig.await_published(commits)
        began, ended, committed = float(outcome.sent.min()), time.time(), commits.rows
        rig.connection.execute("DROP TRIGGER bench_brake ON journal")
        rig.await_commits(commits, flood.readings)
        memory = rig.memory_mb()
        found = audit(rig.connection, [flood])
        return {
            **settings.described(rig.broker.name),
            "overload": TIMES,
            "published_messages_per_s": round(flood.messages / (ended - began)),
            "braked_messages_per_s": round(committed / settings.values / (ended - began)),
            "backlog_messages": flood.messages - committed // settings.values,
            "catch_up_s": round(commits.last_at - ended, 2),
            "rss_mb": memory,
            **found.figures(),
        }


def brake(connection: Connection, readings_per_s: float) -> None:
    """Make every journal row take its time, from the next transaction on."""
    connection.execute(sql.SQL(_BRAKE).format(seconds=sql.Literal(1 / readings_per_s)))
