"""The database into one file and back: PostgreSQL's pg_dump and pg_restore, with what TimescaleDB needs around them.

A backup is one snapshot, taken while everything runs. A restored database takes the place of the one before only when
it is whole: restored beside it, brought to the newest schema, its journal's chain verified.
"""

import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from operations.errors import OperatorError
from store import journal
from store.connections import Connection, connect, conninfo, scalar
from store.embedded.binaries import wheel_binaries
from store.migrations import migrate

MAINTENANCE_DATABASE: Final = "postgres"
PARTIAL: Final = ".partial"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What a backup or restore came to; `journal_rows` were verified, restoring only."""

    bytes: int
    seconds: float
    journal_rows: int = 0


def backup(dsn: str, file: Path, *, overwrite: bool = False) -> Done:
    """Dump a database into a file (pg_dump's custom format), which appears only when it is whole.

    Raises `OperatorError` when the file is there already, or pg_dump is missing or fails.
    """
    if file.exists() and not overwrite:
        raise OperatorError(f"{file} is there already: choose another name, or say --overwrite")
    begun, partial = time.monotonic(), file.with_name(file.name + PARTIAL)
    with connect(dsn, autocommit=True, application_name="landun-backup") as connection:
        major = connection.info.server_version // 10_000
    try:
        _make_private(partial)
        _run(
            "pg_dump",
            major,
            dsn,
            "--format=custom",
            "--compress=3",
            "--no-owner",
            "--no-privileges",
            f"--file={partial}",
        )
        _run("pg_restore", major, dsn, "--list", str(partial))
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return Done(file.stat().st_size, time.monotonic() - begun)


def _make_private(file: Path) -> None:
    """Make an empty file for nobody else: a backup holds the hashes of passwords."""
    try:
        file.touch(mode=0o600)
    except OSError as error:
        raise OperatorError(f"backup {file} can't be written: {error.strerror}") from error


def restore(dsn: str, file: Path, *, replace: bool = False) -> Done:
    """Restore a backup as the database that `dsn` names, and verify its journal.

    Raises `OperatorError` when the database holds readings and `replace` is not said, when services are connected to
    it, when the role may not create databases, or when the backup is damaged; the database is as before then.
    """
    if not file.is_file():
        raise OperatorError(f"backup {file} is not there")
    begun, name = time.monotonic(), str(conninfo_to_dict(dsn)["dbname"])
    restoring = f"{name}_restoring"
    with connect(make_conninfo(dsn, dbname=MAINTENANCE_DATABASE), autocommit=True) as maintenance:
        _require_idle(maintenance, name)
        _require_empty(dsn, name, replace=replace)
        _execute(maintenance, "DROP DATABASE IF EXISTS {} WITH (FORCE)", restoring)
        try:
            _execute(maintenance, "CREATE DATABASE {} TEMPLATE template0", restoring)
        except psycopg.errors.InsufficientPrivilege as error:
            raise OperatorError(
                "the database's role may not create databases, which a restore needs: GRANT it CREATEDB"
            ) from error
        try:
            rows = _fill(make_conninfo(dsn, dbname=restoring), file)
            _require_idle(maintenance, name)
            _execute(maintenance, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            _execute(maintenance, "ALTER DATABASE {} RENAME TO {}", restoring, name)
        except BaseException:
            _execute(maintenance, "DROP DATABASE IF EXISTS {} WITH (FORCE)", restoring)
            raise
    return Done(file.stat().st_size, time.monotonic() - begun, rows)


def _fill(dsn: str, file: Path) -> int:
    """Restore into an empty database and return how many rows of the journal were verified."""
    with connect(dsn, autocommit=True, application_name="landun-restore") as connection:
        major = connection.info.server_version // 10_000
        with _timescale_restoring(connection, wanted=_holds_timescale(file, major, dsn)):
            _run(
                "pg_restore",
                major,
                dsn,
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                f"--dbname={conninfo_to_dict(dsn)['dbname']}",
                str(file),
            )
    migrate(dsn)
    with connect(dsn, autocommit=True) as connection:
        found = journal.verify(connection)
        connection.execute("ANALYZE")
    if not found.ok:
        raise OperatorError(f"{file}: journal row {found.first_bad_id}: {found.why}; the database is left as it was")
    return found.checked


@contextmanager
def _timescale_restoring(connection: Connection, *, wanted: bool) -> Iterator[None]:
    """TimescaleDB's catalogue is restored as plain tables: its triggers and workers must rest meanwhile."""
    if not wanted:
        yield
        return
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except psycopg.Error as error:
        raise OperatorError(f"the backup is of a TimescaleDB, which this server does not offer: {error}") from error
    connection.execute("SELECT timescaledb_pre_restore()")
    yield
    connection.execute("SELECT timescaledb_post_restore()")


def _holds_timescale(file: Path, major: int, dsn: str) -> bool:
    return " EXTENSION - timescaledb " in _run("pg_restore", major, dsn, "--list", str(file))


def _require_idle(maintenance: Connection, name: str) -> None:
    rows = maintenance.execute(
        "SELECT DISTINCT application_name FROM pg_stat_activity "
        "WHERE datname = %s AND application_name LIKE 'landun-%%'",
        (name,),
    ).fetchall()
    if rows:
        services = ", ".join(sorted(service for (service,) in rows))
        raise OperatorError(f"database {name} is in use by {services}: end them before restoring")


def _require_empty(dsn: str, name: str, *, replace: bool) -> None:
    if replace:
        return
    try:
        with connect(dsn, autocommit=True) as connection:
            made = scalar(connection, "SELECT to_regclass('reading') IS NOT NULL")
            if made and scalar(connection, "SELECT EXISTS (SELECT FROM reading) OR EXISTS (SELECT FROM journal)"):
                raise OperatorError(f"database {name} holds data: say --replace to put the backup in its place")
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error):
            raise


