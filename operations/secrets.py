"""Secrets in files that only their owner may read, generated where they are missing.

A secret lives in ``<data>/secrets/`` (mode 0700), one file each (mode 0600). None is ever a default, a
command-line argument or a log line.
"""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 32
NAMES: Final = (
    *("postgres-password", "device-master", "token-secret"),
    *("mqtt-ingest", "mqtt-landun", "mqtt-keeper", "mqtt-notify"),
    "notify-key",
)
SIGN_IN_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Characters of a password that a person types: none that looks like another."""


def ensure_folder(folder: Path) -> Path:
    """The folder of secrets, made or put right so that nobody but its owner may enter it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def ensure_secret(path: Path) -> str:
    """The secret in a file; a new random one (256 bits, URL-safe) is written where there is none.

    The file appears whole or not at all, so that a crash cannot leave an empty secret behind. Raises
    `ValueError` naming a file that exists and is empty.
    """
    ensure_folder(path.parent)
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(SECRET_BYTES))
    path.chmod(0o600)
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError(f"secret file {path} is empty: restore it, or remove it to have a new one generated")
    return secret


def write_secret(path: Path, secret: str) -> None:
    """Write a secret to its file (0600), replacing what was there in one step."""
    ensure_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sign_in_password(characters: int = 14) -> str:
    """A random password for a person to type (5.7 bits a character)."""
    return "".join(secrets.choice(SIGN_IN_ALPHABET) for _ in range(characters))


@dataclass(frozen=True)
class Secrets:
    """The system's secrets, generated where missing. Device passwords derive from `device_master`."""

    folder: Path
    postgres: str
    device_master: str
    token: str
    mqtt_ingest: str
    mqtt_tool: str
    mqtt_keeper: str
    mqtt_notify: str = ""
    notify_key: str = ""

    @classmethod
    def of(cls, folder: Path) -> "Secrets":
        """Read or generate the secrets of a folder."""
        return cls(folder, *(ensure_secret(folder / name) for name in NAMES))

    @classmethod
    def read(cls, folder: Path) -> "Secrets":
        """The secrets that are there, as a container finds them; one it was not given is empty."""
        files = (folder / name for name in NAMES)
        return cls(folder, *(file.read_text(encoding="utf-8").strip() if file.exists() else "" for file in files))

    @property
    def token_file(self) -> Path:
        """What the API signs tokens with."""
        return self.folder / "token-secret"

    @property
    def notify_key_file(self) -> Path:
        """What the secrets of channels of notification are sealed with in the database."""
        return self.folder / "notify-key"

    @property
    def device_master_file(self) -> Path:
        """What the devices' passwords derive from."""
        return self.folder / "device-master"
