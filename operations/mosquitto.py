"""Running mosquitto 2 as the broker: its files in a folder of its own, and the command that starts it."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from operations.broker import MAX_ACK_PENDING, MAX_PAYLOAD_BYTES, Tls
from operations.broker_users import User, filter_of

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
    rules.write_text(rules_text(users), encoding="utf-8")
    text = config_text(folder, port, passwords, rules)
    # Started as root it would become a user who may not read this folder.
    config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
    return [server, "-c", str(config)]


def config_text(folder: Path, port: int, passwords: Path, rules: Path, tls: Tls | None = None) -> str:
    """A mosquitto 2 configuration with the same promise as far as it goes.

    Its defaults (20 in flight, 1 000 queued, nothing saved for 30 minutes) cap the rate and drop messages.
    It writes its whole queue every 5 s, so a kill of mosquitto can lose what it acknowledged in that time.
    """
    secured = f"certfile {tls.certificate}\nkeyfile {tls.key}\n" if tls else ""
    return f"""per_listener_settings false
listener {port} 127.0.0.1
{secured}allow_anonymous false
password_file {passwords}
acl_file {rules}
persistence true
persistence_location {folder}/
autosave_interval 5
autosave_on_changes false
max_inflight_messages {MAX_ACK_PENDING}
max_queued_messages 0
max_queued_bytes 0
message_size_limit {MAX_PAYLOAD_BYTES}
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def rules_text(users: Iterable[User]) -> str:
    """The mosquitto ACL file that says what `User` says in NATS subjects."""
    lines: list[str] = []
    for user in users:
        lines.append(f"user {user.name}")
        lines += [f"topic write {filter_of(subject)}" for subject in user.publish]
        lines += [f"topic read {filter_of(subject)}" for subject in user.subscribe if not subject.startswith("$MQTT")]
    return "\n".join(lines) + "\n"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed; on Debian or Ubuntu: apt-get install mosquitto")
    return found
