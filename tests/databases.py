"""Real databases for tests.

`database` is a fresh, migrated database on the embedded PostgreSQL (or on the server that
``LANDUN_TEST_DATABASE_URL`` names). `engine` runs a test once on each engine: embedded PostgreSQL and
TimescaleDB as WebAssembly, or the named server alone; mark a test ``needs("copy")`` to leave out engines that cannot.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from operations.ports import any_free
from store.connections import Connection, connect, is_timescale
from store.embedded import EmbeddedPostgres
from store.migrations import migrate
from tests.timescale_wasm import TimescaleWasm

NATIVE_URL: Final = os.environ.get("LANDUN_TEST_DATABASE_URL", "")

# Tests kill processes, not the machine: without fsync the operating system still has every page.
UNSAFE_BUT_QUICK: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
}


MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- where Linux keeps files in memory; what we put there has a random name
ROOM_BYTES: Final = 4 << 30


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that the database's own user can enter, which pytest's ``tmp_path`` is not; removed at the end.

    In memory where there is room: a copy of the template is some nine hundred files, and each test has its own.
    """
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="landun-test-", dir=MEMORY if roomy else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Server:
    """A server that tests make databases on, each a copy of a migrated template where the engine allows it."""

    admin_dsn: str
    _template: str = field(default="", repr=False)

    @contextmanager
    def new_database(self, *, migrated: bool = True) -> Iterator[str]:
        """The DSN of a database of one's own, dropped at the end."""
        name = f"landun_test_{secrets.token_hex(6)}"
        template = self._migrated_template() if migrated else ""
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template or "template0")
        dsn = make_conninfo(self.admin_dsn, dbname=name)
        try:
            if migrated and not template:
                migrate(dsn)
            yield dsn
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def drop_template(self) -> None:
        """Drop the template at the session's end: a named server outlives us."""
        if self._template:
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._template)

    def _migrated_template(self) -> str:
        """The template's name; empty on TimescaleDB, whose workers stay connected to a database and block copies."""
        if not self._template:
            name = f"landun_template_{secrets.token_hex(6)}"
            self._execute("CREATE DATABASE {} TEMPLATE {}", name, "template0")
            dsn = make_conninfo(self.admin_dsn, dbname=name)
            migrate(dsn)
            with connect(dsn) as connection:
                timescale = is_timescale(connection)
            if timescale:
                self._execute("DROP DATABASE {} WITH (FORCE)", name)
                return ""
            self._template = name
        return self._template

    def _execute(self, statement: str, *names: str) -> None:
        with connect(self.admin_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@dataclass(frozen=True)
class Engine:
    """A migrated, empty database on one engine, and what that engine can do."""

    name: str
    dsn: str
    capabilities: frozenset[str]

    def connect(self, *, autocommit: bool = False) -> Connection:
        """A new connection."""
        return connect(self.dsn, autocommit=autocommit)


EMBEDDED: Final = frozenset({"copy", "concurrency", "partitions"})
WASM: Final = frozenset({"hypertables"})
NATIVE: Final = frozenset({"copy", "concurrency"})


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server]:
    """The session's server: the named one, or an embedded one of the session's own."""
    if NATIVE_URL:
        server = Server(NATIVE_URL)
        yield server
        server.drop_template()
        return
    with server_folder() as folder:
        embedded = EmbeddedPostgres(
            folder / "postgres", port=any_free(), password=secrets.token_urlsafe(12), options=UNSAFE_BUT_QUICK
        )
        embedded.prepare()
        embedded.start()
        try:
            yield Server(embedded.dsn)
        finally:
            embedded.stop()


@pytest.fixture
def database(database_server: Server) -> Iterator[str]:
    """The DSN of a fresh, migrated database."""
    with database_server.new_database() as dsn:
        yield dsn


@pytest.fixture
def dsn(database: str) -> str:
    """Another name of `database`."""
    return database


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection to `database`, not autocommit."""
    with connect(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def timescale_wasm() -> Iterator[TimescaleWasm]:
    """The session's TimescaleDB as WebAssembly, migrated."""
    with TimescaleWasm.running(any_free()) as server:
        migrate(server.dsn)
        yield server


@pytest.fixture(params=["native"] if NATIVE_URL else ["embedded", "timescale_wasm"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A fresh, migrated database on each engine in turn."""
    capabilities = {"native": NATIVE, "embedded": EMBEDDED, "timescale_wasm": WASM}[request.param]
    if request.param != "native":
        _require(request, capabilities)
    if request.param == "timescale_wasm":
        server: TimescaleWasm = request.getfixturevalue("timescale_wasm")
        server.empty()
        yield Engine(request.param, server.dsn, capabilities)
        return
    dsn: str = request.getfixturevalue("database")
    if request.param == "native":
        with connect(dsn) as opened:
            capabilities |= {"hypertables"} if is_timescale(opened) else {"partitions"}
        _require(request, capabilities)
    yield Engine(request.param, dsn, capabilities)


def _require(request: pytest.FixtureRequest, capabilities: frozenset[str]) -> None:
    needed = {name for mark in request.node.iter_markers("needs") for name in mark.args}
    if missing := needed - capabilities:
        pytest.skip(f"{request.param} has no {', '.join(sorted(missing))}")
