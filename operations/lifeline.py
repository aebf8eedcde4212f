"""Run a command that ends when its supervisor does: ``python lifeline.py PARENT SIGNAL COMMAND …``.

On Linux the kernel is asked to send SIGNAL when the parent dies (PR_SET_PDEATHSIG, prctl(2)), so that not
even ``kill -9`` of the supervisor leaves services behind. Elsewhere the next start ends what was left
(`operations.leftovers`). A script of its own, with nothing but the standard library, because a
``preexec_fn`` is not safe in a process with threads, and because it starts in some 20 ms.

Changing the user clears the request: the database, which does that when started as root, asks again for itself.
"""

import ctypes
import os
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """Bind to the parent, become the command."""
    parent, signal_number, *command = arguments
    if sys.platform == "linux":
        request_signal_at_parents_death(int(signal_number))
    if os.getppid() != int(parent):  # it died before the request
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


def request_signal_at_parents_death(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


if __name__ == "__main__":
    main(sys.argv[1:])
