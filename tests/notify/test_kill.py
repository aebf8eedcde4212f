"""SIGKILL at every commit point between alarm and delivery: at least once, what is repeated is bounded, all drained."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.notify.courier import AT_ONCE
from store.connections import connect
from tests.notify.office import Office
from tests.notify.receivers import Hook
from tests.notify.test_delivery import wait_for

ROOT = Path(__file__).parents[2]

NOTIFIER = """
import os, signal, sys
from collections.abc import Callable
from monitor.notify import courier, sending, service
from monitor.notify.senders import SENDERS
from store import notifications, outbox

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def before(module, name):
    setattr(module, name, die)

def after(module, name):
    inner = getattr(module, name)
    def then_die(*given, **named):
        answer = inner(*given, **named)
        if not name == "run_pass" or answer.messages:
            die()
        return answer
    setattr(module, name, then_die)

senders = dict(SENDERS)
inner = senders["webhook"]
def send_and_die(parcel):
    inner(parcel)
    die()
point = sys.argv[1]
if point == "before the pass": before(service, "run_pass")
if point == "in the pass": after(outbox, "decide")
if point == "after the pass": after(service, "run_pass")
if point == "before the send": senders["webhook"] = die
if point == "after the send": senders["webhook"] = send_and_die
if point == "before the note": before(notifications, "delivered")
if point == "after the note": after(notifications, "delivered")
courier.Courier.__init__.__defaults__ = (senders, None, None)
service.run(service.NotifySettings(os.environ["LANDUN_DATABASE_URL"], poll_s=0.02, pass_s=0.2))
"""
MONITOR = """
import os, signal, sys
from datetime import UTC, datetime
from store.connections import connect
from tests.notify.office import Office
from monitor import output
if sys.argv[1] == "in the alarm's transaction":
    inner = output.write
    def write_and_die(*given, **named):
        inner(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    output.write = write_and_die
with connect(os.environ["LANDUN_DATABASE_URL"], autocommit=True) as connection:
    Office(connection, sites=12).alarm(datetime.now(UTC), "P-12")
    os.kill(os.getpid(), signal.SIGKILL)
"""
POINTS = (
    "before the pass",
    "in the pass",
    "after the pass",
    "before the send",
    "after the send",
    "before the note",
    "after the note",
)


def start(dsn: str, program: str, point: str) -> subprocess.Popen[bytes]:
    """A process that dies at a point by its own SIGKILL."""
    return subprocess.Popen(
        [sys.executable, "-c", program, point],
        cwd=ROOT,
        env={**os.environ, "LANDUN_DATABASE_URL": dsn},
        stderr=subprocess.PIPE,
    )


@pytest.mark.timeout(120)
def test_killed_anywhere_everybody_is_told(database: str) -> None:
    """Every alarm reaches the receiver; a kill repeats what was out and not noted, and nothing else is repeated."""
    with connect(database, autocommit=True) as connection, Hook() as hook:
        office = Office(connection, sites=12)
        office.person("wang")
        office.share(office.channel("webhook", hook.url, None))
        connection.execute("UPDATE notify_route SET group_wait_s = 0")
        told: list[int] = []
        for number, point in enumerate(POINTS, start=1):
            told.append(office.alarm(datetime.now(UTC), f"P-{number}"))
            process = start(database, NOTIFIER, point)
            _, said = process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL, (point, said.decode()[-2000:])
        process = start(database, NOTIFIER, "never")
        try:
            undone = "SELECT count(*) FROM delivery WHERE state <> 'sent'"
            undecided = "SELECT count(*) FROM outbox WHERE outcome IS NULL"
            wait_for(lambda: office.rows(undecided) == office.rows(undone) == [(0,)], "everything drained", 60)
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.communicate()
        heard = Counter(each.headers["landun-delivery"] for each in hook.posts)
        alarms = {alarm for each in hook.posts for alarm in each.content["alarms"]}
        stored = office.rows("SELECT id FROM notification WHERE channel_id IS NOT NULL")
        inboxes = office.rows("SELECT unnest(alarms), count(*) FROM notification WHERE person = 'wang' GROUP BY 1")
    assert alarms == set(told)
    assert len(heard) == len(stored)
    # Of seven kills, those after the receiver's answer and before its note repeat a message.
    repeated = sum(count - 1 for count in heard.values())
    assert 1 <= repeated <= 2 * AT_ONCE
    # The inbox is written with the decision: nothing there is repeated.
    assert sorted(inboxes) == [(alarm, 1) for alarm in sorted(told)]


@pytest.mark.parametrize(("point", "there"), [("in the alarm's transaction", 0), ("after it", 1)])
def test_alarm_and_outbox_are_there_together_or_not_at_all(database: str, point: str, there: int) -> None:
    """Killed before its commit the monitor leaves neither alarm nor outbox row, after it both."""
    process = start(database, MONITOR, point)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, said.decode()[-2000:]
    with connect(database) as connection:
        counts = connection.execute("SELECT (SELECT count(*) FROM alarm), (SELECT count(*) FROM outbox)").fetchone()
    assert counts == (there, there)


def test_a_second_notifier_waits_for_the_first(database: str) -> None:
    """Two on one database take turns, so nobody is told twice; the second goes on when the first is killed."""
    with connect(database, autocommit=True) as connection:
        first = start(database, NOTIFIER, "never")
        second = None
        try:
            beat = "SELECT at FROM heartbeat WHERE service = 'notify'"
            wait_for(lambda: connection.execute(beat).fetchone(), "the first's start", 60)
            second = start(database, NOTIFIER, "never")
            assert second.stderr is not None
            waiting = next(line for line in second.stderr if b"another notifier" in line)
            assert waiting
            first.kill()
            first.wait()
            before = time.monotonic(), connection.execute(beat).fetchone()
            wait_for(lambda: connection.execute(beat).fetchone() != before[1], "the second's turn", 60)
        finally:
            for each in (first, second):
                if each is not None:
                    each.kill()
                    each.communicate()
