"""What `landun serve` is told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from store.sealing import Seal

VERSION: Final = "0.1.0"
"""Version of the HTTP interface, shown in its OpenAPI document and by /health."""

SECRET_CHARACTERS: Final = 32
"""Least length of the token secret: HS256 needs a key as long as its digest (RFC 7518, 3.2)."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files by which the API proves who it is: its certificate with the chain, and its key (PEM)."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API.

    `simulators_url` is None where no simulators run; `data` is the folder whose free disk space /health reports;
    `devices_url` is where devices reach the broker, as they are told: ``mqtt://host:port``, or ``mqtts``; `hj212_url`
    and `jt808_url` are where HJ 212 instruments and terminals of vehicles report; with `tls` the API speaks HTTPS only.
    `metrics` is the address (``host:port``) that figures are served on, `ingest_status_url` where ingest tells its
    state itself, which it does while the database is away too. `templates` is the folder of the agency's own templates
    of documents, `agency` its name as it stands in them. `seal` seals and opens the secrets of channels;
    without its key none can be set. Raises `ValueError` on a secret too short to sign tokens with.
    """

    database_url: str = field(repr=False)
    token_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    simulators_url: str | None = None
    data: Path = Path("/")
    devices_url: str = "mqtt://127.0.0.1:1883"
    hj212_url: str = "hj212://127.0.0.1:7212"
    jt808_url: str = "jt808://127.0.0.1:7808"
    tls: TlsFiles | None = None
    metrics: str | None = None
    ingest_status_url: str | None = None
    broker_version: str = ""
    templates: Path | None = None
    agency: str = ""
    seal: Seal = field(default_factory=Seal, repr=False)

    def __post_init__(self) -> None:
        if len(self.token_secret) < SECRET_CHARACTERS:
            raise ValueError(
                f"token secret has {len(self.token_secret)} characters, must have at least {SECRET_CHARACTERS}"
            )
