"""Who may connect to the broker, and what each may publish and read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import bcrypt

from registry.credentials import device_password
from registry.model import Dialect, Registry
from registry.topics import NOTIFICATIONS, publish_filters, read_filters, subscribe_filters
from store.upkeep import Credential

INGEST_USER: Final = "ingest"
TOOL_USER: Final = "landun"
KEEPER_USER: Final = "keeper"
NOTIFY_USER: Final = "notify"

_WITHOUT_BROKER: Final = (Dialect.HJ212, Dialect.JT808)
"""Dialects whose devices never speak to the broker. A polled controller does, through whoever polls it."""


@dataclass(frozen=True)
class User:
    """A broker account and the NATS subjects it may publish and subscribe to.

    A `system` user may do nothing but run the server. `known_hash` is there where the password itself is not known.
    """

    name: str
    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    system: bool = False
    known_hash: str = ""

    @cached_property
    def hash(self) -> str:
        """What the broker compares with: bcrypt, as NATS knows it (mark ``$2a$``).

        Derived from name and password, not random, so that an unchanged user is unchanged text and keeps its
        connection over a reload. Passwords have 190 bits or more, so bcrypt's stretching is set to its least.
        """
        if self.known_hash:
            return self.known_hash
        seed = hashlib.sha256(f"{self.name}\0{self.password}".encode()).hexdigest()
        # 22 characters of bcrypt's alphabet; the last one carries 2 bits only, so it is one of '.Oeu'.
        salt = b"$2a$04$" + seed[:21].encode() + b"."
        return bcrypt.hashpw(self.password.encode(), salt).decode("ascii")


def subject_of(topic_filter: str) -> str:
    """The NATS subject of an MQTT topic filter: ``/`` is ``.``, ``.`` is ``//``, and an empty level is ``/``."""
    wildcards = {"+": "*", "#": ">", "": "/"}
    return ".".join(wildcards.get(level, level.replace(".", "//")) for level in topic_filter.split("/"))


def filter_of(subject: str) -> str:
    """The MQTT topic filter of a NATS subject."""
    levels = subject.replace("//", "\0").replace("/", "").split(".")
    wildcards = {"*": "+", ">": "#"}
    return "/".join(wildcards.get(level, level).replace("\0", ".") for level in levels)


# What ends with '#' in MQTT includes the level before it, which NATS calls a subject of its own; JetStream hands a
# persistent session its messages on $MQTT.sub.
_INGEST_READS: Final = (
    *(subject_of(each) for each in read_filters()),
    *(subject_of(each.removesuffix("/#")) for each in read_filters() if each.endswith("/#")),
    "$MQTT.sub.>",
)


def service_users(
    ingest_password: str, tool_password: str, keeper_password: str = "", notify_password: str = ""
) -> list[User]:
    """Who is no device: each may do what its work needs.

    Ingest only reads; the tool user is that of tests and the command line; the keeper has the broker reload; the
    notifier publishes below its own topics and reads nothing.
    """
    users = [
        User(INGEST_USER, ingest_password, ("spBv1//0.*.NCMD.*",), _INGEST_READS),
        User(TOOL_USER, tool_password, publish=(">",), subscribe=(">",)),
    ]
    if keeper_password:
        users.append(User(KEEPER_USER, keeper_password, system=True))
    if notify_password:
        users.append(User(NOTIFY_USER, notify_password, publish=(subject_of(f"{NOTIFICATIONS}/#"),)))
    return users


def device_users(registry: Registry, master: str, credentials: Mapping[str, Credential] | None = None) -> list[User]:
    """Each device that may connect, allowed its dialect's topics only, and to read what is sent to it alone.

    A device that a gateway speaks for has no account.

    A device with a credential of its own has that password, or none while it is revoked; any other has the one that
    derives from `master`.
    """
    users: list[User] = []
    for device in registry.devices.values():
        if device.gateway or device.dialect in _WITHOUT_BROKER:
            continue
        publish = tuple(map(subject_of, publish_filters(registry, device)))
        subscribe = tuple(map(subject_of, subscribe_filters(registry, device)))
        credential = (credentials or {}).get(device.code)
        if credential is None:
            users.append(User(device.code, device_password(master, device.code), publish, subscribe))
        elif credential.revoked_at is None:
            users.append(User(device.code, "", publish, subscribe, known_hash=credential.password_hash))
    return users
