"""Commands about what was: the history of alarms folded anew from the journal."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.options import Data, OptionalDatabaseUrl

app = typer.Typer()
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


@app.command()
def recompute(
    data: Data,
    first: Annotated[datetime, typer.Option("--from", formats=FORMATS, help="Compare from here (UTC if no offset).")],
    last: Annotated[
        datetime | None, typer.Option("--to", formats=FORMATS, help="… until before this; now if left out.")
    ] = None,
    database_url: OptionalDatabaseUrl = None,
    compare: Annotated[bool, typer.Option(help="End with status 1 when anything differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Fold the journal again and compare the flags and alarms that come of it with those stored, byte for byte.

    A running monitor need not be stopped. Nothing is changed.
    """
    from monitor.recompute import HistoryMissingError
    from monitor.recompute import recompute as fold_again
    from operations.database import database_of
    from store.connections import connect

    begin, end = _aware(first), _aware(last) if last else datetime.now(UTC)
    if begin >= end:
        raise OperatorError(f"--from {begin.isoformat()} must be before --to {end.isoformat()}")
    with (
        database_of(DataFolder(data), database_url) as dsn,
        connect(dsn, autocommit=True, application_name="landun-recompute") as connection,
    ):
        try:
            found = fold_again(connection, begin, end)
        except HistoryMissingError as error:
            raise OperatorError(str(error)) from error
    if as_json:
        tables = {
            each.table: {"stored": each.stored, "recomputed": each.recomputed, "different": each.different}
            for each in found.tables
        }
        typer.echo(
            json.dumps({"identical": found.identical, "journal_rows": found.last, "readings": found.readings, **tables})
        )
    else:
        for each in found.tables:
            counts = f"{each.stored} stored, {each.recomputed} recomputed, {each.different} differ"
            typer.echo(f"{each.table}: {counts}; md5 {each.digest}")
            for line in each.examples:
                typer.echo(f"  {line}")
        verdict = "byte for byte what is stored" if found.identical else "NOT what is stored"
        typer.echo(
            f"{found.readings} readings of journal rows {found.first} to {found.last} folded again: "
            f"alarms, events and flags from {begin.isoformat()} to {end.isoformat()} are {verdict}."
        )
    if compare and not found.identical:
        raise typer.Exit(1)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
