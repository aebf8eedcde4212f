"""The embedded server, really killed."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest

from operations.ports import any_free
from store.connections import connect
from store.embedded import AccountError, EmbeddedPostgres, EmbeddedPostgresError
from store.embedded.account import server_account
from store.embedded.launch import PARENT_SETTING, cluster_processes, ended
from store.embedded.server import settings
from tests.databases import server_folder

PASSWORD = "pä:ss@w/ord of the tests"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about running as root; run by root in CI")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder the server's user can enter."""
    with server_folder() as made:
        yield made


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A cluster made once, to be copied."""
    with server_folder() as made:
        EmbeddedPostgres(made / "postgres", port=any_free(), password=PASSWORD).prepare()
        yield made / "postgres"


@pytest.fixture
def server(folder: Path, cluster: Path) -> Iterator[EmbeddedPostgres]:
    """A started server with one committed row, with the settings it really has."""
    subprocess.run(["/bin/cp", "-a", str(cluster), str(folder)], check=True)
    made = EmbeddedPostgres(folder / "postgres", port=any_free(), password=PASSWORD)
    made.prepare()
    made.start()
    with connect(made.dsn) as connection:
        connection.execute("CREATE TABLE kept (n integer PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (1)")
    try:
        yield made
    finally:
        made.stop()


def rows(server: EmbeddedPostgres) -> list[int]:
    """What is in the table."""
    with connect(server.dsn) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM kept ORDER BY n").fetchall()]


def wait_until_answering(server: EmbeddedPostgres) -> list[int]:
    """The rows, as soon as a query for them is answered."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return rows(server)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server did not answer within 30 s"
            time.sleep(0.05)


