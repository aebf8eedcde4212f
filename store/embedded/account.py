"""Whom PostgreSQL runs as. It refuses to run as root, so root lends it a system user of its own."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

USER: Final = "landun"
HOME: Final = Path("/var/lib/landun")
"""Where root keeps what that user must read: a virtual environment below a private home it cannot."""


class AccountError(RuntimeError):
    """PostgreSQL's user cannot be had or cannot reach its folder; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user to run as: its name and ids."""

    name: str
    uid: int
    gid: int

    def subprocess_options(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> Account | None:
    """The system user for the server, created if need be; None when we are not root and the server runs as us."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        _create()
        entry = pwd.getpwnam(USER)
    if entry.pw_uid == 0:
        raise AccountError(f"user {USER!r} is root by another name; PostgreSQL must not run as root")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create() -> None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise AccountError(
            f"PostgreSQL must not run as root, and there is no useradd to create a user for it; "
            f"create a system user {USER!r} with this system's own tool and start again"
        )
    done = subprocess.run(  # noqa: S603 -- constants
        [program, "--system", "--no-create-home", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", USER],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not _exists():  # two starts at once: the other one created it
        raise AccountError(f"user {USER!r} could not be created: {done.stderr.strip()}")


def _exists() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def require_reachable(folder: Path, account: Account) -> None:
    """Raise `AccountError` naming the first parent of `folder` that the account may not enter."""
    if _may_enter(folder, account):
        return
    for parent in [*reversed(folder.parents), folder]:
        if not _may_enter(parent, account):
            raise AccountError(
                f"folder {parent} cannot be entered by user {account.name!r}, which PostgreSQL runs as when started "
                f"by root; choose a data folder below {HOME}, or start as an ordinary user"
            )


def _may_enter(folder: Path, account: Account) -> bool:
    """Ask the kernel as that user, so that access control lists count as well."""
    done = subprocess.run(  # noqa: S603 -- a fixed shell line, the folder is its argument
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        **account.subprocess_options(),
    )
    return done.returncode == 0
