"""Which columns of channels and gateways are secrets, and how they are sealed, opened, and sealed anew."""

from collections.abc import Mapping
from typing import Any, Final

from store import notify_settings
from store.connections import Connection
from store.sealing import SEALED, Seal, SealError

SECRET_TARGETS: Final = frozenset({"wecom", "dingtalk", "feishu", "webhook"})
"""Kinds of channel whose target is as good as a password: a robot's token, an address that may hold one."""


class ChannelSealError(SealError):
    """A channel's or gateway's secret cannot be opened; `name` is whose."""

    def __init__(self, name: str, why: SealError) -> None:
        super().__init__(
            f"{name}: its secret cannot be read, {why}: put back the key `notify-key` that it was sealed with, "
            "or enter the secret anew"
        )
        self.name = name


def sealed_channel(row: Mapping[str, Any], seal: Seal) -> dict[str, Any]:
    """A channel's row as it is stored. Raises `SealError` where there is a secret and no key."""
    target = seal.close(row["target"]) if row["kind"] in SECRET_TARGETS else row["target"]
    return {**row, "target": target, "secret": seal.close(row["secret"])}


def opened_channel(row: Mapping[str, Any], seal: Seal) -> dict[str, Any]:
    """A channel's row in clear. Raises `ChannelSealError` naming the channel."""
    try:
        return {**row, "target": seal.open(row["target"]), "secret": seal.open(row["secret"])}
    except SealError as error:
        raise ChannelSealError(row["name"], error) from error


def opened_gateway(row: Mapping[str, Any], seal: Seal) -> dict[str, Any]:
    """A gateway's row in clear. Raises `ChannelSealError` naming its kind."""
    try:
        return {**row, "secret": seal.open(row["secret"])}
    except SealError as error:
        raise ChannelSealError(f"gateway {row['kind']}", error) from error


def unreadable(connection: Connection, seal: Seal) -> list[str]:
    """Names of the channels and gateways whose secrets cannot be opened."""
    found = []
    for row in notify_settings.channels(connection):
        try:
            opened_channel(row, seal)
        except ChannelSealError as error:
            found.append(error.name)
    for row in notify_settings.gateways(connection).values():
        try:
            opened_gateway(row, seal)
        except ChannelSealError as error:
            found.append(error.name)
    return found


def count_sealed(connection: Connection) -> int:
    """How many channels and gateways have a secret that is sealed."""
    rows = [*notify_settings.channels(connection), *notify_settings.gateways(connection).values()]
    return sum(any(str(row.get(name, "")).startswith(SEALED) for name in ("target", "secret")) for row in rows)


def reseal(connection: Connection, seal: Seal) -> int:
    """Seal with the first key what lies open or was sealed with a later one; how many. What cannot be read stays.

    A row that somebody changes meanwhile keeps what they gave.
    """
    if not seal:
        return 0
    done = 0
    for row in notify_settings.channels(connection):
        names = ("target", "secret") if row["kind"] in SECRET_TARGETS else ("secret",)
        done += _reseal(connection, "notify_channel", "id", row, names, seal)
    for row in notify_settings.gateways(connection).values():
        done += _reseal(connection, "notify_gateway", "kind", row, ("secret",), seal)
    return done


def _reseal(
    connection: Connection, table: str, key: str, row: Mapping[str, Any], names: tuple[str, ...], seal: Seal
) -> int:
    try:
        new = {name: seal.newest(row[name]) for name in names}
    except SealError:
        return 0
    changed = {name: value for name, value in new.items() if value != row[name]}
    return int(notify_settings.replace_secrets(connection, table, key, row, changed)) if changed else 0
