"""Messages to people: what each recipient was told, every message with its reason, and its way out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from store.connections import Connection, scalar

KEPT: Final = timedelta(days=2 * 366)
"""How long messages are kept: the two years of records that a venue must keep too."""

LOOKED_AT: Final = 500
"""How many of the newest messages are looked at for what is new."""

_IN_THE_INBOX: Final = SQL("EXISTS (SELECT FROM delivery d WHERE d.notification_id = n.id AND d.channel_id IS NULL)")
"""A test goes to a channel alone."""

_INSERT: Final = """
INSERT INTO notification (at, reason, person, channel_id, priority, simulated, sites, counties, alarms, title, body,
                          language, why)
VALUES (%(at)s, %(reason)s, %(person)s, %(channel_id)s, %(priority)s, %(simulated)s, %(sites)s, %(counties)s,
        %(alarms)s, %(title)s, %(body)s, %(language)s, %(why)s)
RETURNING id
"""


# ---------------------------------------------------------------------- the log that decides
def log_entries(connection: Connection) -> list[dict[str, Any]]:
    """What recipients were told of groups that are not over."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM notify_log").fetchall()


def save_log(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace entries of the log. Does not commit."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO notify_log (group_key, recipient, told, worst, first_at, last_at) "
            "VALUES (%(group_key)s, %(recipient)s, %(told)s, %(worst)s, %(first_at)s, %(last_at)s) "
            "ON CONFLICT (group_key, recipient) DO UPDATE SET told = EXCLUDED.told, worst = EXCLUDED.worst, "
            "last_at = EXCLUDED.last_at",
            [{**each, "told": Jsonb(each["told"])} for each in entries],
        )


def forget_log(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Delete entries of groups that are over. Does not commit."""
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM notify_log WHERE group_key = %s AND recipient = %s", keys)


def sent_since(connection: Connection, first: datetime) -> list[tuple[str, bool, datetime, bool]]:
    """(recipient, about simulated sites, when, collected) of every message about alarms since `first`."""
    rows = connection.execute(
        "SELECT coalesce('person:' || person, 'channel:' || channel_id), simulated, at, coalesce((why ->> 'collected')::bool, false) "  # noqa: E501
        "FROM notification WHERE at > %s AND reason NOT IN ('test', 'undelivered', 'case', 'put_away')",
        (first,),
    ).fetchall()
    return [(str(name), bool(simulated), at, bool(collected)) for name, simulated, at, collected in rows]


# ---------------------------------------------------------------------- messages and their way out
def add(connection: Connection, message: Mapping[str, Any], drops: Sequence[Mapping[str, Any]]) -> int:
    """Write a message and its deliveries, those to the inbox as done; the message's id. Does not commit."""
    number = int(scalar(connection, _INSERT, {**message, "why": Jsonb(message["why"])}))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO delivery (notification_id, channel_id, kind, state, quiet_until, next_at, sent_at) "
            "VALUES (%(number)s, %(channel_id)s, %(kind)s, %(state)s, %(quiet_until)s, %(next_at)s, %(sent_at)s)",
            [{"number": number, **_drop(each, message["at"])} for each in drops],
        )
    return number


