"""The failure law, case by case, with a real broker and a real database that fails in each of the ways.

Whatever the database does: the good readings are stored in the end, only what is really wrong is a dead letter, the
operator is told what it is in one sentence, and the figures of ingest reconcile.
"""

import json
import logging
import os
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingest.service import Service
from operations.ports import any_free
from registry.catalogue import text
from registry.model import Registry
from store import partitions
from store.connections import Connection, connect
from store.embedded import EmbeddedPostgres
from store.errors import Trouble
from store.migrations import migrate
from tests.brokers import NatsBroker
from tests.databases import UNSAFE_BUT_QUICK, server_folder
from tests.ingest.world import Publisher, dead_letters, ingesting, now_ms, payload, register, stored, topic, wait_until

RAISING = """
CREATE TABLE raising ();
CREATE FUNCTION raise_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM raising) THEN
        RAISE EXCEPTION 'raised by a trigger' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raise_it BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION raise_it();
GRANT ALL ON raising TO PUBLIC;
INSERT INTO raising DEFAULT VALUES;
"""


@contextmanager
def raised(admin: Connection, role: str, state: str) -> Iterator[None]:
    """Every insert of a reading fails with a SQLSTATE."""
    admin.execute(RAISING.format(state=state))
    yield
    # Not DROP TRIGGER: its lock and the writer's could wait for one another.
    admin.execute("DELETE FROM raising")


@contextmanager
def setting(admin: Connection, role: str, name: str, value: str) -> Iterator[None]:
    """A server setting of the role, from its next connection on."""
    alter = sql.SQL("ALTER ROLE {} SET {} = {}").format(*map(sql.Identifier, (role, name)), sql.Literal(value))
    admin.execute(alter)
    end_sessions(admin, role)
    yield
    admin.execute(sql.SQL("ALTER ROLE {} RESET {}").format(sql.Identifier(role), sql.Identifier(name)))
    end_sessions(admin, role)


@contextmanager
def timing_out(admin: Connection, role: str) -> Iterator[None]:
    """Somebody holds the table, and a statement may take a quarter of a second."""
    with setting(admin, role, "statement_timeout", "250ms"), connect(admin.info.dsn + _password(admin)) as holder:
        holder.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


@contextmanager
def refused(admin: Connection, role: str) -> Iterator[None]:
    """The password is changed, and nobody told ingest."""
    before = scalar(admin, "SELECT rolpassword FROM pg_authid WHERE rolname = %s", role)
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD 'another'").format(sql.Identifier(role)))
    end_sessions(admin, role)
    yield
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(before)))


@contextmanager
def crowded_out(admin: Connection, role: str) -> Iterator[None]:
    """The role may not connect any more."""
    admin.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 0").format(sql.Identifier(role)))
    end_sessions(admin, role)
    yield
    admin.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT -1").format(sql.Identifier(role)))


@contextmanager
def missing(admin: Connection, role: str) -> Iterator[None]:
    """The table is not there."""
    admin.execute("ALTER TABLE reading RENAME TO elsewhere")
    yield
    admin.execute("ALTER TABLE elsewhere RENAME TO reading")


@contextmanager
def forbidden(admin: Connection, role: str) -> Iterator[None]:
    """The right to write is taken away."""
    admin.execute(sql.SQL("REVOKE INSERT ON reading FROM {}").format(sql.Identifier(role)))
    yield
    admin.execute(sql.SQL("GRANT INSERT ON reading TO {}").format(sql.Identifier(role)))


Failure = Callable[[Connection, str], Any]

