"""The command line: starts the parts, wires them together, and turns errors into one clear line.

Heavy modules are imported inside the commands, so that each process loads what it needs and no more.
"""

import logging
import os
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Final

import typer

from operations.disk import MIN_FREE_BYTES
from operations.errors import OperatorError
from operations.folder import DataFolder, default_folder

USAGE_STATUS: Final = 2

app = typer.Typer(
    name="landun",
    help="Landun 蓝盾: remote monitoring of public-health venues, from a sensor's reading to an inspector's screen.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo = typer.Typer(help="The demonstration: simulated sites beside or instead of real ones.", no_args_is_help=True)
app.add_typer(demo, name="demo")

Data = Annotated[
    Path,
    typer.Option(
        "--data", envvar="LANDUN_DATA", help="Folder of everything this system keeps.", default_factory=default_folder
    ),
]
DatabaseUrl = Annotated[
    str,
    typer.Option(envvar="LANDUN_DATABASE_URL", help="postgresql://user:password@host:port/database", show_envvar=True),
]
OptionalDatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="LANDUN_DATABASE_URL",
        help="postgresql://… of the database; without it the embedded one of the data folder is used.",
    ),
]
MqttUrl = Annotated[str, typer.Option(envvar="LANDUN_MQTT_URL", help="mqtt://user:password@host:port of the broker")]
MinFreeBytes = Annotated[
    int,
    typer.Option(min=0, envvar="LANDUN_MIN_FREE_BYTES", help="With less free disk space the simulators stop."),
]
Seed = Annotated[int | None, typer.Option(help="Decides the demonstration's sites and every random draw.")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, show_default=False)]


@app.command()
def up(
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    host: Annotated[
        str, typer.Option(help="Where dashboard and API listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    dashboard_port: Port = None,
    api_port: Port = None,
    broker_port: Port = None,
    broker_client_port: Port = None,
    database_port: Port = None,
    simulators_port: Port = None,
    seed: Seed = None,
    sites: Annotated[int, typer.Option(min=1, help="Simulated sites of the demonstration, at the first start.")] = 32,
    demonstration: Annotated[bool, typer.Option(help="Start with simulated sites, at the first start.")] = True,
    backfill: Annotated[
        int, typer.Option(min=0, help="Hours of history for the simulated sites, at the first start.")
    ] = 24,
    min_free_bytes: MinFreeBytes = MIN_FREE_BYTES,
) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C.

    A port that is busy is replaced by a free one and remembered; port 0 asks for any free one. The line
    `ready dashboard=URL api=URL` on standard output says that everything answers.
    """
    from operations.up import UpSettings, run

    asked = {
        "dashboard": dashboard_port,
        "api": api_port,
        "broker": broker_port,
        "broker-client": broker_client_port,
        "database": database_port,
        "simulators": simulators_port,
    }
    run(
        UpSettings(
            data=data,
            host=host,
            ports={name: port for name, port in asked.items() if port is not None},
            database_url=database_url,
            seed=seed,
            sites=sites,
            demonstrate=demonstration,
            backfill_hours=backfill,
            min_free_bytes=min_free_bytes,
        )
    )


@app.command()
def ingest(database_url: DatabaseUrl, mqtt_url: MqttUrl) -> None:
    """Store what devices publish: from the broker to committed readings and dead letters."""
    from ingest.service import IngestSettings, run

    run(IngestSettings(database_url=database_url, mqtt_url=mqtt_url))


@app.command()
def monitor(database_url: DatabaseUrl) -> None:
    """Judge what is stored: limits, silence, alarms, latest values."""
    from monitor.service import MonitorSettings, run

    run(MonitorSettings(database_url=database_url))


@app.command()
def serve(
    data: Data,
    database_url: DatabaseUrl,
    token_secret_file: Annotated[
        Path, typer.Option(envvar="LANDUN_TOKEN_SECRET_FILE", help="File that holds what tokens are signed with.")
    ],
    host: Annotated[str, typer.Option(envvar="LANDUN_API_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="LANDUN_API_PORT", help="Port to listen on.")] = 8000,
    simulators_url: Annotated[
        str | None, typer.Option(envvar="LANDUN_SIMULATORS_URL", help="The simulators' control, where any run.")
    ] = None,
) -> None:
    """Serve the HTTP API and the live feed."""
    from monitor.api.service import run
    from monitor.api.settings import ApiSettings

    run(
        ApiSettings(
            database_url=database_url,
            token_secret=secret_of(token_secret_file),
            host=host,
            port=port,
            simulators_url=simulators_url,
            data=data,
        )
    )


@app.command()
def dashboard(
    api_url: Annotated[str, typer.Option(envvar="LANDUN_API_URL", help="Where the API is.")] = "http://127.0.0.1:8000",
    host: Annotated[str, typer.Option(envvar="LANDUN_DASHBOARD_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="LANDUN_DASHBOARD_PORT", help="Port to listen on.")] = 8501,
) -> None:
    """Serve the dashboard."""
    from dashboard.service import DashboardSettings, run

    run(DashboardSettings(api_url=api_url, host=host, port=port))


@app.command()
def simulate(
    data: Data,
    device_master_file: Annotated[
        Path, typer.Option(envvar="LANDUN_DEVICE_MASTER_FILE", help="File that devices' passwords derive from.")
    ],
    mqtt_url: Annotated[str, typer.Option(envvar="LANDUN_MQTT_URL", help="mqtt://host:port of the broker")],
    host: Annotated[
        str, typer.Option(envvar="LANDUN_SIMULATORS_HOST", help="Where the control listens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="LANDUN_SIMULATORS_PORT", help="Port of the control.")] = 8010,
    min_free_bytes: MinFreeBytes = MIN_FREE_BYTES,
    record: Annotated[
        Path | None, typer.Option(envvar="LANDUN_RECORD", help="File that notes every acknowledged message.")
    ] = None,
) -> None:
    """Bring the demonstration's sites to life: simulated devices that publish as real ones do."""
    from operations.demonstration import simulator_settings
    from simulators.service import run

    run(
        simulator_settings(
            DataFolder(data),
            secret_of(device_master_file),
            mqtt_url=mqtt_url,
            control=(host, port),
            min_free_bytes=min_free_bytes,
            record=record,
        )
    )


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
    database_url: OptionalDatabaseUrl = None,
    first: Annotated[int, typer.Option(min=1, help="First journal row to check.")] = 1,
) -> None:
    """Recompute the journal's chain of hashes; status 1 when a row was changed, removed or moved."""
    from operations.database import database_of
    from store import journal
    from store.connections import connect

    with database_of(DataFolder(data), database_url) as dsn, connect(dsn) as connection:
        found = journal.verify(connection, first)
    if found.ok:
        typer.echo(f"{found.checked} journal rows checked: each is as it was written")
        return
    typer.echo(
        f"journal row {found.first_bad_id}: {found.why} ({found.checked} rows before it are as written)", err=True
    )
    raise typer.Exit(1)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which benchmarks; all of them by default.")] = None,
) -> None:
    """Run the benchmarks of the checkout, one JSON line each."""
    from operations.bench import run

    run(names or [])


