"""Becomes the postmaster: drops to its user, clears what a killed one left behind, and executes ``postgres`` in place.

Run as a script by its path, ``python -I launch.py [--user NAME] DATA POSTGRES [ARGUMENT …]``, so that a supervisor
signals PostgreSQL itself. What a killed postmaster leaves: ``postmaster.pid``, whose process id may by now belong to
anybody; and backends that still hold its shared memory until their next pause, which a new postmaster refuses to
share. A process is taken for this cluster's only if its working directory is the data folder, which every process
of PostgreSQL has.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import psutil

PARENT_SETTING: Final = "landun.parent"
"""A placeholder setting on the server's command line that names the process which started it."""


_PR_SET_PDEATHSIG: Final = 1


class InUseError(RuntimeError):
    """Another live supervisor runs a server on this data folder."""


def cluster_processes(data: Path) -> list[psutil.Process]:
    """The processes of PostgreSQL whose working directory is `data`."""
    folder = os.path.realpath(data)
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == folder:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def end_leftovers(data: Path, *, fast_s: float = 30.0, kill_s: float = 3.0) -> None:
    """End what still runs on `data` and remove a stale ``postmaster.pid``.

    A postmaster that its supervisor left behind is shut down in good order (SIGINT), then at once (SIGQUIT);
    backends without a postmaster are ended, since their shared memory is lost already. Raises `InUseError` when the
    supervisor that started the postmaster is still its parent.
    """
    processes = cluster_processes(data)
    pids = {process.pid for process in processes}
    postmasters = [process for process in processes if _parent(process) not in pids and _is_postmaster(process)]
    for postmaster in postmasters:
        owner = _started_by(postmaster)
        if owner is not None and owner == _parent(postmaster) and owner != os.getpid():
            raise InUseError(f"data folder {data} is in use by PostgreSQL {postmaster.pid}, started by process {owner}")
    _end(postmasters, (signal.SIGINT, fast_s), (signal.SIGQUIT, kill_s), (signal.SIGKILL, kill_s))
    _end(cluster_processes(data), (signal.SIGQUIT, kill_s), (signal.SIGKILL, kill_s))
    (data / "postmaster.pid").unlink(missing_ok=True)


def _end(processes: Sequence[psutil.Process], *steps: tuple[signal.Signals, float]) -> None:
    alive = list(processes)
    for number, wait_s in steps:
        for process in alive:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + wait_s
        while alive := [process for process in alive if not ended(process)]:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if not alive:
            return


def ended(process: psutil.Process) -> bool:
    """Whether a process is gone. A zombie is: in a container nobody may ever reap it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _is_postmaster(process: psutil.Process) -> bool:
    """Whether it is the server itself: backends show a title ("postgres: …") instead of a command line."""
    try:
        return "-D" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _started_by(process: psutil.Process) -> int | None:
    prefix = f"{PARENT_SETTING}="
    try:
        arguments = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return next((int(each.removeprefix(prefix)) for each in arguments if each.startswith(prefix)), None)


def drop_to(user: str) -> None:
    """Become `user` for good: groups first, or there would be no right left to give them up."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def end_with_parent() -> None:
    """Have the kernel send a fast shutdown when the supervisor dies, however it dies (prctl(2)).

    Asked for after the change of user, which would clear it; a later exec of an ordinary program keeps it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the postmaster, or exit with 1 and one line that says why not."""
    parser = argparse.ArgumentParser(prog="launch")
    parser.add_argument("--user")
    parser.add_argument("data", type=Path)
    parser.add_argument("postgres")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.user:
        drop_to(options.user)
    if sys.platform == "linux":
        end_with_parent()
    os.umask(0o077)
    os.chdir("/")  # root's working directory may be unreadable from here on
    try:
        end_leftovers(options.data)
    except InUseError as error:
        sys.exit(str(error))
    command = [options.postgres, "-D", str(options.data), *options.rest, "-c", f"{PARENT_SETTING}={os.getppid()}"]
    os.execv(options.postgres, command)  # noqa: S606 -- no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
