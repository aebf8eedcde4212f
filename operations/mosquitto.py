"""Running mosquitto 2 as the broker: its files in a folder of its own, and the command that starts it."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from operations.broker import User, mosquitto_config, mosquitto_rules

_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def command(folder: Path, port: int, users: Iterable[User]) -> list[str]:
    """Write configuration, passwords and rules, and return the foreground command. SIGTERM ends it.

    Raises `FileNotFoundError` where mosquitto is not installed.
    """
    server, hasher = _program("mosquitto"), _program("mosquitto_passwd")
    users = list(users)
    folder.mkdir(parents=True, exist_ok=True)
    passwords, rules, config = folder / "passwords", folder / "rules", folder / "mosquitto.conf"
    for file in (passwords, rules):
        file.touch(mode=0o600)
    passwords.write_text("".join(f"{user.name}:{user.password}\n" for user in users), encoding="utf-8")
    subprocess.run([hasher, "-U", str(passwords)], check=True)  # noqa: S603 - a program of the system, our file
    rules.write_text(mosquitto_rules(users), encoding="utf-8")
    text = mosquitto_config(folder, port, passwords, rules)
    # Started as root it would become a user who may not read this folder.
    config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
    return [server, "-c", str(config)]


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed; on Debian or Ubuntu: apt-get install mosquitto")
    return found
