"""Run a command that ends when its supervisor does: ``python lifeline.py PARENT SIGNAL COMMAND …``.

On Linux the kernel is asked to send SIGNAL when the parent dies (PR_SET_PDEATHSIG, prctl(2)), so that not
even ``kill -9`` of the supervisor leaves services behind. Elsewhere the next start ends what was left
(`operations.leftovers`). A script of its own, with nothing but the standard library, because a
``preexec_fn`` is not safe in a process with threads, and because it starts in some 20 ms.

Changing the user clears the request, so a command that does that (the database, when started as root)
gives ``--user NAME`` here and the change happens first.
"""

import ctypes
import os
import pwd
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """Bind to the parent, change the user if asked, become the command."""
    parent, signal_number, *command = arguments
    if command[0] == "--user":
        change_user(command[1])
        command = command[2:]
    if sys.platform == "linux":
        request_signal_at_parents_death(int(signal_number))
    if os.getppid() != int(parent):  # it died before the request
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


def change_user(name: str) -> None:
    """Drop from root to a user and their group, for good."""
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = account.pw_dir


def request_signal_at_parents_death(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


if __name__ == "__main__":
    main(sys.argv[1:])
