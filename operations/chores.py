"""Commands that do one thing and end: back-fill, tables, passwords, checks, the demonstration.

Each uses the running system's database, or starts the data folder's for as long as it takes.
"""

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.bench.commands import app as bench
from operations.detection.commands import app as detection
from operations.evaluation.commands import app as evaluation
from operations.folder import DataFolder
from operations.history import app as history
from operations.options import Data, OptionalDatabaseUrl

app = typer.Typer()
demo = typer.Typer(help="The demonstration: simulated sites beside or instead of real ones.", no_args_is_help=True)
app.add_typer(demo, name="demo")
app.add_typer(bench, name="bench")
app.add_typer(detection)
app.add_typer(evaluation)
app.add_typer(history)


@app.command()
def backfill(
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    days: Annotated[float, typer.Option(min=0, help="Days of history, up to now or to what is there.")] = 30,
    hours: Annotated[float, typer.Option(min=0, help="Hours of history instead of days.")] = 0,
    period: Annotated[int, typer.Option(min=1, help="Seconds between readings.")] = 60,
    gap: Annotated[bool, typer.Option(help="Also fill what is missing between the newest reading and now.")] = True,
) -> None:
    """Write history for the simulated sites, continuous with what they publish now."""
    from operations.backfill import fill
    from operations.database import database_of

    folder = DataFolder(data)
    with database_of(folder, database_url) as dsn:
        fill(dsn, folder, hours=hours or days * 24, period_s=period, gap=gap, said=typer.echo)


@app.command()
def migrate(data: Data, database_url: OptionalDatabaseUrl = None) -> None:
    """Bring a database's tables up to date."""
    from operations.database import database_of
    from store.migrations import migrate as apply

    with database_of(DataFolder(data), database_url) as dsn:
        applied = apply(dsn)
    typer.echo(f"applied: {', '.join(applied)}" if applied else "up to date")


@app.command()
def passwd(
    data: Data,
    username: Annotated[str, typer.Argument(help="Who gets a new password.")] = "admin",
    database_url: OptionalDatabaseUrl = None,
) -> None:
    """Give a person a new random password and print it."""
    from operations.database import database_of
    from operations.people import reset_password
    from store.connections import connect

    with database_of(DataFolder(data), database_url) as dsn, connect(dsn) as connection:
        password = reset_password(connection, username)
    typer.echo(f"new password of {username}: {password}")


@app.command()
def verify(
    data: Data,
    package: Annotated[
        Path | None, typer.Argument(help="An evidence package; without one the journal itself is checked.")
    ] = None,
    database_url: OptionalDatabaseUrl = None,
    first: Annotated[int, typer.Option(min=1, help="First journal row to check.")] = 1,
    anchors: Annotated[
        Path | None, typer.Option(help="Published anchors to hold the package against, had from elsewhere.")
    ] = None,
) -> None:
    """Check an evidence package, or the journal's chain of hashes; status 1 when something was changed or removed.

    A package needs no database. The journal is also held against the anchors that were made of it.
    """
    from operations.database import database_of
    from operations.verifying import check_journal, check_package

    if package is not None:
        fits, said = check_package(package, anchors)
    else:
        with database_of(DataFolder(data), database_url) as dsn:
            fits, said = check_journal(dsn, first)
    typer.echo(said, err=not fits)
    if not fits:
        raise typer.Exit(1)


