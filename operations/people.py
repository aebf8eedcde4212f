"""The first administrator, and new passwords for those who lost theirs."""

from operations.errors import OperatorError
from operations.secrets import sign_in_password
from store import people
from store.connections import Connection


def ensure_administrator(connection: Connection) -> str | None:
    """Make the administrator if nobody is registered yet and return the new password; nothing otherwise."""
    if people.count(connection):
        return None
    # Imported when needed, that is once in the life of a system: the API's modules take a second to load.
    from monitor.api.people import create_first_administrator  # noqa: PLC0415

    password = sign_in_password()
    return password if create_first_administrator(connection, password) else None


def reset_password(connection: Connection, username: str) -> str:
    """Give a person a new random password and return it. Raises `OperatorError` where there is no such person."""
    from monitor.api.people import set_password  # noqa: PLC0415 - as above

    password = sign_in_password()
    if not set_password(connection, username, password):
        known = sorted(person.username for person in people.load_people(connection))
        raise OperatorError(f"no person has the username {username!r}; there are: {', '.join(known) or 'none'}")
    return password
