"""What to do about a database error: one table over SQLSTATE (PostgreSQL, Appendix A).

The choice decides whether good rows survive. Only an error that is certainly about the values of a row may
send that row to the dead letters; whatever could be the server's state or the operator's fault keeps the
batch, and the broker keeps the messages.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import psycopg


class Remedy(StrEnum):
    """What to do about a failed transaction.

    ``retry``: the same batch may pass later. ``data``: a row is at fault: bisect. ``operator``: somebody must change
    something first; keep the batch, say so, and try again slowly.
    """

    RETRY = "retry"
    DATA = "data"
    OPERATOR = "operator"


class Trouble(StrEnum):
    """What the operator is told is wrong; catalogue ``health`` has a sentence for each, as ``trouble_…``."""

    UNREACHABLE = "unreachable"
    RESTARTING = "restarting"
    DISK_FULL = "disk_full"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    READ_ONLY = "read_only"
    TIMEOUT = "timeout"
    CONTENTION = "contention"
    INPUT_OUTPUT = "input_output"
    PASSWORD = "password"  # noqa: S105 - a kind of trouble
    PERMISSION = "permission"
    NO_DATABASE = "no_database"
    NO_TABLE = "no_table"
    NO_PARTITION = "no_partition"
    DAMAGED = "damaged"
    VALUE = "value"
    OTHER = "other"


class Law(NamedTuple):
    """What follows from an error: what to do, and what to call it."""

    remedy: Remedy
    trouble: Trouble


LAW: Final[Mapping[str, Law]] = MappingProxyType(
    {
        # By class.
        "08": Law(Remedy.RETRY, Trouble.UNREACHABLE),  # connection exception
        "22": Law(Remedy.DATA, Trouble.VALUE),  # data exception
        "23": Law(Remedy.DATA, Trouble.VALUE),  # integrity constraint violation
        "25": Law(Remedy.RETRY, Trouble.TIMEOUT),  # invalid transaction state: a transaction that timed out
        "28": Law(Remedy.OPERATOR, Trouble.PASSWORD),  # invalid authorization
        "3D": Law(Remedy.OPERATOR, Trouble.NO_DATABASE),  # invalid catalog name
        "3F": Law(Remedy.OPERATOR, Trouble.NO_TABLE),  # invalid schema name
        "40": Law(Remedy.RETRY, Trouble.CONTENTION),  # transaction rollback: serialization, deadlock
        "42": Law(Remedy.OPERATOR, Trouble.NO_TABLE),  # undefined or changed table, column, function
        "53": Law(Remedy.RETRY, Trouble.OUT_OF_MEMORY),  # insufficient resources
        "55": Law(Remedy.RETRY, Trouble.CONTENTION),  # object not in prerequisite state: lock not available
        "57": Law(Remedy.RETRY, Trouble.RESTARTING),  # operator intervention: shutdown, crash, cannot connect now
        "58": Law(Remedy.RETRY, Trouble.INPUT_OUTPUT),  # system error
        "F0": Law(Remedy.OPERATOR, Trouble.OTHER),  # configuration file error
        "XX": Law(Remedy.OPERATOR, Trouble.DAMAGED),  # internal error, data corrupted, index corrupted
        # By state, where it differs from its class.
        "22P03": Law(Remedy.OPERATOR, Trouble.OTHER),  # wrong binary format: encoder and table disagree, not the row
        "22P04": Law(Remedy.OPERATOR, Trouble.OTHER),  # bad COPY file format: the same
        "25006": Law(Remedy.RETRY, Trouble.READ_ONLY),  # a stand-by not yet promoted, default_transaction_read_only
        "42501": Law(Remedy.OPERATOR, Trouble.PERMISSION),
        "53100": Law(Remedy.RETRY, Trouble.DISK_FULL),
        "53300": Law(Remedy.RETRY, Trouble.TOO_MANY_CONNECTIONS),
        "57014": Law(Remedy.RETRY, Trouble.TIMEOUT),  # query cancelled: statement_timeout, or by hand
        "57P04": Law(Remedy.OPERATOR, Trouble.NO_DATABASE),  # the database was dropped
        "58P01": Law(Remedy.OPERATOR, Trouble.DAMAGED),  # an undefined file: a library or data file is missing
    }
)
"""By the five characters of a state, else by the two of its class."""

UNKNOWN: Final = Law(Remedy.OPERATOR, Trouble.OTHER)
"""Whatever is not in the table must never turn good rows into dead letters."""

_LOST: Final = Law(Remedy.RETRY, Trouble.UNREACHABLE)
_NO_PARTITION: Final = Law(Remedy.OPERATOR, Trouble.NO_PARTITION)

# A refusal at the door has a SQLSTATE, but libpq keeps its text only (PQerrorMessage; there is no result to ask).
_AT_THE_DOOR: Final = (
    (re.compile(r"FATAL: .*(authentication failed|no pg_hba\.conf entry)|no password supplied"), "28P01"),
    (re.compile(r'FATAL: .*role "[^"]*" (does not exist|is not permitted)'), "28000"),
    (re.compile(r'FATAL: .*database "[^"]*" does not exist'), "3D000"),
    (re.compile(r"FATAL: .*permission denied for database"), "42501"),
    (re.compile(r"FATAL: .*(too many clients|remaining connection slots|too many connections)"), "53300"),
    (re.compile(r"FATAL: .*the database system is (starting up|shutting down|in recovery mode|not )"), "57P03"),
)


def law_of_state(sqlstate: str | None, *, constraint_named: bool = True) -> Law:
    """What follows from a SQLSTATE; None is a connection that broke before the server said anything.

    A missing partition is 23514 like a failed check, but without the name of a constraint: never a row's fault.
    """
    if sqlstate is None:
        return _LOST
    if sqlstate == "23514" and not constraint_named:
        return _NO_PARTITION
    return LAW.get(sqlstate) or LAW.get(sqlstate[:2], UNKNOWN)


def law(error: BaseException) -> Law:
    """What follows from an exception of psycopg, or of the network.

    An error without a SQLSTATE is a refusal or a lost connection if psycopg calls it operational, else a fault of
    our own program.
    """
    if not isinstance(error, psycopg.Error):
        return _LOST if isinstance(error, OSError) else UNKNOWN
    if error.sqlstate is None:
        if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return UNKNOWN
        return law_of_state(next((state for said, state in _AT_THE_DOOR if said.search(str(error))), None))
    return law_of_state(error.sqlstate, constraint_named=error.diag.constraint_name is not None)


def remedy(error: BaseException) -> Remedy:
    """What to do about an exception."""
    return law(error).remedy
