"""Passwords from files into addresses, so that none stands in an environment that others may read."""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from operations.errors import OperatorError

ADDRESSES: Final = ("LANDUN_DATABASE_URL", "LANDUN_MQTT_URL")


def insert_passwords(environment: MutableMapping[str, str] = os.environ) -> None:
    """Complete ``LANDUN_DATABASE_URL`` by the password in the file ``LANDUN_DATABASE_PASSWORD_FILE``, and so on.

    Raises `OperatorError` naming a file that cannot be read or an address without a user.
    """
    for name in ADDRESSES:
        file = environment.get(name.replace("_URL", "_PASSWORD_FILE"))
        if file and name in environment:
            environment[name] = with_password(environment[name], Path(file))


def with_password(url: str, file: Path) -> str:
    """An address with the password of a file put in. Raises `OperatorError`, without showing any secret."""
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OperatorError(f"password file {file}: {error.strerror}") from error
    parts = urlsplit(url)
    if not parts.username or not parts.hostname:
        raise OperatorError(f"address of {parts.scheme or 'no scheme'} with a password file must be scheme://user@host")
    host = parts.netloc.rsplit("@", 1)[1]
    user = parts.netloc.rsplit("@", 1)[0].split(":", 1)[0]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))
