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

from operations.errors import OperatorError
from operations.folder import default_folder

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
        int, typer.Option(min=0, help="Hours of history the first start makes for simulated sites.")
    ] = 24,
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
        )
    )


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
    if isinstance(error, OperatorError):
        return str(error)
    return None


def _log_format() -> str:
    # Under the supervisor each line gets its time there.
    return (
        "%(levelname)s %(name)s: %(message)s"
        if "LANDUN_SUPERVISED" in os.environ
        else ("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )


if __name__ == "__main__":
    main()
