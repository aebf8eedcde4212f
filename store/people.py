"""People who sign in. Passwords are hashed by the API; here they are opaque."""

from datetime import datetime
from typing import NamedTuple

from store.connections import Connection, scalar


class Person(NamedTuple):
    """A person: `counties` empty means all of them; `site` is a venue's own.

    A `one_time` password serves to choose another; who is disabled cannot sign in.
    """

    username: str
    name: str
    role: str
    counties: tuple[str, ...]
    site: str | None
    password_hash: str
    one_time: bool = False
    disabled_at: datetime | None = None


def load_people(connection: Connection) -> list[Person]:
    """Everybody, by username."""
    return [_person(row) for row in connection.execute(f"{_SELECT} ORDER BY username").fetchall()]


def find_person(connection: Connection, username: str) -> Person | None:
    """One person, None where there is none with this username."""
    row = connection.execute(f"{_SELECT} WHERE username = %s", (username,)).fetchone()
    return _person(row) if row else None


def count(connection: Connection) -> int:
    """How many people are registered."""
    return int(scalar(connection, "SELECT count(*) FROM person"))


def save(connection: Connection, person: Person, created_at: datetime) -> None:
    """Insert a person, or update one with the same username. Does not commit."""
    connection.execute(
        "INSERT INTO person (username, name, role, counties, site, password_hash, one_time, disabled_at, created_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (username) DO UPDATE SET name = EXCLUDED.name, "
        "role = EXCLUDED.role, counties = EXCLUDED.counties, site = EXCLUDED.site, "
        "password_hash = EXCLUDED.password_hash, one_time = EXCLUDED.one_time, disabled_at = EXCLUDED.disabled_at",
        (
            person.username,
            person.name,
            person.role,
            list(person.counties),
            person.site,
            person.password_hash,
            person.one_time,
            person.disabled_at,
            created_at,
        ),
    )


def set_password_hash(connection: Connection, username: str, password_hash: str, *, one_time: bool = False) -> bool:
    """Replace a password; False where there is no such person. Does not commit."""
    done = connection.execute(
        "UPDATE person SET password_hash = %s, one_time = %s WHERE username = %s", (password_hash, one_time, username)
    )
    return done.rowcount == 1


_SELECT = "SELECT username, name, role, counties, site, password_hash, one_time, disabled_at FROM person"


def _person(row: tuple[object, ...]) -> Person:
    person = Person(*row)  # type: ignore[arg-type]  # the columns of _SELECT, in order
    return person._replace(counties=tuple(person.counties))
