"""The API while its database is killed, stopped dead, and back."""

import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from operations.ports import any_free
from store.connections import connect
from store.embedded import EmbeddedPostgres
from store.migrations import migrate
from tests.api.conftest import Served, component, eventually, prepare, put_latest, serving
from tests.databases import UNSAFE_BUT_QUICK, server_folder

PATHS = ("/overview", "/sites", "/latest", "/readings?channel=11", "/alarms", "/dead-letters", "/simulators/truth")
QUICK_S = 1.0


@dataclass
class Breakable:
    """A database server of one's own."""

    server: EmbeddedPostgres
    folder: Path

    def processes(self) -> list[psutil.Process]:
        """The postmaster and its children."""
        pid = int((self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children(recursive=True)]


@pytest.fixture(scope="module")
def breakable() -> Iterator[Breakable]:
    """A migrated and filled database whose server may be killed."""
    with server_folder() as folder:
        server = EmbeddedPostgres(
            folder / "postgres", port=any_free(), password=secrets.token_urlsafe(12), options=UNSAFE_BUT_QUICK
        )
        server.prepare()
        server.start()
        try:
            migrate(server.dsn)
            with connect(server.dsn) as connection:
                prepare(connection)
            yield Breakable(server, folder / "postgres")
        finally:
            server.stop()


@contextmanager
def at_work(breakable: Breakable) -> Iterator[Served]:
    """The API over it, with a value read and everybody signed in."""
    with connect(breakable.server.dsn) as connection:
        put_latest(connection, 11, 0.46)
    with serving(breakable.server.dsn, patient=False) as api:
        eventually(lambda: component(api, "database") == "up", "the API found its database")
        api.client()
        eventually(lambda: api.get("/sites/P-1")["online"], "the value is read")
        yield api


def quick_health(api: Served) -> dict[str, object]:
    """The answer of /health, which must come at once whatever the database does."""
    began = time.monotonic()
    answer = api.anonymous.get("/health")
    took = time.monotonic() - began
    assert answer.status_code == 200
    assert took < QUICK_S, f"/health took {took:.2f} s"
    health: dict[str, object] = answer.json()
    return health


def check_missing(api: Served) -> None:
    """Health says so at once; everything else is refused at once, with a reason; the token is still known."""
    eventually(lambda: component(api, "database") == "missing", "the database is missing")
    health = quick_health(api)
    assert health["status"] == "degraded"
    assert health["journal"] == {"last_id": None, "monitor_lag": None}
    for path in PATHS:
        began = time.monotonic()
        answer = api.client().get(path)
        assert answer.status_code == 503, path
        assert answer.json()["detail"] == "the database is missing: try again in a few seconds"
        assert answer.headers["Retry-After"] == "5"
        assert time.monotonic() - began < QUICK_S, path
    assert api.client().get("/me").status_code == 200


def check_recovered(api: Served) -> None:
    """Everything answers again by itself, within seconds and without one error more."""
    began = time.monotonic()
    eventually(lambda: component(api, "database") == "up", "the database is back")
    assert time.monotonic() - began < 10
    for path in PATHS:
        assert api.client().get(path).status_code == 200, path


def test_the_database_is_killed_and_comes_back(breakable: Breakable) -> None:
    """Kill -9 of the whole server, 4 s of absence under requests, and a restart."""
    with at_work(breakable) as api:
        for process in breakable.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        check_missing(api)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            quick_health(api)
            assert api.client().get("/overview").status_code == 503
            time.sleep(0.1)
        breakable.server.start()
        check_recovered(api)


def test_the_database_hangs_and_goes_on(breakable: Breakable) -> None:
    """A server that is stopped (SIGSTOP) refuses nothing and answers nothing: that must not pile up requests."""
    with at_work(breakable) as api:
        stopped = breakable.processes()
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        try:
            check_missing(api)
        finally:
            for process in stopped:
                process.send_signal(signal.SIGCONT)
        check_recovered(api)


def test_the_api_starts_without_its_database(breakable: Breakable) -> None:
    """It serves /health from the first moment and finds the database when it appears."""
    breakable.server.stop()
    with serving(breakable.server.dsn, patient=False) as api:
        health = quick_health(api)
        assert health["status"] == "degraded"
        assert health["sites_total"] == 0
        refused = api.anonymous.post("/api/v1/auth/token", data={"username": "centre", "password": "whatever it is"})
        assert refused.status_code == 503
        breakable.server.start()
        eventually(lambda: component(api, "database") == "up", "the database is found")
        assert api.get("/overview")["offline_sites"] == 1


def test_an_address_nobody_answers_at_is_missing_within_seconds() -> None:
    """A wrong address is a missing database, not a hanging API."""
    with serving(f"postgresql://landun@127.0.0.1:{any_free()}/landun", patient=False) as api:
        assert component(api, "database") == "missing"
        with httpx.Client(base_url=api.url, trust_env=False) as client:
            assert client.get("/api/v1/overview").status_code == 401