def _execute(connection: Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _run(tool: str, server_major: int, dsn: str, *arguments: str) -> str:
    """Run one of PostgreSQL's tools and return what it printed. Raises `OperatorError` with its last words."""
    done = subprocess.run(  # noqa: S603 -- PostgreSQL's own tools
        [str(find_tool(tool, server_major)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **_environment(dsn)},
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise OperatorError(f"{tool} ended with status {done.returncode}: {said[-1]}")
    return done.stdout


def _environment(dsn: str) -> Mapping[str, str]:
    """The connection as environment variables, where a password is not seen by others (PostgreSQL, libpq, 32.15)."""
    names: Final = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
        "options": "PGOPTIONS",
    }
    given: dict[str, Any] = conninfo_to_dict(conninfo(dsn, application_name="landun-backup"))
    return {names[key]: str(value) for key, value in given.items() if key in names and value is not None}


def find_tool(name: str, server_major: int, path: str | None = None) -> Path:
    """The tool of the server's own major version, else the oldest newer one: on PATH, of Debian, or of the wheel.

    An older pg_dump refuses a newer server; a much newer one writes settings that an older server doesn't know.
    """
    candidates = [Path(f"/usr/lib/postgresql/{server_major}/bin") / name]
    if found := shutil.which(name, path=path):
        candidates.insert(0, Path(found))
    try:
        candidates.append(wheel_binaries() / name)
    except FileNotFoundError as error:
        _log.debug("%s", error)
    versions = {each: _major(each) for each in candidates if each.is_file()}
    usable = [each for each, version in versions.items() if version >= server_major]
    if not usable:
        known = ", ".join(f"{each} is of version {version}" for each, version in versions.items()) or "there is none"
        raise OperatorError(f"{name} of PostgreSQL {server_major} or newer is needed: {known}")
    return min(usable, key=lambda each: versions[each])


def _major(tool: Path) -> int:
    said = subprocess.run([str(tool), "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0
