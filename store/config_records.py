"""What people set at a site and end again, as rows and in the journal: rules, alarm parameters, announcements.

A record is a flat dataclass of the registry: its first field is the row's id, its last three say who ended it, when
and why. Each has a column of its name, beside ``journal_id`` and the row of the journal that ended it. A change is one
transaction with its journal row, which carries the whole record: what was judged by it follows from the journal alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from store import journal
from store.connections import Connection, scalar

_END: Final = 3
"""So many fields say who ended a record, when and why."""


class ConfigRecord(Protocol):
    """A record that is set and ended."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> int:
        """The row's id, 0 before it has one."""

    def to_json(self) -> dict[str, Any]:
        """The record as the journal keeps it."""


Record = TypeVar("Record", bound=ConfigRecord)


@dataclass(frozen=True, slots=True)
class ConfigTable(Generic[Record]):
    """Records of one kind. In the journal a change is of `what`, with the record under `key`.

    `make` makes a record of its fields before the end, `end` one that somebody ended (when, who, why); the column
    `ended_at_row` holds the id of the row of the journal that ended it.
    """

    name: str
    kind: type[Record]
    what: str
    key: str
    make: Callable[..., Record]
    end: Callable[[Record, datetime, str, str], Record]
    ended_at_row: str = "ended_journal_id"

    def load(
        self,
        connection: Connection,
        as_of: int | None,
        only: str = "true",
        parameters: Mapping[str, object] | None = None,
    ) -> list[Record]:
        """Every record there ever was, by id, those that ended too; those for which the condition `only` holds.

        With `as_of` as it was right after that journal row.
        """
        rows = connection.execute(
            f"SELECT {', '.join(self._fields)}, {self.ended_at_row} FROM {self.name} "  # noqa: S608 -- constants
            f"WHERE ({only}) AND (%(as_of)s::bigint IS NULL OR journal_id <= %(as_of)s) ORDER BY id",
            {**(parameters or {}), "as_of": as_of},
        ).fetchall()
        return [self._record(row, as_of) for row in rows]

    def find(self, connection: Connection, number: int) -> Record | None:
        """One record, None where there is none; locked until the transaction ends."""
        row = connection.execute(
            f"SELECT {', '.join(self._fields)}, {self.ended_at_row} "  # noqa: S608 -- constants
            f"FROM {self.name} WHERE id = %s FOR UPDATE",
            (number,),
        ).fetchone()
        return None if row is None else self._record(row, None)

    def add(self, connection: Connection, wanted: Record, at: datetime) -> Record:
        """Keep a new record and journal it; returns it with its id. The last work before COMMIT; does not commit."""
        given = self._fields[1:-_END]
        number = scalar(
            connection,
            f"INSERT INTO {self.name} ({', '.join(given)}) "  # noqa: S608 -- constants
            f"VALUES ({', '.join(['%s'] * len(given))}) RETURNING id",
            tuple(getattr(wanted, name) for name in given),
        )
        added = replace(wanted, id=int(number))
        connection.execute(
            f"UPDATE {self.name} SET journal_id = %s WHERE id = %s",  # noqa: S608 -- constants
            (self._journal(connection, added, at), added.id),
        )
        return added

    def end_one(self, connection: Connection, record: Record, at: datetime, by: str, reason: str) -> Record:
        """End a record and journal that; returns it as it is now. The last work before COMMIT; does not commit."""
        ended = self.end(record, at, by, reason)
        connection.execute(
            f"UPDATE {self.name} SET ({', '.join(self._fields[-_END:])}, {self.ended_at_row}) "  # noqa: S608 -- constants
            "= (%s, %s, %s, %s) WHERE id = %s",
            (by, at, reason, self._journal(connection, ended, at), record.id),
        )
        return ended

    @property
    def _fields(self) -> list[str]:
        return [field.name for field in fields(self.kind)]

    def _journal(self, connection: Connection, record: Record, at: datetime) -> int:
        return journal.append_event(connection, "config", {"what": self.what, self.key: record.to_json()}, at)

    def _record(self, row: Sequence[Any], as_of: int | None) -> Record:
        *given, by, at, reason, ended_at_row = row
        record = self.make(*given)
        if at is None or (as_of is not None and (ended_at_row is None or ended_at_row > as_of)):
            return record
        return self.end(record, at, by, reason)
