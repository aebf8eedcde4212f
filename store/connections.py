"""Connections to PostgreSQL: UTC, bounded waits, and a lost peer is noticed within seconds, not hours."""

from typing import Any, Final, LiteralString

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.abc import Params
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[TupleRow]

_SETTINGS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    # A peer that vanished without a FIN (power cut, pulled cable) is noticed after about 5 + 3 × 3 s.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": "-c TimeZone=UTC",
}


def conninfo(dsn: str, *, application_name: str = "landun") -> str:
    """The DSN with the settings above where it does not set them itself.

    Raises `psycopg.ProgrammingError` when the DSN is malformed.
    """
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    return make_conninfo(dsn, **{k: v for k, v in _defaults(application_name).items() if k not in given})


def _defaults(application_name: str) -> dict[str, Any]:
    return {**_SETTINGS, "application_name": application_name}


def connect(dsn: str, *, autocommit: bool = False, application_name: str = "landun") -> Connection:
    """Open a connection in UTC. Raises `psycopg.OperationalError` when the server cannot be reached."""
    connection = psycopg.connect(conninfo(dsn, application_name=application_name), autocommit=autocommit)
    _configure(connection)
    return connection


def pool(
    dsn: str, *, min_size: int = 1, max_size: int = 8, timeout: float = 5.0, application_name: str = "landun-api"
) -> "ConnectionPool[Connection]":
    """Open a pool of autocommit connections, each checked before it is lent: a database restart costs no error.

    The pool opens in the background: it works from the moment the database does. `timeout` (s) bounds the
    wait for a connection; `psycopg_pool.PoolTimeout` is raised after it.
    """
    return ConnectionPool(
        conninfo(dsn, application_name=application_name),
        kwargs={"autocommit": True},
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        check=ConnectionPool.check_connection,
        configure=_configure,
        reconnect_timeout=60.0,
        open=True,
    )


def _configure(connection: Connection) -> None:
    # The journal's append reads the newest row after taking its lock: under REPEATABLE READ it would read an older one.
    connection.isolation_level = IsolationLevel.READ_COMMITTED


def scalar(connection: Connection, query: LiteralString, parameters: Params | None = None) -> Any:
    """The first column of the first row. Raises `LookupError` when there is no row."""
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise LookupError(f"no row from {query}")
    return row[0]


def take_place(connection: Connection, lock: int) -> bool:
    """Take the place that only one process of a database may have, for as long as the connection lasts.

    False where another has it. `lock` is the number of its advisory lock.
    """
    return bool(scalar(connection, "SELECT pg_try_advisory_lock(%s)", (lock,)))


def binary_row(connection: Connection, query: LiteralString | sql.Composed, parameters: Params) -> list[bytes | None]:
    """The first row's columns as the server sent them in binary format, not decoded."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query, parameters)
        result = cursor.pgresult
        if result is None or result.ntuples == 0:
            raise LookupError(f"no row from {query}")
        return [result.get_value(0, column) for column in range(result.nfields)]


def is_timescale(connection: Connection) -> bool:
    """Whether the TimescaleDB extension is created in this database."""
    return connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None


def server_versions(connection: Connection) -> dict[str, str]:
    """The versions of the server and, where it is there, of TimescaleDB."""
    server = str(scalar(connection, "SHOW server_version")).split()[0]
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return {"postgresql": server, **({"timescaledb": str(row[0])} if row else {})}
