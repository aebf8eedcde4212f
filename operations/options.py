"""Options that several commands of the command line share."""

from pathlib import Path
from typing import Annotated

import typer

from operations.folder import default_folder

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
NotifyKey = Annotated[
    Path | None,
    typer.Option(envvar="LANDUN_NOTIFY_KEY_FILE", help="File of the key that secrets of channels are sealed with."),
]
MinFreeBytes = Annotated[
    int,
    typer.Option(min=0, envvar="LANDUN_MIN_FREE_BYTES", help="With less free disk space the simulators stop."),
]
Seed = Annotated[int | None, typer.Option(help="Decides the demonstration's sites and every random draw.")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, show_default=False)]
Metrics = Annotated[
    str | None,
    typer.Option(envvar="LANDUN_METRICS", help="host:port for Prometheus (/metrics) and the state as JSON (/status)."),
]
Hj212 = Annotated[
    str | None, typer.Option(envvar="LANDUN_HJ212", metavar="HOST:PORT", help="Where HJ 212 instruments report.")
]
Jt808 = Annotated[
    str | None, typer.Option(envvar="LANDUN_JT808", metavar="HOST:PORT", help="Where JT/T 808 terminals report.")
]
Modbus = Annotated[
    str | None, typer.Option(envvar="LANDUN_MODBUS", metavar="HOST:PORT", help="Where simulated controllers answer.")
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(envvar="LANDUN_TLS_CERTIFICATE", help="Certificate with its chain (PEM): then TLS only is spoken."),
]
TlsKey = Annotated[Path | None, typer.Option(envvar="LANDUN_TLS_KEY", help="Key of the certificate (PEM).")]
