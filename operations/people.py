"""The first administrator, and new passwords for those who lost theirs."""

from datetime import datetime
from typing import Final

from argon2 import PasswordHasher

from operations.errors import OperatorError
from operations.secrets import sign_in_password
from store.connections import Connection

ADMINISTRATOR: Final = "admin"


def ensure_administrator(connection: Connection, now: datetime) -> str | None:
    """Make the administrator if nobody is registered yet and return the new password; nothing otherwise."""
    if connection.execute("SELECT EXISTS (SELECT FROM person)").fetchone() == (True,):
        return None
    password = sign_in_password()
    connection.execute(
        "INSERT INTO person (username, name, role, password_hash, created_at) VALUES (%s, %s, %s, %s, %s)",
        (ADMINISTRATOR, "Administrator", "administrator", PasswordHasher().hash(password), now),
    )
    return password


def reset_password(connection: Connection, username: str) -> str:
    """Give a person a new random password and return it. Raises `OperatorError` where there is no such person."""
    password = sign_in_password()
    changed = connection.execute(
        "UPDATE person SET password_hash = %s WHERE username = %s", (PasswordHasher().hash(password), username)
    )
    if changed.rowcount == 0:
        known = [name for (name,) in connection.execute("SELECT username FROM person ORDER BY username").fetchall()]
        raise OperatorError(f"no person has the username {username!r}; there are: {', '.join(known) or 'none'}")
    return password
