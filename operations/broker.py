"""The message broker: a NATS server with JetStream on disk and an MQTT 3.1.1 listener.

Order at a start, so that no device is acknowledged before anybody keeps its messages (the broker keeps a
QoS 1 message only while a session subscribes to it):

1. ``write_config(settings, service_users(...))`` and run ``command(settings)``;
2. ``wait_ready(...)``, then `ingest.session.open_session`, which makes ingest's persistent session;
3. ``write_config(settings, service_users(...) + device_users(...))`` and `reload`.

Only the very first start of a data folder needs step 1 without the devices; doing so always costs a few
milliseconds and leaves one path to test.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import bcrypt

from operations.secrets import device_password
from registry.model import Registry

ACK_WAIT_S: Final = 5
"""After this many seconds without PUBACK the broker delivers a message again; ingest's hold is built on it."""

MAX_ACK_PENDING: Final = 8_192
"""Unacknowledged messages a subscription. A filter ending in ``#`` counts twice and the sum a session must
stay under 65 535, else the SUBACK is a refusal. Low enough that a slow machine writes as many within
`ACK_WAIT_S`: what waits longer is delivered again, and in a backlog that would never end."""

MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
INGEST_USER: Final = "ingest"
TOOL_USER: Final = "landun"

_VIOLATION: Final = re.compile(
    r"(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?) \[ERR\] (?P<address>\S+) - mid:\d+ - "
    r'(?P<client>"(?:[^"\\]|\\.)*") - Publish Violation - (?:User "(?P<user>[^"]*)", )?'
    r'Subject "(?P<subject>[^"]*)"'
)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker keeps its data and listens; every port is on loopback.

    `sync_interval` is how often JetStream calls fsync: ``"always"`` (before each PUBACK) survives loss of power,
    a duration such as ``"2s"`` survives kill -9 of the broker but may lose that long at loss of power.
    """

    folder: Path
    mqtt_port: int
    client_port: int
    monitoring_port: int | None = None
    sync_interval: str = "always"
    ack_wait_s: int = ACK_WAIT_S

    @property
    def config(self) -> Path:
        """The configuration file `write_config` writes."""
        return self.folder / "nats.conf"


@dataclass(frozen=True, slots=True)
class User:
    """A broker account and the NATS subjects it may publish and subscribe to."""

    name: str
    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


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


def service_users(ingest_password: str, tool_password: str) -> list[User]:
    """Ingest, which only reads, and the tool user for tests and the command line, which may do anything."""
    return [
        # JetStream hands a persistent session its messages on $MQTT.sub subjects.
        User(INGEST_USER, ingest_password, subscribe=("landun.v1", "landun.v1.>", "$MQTT.sub.>")),
        User(TOOL_USER, tool_password, publish=(">",), subscribe=(">",)),
    ]


def device_users(registry: Registry, master: str) -> list[User]:
    """Each device with its own password, allowed to publish below its own topic only and to read nothing."""
    return [
        User(
            device.code,
            device_password(master, device.code),
            publish=(registry.topic_of(device, ">").replace("/", "."),),
        )
        for device in registry.devices.values()
    ]


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


def reload(pid: int) -> None:
    """Make a running broker read its configuration again; only changed or removed users are disconnected."""
    os.kill(pid, signal.SIGHUP)


def is_ready(port: int, user: str, password: str, *, timeout: float = 1.0) -> bool:
    """Whether the broker on loopback accepts this user's MQTT CONNECT within `timeout` seconds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.settimeout(timeout)
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
        topic=_topic_of(match["subject"]),
    )


def mosquitto_config(folder: Path, port: int, passwords: Path, rules: Path) -> str:
    """A mosquitto 2 configuration with the same promise as far as it goes.

    Its defaults (20 in flight, 1 000 queued, nothing saved for 30 minutes) cap the rate and drop messages.
    It writes its whole queue every 5 s, so a kill of mosquitto can lose what it acknowledged in that time.
    """
    return f"""per_listener_settings false
listener {port} 127.0.0.1
allow_anonymous false
password_file {passwords}
acl_file {rules}
persistence true
persistence_location {folder}/
autosave_interval 5
autosave_on_changes false
max_inflight_messages {MAX_ACK_PENDING}
max_queued_messages 0
max_queued_bytes 0
message_size_limit {MAX_PAYLOAD_BYTES}
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def mosquitto_rules(users: Iterable[User]) -> str:
    """The mosquitto ACL file that says what `User` says in NATS subjects."""
    lines: list[str] = []
    for user in users:
        lines.append(f"user {user.name}")
        lines += [f"topic write {_filter_of(subject)}" for subject in user.publish]
        lines += [f"topic read {_filter_of(subject)}" for subject in user.subscribe if not subject.startswith("$")]
    return "\n".join(lines) + "\n"


def _config_text(settings: BrokerSettings, users: Iterable[User]) -> str:
    config: dict[str, object] = {
        "server_name": "landun",
        "host": "127.0.0.1",
        "port": settings.client_port,
        "max_payload": MAX_PAYLOAD_BYTES,
        "jetstream": {"store_dir": str(settings.folder / "jetstream"), "sync_interval": settings.sync_interval},
        "mqtt": {
            "host": "127.0.0.1",
            "port": settings.mqtt_port,
            "ack_wait": f"{settings.ack_wait_s}s",
            "max_ack_pending": MAX_ACK_PENDING,
        },
        "authorization": {"users": [_user_entry(user) for user in users]},
    }
    if settings.monitoring_port is not None:
        config["http"] = f"127.0.0.1:{settings.monitoring_port}"
    # NATS's configuration language is a superset of JSON.
    return json.dumps(config, indent=1)


def _user_entry(user: User) -> dict[str, object]:
    return {
        "user": user.name,
        "password": _bcrypt(user),
        "permissions": {"publish": _permission(user.publish), "subscribe": _permission(user.subscribe)},
    }


def _permission(subjects: Sequence[str]) -> dict[str, list[str]]:
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _bcrypt(user: User) -> str:
    """The hash NATS compares with. It knows the ``$2a$`` mark only; the salt is derived from name and password."""
    seed = hashlib.sha256(f"{user.name}\0{user.password}".encode()).hexdigest()
    # 22 characters of bcrypt's alphabet; the last one carries 2 bits only, so it is one of '.Oeu'.
    salt = b"$2a$04$" + seed[:21].encode() + b"."
    return bcrypt.hashpw(user.password.encode(), salt).decode("ascii")


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


def _topic_of(subject: str) -> str:
    """MQTT topic of a NATS subject: ``.`` was ``/``, ``//`` was ``.``, and an empty level is ``/``."""
    return subject.replace("//", "\0").replace("/", "").replace(".", "/").replace("\0", ".")


def _filter_of(subject: str) -> str:
    return subject.replace(".", "/").replace("*", "+").replace(">", "#")
