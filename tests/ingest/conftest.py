"""Fixtures of the ingest tests: a registered world in a fresh database and a broker that knows its devices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.model import Registry
from tests.brokers import NatsBroker
from tests.ingest.world import make_registry, register


@pytest.fixture
def world() -> Registry:
    """Four devices of eight channels."""
    return make_registry()


@pytest.fixture
def registered(database: str, world: Registry) -> str:
    """The DSN of a fresh database that holds `world`."""
    register(database, world)
    return database


@pytest.fixture
def nats(tmp_path: Path, world: Registry) -> Iterator[NatsBroker]:
    """A running NATS broker with the devices of `world` that delivers again after 1 s, to be quick."""
    with NatsBroker(tmp_path / "nats", world, ack_wait_s=1) as broker:
        yield broker


@pytest.fixture
def nats_as_shipped(tmp_path: Path, world: Registry) -> Iterator[NatsBroker]:
    """A running NATS broker with the devices of `world`, configured as in operation."""
    with NatsBroker(tmp_path / "nats", world, sync_interval="always") as broker:
        yield broker
