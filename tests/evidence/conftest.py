"""A package made from a real journal, once for all tests that only look at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest

from monitor.evidence.package import Maker, audited, draft
from monitor.evidence.scope import subject_of
from store import anchors
from store.connections import connect
from tests.databases import Server
from tests.evidence.world import alarm_id, played

NOW: Final = datetime(2026, 6, 1, 8, tzinfo=UTC)
WANG: Final = Maker("wang", "王监督员")
LI: Final = Maker("li", "李科长")


@dataclass(frozen=True)
class Packed:
    """A draft, the same with its audit, and the anchors as they were published."""

    draft: bytes
    audited: bytes
    anchors: bytes


@pytest.fixture(scope="session")
def packed(database_server: Server) -> Iterator[Packed]:
    """The package of the alarm at P1."""
    with database_server.new_database() as dsn, connect(dsn, autocommit=True) as connection:
        registry = played(connection)
        anchors.make(connection, NOW, "daily")
        made = draft(connection, subject_of(connection, "alarm", alarm_id(connection)), registry, WANG, "核查", NOW)
        whole = audited(made, LI, NOW, accepted=True, note="与设备记录一致")
        connection.execute(
            "INSERT INTO evidence_package (subject, subject_id, site, simulated, purpose, made_at, made_by, sha256, "
            "content) VALUES ('alarm', 1, 'P1', false, 'x', %s, 'wang', encode(sha256(%s), 'hex'), %s)",
            (NOW, whole, b""),
        )
        anchors.make(connection, NOW, "export")
        published = b"".join(f"{each.content}\n".encode() for each in anchors.after(connection, 0))
        yield Packed(made, whole, published)
