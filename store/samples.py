"""Manual results, as rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from registry.samples import Comparison, Sample, SampleKind
from store.connections import Connection

_SAMPLE: Final = (
    "id, site, sampling_point, indicator, value, comparison, kind, taken_at, taken_by, laboratory, report, note"
)
_ENTRY: Final = "entered_by, entered_at, source, withdrawn_by, withdrawn_at, withdraw_reason"


class Entered(NamedTuple):
    """A result with who entered it, when and from where, and who withdrew it, if anybody did."""

    sample: Sample
    entered_by: str
    entered_at: datetime
    source: str
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None


def add_samples(connection: Connection, samples: Sequence[Sample], by: str, at: datetime, source: str) -> list[Sample]:
    """Keep results; those that are there already (same place, indicator, time and kind) are passed over.

    Returns those that were new. Does not commit.
    """
    new = []
    for sample in samples:
        added = connection.execute(
            "INSERT INTO sample (site, sampling_point, indicator, value, comparison, kind, taken_at, taken_by, "
            "laboratory, report, note, entered_by, entered_at, source) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (site, sampling_point, indicator, taken_at, kind) WHERE withdrawn_at IS NULL DO NOTHING "
            "RETURNING id",
            (
                sample.site,
                sample.sampling_point,
                sample.indicator,
                sample.value,
                str(sample.comparison),
                str(sample.kind),
                sample.taken_at,
                sample.taken_by,
                sample.laboratory,
                sample.report,
                sample.note,
                by,
                at,
                source,
            ),
        ).fetchone()
        if added is not None:
            new.append(replace(sample, id=int(added[0])))
    return new


def known_keys(connection: Connection, samples: Sequence[Sample]) -> set[tuple[str, str, str, datetime, str]]:
    """Which of some results are there already, as (site, sampling point, indicator, taken at, kind)."""
    sites = sorted({sample.site for sample in samples})
    rows = connection.execute(
        "SELECT site, sampling_point, indicator, taken_at, kind FROM sample "
        "WHERE withdrawn_at IS NULL AND site = ANY(%s)",
        (sites,),
    ).fetchall()
    return set(rows)


def find_samples(
    connection: Connection,
    *,
    sites: Sequence[str] | None = None,
    kind: str | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    withdrawn: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[Entered]]:
    """How many results match, and a page of them, newest taken first. `sites` None: of all of them."""
    where = (
        "(%(sites)s::text[] IS NULL OR site = ANY(%(sites)s)) AND (%(kind)s::text IS NULL OR kind = %(kind)s) "
        "AND (%(first)s::timestamptz IS NULL OR taken_at >= %(first)s) "
        "AND (%(last)s::timestamptz IS NULL OR taken_at < %(last)s) AND (%(withdrawn)s OR withdrawn_at IS NULL)"
    )
    found = {"sites": sites if sites is None else list(sites), "kind": kind, "first": first, "last": last}
    parameters = {**found, "withdrawn": withdrawn, "limit": limit, "offset": offset}
    total = connection.execute(f"SELECT count(*) FROM sample WHERE {where}", parameters).fetchone()  # noqa: S608
    rows = connection.execute(
        f"SELECT {_SAMPLE}, {_ENTRY} FROM sample WHERE {where} "  # noqa: S608 -- constants
        "ORDER BY taken_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s",
        parameters,
    ).fetchall()
    return int(total[0]) if total else 0, [_entered(row) for row in rows]


def find_sample(connection: Connection, sample_id: int) -> Entered | None:
    """One result, None where there is none."""
    row = connection.execute(
        f"SELECT {_SAMPLE}, {_ENTRY} FROM sample WHERE id = %s FOR UPDATE",  # noqa: S608 -- constants
        (sample_id,),
    ).fetchone()
    return None if row is None else _entered(row)


def newest_samples(connection: Connection, since: datetime) -> list[Sample]:
    """The newest result of each indicator at each sampling point taken since then; none that were withdrawn."""
    rows = connection.execute(
        f"SELECT DISTINCT ON (site, sampling_point, indicator) {_SAMPLE} FROM sample "  # noqa: S608 -- constants
        "WHERE withdrawn_at IS NULL AND taken_at >= %s "
        "ORDER BY site, sampling_point, indicator, taken_at DESC, id DESC",
        (since,),
    ).fetchall()
    return [_sample(row) for row in rows]


def newest_change(connection: Connection) -> tuple[int, datetime | None]:
    """Another answer than before: results were entered or withdrawn meanwhile."""
    row = connection.execute("SELECT (SELECT max(id) FROM sample), (SELECT max(withdrawn_at) FROM sample)").fetchone()
    return (row[0] or 0, row[1]) if row else (0, None)


def withdraw_sample(connection: Connection, sample_id: int, by: str, at: datetime, reason: str) -> None:
    """Withdraw a result that is wrong; it stays, marked. Does not commit."""
    connection.execute(
        "UPDATE sample SET withdrawn_by = %s, withdrawn_at = %s, withdraw_reason = %s "
        "WHERE id = %s AND withdrawn_at IS NULL",
        (by, at, reason, sample_id),
    )


def _entered(row: Sequence[Any]) -> Entered:
    return Entered(_sample(row[:12]), *row[12:])


def _sample(row: Sequence[Any]) -> Sample:
    sample_id, site, point, indicator, value, comparison, kind, *rest = row
    return Sample(sample_id, site, point, indicator, value, Comparison(comparison), SampleKind(kind), *rest)
