"""How much memory the measured processes took."""

from pathlib import Path

from store.connections import Connection

KIB_A_MIB = 1_024


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


def _status(pid: int) -> dict[str, int]:
    """The figures of /proc/PID/status in KiB."""
    lines = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return {name: int(rest.split()[0]) for name, rest in lines if rest.strip().endswith("kB")}
