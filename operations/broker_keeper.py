"""Keeps the broker's users like the registry: who is registered may connect, who is revoked may not.

The keeper writes the configuration file and asks the running server to read it again, over the server's system
account, so that it works the same for a child process and for a container of its own. A reload disconnects only
those whose user was changed or removed.
"""

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import nats
from nats.errors import Error as NatsError

from operations import broker
from operations.broker_users import KEEPER_USER, device_users, service_users
from operations.errors import OperatorError
from operations.secrets import Secrets
from registry.canary import with_canary
from store.connections import Connection
from store.registry_rows import load_registry
from store.upkeep import credentials

ANSWER_S: Final = 5.0
HEARTBEAT_LIMIT: Final = timedelta(seconds=20)

_INGEST: Final = "SELECT at FROM heartbeat WHERE service = 'ingest' AND detail ->> 'broker' = 'connected'"
_log = logging.getLogger(__name__)


class BrokerReloadError(OperatorError):
    """The broker could not be asked to read its configuration again, or refused what it read."""


@dataclass(frozen=True)
class BrokerKeeper:
    """The broker's settings and secrets, and how its keeper reaches it: host and port of its client listener."""

    settings: broker.BrokerSettings
    secrets: Secrets
    host: str
    port: int

    def admit_services(self, connection: Connection) -> None:
        """Before the broker starts: let ingest in, and devices if they were before.

        Not at the first start: until ingest has its session, the broker acknowledges a device's message and keeps
        it for nobody.
        """
        broker.write_config(self.settings, self._users(connection, devices=self._admitted.exists()))

    def bar_devices(self) -> None:
        """Before the broker starts: let devices in only once ingest listens again, as at the first start."""
        self._admitted.unlink(missing_ok=True)

    def admit_devices(self, connection: Connection) -> bool:
        """Let everybody in who may come, and nobody else; whether anything had to be changed.

        Raises `BrokerReloadError`; call it again then.
        """
        if not broker.write_config(self.settings, self._users(connection, devices=True)) and self._reloaded.exists():
            return False
        self._reloaded.unlink(missing_ok=True)
        asyncio.run(reload(self.host, self.port, self.secrets.mqtt_keeper))
        self._reloaded.touch()
        self._admitted.touch()
        return True

    def admit_when_kept(self, connection: Connection) -> bool:
        """As `admit_devices`, but only once ingest keeps what devices send. Raises `BrokerReloadError` before."""
        if not self.ingest_listens(connection):
            raise BrokerReloadError("ingest has no session at the broker yet: devices wait")
        return self.admit_devices(connection)

    def ingest_listens(self, connection: Connection) -> bool:
        """Whether messages are kept: devices were let in before, or ingest has its session now."""
        if self._admitted.exists():
            return True
        row = connection.execute(_INGEST).fetchone()
        return row is not None and datetime.now(UTC) - row[0] < HEARTBEAT_LIMIT

    def _users(self, connection: Connection, *, devices: bool) -> list[broker.User]:
        known = self.secrets
        users = service_users(known.mqtt_ingest, known.mqtt_tool, known.mqtt_keeper, known.mqtt_notify)
        if devices:
            registry = with_canary(load_registry(connection))
            users += device_users(registry, self.secrets.device_master, credentials(connection))
        return users

    @property
    def _admitted(self) -> Path:
        """Marks a broker whose devices were let in once."""
        return self.settings.folder / "admitted"

    @property
    def _reloaded(self) -> Path:
        """Marks that the server has read what is in the file: missing after a crash between the two."""
        return self.settings.folder / "reloaded"


async def reload(host: str, port: int, password: str) -> None:
    """Ask a running server to read its configuration again. Raises `BrokerReloadError` saying what is wrong."""
    try:
        async with asyncio.timeout(ANSWER_S):
            client = await nats.connect(
                f"nats://{host}:{port}", user=KEEPER_USER, password=password, allow_reconnect=False, error_cb=_quiet
            )
            try:
                pong = json.loads((await client.request("$SYS.REQ.SERVER.PING", timeout=ANSWER_S)).data)
                server = pong["server"]["id"]
                answer = json.loads((await client.request(f"$SYS.REQ.SERVER.{server}.RELOAD", timeout=ANSWER_S)).data)
            finally:
                with contextlib.suppress(NatsError):
                    await client.close()
    except (NatsError, OSError, TimeoutError, ValueError, KeyError) as error:
        raise BrokerReloadError(
            f"broker at {host}:{port} was not asked to reload: {error or type(error).__name__}"
        ) from error
    if "error" in answer:
        raise BrokerReloadError(f"broker at {host}:{port} refused its configuration: {answer['error']}")
    _log.info("broker has read its users again")


async def _quiet(_error: Exception) -> None:
    """What goes wrong is raised; nothing is to be printed."""