@app.command()
def chaos(
    rounds: Annotated[int, typer.Option(min=1, help="How often every service is killed.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds of load after each kill.")] = 15,
    seed: Seed = None,
) -> None:
    """Kill each service in turn with SIGKILL under load, then account for every acknowledged message."""
    from operations.chaos import run

    if not run(rounds=rounds, seconds=seconds, seed=seed):
        raise typer.Exit(1)


@demo.command("remove")
def demo_remove(data: Data, database_url: OptionalDatabaseUrl = None) -> None:
    """Delete the simulated sites and all their data; later starts run no simulators. End `landun up` first."""
    from operations.database import database_of
    from operations.demo import remove

    folder = DataFolder(data)
    with database_of(folder, database_url, alone=True) as dsn:
        deleted = remove(dsn, folder if database_url is None else None)
    for table, rows in deleted.items():
        typer.echo(f"{table}: {'all rows' if rows < 0 else f'{rows} rows'} deleted")


@app.command()
def version() -> None:
    """Print the version."""
    try:
        typer.echo(f"landun {version_of('landun')}")
    except PackageNotFoundError:
        typer.echo("landun, not installed: run from its checkout")


def main() -> None:
    """The command ``landun``: errors an operator can act on are one line and exit status 2."""
    logging.basicConfig(level=os.environ.get("LANDUN_LOG_LEVEL", "INFO"), format=_log_format(), stream=sys.stderr)
    for talkative in ("httpx", "httpcore", "yoyo", "watchdog"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        app()
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        sys.stderr.write(f"landun: {line}\n")
        sys.exit(USAGE_STATUS)


def explained(error: Exception) -> str | None:
    """One line for an error that an operator can act on; nothing for a fault of the program."""
    import psycopg

    from ingest.session import SubscriptionRefusedError
    from registry.model import RegistryError
    from store.embedded import AccountError, EmbeddedPostgresError

    if isinstance(
        error, OperatorError | RegistryError | AccountError | EmbeddedPostgresError | SubscriptionRefusedError
    ):
        return str(error)
    if isinstance(error, psycopg.OperationalError):
        return f"database: {str(error).strip().splitlines()[-1]}"
    return None


def secret_of(file: Path) -> str:
    """The secret in a file. Raises `OperatorError` naming a file that cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OperatorError(f"secret file {file}: {error.strerror}") from error


def _log_format() -> str:
    # Under the supervisor each line gets its time there.
    return (
        "%(levelname)s %(name)s: %(message)s"
        if "LANDUN_SUPERVISED" in os.environ
        else ("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )


if __name__ == "__main__":
    main()
