"""The first administrator, the people of the demonstration, and new passwords for those who lost theirs."""

from datetime import datetime
from typing import Final, NamedTuple

from operations.errors import OperatorError
from operations.secrets import sign_in_password
from registry.model import Registry, SiteStatus
from store import demonstration, people
from store.connections import Connection
from store.people import Person

POOL: Final = "pool"


class SignIn(NamedTuple):
    """Whom a first start made, and the password, which is stored as a hash and can be told only now."""

    username: str
    password: str

    def __str__(self) -> str:
        """The line that a start prints."""
        return f"user {self.username} password {self.password}"


def ensure_administrator(connection: Connection) -> list[SignIn]:
    """Make the administrator if nobody is registered yet, and say with which password; nobody otherwise."""
    if people.count(connection):
        return []
    # Imported when needed, that is once in the life of a system: the API's modules take a second to load.
    from monitor.api.people import ADMINISTRATOR, create_first_administrator  # noqa: PLC0415

    password = sign_in_password()
    return [SignIn(ADMINISTRATOR, password)] if create_first_administrator(connection, password) else []


def ensure_demonstration_people(connection: Connection, invented: Registry, at: datetime) -> list[SignIn]:
    """Make the people who show what inspectors, the centre and a venue see, where they are missing. Commits nothing.

    There are two inspectors because a draw names two for each check. The venue is a pool of the demonstration.
    """
    missing = [each for each in demonstration.PEOPLE if people.find_person(connection, each.username) is None]
    if not missing:
        return []
    from monitor.api.people import hash_password  # noqa: PLC0415 - as above

    pools = (
        site.code for site in invented.sites.values() if site.scenario == POOL and site.status is SiteStatus.SIMULATED
    )
    pool = min(pools, default=None)
    made = []
    for each in missing:
        if each.role == "venue" and pool is None:
            continue
        password = sign_in_password()
        site = pool if each.role == "venue" else None
        person = Person(each.username, each.name, each.role, (), site, hash_password(password))
        people.save(connection, person, at)
        made.append(SignIn(each.username, password))
    return made


def reset_password(connection: Connection, username: str) -> str:
    """Give a person a new random password and return it. Raises `OperatorError` where there is no such person."""
    from monitor.api.people import set_password  # noqa: PLC0415 - as above

    password = sign_in_password()
    if not set_password(connection, username, password):
        known = sorted(person.username for person in people.load_people(connection))
        raise OperatorError(f"no person has the username {username!r}; there are: {', '.join(known) or 'none'}")
    return password