def again(server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A second start over the same folder, as after a crash of whoever ran the first: another port, no memory of it."""
    second = EmbeddedPostgres(server.data, port=any_free(), password=PASSWORD)
    second.prepare()
    second.start()
    return second


def test_a_stop_and_a_start_on_another_port_keep_the_data(server: EmbeddedPostgres) -> None:
    """Data survives a clean stop; the port may change between starts."""
    server.stop()
    second = again(server)
    try:
        assert rows(second) == [1]
    finally:
        second.stop()


def test_committed_rows_survive_kill_9_of_the_postmaster_with_busy_backends(server: EmbeddedPostgres) -> None:
    """After SIGKILL the next start replaces orphaned backends, keeps what was committed and nothing else."""
    busy, writing = connect(server.dsn), connect(server.dsn)
    with closing(busy), closing(writing):
        writing.execute("INSERT INTO kept VALUES (2)")
        writing.commit()
        writing.execute("INSERT INTO kept VALUES (3)")
        # A backend in a loop does not notice its postmaster's death: it goes on with the shared memory.
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")
        backend = psutil.Process(busy.info.backend_pid)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        second = again(server)
        try:
            assert rows(second) == [1, 2]
            assert ended(backend)
        finally:
            second.stop()


def test_a_crash_of_one_backend_is_recovered_by_the_server_itself(server: EmbeddedPostgres) -> None:
    """SIGKILL of a backend restarts the server inside the same postmaster; committed rows stay."""
    with closing(connect(server.dsn)) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        assert wait_until_answering(server) == [1]


def test_a_stale_pid_file_with_a_recycled_pid_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    """The pid in ``postmaster.pid`` may belong to anybody by now: the server starts, and that process lives on."""
    assert server.pid is not None
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    account = server_account()
    stranger = subprocess.Popen(["/bin/sleep", "600"], **(account.subprocess_options() if account else {}))
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n", encoding="utf-8")
        second = again(server)
        try:
            assert rows(second) == [1]
            assert stranger.poll() is None
        finally:
            second.stop()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_supervisor_is_killed_can_be_started_again_at_once(folder: Path) -> None:
    """The postmaster shuts down in good order, by itself or by the next start, which need not wait for it."""
    password = secrets.token_urlsafe(8)
    supervisor = (
        "import os, sys; from pathlib import Path; from store.embedded import EmbeddedPostgres\n"
        f"p = EmbeddedPostgres(Path({str(folder / 'postgres')!r}), port={any_free()}, password={password!r})\n"
        "p.prepare(); p.start(); print(p.pid, flush=True); os._exit(9)\n"
    )
    root = Path(__file__).parents[2]
    left = subprocess.run([sys.executable, "-c", supervisor], cwd=root, stdout=subprocess.PIPE, text=True, check=False)
    second = EmbeddedPostgres(folder / "postgres", port=any_free(), password=password)
    second.prepare()
    second.start()
    try:
        assert not psutil.pid_exists(int(left.stdout)) or ended(psutil.Process(int(left.stdout)))
        assert "was not properly shut down" not in (folder / "postgres.log").read_text(encoding="utf-8")
    finally:
        second.stop()


def test_a_server_left_running_without_its_supervisor_is_taken_over(server: EmbeddedPostgres) -> None:
    """A postmaster whose parent is no longer the process that started it is shut down and replaced."""
    command = server.command()
    server.stop()
    data, postgres, *options = command[command.index(str(server.data)) :]
    # Not through the launcher, which has the kernel end the server with its parent: as where there is no such kernel.
    orphan = [postgres, "-D", data, *options, "-c", f"{PARENT_SETTING}={os.getpid()}"]
    account = server_account()
    shell = subprocess.run(
        ["/bin/sh", "-c", '"$@" >/dev/null 2>&1 & echo $!', "sh", *orphan],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd="/",
        **(account.subprocess_options() if account else {}),
    )
    left = psutil.Process(int(shell.stdout))
    wait_until_answering(server)
    second = again(server)
    try:
        assert rows(second) == [1]
        assert ended(left)
    finally:
        second.stop()


def test_a_running_server_with_a_living_supervisor_is_left_alone(server: EmbeddedPostgres) -> None:
    """A second start over a folder in use is refused, naming the process; the first goes on."""
    second = EmbeddedPostgres(server.data, port=any_free(), password="irrelevant")
    with pytest.raises(EmbeddedPostgresError, match=f"in use by PostgreSQL {server.pid}"):
        second.start()
    assert rows(server) == [1]


def test_stop_leaves_no_process(server: EmbeddedPostgres) -> None:
    """After `stop` nothing runs on the folder, open connections or not."""
    with closing(connect(server.dsn)):
        assert cluster_processes(server.data)
        server.stop()
        assert cluster_processes(server.data) == []


def test_only_who_has_the_password_gets_in(server: EmbeddedPostgres) -> None:
    """Loopback TCP with scram-sha-256, no trust, no socket file."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(f"postgresql://landun:wrong@127.0.0.1:{server.port}/landun")
    with connect(server.dsn) as connection:
        asked = [
            connection.execute(f"SHOW {name}").fetchone() for name in ("listen_addresses", "unix_socket_directories")
        ]
        stored = connection.execute("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'landun'").fetchone()
        rules = connection.execute("SELECT type, address, auth_method FROM pg_hba_file_rules").fetchall()
    assert asked == [("127.0.0.1",), ("",)]
    assert stored == ("SCRAM-SHA-256",)
    assert rules == [("host", "127.0.0.1", "scram-sha-256")]


def test_an_acknowledgement_rests_on_durable_settings(server: EmbeddedPostgres) -> None:
    """Commits are synchronous and pages are protected, whatever else is tuned."""
    with connect(server.dsn) as connection:
        for name in ("synchronous_commit", "fsync", "full_page_writes", "data_checksums"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",), name


@pytest.mark.parametrize(("gibibytes", "shared"), [(1, "128MB"), (4, "512MB"), (64, "1024MB")])
def test_memory_settings_follow_the_machine_within_bounds(gibibytes: int, shared: str) -> None:
    """A laptop's database takes an eighth of the memory, at least 128 MB and at most 1 GB."""
    assert settings(gibibytes * 1024**3)["shared_buffers"] == shared


def test_an_interrupted_initdb_leaves_nothing_to_trip_over(folder: Path) -> None:
    """What a killed first start left beside the folder does not disturb the next one."""
    (folder / ".postgres-dead").mkdir()
    (folder / "postgres").mkdir()
    server = EmbeddedPostgres(folder / "postgres", port=any_free(), password="p")
    server.prepare()
    made = (folder / "postgres" / "PG_VERSION").stat().st_mtime_ns
    server.prepare()
    assert (folder / "postgres" / "PG_VERSION").stat().st_mtime_ns == made, "a second prepare changes nothing"


def test_a_folder_with_something_else_in_it_is_refused(folder: Path) -> None:
    """Somebody's files are not taken for a cluster, nor overwritten."""
    (folder / "postgres").mkdir()
    (folder / "postgres" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(EmbeddedPostgresError, match=r"postgres is neither empty nor a PostgreSQL cluster"):
        EmbeddedPostgres(folder / "postgres", port=any_free(), password="p").prepare()


@as_root
def test_root_is_told_which_folder_keeps_the_server_out(folder: Path) -> None:
    """The error names the first parent that the server's user may not enter, not just the last."""
    closed = folder / "closed"
    (closed / "open" / "data").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(AccountError, match=rf"^folder {closed} cannot be entered by user 'landun'"):
        EmbeddedPostgres(closed / "open" / "data" / "postgres", port=any_free(), password="p").prepare()


@as_root
def test_as_root_every_process_is_the_unprivileged_users(server: EmbeddedPostgres) -> None:
    """No process of the server is root's, and its binaries lie outside the virtual environment."""
    account = server_account()
    assert account is not None
    processes = cluster_processes(server.data)
    assert processes
    assert {process.uids().real for process in processes} == {account.uid}
    assert all(process.exe().startswith("/var/lib/landun/postgresql-18-") for process in processes)
