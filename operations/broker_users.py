"""Who may connect to the broker, and what each may publish and read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import bcrypt

from operations.secrets import device_password
from registry.model import Registry
from store.upkeep import Credential

INGEST_USER: Final = "ingest"
TOOL_USER: Final = "landun"
KEEPER_USER: Final = "keeper"


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


def service_users(ingest_password: str, tool_password: str, keeper_password: str = "") -> list[User]:
    """Ingest, which only reads; the tool user of tests and the command line; the keeper, who has it reload."""
    users = [
        # JetStream hands a persistent session its messages on $MQTT.sub subjects.
        User(INGEST_USER, ingest_password, subscribe=("landun.v1", "landun.v1.>", "$MQTT.sub.>")),
        User(TOOL_USER, tool_password, publish=(">",), subscribe=(">",)),
    ]
    if keeper_password:
        users.append(User(KEEPER_USER, keeper_password, system=True))
    return users


def device_users(registry: Registry, master: str, credentials: Mapping[str, Credential] | None = None) -> list[User]:
    """Each device that may connect, allowed to publish below its own topic only and to read nothing.

    A device with a credential of its own has that password, or none while it is revoked; any other has the one that
    derives from `master`.
    """
    users: list[User] = []
    for device in registry.devices.values():
        publish = (registry.topic_of(device, ">").replace("/", "."),)
        credential = (credentials or {}).get(device.code)
        if credential is None:
            users.append(User(device.code, device_password(master, device.code), publish=publish))
        elif credential.revoked_at is None:
            users.append(User(device.code, "", publish=publish, known_hash=credential.password_hash))
    return users
