"""What an alarm or a case rests on: places, devices, channels, hours, and the rows of the journal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.rows import dict_row

from registry.catalogue import text
from registry.model import Registry
from store import kept_rows
from store.connections import Connection

SubjectKind = Literal["alarm", "case"]

MARGIN: Final = timedelta(minutes=30)
"""How much is shown before a condition began and after it ended."""

READINGS_AT_MOST: Final = 20_000
EDGE: Final = timedelta(hours=2)
"""An alarm with more readings than this is shown at its two ends, so many hours each; the package says so."""


class UnknownSubjectError(LookupError):
    """There is no such alarm or case."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a package is about. `alarms` and `case` are rows by column name."""

    kind: SubjectKind
    id: int
    site: str
    simulated: bool
    alarms: tuple[dict[str, Any], ...]
    case: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where and when a subject looks: `windows` are device times, both ends included; `tags` are codes of bags."""

    devices: tuple[str, ...]
    channels: tuple[int, ...]
    windows: tuple[tuple[datetime, datetime], ...]
    not_included: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Needed:
    """Ids of rows of the journal, and what was looked for and is no longer there."""

    ids: list[int] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def subject_of(connection: Connection, kind: SubjectKind, number: int) -> Subject:
    """The alarm, or the case with its alarms. Raises `UnknownSubjectError`."""
    case = None
    if kind == "case":
        found = rows(connection, "SELECT * FROM case_record WHERE id = %s", number)
        if not found:
            raise UnknownSubjectError(f"case {number} does not exist")
        case = found[0]
    ids = [number] if case is None else [row["alarm_id"] for row in rows(connection, _OF_CASE, number)]
    alarms = rows(connection, "SELECT * FROM alarm WHERE id = ANY(%s) ORDER BY id", ids)
    if case is None and not alarms:
        raise UnknownSubjectError(f"alarm {number} does not exist")
    head = case or alarms[0]
    return Subject(kind, number, head["site"], head["simulated"], tuple(alarms), case)


_OF_CASE: Final = "SELECT alarm_id FROM case_alarm WHERE case_id = %s"


def scope_of(connection: Connection, subject: Subject, registry: Registry, now: datetime) -> Scope:
    """Every device at the sampling points of the alarms (all of the site's where one names none), around the alarms."""
    devices: set[str] = set()
    for alarm in subject.alarms:
        devices |= {
            device.code
            for device in registry.devices.values()
            if device.site == alarm["site"]
            and alarm["sampling_point"] in (None, device.sampling_point)
            and (alarm["device"] in (None, device.code) or alarm["sampling_point"] == device.sampling_point)
        }
    tags = tuple(sorted({tag for alarm in subject.alarms for tag in _tags(alarm)}))
    scanned = rows(connection, "SELECT DISTINCT device FROM waste_event WHERE tag = ANY(%s)", list(tags))
    devices |= {row["device"] for row in scanned if row["device"] in registry.devices}
    channels = tuple(sorted(channel.id for channel in registry.channels.values() if channel.device in devices))
    spans = [(alarm["since"] - MARGIN, min(alarm["returned_at"] or now, now) + MARGIN) for alarm in subject.alarms]
    said: list[str] = []
    if (count := _count(connection, channels, spans)) > READINGS_AT_MOST:
        said.append(both("evidence.gone.middle", hours=f"{EDGE.total_seconds() / 3600:g}", count=count))
        spans = [each for since, until in spans for each in _edges(since, until)]
    return Scope(tuple(sorted(devices)), channels, tuple(merged(spans)), tuple(said), tags)


def _tags(alarm: dict[str, Any]) -> Iterable[str]:
    """The bags that an alarm about custody names; of many it names the first."""
    return (str(bag["tag"]) for bag in (alarm["evidence"] or {}).get("bags", ()))


def merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Spans of time in order, those that touch as one."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(until, found[-1][1])
        else:
            found.append((since, until))
    return found


def _edges(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    return [(since, min(since + EDGE, until)), (max(until - EDGE, since), until)]


def _count(connection: Connection, channels: Sequence[int], spans: Iterable[tuple[datetime, datetime]]) -> int:
    return sum(
        rows(
            connection,
            "SELECT count(*) AS n FROM reading WHERE channel_id = ANY(%s) AND ts BETWEEN %s AND %s",
            list(channels),
            *span,
        )[0]["n"]
        for span in merged(spans)
    )


def needed(connection: Connection, subject: Subject, scope: Scope) -> Needed:
    """The rows of the journal behind readings, scans, rejected messages, transitions, acts, rules and corrections."""
    found = Needed()
    batches: set[int] = set()
    for since, until in scope.windows:
        batches |= _numbers(connection, _BATCHES, list(scope.channels), since, until)
        batches |= _numbers(connection, _REJECTED, list(scope.devices), since, until)
    batches |= _numbers(connection, "SELECT DISTINCT batch FROM waste_event WHERE tag = ANY(%s)", list(scope.tags))
    brought = kept_rows.of_batches(connection, sorted(batches))
    alarms = [alarm["id"] for alarm in subject.alarms]
    events = _numbers(connection, "SELECT DISTINCT journal_id FROM alarm_event WHERE alarm_id = ANY(%s)", alarms)
    rules = _numbers(connection, _RULES, subject.site)
    wanted = events | rules
    kept = {entry.id for entry in kept_rows.entries(connection, wanted)}
    found.ids = sorted(kept.union(brought))
    if missing := len(batches - set(brought.values())):
        found.gone.append(both("evidence.gone.messages", missing=missing, batches=len(batches)))
    if lost := sorted(events - kept):
        found.gone.append(both("evidence.gone.events", lost=len(lost), rows=_some(lost)))
    return found


_BATCHES: Final = "SELECT DISTINCT batch FROM reading WHERE channel_id = ANY(%s) AND ts BETWEEN %s AND %s"
_REJECTED: Final = "SELECT DISTINCT batch FROM dead_letter WHERE device = ANY(%s) AND received_at BETWEEN %s AND %s"
# Later ones too: they show that the rule was not changed to fit.
_RULES: Final = "SELECT journal_id FROM site_limit WHERE site = %s AND journal_id IS NOT NULL"


def both(key: str, **fields: object) -> str:
    """A sentence of the catalogue in both languages, for files that readers of both open."""
    return f"{text('zh', key, **fields)} {text('en', key, **fields)}"


def rows(connection: Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows by column name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def _numbers(connection: Connection, query: str, *values: Any) -> set[int]:
    return {int(row[0]) for row in connection.execute(query.encode(), values).fetchall()}


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")
