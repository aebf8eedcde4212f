"""The command line: starts the parts, wires them together, and turns errors into one clear line.

Heavy modules are imported inside the commands, so that each process loads what it needs and no more.
"""

import logging
import os
import sys
from datetime import timedelta
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from operations import chores, containers
from operations.disk import MIN_FREE_BYTES
from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.options import (
    Data,
    DatabaseUrl,
    Hj212,
    Jt808,
    Metrics,
    MinFreeBytes,
    Modbus,
    MqttUrl,
    NotifyKey,
    OptionalDatabaseUrl,
    Port,
    Seed,
    TlsCertificate,
    TlsKey,
)
from operations.ports import listening_at
from operations.secret_files import insert_passwords

if TYPE_CHECKING:
    from store.sealing import Seal

USAGE_STATUS: Final = 2

app = typer.Typer(
    name="landun",
    help="Landun 蓝盾: remote monitoring of public-health venues, from a sensor's reading to an inspector's screen.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def up(
    data: Data,
    database_url: OptionalDatabaseUrl = None,
    host: Annotated[
        str, typer.Option(help="Where dashboard and API listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    broker_host: Annotated[
        str, typer.Option(help="Where devices reach the broker; 0.0.0.0 lets devices on other machines in.")
    ] = "127.0.0.1",
    dashboard_port: Port = None,
    api_port: Port = None,
    broker_port: Port = None,
    broker_client_port: Port = None,
    database_port: Port = None,
    simulators_port: Port = None,
    hj212_port: Port = None,
    jt808_port: Port = None,
    modbus_port: Port = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65_533, help="First of three ports for figures; 0 for any free ones.")
    ] = None,
    seed: Seed = None,
    sites: Annotated[int, typer.Option(min=1, help="Simulated sites of the demonstration, at the first start.")] = 32,
    demonstration: Annotated[bool, typer.Option(help="Start with simulated sites, at the first start.")] = True,
    backfill: Annotated[
        int, typer.Option(min=0, help="Hours of history for the simulated sites, at the first start.")
    ] = 24,
    min_free_bytes: MinFreeBytes = MIN_FREE_BYTES,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=7, help="Ingest processes, each with its counties; as many as before by default."),
    ] = None,
) -> None:
    """Start the whole system on this machine and keep it running until Ctrl-C.

    A port that is busy is replaced by a free one and remembered; port 0 asks for any free one. The line
    `ready dashboard=URL api=URL` on standard output says that everything answers.
    """
    from operations.ports import METRICS_PORTS
    from operations.up import UpSettings, run

    asked = {
        "dashboard": dashboard_port,
        "api": api_port,
        "broker": broker_port,
        "broker-client": broker_client_port,
        "database": database_port,
        "simulators": simulators_port,
        "hj212": hj212_port,
        "jt808": jt808_port,
        "modbus": modbus_port,
    }
    if metrics_port is not None:
        asked |= {name: metrics_port and metrics_port + n for n, name in enumerate(METRICS_PORTS)}
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
            broker_host=broker_host,
            workers=workers,
        )
    )


@app.command()
def ingest(
    database_url: DatabaseUrl,
    mqtt_url: MqttUrl,
    metrics: Metrics = None,
    counties: Annotated[
        str, typer.Option(envvar="LANDUN_INGEST_COUNTIES", help="This worker's counties, commas between; none: all.")
    ] = "",
    rest: Annotated[
        bool, typer.Option(envvar="LANDUN_INGEST_REST", help="Read also what names no county: one worker must.")
    ] = True,
    member: Annotated[
        str, typer.Option(envvar="LANDUN_INGEST_MEMBER", help="This worker's name among those that share its counties.")
    ] = "",
    drain: Annotated[
        bool, typer.Option(help="Store what the broker keeps for this worker, end its session there, and end.")
    ] = False,
    hj212: Hj212 = None,
    jt808: Jt808 = None,
    device_master_file: Annotated[
        Path | None,
        typer.Option(envvar="LANDUN_DEVICE_MASTER_FILE", help="File that passwords of instruments derive from."),
    ] = None,
) -> None:
    """Store what devices publish: from the broker to committed readings and dead letters.

    Several workers take different counties, or, where the broker has shared subscriptions (MQTT 5; NATS has none),
    the same under different names.
    """
    from ingest.service import IngestSettings, run
    from ingest.subtrees import Subtree

    try:
        subtree = Subtree.parse(counties, rest=rest, member=member)
    except ValueError as error:
        raise OperatorError(str(error)) from error
    run(
        IngestSettings(
            database_url=database_url,
            mqtt_url=mqtt_url,
            metrics=metrics,
            subtree=subtree,
            drain=drain,
            hj212=listening_at(hj212),
            jt808=listening_at(jt808),
            device_master=secret_of(device_master_file) if device_master_file else None,
        )
    )