FAILURES: dict[str, tuple[Failure, Trouble]] = {
    "disk full": (lambda admin, role: raised(admin, role, "53100"), Trouble.DISK_FULL),
    "deadlock": (lambda admin, role: raised(admin, role, "40P01"), Trouble.CONTENTION),
    "input or output": (lambda admin, role: raised(admin, role, "58030"), Trouble.INPUT_OUTPUT),
    "read-only": (
        lambda admin, role: setting(admin, role, "default_transaction_read_only", "on"),
        Trouble.READ_ONLY,
    ),
    "statement timeout": (timing_out, Trouble.TIMEOUT),
    "wrong password": (refused, Trouble.PASSWORD),
    "too many connections": (crowded_out, Trouble.TOO_MANY_CONNECTIONS),
    "dropped table": (missing, Trouble.NO_TABLE),
    "right taken away": (forbidden, Trouble.PERMISSION),
}


@pytest.mark.parametrize("name", FAILURES)
def test_good_rows_are_stored_and_the_operator_is_told(
    name: str, registered: str, nats: NatsBroker, world: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database fails nothing is lost and nothing good is buried; when it works again all is stored."""
    fail, trouble = FAILURES[name]
    caplog.set_level(logging.WARNING)
    with (
        connect(registered, autocommit=True) as admin,
        ordinary_role(admin, registered) as (role, dsn),
        status_of_ingest(dsn, nats) as (service, status),
        Publisher(nats.mqtt_port) as publisher,
    ):
        ts = now_ms() - 1000
        publisher.send(topic(), payload(ts, ph=7.1, orp=700))
        wait_until(lambda: len(stored(registered)) == 2, what="what came before")
        with fail(admin, role):
            publisher.send(topic(), payload(ts + 1, ph=7.2, orp=701))
            publisher.send(topic(), b"nonsense")
            publisher.send(topic("dev-1"), payload(ts + 2, ph=7.3, orp="wet"))
            wait_until(lambda: status()["trouble"] == trouble, what=f"trouble {trouble}")
            # Another try with a longer pause: it is kept, not given up.
            wait_until(lambda: caplog.text.count("kept") >= 2, what="another attempt")
        wait_until(lambda: len(dead_letters(registered)) == 2, what="the batch written")
        assert sorted(stored(registered).values()) == [7.1, 7.2, 7.3, 700.0, 701.0]
        assert sorted(each["reason"] for each in dead_letters(registered)) == ["malformed_json", "not_a_number"]
        wait_until(lambda: status()["trouble"] is None, what="all well again")
        counters = service.writer.counters
        wait_until(lambda: counters.settled == service.session.received == 4, what="every message settled")
        assert (counters.committed, counters.dead_messages) == (3, 1)
        assert status()["imbalance"] == 0
    assert text("en", f"health.trouble_{trouble}") in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk to fill; the trigger's case stands for it")
def test_a_disk_that_is_really_full_loses_nothing(
    nats: NatsBroker, world: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """A database on a disk of 160 MB without a byte left: kept and said, stored as soon as there is room."""
    caplog.set_level(logging.WARNING)
    options = {**UNSAFE_BUT_QUICK, "min_wal_size": "32MB", "max_wal_size": "48MB", "shared_buffers": "16MB"}
    with server_folder() as folder, disk_of(folder / "disk", megabytes=160) as disk:
        server = EmbeddedPostgres(disk / "postgres", port=any_free(), password="x" * 12, options=options)
        server.prepare()
        server.start()
        try:
            migrate(server.dsn)
            register(server.dsn, world)
            with (
                status_of_ingest(server.dsn, nats) as (service, status),
                Publisher(nats.mqtt_port) as publisher,
            ):
                ballast = disk / "ballast"
                with ballast.open("wb", buffering=0) as file:
                    _fill(file.fileno())
                ts = now_ms() - 100_000
                for n in range(400):
                    publisher.publish("dev-0", ts + n, {"ph": 7 + n / 1000, "orp": n})
                wait_until(lambda: status()["trouble"] == Trouble.DISK_FULL, what="the disk's being full")
                assert dead_letters(server.dsn) == []
                ballast.unlink()
                wait_until(lambda: len(stored(server.dsn)) == 800, what="everything stored", timeout=40)
                assert service.writer.counters.dead_messages == 0
        finally:
            server.stop()
    assert text("en", "health.trouble_disk_full") in caplog.text


def test_the_figures_of_ingest_are_served_and_reconcile(registered: str, nats: NatsBroker) -> None:
    """Prometheus reads what came, what became of it, and how long it took; received is the sum of the rest."""
    with status_of_ingest(registered, nats) as (service, status), Publisher(nats.mqtt_port) as publisher:
        ts = now_ms() - 1000
        for n in range(3):
            publisher.send(topic(), payload(ts + n, ph=7.1))
        publisher.send(topic(), payload(ts, ph=7.1))
        publisher.send(topic(), b"nonsense")
        publisher.send(topic(kind="status"), b'{"online": true}')
        wait_until(lambda: service.session.acknowledged == 6, what="every acknowledgement")
        address = service.settings.metrics
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        figures = {name: float(value) for name, value in (line.split(" ") for line in lines if line[0] != "#")}
        assert figures["landun_messages_received_total"] == 6
        assert figures["landun_messages_acknowledged_total"] == 6
        parts = ("messages_committed_total", "messages_dead_total", "messages_silent_total", "messages_in_flight")
        assert [figures[f"landun_{part}"] for part in parts] == [4, 1, 1, 0]
        assert figures['landun_dead_letters_total{reason="malformed_json"}'] == 1
        assert figures['landun_readings_total{outcome="stored"}'] == 3
        assert figures['landun_readings_total{outcome="duplicate"}'] == 1
        assert figures["landun_batch_messages_sum"] in (5, 6)  # a status alone is no batch to write
        assert figures["landun_commit_seconds_count"] == figures["landun_batch_messages_count"] >= 1
        assert figures["landun_accounting_imbalance"] == 0
        # A message that slipped away somewhere shows.
        service.session._links[0].received += 1
        wait_until(lambda: status()["imbalance"] == 1, what="the imbalance")


@contextmanager
def status_of_ingest(dsn: str, nats: NatsBroker) -> Iterator[tuple[Service, Callable[[], dict[str, Any]]]]:
    """Running ingest, and what it answers on ``/status``."""
    address = f"127.0.0.1:{any_free()}"

    def status() -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{address}/status", timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    with ingesting(dsn, nats.ingest_url, metrics=address) as service:
        yield service, status


@contextmanager
def ordinary_role(admin: Connection, dsn: str) -> Iterator[tuple[str, str]]:
    """A role that is no superuser and may do what ingest does, and its DSN."""
    role = f"ingest_{secrets.token_hex(4)}"
    now = datetime.now(UTC)
    partitions.ensure_partitions(admin, now, now)
    named = sql.Identifier(role)
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'right'").format(named))
    for what in ("TABLES", "SEQUENCES"):
        admin.execute(sql.SQL("GRANT ALL ON ALL {} IN SCHEMA public TO {}").format(sql.SQL(what), named))
    try:
        yield role, make_conninfo(dsn, user=role, password="right")
    finally:
        end_sessions(admin, role)
        admin.execute(sql.SQL("DROP OWNED BY {}").format(named))
        admin.execute(sql.SQL("DROP ROLE {}").format(named))


def end_sessions(admin: Connection, role: str) -> None:
    """End the role's connections, and wait until they are gone."""
    admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (role,))


def scalar(connection: Connection, query: Any, *parameters: Any) -> Any:
    """The one value of a query."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


def _password(admin: Connection) -> str:
    """Libpq leaves the password out of the DSN it tells."""
    return f" password={admin.info.password}" if "password" not in conninfo_to_dict(admin.info.dsn) else ""


@contextmanager
def disk_of(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A disk of its own in memory, or a skipped test where the machine forbids it."""
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("no mount program")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)], check=False
    )
    if done.returncode != 0:
        pytest.skip("this machine does not let root mount a disk; the trigger's case stands for it")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


def _fill(descriptor: int) -> None:
    """Write until there is no room, then what little there is."""
    for size in (1_048_576, 65_536, 4_096):
        try:
            while os.write(descriptor, bytes(size)):
                pass
        except OSError:
            continue
