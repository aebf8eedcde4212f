"""The data folder: everything one system keeps, and the lock that lets only one supervisor use it."""

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from operations.errors import OperatorError

DEMONSTRATION_HISTORY: Final = timedelta(days=35)
"""How long before the first start the demonstration's sites count as registered: back-fill needs the past."""


def default_folder() -> Path:
    """Where data goes when nobody says otherwise.

    As root below /var/lib, because the database then runs as a user of its own, who cannot enter root's home.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/landun/default")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "landun"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "landun"


@dataclass
class Record:
    """What ``landun.json`` remembers from start to start. `ports` by service name; times are aware, UTC.

    `sites` is the number of simulated sites of the demonstration, `history_hours` how much past they were wanted
    with and `backfilled_hours` how much of it has been written; `modbus_at` is where simulated controllers answer, in
    containers. `workers` is the number of ingest processes whose sessions the broker keeps.
    """

    created: datetime
    seed: int
    sites: int = 32
    ports: dict[str, int] = field(default_factory=dict)
    demonstration: bool = True
    history_hours: int = 0
    backfilled_hours: int = 0
    modbus_at: str = ""
    workers: int = 1

    @property
    def registered_at(self) -> datetime:
        """Since when the demonstration's sites count as registered."""
        return self.created - DEMONSTRATION_HISTORY

    def to_json(self) -> str:
        """The record as the text of its file."""
        return json.dumps({**asdict(self), "created": self.created.isoformat()}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """The record of a file's text. Raises `ValueError` where it is not one."""
        values: Mapping[str, Any] = json.loads(text)
        try:
            return cls(
                created=datetime.fromisoformat(values["created"]).astimezone(UTC),
                seed=int(values["seed"]),
                sites=int(values.get("sites", 32)),
                ports={str(name): int(port) for name, port in values.get("ports", {}).items()},
                demonstration=bool(values.get("demonstration", True)),
                history_hours=int(values.get("history_hours", 0)),
                backfilled_hours=int(values.get("backfilled_hours", 0)),
                modbus_at=str(values.get("modbus_at", "")),
                workers=int(values.get("workers", 1)),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"field {error} is missing or not of its kind") from error


@dataclass(frozen=True)
class DataFolder:
    """Paths below one data folder. Making one touches nothing; `prepare` makes the folders."""

    path: Path

    @property
    def record_file(self) -> Path:
        """Ports, seed and what was done at the first start."""
        return self.path / "landun.json"

    @property
    def secrets(self) -> Path:
        """Folder of secrets, entered by its owner only."""
        return self.path / "secrets"

    @property
    def logs(self) -> Path:
        """Folder of the rotating log."""
        return self.path / "logs"

    @property
    def children_file(self) -> Path:
        """Which processes the supervisor has running."""
        return self.path / "run" / "services.json"

    def prepare(self) -> None:
        """Make the folder. Others may pass through it (the database's user must), not list it.

        Raises `OperatorError` where it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711)
            for folder in (self.logs, self.children_file.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise OperatorError(
                f"data folder {self.path}: {error.strerror}; give one you may write to with --data or LANDUN_DATA"
            ) from error

    def read_record(self) -> Record | None:
        """What earlier starts remembered; nothing before the first. Raises `OperatorError` on a damaged file."""
        try:
            return Record.from_json(self.record_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise OperatorError(f"{self.record_file} is damaged ({error}): restore it from a copy") from error

    def write_record(self, record: Record) -> None:
        """Remember, in one step: a crash leaves the old record or the new one."""
        write_whole(self.record_file, record.to_json())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process. Raises `OperatorError` naming the process that has it.

        flock(2) ends with the process, however it dies, so no stale lock can stop the next start.
        """
        lock = self.path / "landun.lock"
        with lock.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise OperatorError(
                    f"data folder {self.path} is in use by a running landun (process {holder}): "
                    "end it first, or give another folder with --data"
                ) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or the next start after a crash, sees all of it or the former one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
