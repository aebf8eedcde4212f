"""Commands that containers run beside the services: set a system up, keep the broker, tell whether a service is well.

Under `landun up` the supervisor does the same by itself, with the same functions.
"""

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.options import Data, DatabaseUrl, Seed, TlsCertificate, TlsKey

app = typer.Typer()

SecretsFolder = Annotated[
    Path, typer.Option(envvar="LANDUN_SECRETS", help="Folder of the system's secrets, one file each.")
]


@app.command()
def secrets(folder: Annotated[Path, typer.Argument(help="Where to put them; what is there already stays.")]) -> None:
    """Generate the secrets that are missing, one file each, readable by their owner and their group."""
    from operations.secrets import NAMES, Secrets

    Secrets.of(folder)
    for name in NAMES:  # containers have users of their own, and a group in common
        folder.joinpath(name).chmod(0o640)
    typer.echo(f"secrets are in {folder}")


@app.command()
def setup(
    data: Data,
    database_url: DatabaseUrl,
    demonstration: Annotated[
        bool, typer.Option(envvar="LANDUN_DEMONSTRATION", help="Put the invented sites of the demonstration in.")
    ] = False,
    modbus_at: Annotated[
        str, typer.Option(envvar="LANDUN_MODBUS", help="host:port at which simulated controllers answer Modbus.")
    ] = "simulators:5020",
    sites: Annotated[int, typer.Option(min=1, help="Simulated sites of the demonstration.")] = 32,
    seed: Seed = None,
) -> None:
    """Bring the database up to date, with a first administrator whose password is printed once."""
    from operations import first_start
    from operations.folder import DataFolder

    folder = DataFolder(data)
    folder.prepare()
    now = datetime.now(UTC)
    record = first_start.record_of(folder, seed=seed, sites=sites, demonstrate=demonstration, history_hours=0, now=now)
    record.demonstration = record.demonstration or demonstration
    record.modbus_at = modbus_at
    made = first_start.prepare_database(database_url, record)
    folder.write_record(record)
    for each in made:
        typer.echo(f"first sign-in: {each}")
    typer.echo("set up")


@app.command("broker-keeper")
def broker_keeper(
    data: Data,
    database_url: DatabaseUrl,
    secrets_folder: SecretsFolder,
    broker_host: Annotated[
        str, typer.Option(envvar="LANDUN_BROKER_HOST", help="Where the keeper reaches the broker's client port.")
    ] = "127.0.0.1",
    client_port: Annotated[int, typer.Option(envvar="LANDUN_BROKER_CLIENT_PORT")] = 14222,
    mqtt_port: Annotated[int, typer.Option(envvar="LANDUN_BROKER_MQTT_PORT")] = 1883,
    listen: Annotated[
        str, typer.Option(envvar="LANDUN_BROKER_LISTEN", help="Address that the broker listens on.")
    ] = "127.0.0.1",
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    first: Annotated[bool, typer.Option("--first", help="Write the first configuration and end.")] = False,
) -> None:
    """Write the broker's configuration, and keep its users like the registry while it runs."""
    from operations.broker import BrokerSettings, Tls
    from operations.broker_keeper import BrokerKeeper
    from operations.registry_watch import RegistryWatch
    from operations.secrets import Secrets
    from store.connections import connect

    settings = BrokerSettings(
        folder=data / "nats",
        mqtt_port=mqtt_port,
        client_port=client_port,
        mqtt_host=listen,
        client_host=listen,
        tls=Tls(tls_certificate, tls_key) if tls_certificate and tls_key else None,
    )
    keeper = BrokerKeeper(settings, Secrets.read(secrets_folder), broker_host, client_port)
    if first:
        with connect(database_url, application_name="landun-keeper") as connection:
            keeper.admit_services(connection)
        return
    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    RegistryWatch(database_url, [keeper.admit_when_kept]).run(closing)


@app.command()
def healthy(
    service: Annotated[str, typer.Argument(help="ingest, monitor, broker or an http(s) address")],
) -> None:
    """Exit status 0 when a service is well, for a container's health check."""
    from operations.health_check import check

    problem = check(service)
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(1)