@app.command()
def monitor(
    database_url: DatabaseUrl,
    metrics: Metrics = None,
    keep_readings_days: Annotated[
        int, typer.Option(min=31, envvar="LANDUN_KEEP_READINGS_DAYS", help="Days that raw readings are kept.")
    ] = 5 * 366,
    keep_journal_days: Annotated[
        int, typer.Option(min=2, envvar="LANDUN_KEEP_JOURNAL_DAYS", help="Days that the journal is kept.")
    ] = 35,
    anchors: Annotated[
        Path | None,
        typer.Option(envvar="LANDUN_ANCHORS", help="Folder to publish the journal's anchors in, a file each."),
    ] = None,
) -> None:
    """Judge what is stored: limits, silence, alarms, latest values; keep aggregates and retention."""
    from monitor.housekeeping import Retention
    from monitor.service import MonitorSettings, run

    kept = Retention(readings=timedelta(days=keep_readings_days), journal=timedelta(days=keep_journal_days))
    run(MonitorSettings(database_url=database_url, retention=kept, metrics=metrics, anchors=anchors))


@app.command()
def serve(
    data: Data,
    database_url: DatabaseUrl,
    token_secret_file: Annotated[
        Path, typer.Option(envvar="LANDUN_TOKEN_SECRET_FILE", help="File that holds what tokens are signed with.")
    ],
    host: Annotated[str, typer.Option(envvar="LANDUN_API_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="LANDUN_API_PORT", help="Port to listen on.")] = 8000,
    metrics: Metrics = None,
    ingest_status_url: Annotated[
        str | None, typer.Option(envvar="LANDUN_INGEST_STATUS_URL", help="Where ingest tells its state: …/status.")
    ] = None,
    broker_version: Annotated[str, typer.Option(envvar="LANDUN_BROKER_VERSION", help="To be shown.")] = "",
    devices_url: Annotated[
        str, typer.Option(envvar="LANDUN_DEVICES_URL", help="Where devices reach the broker: mqtt(s)://host:port.")
    ] = "mqtt://127.0.0.1:1883",
    hj212_url: Annotated[
        str, typer.Option(envvar="LANDUN_HJ212_URL", help="Where HJ 212 instruments report: hj212://host:port.")
    ] = "hj212://127.0.0.1:7212",
    jt808_url: Annotated[
        str, typer.Option(envvar="LANDUN_JT808_URL", help="Where JT/T 808 terminals report: jt808://host:port.")
    ] = "jt808://127.0.0.1:7808",
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    simulators_url: Annotated[
        str | None, typer.Option(envvar="LANDUN_SIMULATORS_URL", help="The simulators' control, where any run.")
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(envvar="LANDUN_TEMPLATES", help="Folder of your own templates of documents; in --data if unset."),
    ] = None,
    agency: Annotated[
        str, typer.Option(envvar="LANDUN_AGENCY", help="Your agency's name, as it stands in documents.")
    ] = "",
    notify_key_file: NotifyKey = None,
) -> None:
    """Serve the HTTP API and the live feed."""
    from monitor.api.service import run
    from monitor.api.settings import ApiSettings, TlsFiles

    run(
        ApiSettings(
            database_url=database_url,
            token_secret=secret_of(token_secret_file),
            host=host,
            port=port,
            simulators_url=simulators_url,
            data=data,
            devices_url=devices_url,
            hj212_url=hj212_url,
            jt808_url=jt808_url,
            tls=TlsFiles(tls_certificate, tls_key) if tls_certificate and tls_key else None,
            metrics=metrics,
            ingest_status_url=ingest_status_url,
            broker_version=broker_version,
            templates=templates or data / "templates",
            agency=agency,
            seal=seal_of(notify_key_file),
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
def notify(
    database_url: DatabaseUrl,
    dashboard_url: Annotated[
        str, typer.Option(envvar="LANDUN_DASHBOARD_URL", help="Where links in messages lead: the dashboard's address.")
    ] = "",
    mqtt_url: Annotated[
        str,
        typer.Option(envvar="LANDUN_MQTT_URL", help="Broker for topics of notifications: mqtt(s)://user@host:port."),
    ] = "",
    notify_key_file: NotifyKey = None,
) -> None:
    """Tell people about alarms: by route and roster, on their channels, until each message is delivered."""
    from monitor.notify.service import NotifySettings, run

    run(
        NotifySettings(
            database_url=database_url,
            dashboard_url=dashboard_url,
            mqtt_url=mqtt_url,
            seal=seal_of(notify_key_file),
        )
    )


@app.command()
def canary(
    database_url: DatabaseUrl,
    token_secret_file: Annotated[
        Path, typer.Option(envvar="LANDUN_TOKEN_SECRET_FILE", help="File that holds what tokens are signed with.")
    ],
    device_master_file: Annotated[
        Path, typer.Option(envvar="LANDUN_DEVICE_MASTER_FILE", help="File that devices' passwords derive from.")
    ],
    mqtt_url: Annotated[str, typer.Option(envvar="LANDUN_MQTT_URL", help="mqtt://host:port of the broker")],
    api_url: Annotated[str, typer.Option(envvar="LANDUN_API_URL", help="Where the API is.")] = "http://127.0.0.1:8000",
) -> None:
    """Publish every second and wait for it on the live feed, so that a silent chain is noticed."""
    from operations.canary import CanarySettings, run
    from registry.canary import DEVICE
    from registry.credentials import device_password

    run(
        CanarySettings(
            mqtt_url=mqtt_url,
            api_url=api_url,
            database_url=database_url,
            token_secret=secret_of(token_secret_file),
            password=device_password(secret_of(device_master_file), DEVICE),
        )
    )


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
    hj212: Hj212 = None,
    jt808: Jt808 = None,
    modbus: Modbus = None,
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
            hj212=listening_at(hj212),
            jt808=listening_at(jt808),
            modbus=listening_at(modbus),
        )
    )


@app.command()
def version() -> None:
    """Print the version."""
    try:
        typer.echo(f"landun {version_of('landun')}")
    except PackageNotFoundError:
        typer.echo("landun, not installed: run from its checkout")


app.add_typer(chores.app)
app.add_typer(containers.app)


def main() -> None:
    """The command ``landun``: errors an operator can act on are one line and exit status 2."""
    logging.basicConfig(level=os.environ.get("LANDUN_LOG_LEVEL", "INFO"), format=_log_format(), stream=sys.stderr)
    for talkative in ("httpx", "httpcore", "yoyo", "watchdog"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        insert_passwords()
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

    from ingest.neighbours import OverlapError
    from ingest.session import SubscriptionRefusedError
    from registry.model import RegistryError
    from store.embedded import AccountError, EmbeddedPostgresError

    if isinstance(
        error,
        OperatorError | RegistryError | AccountError | EmbeddedPostgresError | SubscriptionRefusedError | OverlapError,
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


def seal_of(file: Path | None) -> "Seal":
    """What seals the secrets of channels. Raises `OperatorError` naming a file that cannot be read or holds no key."""
    from store.sealing import Seal

    try:
        return Seal(secret_of(file) if file else "")
    except ValueError as error:
        raise OperatorError(f"key file {file}: {error}") from error


def _log_format() -> str:
    # Under the supervisor each line gets its time there.
    return (
        "%(levelname)s %(name)s: %(message)s"
        if "LANDUN_SUPERVISED" in os.environ
        else ("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )


if __name__ == "__main__":
    main()
