"""The embedded server: made once, started in the foreground, stopped in good order.

Loopback TCP only, scram-sha-256, a generated password. Every start clears what a killed one left behind
(`store.embedded.launch`), so `command()` can simply be run again.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil
import psycopg

from store.connections import connect
from store.embedded import launch
from store.embedded.account import Account, require_reachable, server_account
from store.embedded.binaries import public_copy, wheel_binaries

ROLE: Final = "landun"
DATABASE: Final = "landun"
HOST: Final = "127.0.0.1"
MEBIBYTE: Final = 1024 * 1024


class EmbeddedPostgresError(RuntimeError):
    """The server could not be made or started; the message carries PostgreSQL's own words."""


def settings(memory: int) -> dict[str, str]:
    """Server settings for a machine with `memory` bytes that does other things too."""
    shared_buffers = min(max(memory // 8, 128 * MEBIBYTE), 1024 * MEBIBYTE)
    return {
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": "60",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        # A failed statement's text can hold a device's payload; its error is reported by the client.
        "log_min_error_statement": "fatal",
        # What an acknowledgement to a device rests on.
        "synchronous_commit": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "shared_buffers": f"{shared_buffers // MEBIBYTE}MB",
        "effective_cache_size": f"{memory // 2 // MEBIBYTE}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        # Few full-page images and no bursts of writing while readings come in; a crash is replayed in seconds still.
        "max_wal_size": "1GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "5min",
        "checkpoint_completion_target": "0.9",
        "wal_compression": "on",
        # Readings are only ever inserted: vacuum them often enough that their index answers alone.
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "random_page_cost": "1.1",
        # Short queries: compiling them or spreading them over two cores costs more than it saves.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # A client that died between statements must not hold the journal's lock.
        "idle_in_transaction_session_timeout": "60s",
        "max_wal_senders": "2",
        "huge_pages": "off",
    }


class EmbeddedPostgres:
    """A PostgreSQL cluster of our own in folder `data`, on a loopback port.

    Call `prepare` once a start; then either run `command()` as a foreground child (a supervisor does) or use `start`
    and `stop`. As root it runs as system user ``landun``. `options` override server settings.
    """

    def __init__(self, data: Path, *, port: int, password: str, options: dict[str, str] | None = None) -> None:
        self.data = data.absolute()
        self.port = port
        self._password = password
        self._options = {**settings(psutil.virtual_memory().total), **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self.data.with_name(f"{self.data.name}.log")

    @property
    def dsn(self) -> str:
        """How to connect, with the password in it."""
        return f"postgresql://{ROLE}:{quote(self._password, safe='')}@{HOST}:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id after `start`, None otherwise."""
        return self._process.pid if self._process else None

    def command(self) -> list[str]:
        """The foreground command. SIGINT to it is a fast shutdown; after any death it can be run again."""
        account = server_account()
        user = ["--user", account.name] if account else []
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        postgres = str(_binaries(account) / "postgres")
        script = str(Path(launch.__file__).absolute())
        return [sys.executable, "-I", script, *user, str(self.data), postgres, "-p", str(self.port), *options]

    def prepare(self) -> None:
        """Make the user, the copy of the binaries and the cluster where they are missing; idempotent.

        Raises `AccountError` when the server's user cannot reach `data`, `EmbeddedPostgresError` when initdb fails.
        """
        account = server_account()
        binaries = _binaries(account)
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if account:
            require_reachable(self.data.parent, account)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries, account)

    def _initialise(self, binaries: Path, account: Account | None) -> None:
        """Make the cluster beside its place and move it there whole, so that a killed initdb leaves no half."""
        if self.data.exists() and any(self.data.iterdir()):
            raise EmbeddedPostgresError(f"folder {self.data} is neither empty nor a PostgreSQL cluster; choose another")
        building = self.data.with_name(f".{self.data.name}-{secrets.token_hex(4)}")
        building.mkdir(mode=0o700)
        try:
            password_file = building / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(self._password + "\n", encoding="utf-8")
            cluster = building / "cluster"
            cluster.mkdir(mode=0o700)
            if account:
                for path in (building, cluster, password_file):
                    os.chown(path, account.uid, account.gid)
            _initdb(binaries, cluster, password_file, account)
            if self.data.exists():
                self.data.rmdir()
            cluster.rename(self.data)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def start(self, *, timeout: float = 60.0) -> None:
        """Start the server and wait until it answers; its log goes to ``<data>.log``.

        Raises `EmbeddedPostgresError` with the end of the log when it ends or is silent for `timeout` seconds.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own command
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + timeout
        error: psycopg.Error | None = None
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                connect(self.dsn).close()
            except psycopg.OperationalError as refused:
                error = refused
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise EmbeddedPostgresError(f"PostgreSQL on port {self.port} did not start: {error}\n{self._log_end()}")

    def stop(self, *, timeout: float = 30.0) -> None:
        """Shut down fast (SIGINT), at once (SIGQUIT) after `timeout` seconds, and wait for the end."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout)

    def _log_end(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-10:])


def _binaries(account: Account | None) -> Path:
    return public_copy(wheel_binaries()) if account else wheel_binaries()


def _initdb(binaries: Path, cluster: Path, password_file: Path, account: Account | None) -> None:
    _run(
        [
            str(binaries / "initdb"),
            f"--pgdata={cluster}",
            f"--username={ROLE}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same sorting on every machine, whatever its locales.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ],
        account,
    )
    # Single-user mode: the database is there before the server first listens.
    _run(
        [str(binaries / "postgres"), "--single", "-D", str(cluster), "postgres"],
        account,
        stdin=f"CREATE DATABASE {DATABASE}\n",
    )
    hba = f"host all all {HOST}/32 scram-sha-256\n"
    _run(["/bin/sh", "-c", 'cat > "$1"', "sh", str(cluster / "pg_hba.conf")], account, stdin=hba)


def _run(command: list[str], account: Account | None, *, stdin: str = "") -> None:
    options: dict[str, Any] = account.subprocess_options() if account else {}
    done = subprocess.run(  # noqa: S603 -- our own commands
        command,
        input=stdin,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        umask=0o077,
        check=False,
        **options,
    )
    # Single-user mode exits with 0 even when its statement failed.
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise EmbeddedPostgresError(f"{Path(command[0]).name} failed: {done.stdout[-500:]}\n{done.stderr[-1000:]}")
