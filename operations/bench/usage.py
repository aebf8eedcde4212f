"""What memory and processor time the measured processes took."""

from pathlib import Path
from typing import Final

import psutil

from store.connections import Connection

KIB_A_MIB: Final = 1_024


def peak_mb(pid: int) -> float:
    """The most a process had resident so far, in MiB (the kernel's high-water mark)."""
    return round(_status(pid)["VmHWM"] / KIB_A_MIB, 1)


def resident_mb(connection: Connection) -> float | None:
    """What the server's processes have resident, shared memory counted once, in MiB; None when it is not here."""
    pids = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()]
    try:
        found = [_status(pid) for pid in pids]
    except OSError:
        return None
    own = sum(each["RssAnon"] for each in found)
    shared = max(each["RssShmem"] for each in found)
    return round((own + shared) / KIB_A_MIB, 1)


def server_pids(connection: Connection) -> list[int]:
    """The server's processes, as far as they are on this machine."""
    pids = [int(pid) for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()]
    return [pid for pid in pids if psutil.pid_exists(pid)]


class CpuTimes:
    """Processor seconds of named processes since this was made."""

    def __init__(self, pids: dict[str, list[int]]) -> None:
        self._pids = pids
        self._before = {name: sum(map(_cpu_s, each)) for name, each in pids.items()}

    def taken_s(self) -> dict[str, float]:
        """User and system time by name, in s."""
        return {name: round(sum(map(_cpu_s, each)) - self._before[name], 2) for name, each in self._pids.items()}


def _cpu_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _status(pid: int) -> dict[str, int]:
    """The figures of /proc/PID/status in KiB."""
    lines = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return {name: int(rest.split()[0]) for name, rest in lines if rest.strip().endswith("kB")}
