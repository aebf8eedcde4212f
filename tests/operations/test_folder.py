"""The data folder: its record and its lock."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.errors import OperatorError
from operations.folder import DataFolder, Record

CREATED = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_a_record_survives_being_written_and_read(tmp_path: Path) -> None:
    """Ports, seed and what was done come back as they were written."""
    folder = DataFolder(tmp_path)
    assert folder.read_record() is None
    record = Record(created=CREATED, seed=7, sites=40, ports={"api": 8001}, history_hours=24, backfilled_hours=24)
    folder.write_record(record)
    assert folder.read_record() == record
    assert record.registered_at == CREATED - timedelta(days=35)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"created": 3, "seed": 1}', '{"created": "x", "seed": 1}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    """A record that cannot be read stops the start with the file's name: guessing a seed would lose the sites."""
    folder = DataFolder(tmp_path)
    folder.record_file.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError, match=r"landun\.json is damaged"):
        folder.read_record()


def test_only_one_process_holds_a_folder(tmp_path: Path) -> None:
    """A second supervisor is refused while the first lives, naming it, and let in after kill -9 of the first."""
    folder = DataFolder(tmp_path)
    script = (
        "import sys, time; from pathlib import Path; from operations.folder import DataFolder\n"
        "with DataFolder(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(OperatorError, match=f"in use by a running landun \\(process {holder.pid}\\)"),
            folder.locked(),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with folder.locked():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where the data cannot go, the error says which folder and which option."""
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=r"data folder .*/file/data: Not a directory; .* --data"):
        DataFolder(tmp_path / "file" / "data").prepare()


def test_the_folder_may_be_passed_but_not_listed_by_others(tmp_path: Path) -> None:
    """The database's own user must reach its folder; nobody else may look around."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o711
    assert stat.S_IMODE(folder.logs.stat().st_mode) == 0o700
