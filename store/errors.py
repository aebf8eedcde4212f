"""What to do about a database error, as a table over SQLSTATE (PostgreSQL, Appendix A).

The choice decides whether good rows survive. Only an error that is certainly about the values of a row may
send that row to the dead letters; whatever could be the server's state or the operator's fault keeps the
batch, and the broker keeps the messages.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import psycopg


class Remedy(StrEnum):
    """What to do about a failed transaction.

    ``retry``: the same batch may pass later. ``data``: a row is at fault: bisect. ``operator``: somebody must change
    something first; keep the batch, say so, and try again slowly.
    """

    RETRY = "retry"
    DATA = "data"
    OPERATOR = "operator"


_BY_CLASS: Final[Mapping[str, Remedy]] = MappingProxyType(
    {
        "08": Remedy.RETRY,  # connection exception
        "22": Remedy.DATA,  # data exception
        "23": Remedy.DATA,  # integrity constraint violation
        "25": Remedy.RETRY,  # invalid transaction state: a stand-by not yet promoted, a timed out transaction
        "40": Remedy.RETRY,  # transaction rollback: serialization, deadlock
        "53": Remedy.RETRY,  # insufficient resources: disk full, out of memory, too many connections
        "55": Remedy.RETRY,  # object not in prerequisite state: lock not available
        "57": Remedy.RETRY,  # operator intervention: shutdown, crash, cannot connect now, query cancelled
        "58": Remedy.RETRY,  # system error: I/O
    }
)

_BY_STATE: Final[Mapping[str, Remedy]] = MappingProxyType(
    {
        "57P04": Remedy.OPERATOR,  # the database was dropped
        "58P01": Remedy.OPERATOR,  # an undefined file: a library or data file is missing
        "22P03": Remedy.OPERATOR,  # wrong binary format: our encoder and the table disagree, not the row
        "22P04": Remedy.OPERATOR,  # bad COPY file format: the same
    }
)


def remedy_of_state(sqlstate: str | None, *, constraint_named: bool = True) -> Remedy:
    """What to do about a SQLSTATE; None (the connection broke before the server said anything) is ``retry``.

    Whatever is not in the table is ``operator``: a missing table, column, right or database (42, 28, 3D) must
    never turn good rows into dead letters. So is a missing partition, which PostgreSQL reports as 23514 like a
    failed check, but without the name of a constraint.
    """
    if sqlstate is None:
        return Remedy.RETRY
    if sqlstate == "23514" and not constraint_named:
        return Remedy.OPERATOR
    return _BY_STATE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2], Remedy.OPERATOR)


def remedy(error: BaseException) -> Remedy:
    """What to do about an exception from psycopg.

    An error without a SQLSTATE is a lost connection or a time-out if psycopg calls it operational, else a fault of
    our own program.
    """
    if not isinstance(error, psycopg.Error):
        return Remedy.RETRY if isinstance(error, OSError) else Remedy.OPERATOR
    if error.sqlstate is None:
        transient = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Remedy.RETRY if transient else Remedy.OPERATOR
    return remedy_of_state(error.sqlstate, constraint_named=error.diag.constraint_name is not None)
