"""People who sign in: their passwords (argon2id), and who they are while they are signed in."""

from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Final, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from monitor.api.schemas import RoleName
from monitor.api.scope import Principal
from registry.words import WordedError
from store import people
from store.connections import Connection
from store.people import Person

ADMINISTRATOR: Final = "admin"
PASSWORD_CHARACTERS: Final = 10
"""Least length of a password (NIST SP 800-63B asks for at least 8)."""

_HASHER: Final = PasswordHasher()  # argon2id with the parameters of RFC 9106, low memory
_NOBODY: Final = _HASHER.hash("nobody has this password")
_AT_ONCE: Final = BoundedSemaphore(2)  # each check takes 64 MiB and a core
_TURN_S: Final = 3.0


class BusyError(Exception):
    """Too many passwords are being checked at once; the request may be repeated later."""


class PasswordError(WordedError):
    """A password is not acceptable; the message says what would be right."""


def hash_password(password: str) -> str:
    """The argon2id hash to store. Raises `PasswordError` on a password that is too short."""
    if len(password) < PASSWORD_CHARACTERS:
        raise PasswordError.of("refusal.people.short", length=len(password), least=PASSWORD_CHARACTERS)
    return _HASHER.hash(password)


def right_password(person: Principal | None, password: str) -> bool:
    """Whether the password is the person's. An unknown person takes as long as a known one. Raises `BusyError`."""
    if not _AT_ONCE.acquire(timeout=_TURN_S):
        raise BusyError
    try:
        return _HASHER.verify(person.password_hash if person else _NOBODY, password) and person is not None
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _AT_ONCE.release()


def create_first_administrator(connection: Connection, password: str, at: datetime | None = None) -> bool:
    """Make the person `admin` where nobody is registered; False where somebody is. Does not commit."""
    if people.count(connection):
        return False
    administrator = Person(ADMINISTRATOR, ADMINISTRATOR, "administrator", (), None, hash_password(password))
    people.save(connection, administrator, at or datetime.now(UTC))
    return True


def set_password(connection: Connection, username: str, password: str) -> bool:
    """Replace a person's password, which ends their tokens; False where there is no such person. Does not commit."""
    return people.set_password_hash(connection, username, hash_password(password))


def load(connection: Connection) -> dict[str, Principal]:
    """Everybody who may sign in, by username."""
    listed = people.load_people(connection)
    return {person.username: principal_of(person) for person in listed if person.disabled_at is None}


def find(connection: Connection, username: str) -> Principal | None:
    """One person who may sign in, None where there is none with this username."""
    person = people.find_person(connection, username)
    return principal_of(person) if person and person.disabled_at is None else None


def principal_of(person: Person) -> Principal:
    """A stored person as the API knows them."""
    return Principal(
        username=person.username,
        name=person.name,
        role=cast(RoleName, person.role),  # the table's CHECK holds it to these
        counties=person.counties,
        site=person.site,
        password_hash=person.password_hash,
        one_time=person.one_time,
    )
