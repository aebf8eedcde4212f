"""What the command line says when something is wrong: one line, status 2, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from operations.disk import message
from operations.ports import any_free


def landun(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with nothing of this shell's settings."""
    return subprocess.run(
        [sys.executable, "-m", "landun", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


@pytest.mark.parametrize("command", ["migrate", "passwd", "verify", "backfill", "backup x", "restore x", "reaggregate"])
def test_a_folder_never_started_is_named_with_what_to_do(tmp_path: Path, command: str) -> None:
    """A chore on a folder without a database says so, and how to get one."""
    done = landun(*command.split(), "--data", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"landun: data folder {tmp_path} holds no database yet: run `landun up` first, "
        "name another folder with --data, or a database with --database-url\n"
    )


def test_a_database_that_does_not_answer_is_one_line() -> None:
    """A refused connection names the server and nothing secret."""
    port = any_free()
    done = landun("migrate", LANDUN_DATABASE_URL=f"postgresql://someone:hush@127.0.0.1:{port}/landun")
    assert done.returncode == 2
    assert done.stderr.startswith("landun: database: ")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The API does not start without what it signs tokens with."""
    missing = tmp_path / "token-secret"
    done = landun("serve", "--database-url", "postgresql://x", "--token-secret-file", str(missing))
    assert done.returncode == 2
    assert done.stderr == f"landun: secret file {missing}: No such file or directory\n"


def test_a_missing_setting_names_its_option() -> None:
    """A service without its address says which option or variable is missing, as usage."""
    done = landun("ingest")
    assert done.returncode == 2
    assert "--database-url" in done.stderr


def test_every_command_explains_itself() -> None:
    """Help lists each command with a sentence."""
    done = landun("--help")
    assert done.returncode == 0
    for command in (
        *("up", "ingest", "monitor", "serve", "dashboard", "simulate", "backfill"),
        *("migrate", "passwd", "verify", "bench", "chaos", "demo", "version"),
    ):
        assert f" {command} " in done.stdout


def test_an_unknown_benchmark_lists_the_known_ones() -> None:
    """A wrong name is answered with the right ones."""
    done = landun("bench", "checkout", "nonsense")
    assert done.returncode == 2
    assert "no benchmark nonsense; there are: " in done.stderr


def test_the_disk_guard_speaks_when_something_changes() -> None:
    """One message when space runs short, one when it is back, none in between."""
    assert message(3_000_000_000, 2_000_000_000, was_low=False) is None
    short = message(1_500_000_000, 2_000_000_000, was_low=False)
    assert short is not None
    assert short.startswith("only 1.50 GB are free on the data's disk (bound 2.00 GB): the simulators stop")
    assert message(1_400_000_000, 2_000_000_000, was_low=True) is None
    assert message(2_000_000_000, 2_000_000_000, was_low=True) == "2.00 GB are free again: the simulators go on"