def _drop(drop: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    inbox = drop["channel_id"] is None
    quiet = drop.get("quiet_until")
    return {
        "channel_id": drop["channel_id"],
        "kind": drop["kind"],
        "state": "sent" if inbox else "waiting",
        "quiet_until": quiet,
        "next_at": None if inbox else quiet or at,
        "sent_at": at if inbox else None,
    }


_DUE: Final = """
SELECT d.id, d.notification_id, d.channel_id, d.kind, d.attempts, d.quiet_until,
       c.target, c.secret, c.enabled, c.language AS channel_language, c.person, c.name,
       n.at, n.reason, n.priority, n.simulated, n.sites, n.counties, n.alarms, n.title, n.body, n.language, n.why,
       n.person AS told,
       d.quiet_until IS NOT NULL AND cardinality(n.alarms) > 0 AND NOT EXISTS (
           SELECT 1 FROM alarm a WHERE a.id = ANY(n.alarms) AND a.state = 'unacknowledged') AS obsolete
FROM delivery d JOIN notification n ON n.id = d.notification_id JOIN notify_channel c ON c.id = d.channel_id
WHERE d.state = 'waiting' AND d.next_at <= %(now)s AND d.channel_id <> ALL(%(busy)s)
ORDER BY array_position('{high,medium,low}', n.priority), d.id LIMIT %(limit)s
"""


def due(connection: Connection, now: datetime, limit: int, busy: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Deliveries whose time has come, the most urgent first, with message and channel, secret included as stored.

    Those of channels that are `busy` wait.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_DUE, {"now": now, "limit": limit, "busy": list(busy)}).fetchall()


def delivered(connection: Connection, number: int, at: datetime) -> None:
    """Note that a delivery was taken by its receiver."""
    connection.execute(
        "UPDATE delivery SET state = 'sent', sent_at = %s, attempts = attempts + 1, next_at = NULL, problem = NULL, "
        "problem_detail = NULL WHERE id = %s",
        (at, number),
    )


def put_off(connection: Connection, number: int, channel: int, next_at: datetime, problem: str, detail: str) -> None:
    """Note that an attempt failed, and when the next is; what else waits for the channel waits as long."""
    with connection.transaction():
        connection.execute(
            "UPDATE delivery SET attempts = attempts + 1, problem = %s, problem_detail = %s WHERE id = %s",
            (problem, detail, number),
        )
        connection.execute(
            "UPDATE delivery SET next_at = greatest(next_at, %s) WHERE channel_id = %s AND state = 'waiting'",
            (next_at, channel),
        )


def hold(connection: Connection, channel: int, now: datetime, next_at: datetime, problem: str, detail: str) -> None:
    """Let what is due on a channel wait: nothing was tried, and nothing is given up."""
    connection.execute(
        "UPDATE delivery SET next_at = %s, problem = %s, problem_detail = %s "
        "WHERE channel_id = %s AND state = 'waiting' AND next_at <= %s",
        (next_at, problem, detail, channel, now),
    )


def give_up(connection: Connection, number: int, state: str, problem: str, detail: str) -> None:
    """Note that there will be no further attempt: `state` is failed or obsolete."""
    connection.execute(
        "UPDATE delivery SET state = %s, next_at = NULL, attempts = attempts + (%s = 'failed')::int, problem = %s, "
        "problem_detail = %s WHERE id = %s",
        (state, state, problem, detail, number),
    )


def reported_since(connection: Connection, channel: int, first: datetime) -> bool:
    """Whether somebody was told since `first` that a channel does not deliver."""
    query = "SELECT 1 FROM notification WHERE at > %s AND reason = 'undelivered' AND (why ->> 'channel')::bigint = %s"
    return connection.execute(query, (first, channel)).fetchone() is not None


def waiting(connection: Connection, now: datetime) -> dict[str, int]:
    """How many deliveries wait, how many of them were tried in vain, and how many failed in the last day."""
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE attempts > 0), "
        "(SELECT count(*) FROM delivery d JOIN notification n ON n.id = d.notification_id "
        "WHERE d.state = 'failed' AND n.at > %s) FROM delivery WHERE state = 'waiting'",
        (now - timedelta(days=1),),
    ).fetchone()
    return dict(zip(("waiting", "retrying", "failed"), map(int, row or (0, 0, 0)), strict=True))


