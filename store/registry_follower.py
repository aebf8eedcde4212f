"""Following the registry: a service reads it once, and again when the journal says that it changed."""

from typing import Final

from registry.canary import with_canary
from registry.model import Registry
from store import journal
from store.connections import Connection
from store.registry_rows import load_registry

_CONFIG: Final = "SELECT 1 FROM journal WHERE id > %s AND id <= %s AND kind = 'config' LIMIT 1"


class RegistryFollower:
    """Reads the registry, and tells when a journal row of kind ``config`` may have changed it."""

    def __init__(self) -> None:
        self._seen = 0

    def load(self, connection: Connection) -> Registry:
        """The registry as of now, with the canary: for a service that carries messages."""
        self._seen = journal.last_id(connection)
        return with_canary(load_registry(connection))

    def changed(self, connection: Connection) -> bool:
        """Whether a ``config`` row came since the last call of `load` or `changed`."""
        last = journal.last_id(connection)
        row = connection.execute(_CONFIG, (self._seen, last)).fetchone()
        self._seen = last
        return row is not None