@app.command()
def reaggregate(data: Data, database_url: OptionalDatabaseUrl = None) -> None:
    """Have all hours and days computed anew from the readings, after rows or a time zone were changed by hand."""
    from operations.database import database_of
    from store.aggregates import ask_rebuild
    from store.connections import connect

    with database_of(DataFolder(data), database_url) as dsn, connect(dsn) as connection:
        entry = ask_rebuild(connection, datetime.now(UTC))
    typer.echo(f"asked for in journal row {entry}: the monitor does it when it comes by")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write, in pg_dump's custom format.")],
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    overwrite: Annotated[bool, typer.Option(help="Replace the file if it is there.")] = False,
) -> None:
    """Write the whole database into one file, while everything runs."""
    from operations import channel_keys
    from operations.backup import backup as write
    from operations.database import database_of

    with database_of(DataFolder(data), database_url) as dsn:
        done = write(dsn, file, overwrite=overwrite)
        needed = channel_keys.needed(dsn, DataFolder(data))
    typer.echo(f"{file}: {done.bytes / 1e6:.1f} MB in {done.seconds:.1f} s")
    if needed:
        typer.echo(needed)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="File that `landun backup` wrote.")],
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    replace: Annotated[bool, typer.Option(help="Take the place of a database that holds data.")] = False,
) -> None:
    """Put a backup in the database's place and verify its journal. End `landun up` first."""
    from operations import channel_keys
    from operations.backup import restore as read
    from operations.database import database_of

    with database_of(DataFolder(data), database_url) as dsn:
        done = read(dsn, file, replace=replace)
        missing = channel_keys.missing(dsn, DataFolder(data))
    typer.echo(f"restored in {done.seconds:.1f} s; {done.journal_rows} journal rows checked: each is as it was written")
    if missing:
        typer.echo(missing, err=True)


@app.command()
def replay(
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    reason: Annotated[str | None, typer.Option(help="Only letters of this reason, e.g. unknown_device.")] = None,
    device: Annotated[str | None, typer.Option(help="Only letters of this device.")] = None,
    site: Annotated[str | None, typer.Option(help="Only letters of this site.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Received at or after this time, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Received before this time, UTC.")] = None,
    letter: Annotated[list[int] | None, typer.Option("--id", help="Only these letters; may be repeated.")] = None,
    by: Annotated[str, typer.Option(help="Who replays, for the record.")] = getpass.getuser(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
) -> None:
    """Put dead letters through the decoder and the writer again, after what was wrong has been put right."""
    from operations.database import database_of
    from operations.replay import Filter
    from operations.replay import replay as put_through

    chosen = Filter(reason, device, site, _utc(since), _utc(until), tuple(letter or ()))
    with database_of(DataFolder(data), database_url) as dsn:
        outcome = put_through(dsn, chosen, actor=by, dry_run=dry_run)
    typer.echo(f"{'would be: ' if dry_run else ''}{outcome}")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


@app.command()
def chaos(
    kills: Annotated[int, typer.Option(min=4, help="How many times a part is killed.")] = 20,
    readings: Annotated[int, typer.Option(min=1, help="About how many readings are published meanwhile.")] = 60_000,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds between kills, on average.")] = 4,
    seed: Annotated[int, typer.Option(help="Of moments, victims and values.")] = 1,
    broker: Annotated[str, typer.Option(help="nats or mosquitto.")] = "nats",
    keep: Annotated[Path | None, typer.Option(help="Folder to leave everything in, to look at it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON, nothing else.")] = False,
) -> None:
    """Kill, cut and plant under load, then hold every device's record against the tables; status 1 on a difference."""
    from operations.chaos.run import ChaosSettings, run, shown

    found = run(ChaosSettings(kills, readings, seconds, seed, broker, keep))
    typer.echo(json.dumps(found) if as_json else shown(found))
    if not found["clean"]:
        raise typer.Exit(1)


@demo.command("remove")
def demo_remove(data: Data, database_url: OptionalDatabaseUrl = None) -> None:
    """Delete the simulated sites and all their data; later starts run no simulators. The system may run."""
    from operations.database import database_of
    from operations.demo import remove

    folder = DataFolder(data)
    with database_of(folder, database_url) as dsn:
        deleted = remove(dsn, folder if database_url is None else None)
    for table, rows in deleted.items():
        typer.echo(f"{table}: {'all rows' if rows < 0 else f'{rows} rows'} deleted")
