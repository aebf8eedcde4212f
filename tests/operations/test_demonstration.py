"""The demonstration is removed while the system runs, and stays away."""

import httpx
import pytest

from operations import first_start
from operations.folder import DataFolder
from operations.secrets import Secrets
from store.connections import connect
from store.embedded import EmbeddedPostgres
from tests.operations.test_devices import admitted, entry
from tests.system import System, eventually, running

pytestmark = [pytest.mark.system, pytest.mark.slow]


def test_one_command_of_the_api_removes_the_demonstration_from_a_running_system() -> None:
    """Sites and invented people go at once, readings soon after; the simulators end, a real device goes on."""
    with running("--sites", "2", "--backfill", "1") as system:
        made = system.post("devices", entry("stays")).raise_for_status().json()
        eventually(lambda: admitted(made), "the real device is admitted", timeout=10)
        processes = system.pids()
        invented = [each["id"] for each in system.get("channels") if each["simulated"]]
        assert readings(system, invented) > 0
        url = f"{system.api}/api/v1/demonstration"
        deleted = httpx.delete(url, headers=system.headers(), timeout=60).raise_for_status().json()
        assert deleted["site"] > 2
        assert [each["username"] for each in system.get("people")] == ["admin"], "invented people go too"
        eventually(
            lambda: [each["code"] for each in system.get("sites")] == ["stays"], "only the real venue", timeout=5
        )
        eventually(lambda: "simulators" not in system.pids(), "the simulators have ended", timeout=20)
        eventually(lambda: readings(system, invented) == 0, "their readings are deleted", timeout=30)
        eventually(lambda: system.health()["status"] == "ok", "all is well without them", timeout=30)
        assert admitted(made)
        left = system.pids()
        assert left == {name: pid for name, pid in processes.items() if name in left}, "nothing else was started again"
        folder = DataFolder(system.data)
        record = folder.read_record()
        assert record is not None
        assert not record.demonstration
        # A process that dies before it notes the removal finds it in the database at its next start.
        record.demonstration = True
        first_start.prepare_database(dsn_of(system), record)
        assert [each["code"] for each in system.get("sites")] == ["stays"]


def dsn_of(system: System) -> str:
    """The system's database."""
    folder = DataFolder(system.data)
    record = folder.read_record()
    assert record is not None
    password = Secrets.of(folder.secrets).postgres
    return EmbeddedPostgres(system.data / "postgres", port=record.ports["database"], password=password).dsn


def readings(system: System, channels: list[int]) -> int:
    """How many readings of channels are stored."""
    with connect(dsn_of(system)) as connection:
        row = connection.execute("SELECT count(*) FROM reading WHERE channel_id = ANY(%s)", (channels,)).fetchone()
    return int(row[0]) if row else 0
