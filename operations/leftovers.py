"""Processes of a supervisor that was killed: known by pid and start time, ended before the next start."""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psutil

from operations.folder import write_whole

CLEAN_END_S: Final = 8.0
SAME_START_S: Final = 0.5
"""A process id is used again some day; the start time tells whether it is still the same process."""


def remember(file: Path, children: Mapping[str, tuple[int, float]]) -> None:
    """Record the running children: pid and start time (seconds since the epoch) by service name."""
    recorded = {name: {"pid": pid, "created": created} for name, (pid, created) in children.items()}
    write_whole(file, json.dumps(recorded, indent=2) + "\n")


def running_pid(file: Path, name: str) -> int:
    """The process id of a running child. Raises `KeyError` where it does not run."""
    return int(json.loads(file.read_text(encoding="utf-8"))[name]["pid"])


def end_leftovers(file: Path, said: Callable[[str], None]) -> list[str]:
    """End what a former supervisor left running and return the services' names.

    Each is asked with SIGINT (a database's fast shutdown, a clean end for all others), then killed.
    """
    left = _recorded(file)
    for name, process in left.items():
        said(f"{name} (process {process.pid}) was left by a supervisor that was killed: ending it")
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
    _gone, alive = psutil.wait_procs(list(left.values()), timeout=CLEAN_END_S)
    for process in alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=CLEAN_END_S)
    return list(left)


def _recorded(file: Path) -> dict[str, psutil.Process]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    found: dict[str, psutil.Process] = {}
    for name, entry in entries.items():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["created"]) < SAME_START_S:
                found[name] = process
    return found
