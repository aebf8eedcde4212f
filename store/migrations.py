"""The schema, by yoyo-migrations over the SQL files in ``store/migrations``.

A file with a ``%`` must write it ``%%``: yoyo passes every statement through the driver's placeholders.
"""

import logging
from importlib.resources import as_file, files
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI

from store.aggregates import ensure_zones
from store.connections import Connection, connect, conninfo
from store.partitions import ensure_journal

LOCK_MIGRATION: Final = 0x4C44_4D47
"""Advisory lock held while migrating, so that two services starting at once take turns."""

_log = logging.getLogger(__name__)


def migrate(dsn: str) -> list[str]:
    """Bring the database to the newest schema and return the ids of the migrations applied, oldest first.

    Idempotent and safe to call from several processes at once. Creates the TimescaleDB extension where the
    server has it and the role may. Raises `psycopg.Error` with nothing of the failed migration applied.
    """
    with connect(dsn, autocommit=True, application_name="landun-migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_MIGRATION,))
        try:
            create_timescale_if_available(connection)
            applied = _apply(dsn)
            ensure_journal(connection)
            ensure_zones(connection)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK_MIGRATION,))
    return applied


def _apply(dsn: str) -> list[str]:
    with _backend(dsn) as backend, as_file(files("store").joinpath("migrations")) as folder:
        backend.init_database()
        # Our advisory lock ends with its connection; yoyo's is a row, which a killed process leaves behind.
        backend.break_lock()
        with backend.lock():
            pending = backend.to_apply(read_migrations(str(folder)))
            backend.apply_migrations(pending)
            applied = [migration.id for migration in pending]
    if applied:
        _log.info("applied migrations %s", ", ".join(applied))
    return applied


def create_timescale_if_available(connection: Connection) -> bool:
    """Create the TimescaleDB extension if the server offers it; return whether it is there now.

    Hypertables are an advantage, not a need: a role that may not create extensions gets plain partitions and
    one warning.
    """
    row = connection.execute(
        "SELECT installed_version FROM pg_available_extensions WHERE name = 'timescaledb'"
    ).fetchone()
    if row is None:
        return False
    if row[0] is not None:
        return True
    if _schema_exists(connection):
        return False  # it was built on plain partitions, and stays so
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except psycopg.Error as error:
        _log.warning("timescaledb is available but could not be created, using plain partitions: %s", error)
        return False
    return True


def _schema_exists(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('reading')").fetchone()
    return row is not None and row[0] is not None


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo is untyped
    """Yoyo's backend without its probing by statements that fail: each is an ERROR line in the server's log."""

    create_lock_table_sql = PostgresqlPsycopgBackend.create_lock_table_sql.replace(
        "CREATE TABLE", "CREATE TABLE IF NOT EXISTS"
    )

    def _check_transactional_ddl(self) -> bool:
        return True  # PostgreSQL's DDL is transactional


def _backend(dsn: str) -> _Backend:
    parameters: dict[str, Any] = conninfo_to_dict(conninfo(dsn, application_name="landun-migrate"))
    uri = DatabaseURI(
        scheme="postgresql+psycopg",
        username=parameters.pop("user", None),
        password=parameters.pop("password", None),
        hostname=parameters.pop("host", None),
        port=parameters.pop("port", None),
        database=parameters.pop("dbname", None),
        args=parameters,
    )
    return _Backend(uri, "_yoyo_migration")