# ---------------------------------------------------------------------- the inbox and the log that people read
def inbox(
    connection: Connection, person: str, *, unread: bool, limit: int, before: int | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """How many messages a person has not read, and a page of their inbox, newest first."""
    tests = [SQL("person = %(person)s"), _IN_THE_INBOX]
    if unread:
        tests.append(SQL("read_at IS NULL"))
    if before is not None:
        tests.append(SQL("id < %(before)s"))
    query = SQL("SELECT * FROM notification n WHERE {} ORDER BY id DESC LIMIT %(limit)s").format(
        SQL(" AND ").join(tests)
    )
    counted = SQL("SELECT count(*) AS n FROM notification n WHERE person = %s AND read_at IS NULL AND {}")
    with connection.cursor(row_factory=dict_row) as cursor:
        left = cursor.execute(counted.format(_IN_THE_INBOX), (person,)).fetchone()
        rows = cursor.execute(query, {"person": person, "before": before, "limit": limit}).fetchall()
    return int(left["n"]) if left else 0, rows


def mark_read(connection: Connection, person: str, numbers: Sequence[int] | None, at: datetime) -> int:
    """Mark messages of a person's inbox as read, all of them for None; how many were not."""
    return connection.execute(
        "UPDATE notification SET read_at = %s WHERE person = %s AND read_at IS NULL "
        "AND (%s::bigint[] IS NULL OR id = ANY(%s::bigint[]))",
        (at, person, numbers, numbers),
    ).rowcount


def inbox_news(connection: Connection, known: frozenset[int]) -> tuple[list[dict[str, Any]], frozenset[int]]:
    """Messages of people's inboxes among the newest that are not `known`, oldest first; and what is known then.

    Two writers may commit in another order than that of their numbers: so it is not the largest number that decides.
    """
    newest = frozenset(
        int(number)
        for (number,) in connection.execute(
            "SELECT id FROM notification WHERE person IS NOT NULL ORDER BY id DESC LIMIT %s", (LOOKED_AT,)
        )
    )
    # What was seen before and is out of sight now must not come back when newer messages are deleted.
    unknown = sorted(number for number in newest - known if number > min(known, default=0))
    if not unknown:
        return [], newest
    with connection.cursor(row_factory=dict_row) as cursor:
        query = SQL("SELECT n.* FROM notification n WHERE id = ANY(%s) AND {} ORDER BY id").format(_IN_THE_INBOX)
        return cursor.execute(query, (unknown,)).fetchall(), newest


_LOG: Final = """
SELECT n.*, c.name AS channel_name, coalesce(p.name, '') AS person_name, d.id AS delivery_id, d.kind,
       d.state AS delivery_state, d.attempts, d.quiet_until, d.next_at, d.problem, d.problem_detail, d.sent_at,
       dc.name AS delivery_channel
FROM delivery d JOIN notification n ON n.id = d.notification_id
LEFT JOIN notify_channel c ON c.id = n.channel_id LEFT JOIN person p ON p.username = n.person
LEFT JOIN notify_channel dc ON dc.id = d.channel_id
WHERE {} ORDER BY d.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""


def deliveries(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    mine: str | None = None,
    simulated: bool | None = None,
    state: str | None = None,
    person: str | None = None,
    alarm: int | None = None,
    reason: str | None = None,
    number: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many deliveries match, and a page of them with their message, newest first; a filter of None passes all.

    `sites` keeps what is about these sites only, and what is about none but was sent to `mine`; `number` is a message.
    """
    tests: list[tuple[str, Any]] = [
        (
            "n.sites <@ %(sites)s AND (cardinality(n.sites) > 0 OR n.person = %(mine)s)",
            None if sites is None else list(sites),
        ),
        ("n.simulated = %(simulated)s", simulated),
        ("d.state = %(state)s", state),
        ("n.person = %(person)s", person),
        ("%(alarm)s = ANY(n.alarms)", alarm),
        ("n.reason = %(reason)s", reason),
        ("n.id = %(number)s", number),
    ]
    names = ("sites", "simulated", "state", "person", "alarm", "reason", "number")
    parameters: dict[str, Any] = dict(zip(names, (value for _, value in tests), strict=True))
    parameters |= {"mine": mine, "limit": limit, "offset": offset}
    where = SQL(" AND ").join([SQL("true"), *(SQL(test) for test, value in tests if value is not None)])
    counted = SQL(
        "SELECT count(*) AS n FROM delivery d JOIN notification n ON n.id = d.notification_id WHERE {}"
    ).format(where)
    with connection.cursor(row_factory=dict_row) as cursor:
        total = cursor.execute(counted, parameters).fetchone()
        rows = cursor.execute(SQL(_LOG).format(where), parameters).fetchall()
    return int(total["n"]) if total else 0, rows


def prune(connection: Connection, now: datetime) -> int:
    """Delete messages past their time; how many."""
    return connection.execute("DELETE FROM notification WHERE at < %s", (now - KEPT,)).rowcount
