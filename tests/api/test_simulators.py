"""The simulators behind the API: a real fleet with its real control (its broker is away, which it survives)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import uvicorn

from operations.ports import any_free
from registry.demonstration import demonstration
from simulators.control import control_app
from simulators.fleet import Fleet
from simulators.settings import SimulatorSettings
from store import journal
from store.connections import Connection, connect
from store.registry_rows import save_registry
from tests.api.conftest import REGISTERED, Served, component, eventually, prepare, serving

SEED = 7


@dataclass
class Control:
    """A running fleet and its control's address."""

    url: str
    fleet: Fleet


@contextmanager
def controlling(data: Path, port: int) -> Iterator[Control]:
    """A fleet of two pools, running, with its control on a port."""
    registry = demonstration(SEED, online=2, offline=0, registered_at=REGISTERED)
    fleet = Fleet(SimulatorSettings(registry, SEED, data, "127.0.0.1", any_free(), lambda code: code, min_free_bytes=0))
    config = uvicorn.Config(control_app(fleet), port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    threads = [threading.Thread(target=fleet.run, daemon=True), threading.Thread(target=server.run, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: server.started, "the control answers")
        yield Control(f"http://127.0.0.1:{port}", fleet)
    finally:
        server.should_exit = True
        fleet.end()
        for thread in threads:
            thread.join(10)


@pytest.fixture
def fleet_port() -> int:
    """Where the control listens."""
    return any_free()


@pytest.fixture
def control(tmp_path: Path, fleet_port: int) -> Iterator[Control]:
    """The running fleet."""
    with controlling(tmp_path, fleet_port) as running:
        yield running


@pytest.fixture
def api(database: str, fleet_port: int) -> Iterator[Served]:
    """The API that knows the fleet's pools and where its control is."""
    with connect(database) as connection:
        prepare(connection)
        save_registry(connection, demonstration(SEED, online=2, offline=0, registered_at=REGISTERED))
    with serving(database, simulators_url=f"http://127.0.0.1:{fleet_port}") as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        yield served


def a_basin(api: Served) -> dict[str, str]:
    """Site and sampling point of a simulated basin."""
    site = api.get("/simulators")["sites"][0]
    return {"site": site["code"], "sampling_point": site["basins"][0]["sampling_point"]}


def speeds(db: Connection) -> list[float]:
    """The speeds told to the monitor, oldest first."""
    events = [journal.event_of(entry) for entry in journal.read_after(db, 0, 100) if entry.kind == "config"]
    return [event["speed"] for event in events if event["what"] == "simulation"]


def test_the_fleet_is_shown(control: Control, api: Served) -> None:
    """Each basin with its connection, counts and the true values of the physics; health counts the simulators up."""
    fleet = api.get("/simulators")
    assert fleet["running"] is True
    assert fleet["seed"] == SEED
    basin = fleet["sites"][0]["basins"][0]
    assert basin["connected"] is False
    assert 0 <= basin["truth"]["ph"] <= 14
    eventually(lambda: component(api, "simulators") == "up", "the simulators are up")


def test_a_fault_is_injected_and_its_truth_kept(control: Control, api: Served, db: Connection) -> None:
    """Injected, listed with the basin, kept in the database; ended, the truth has an end. Both are in the audit log."""
    where = a_basin(api)
    answer = api.client().post("/simulators/faults", json={**where, "fault": "dosing_failure"})
    assert answer.status_code == 201, answer.text
    fault = answer.json()
    truth = api.get("/simulators/truth")
    assert [(row["fault_id"], row["site"], row["fault"], row["ended_at"]) for row in truth] == [
        (fault["id"], where["site"], "dosing_failure", None)
    ]
    assert api.client().delete(f"/simulators/faults/{fault['id']}").status_code == 200
    ended = api.get("/simulators/truth")[0]
    assert datetime.fromisoformat(ended["ended_at"]) >= datetime.fromisoformat(ended["started_at"])
    actions = [row[0] for row in db.execute("SELECT action FROM audit_log WHERE action LIKE 'sim%' ORDER BY id")]
    assert actions == ["simulators_inject", "simulators_end_fault"]


def test_a_fault_of_a_size_keeps_it_in_the_truth(control: Control, api: Served) -> None:
    """Kinds are listed with their ranges; a size goes through to the pool and the truth, one outside is refused."""
    kinds = {each["fault"]: each for each in api.get("/simulators/kinds")}
    known = kinds["fouling_drift"]
    assert (known["unit"], known["smallest"], known["largest"]) == ("mg/L", 0.1, 0.4)
    wanted = {**a_basin(api), "fault": "fouling_drift"}
    refused = api.client().post("/simulators/faults", json={**wanted, "size": 4})
    assert refused.status_code == 422
    assert "size 4: must be between 0.1 and 0.4 mg/L" in refused.json()["detail"]
    made = api.client().post("/simulators/faults", json={**wanted, "size": 0.3, "minutes": 600})
    assert made.status_code == 201, made.text
    (row,) = api.get("/simulators/truth")
    assert (row["fault"], row["detail"]["size"], row["detail"]["unit"]) == ("fouling_drift", 0.3, "mg/L")


def test_a_change_of_speed_reaches_the_journal(control: Control, api: Served, db: Connection) -> None:
    """Once the control accepted it; the same speed again adds nothing."""
    assert api.client().post("/simulators/speed", json={"speed": 60}).json()["speed"] == 60
    assert api.client().post("/simulators/speed", json={"speed": 60}).status_code == 200
    assert speeds(db) == [60.0]
    assert api.client().post("/simulators/speed", json={"speed": 1}).status_code == 200
    assert speeds(db) == [60.0, 1.0]


def test_a_speed_changed_elsewhere_is_made_good(control: Control, api: Served, db: Connection) -> None:
    """The poll appends the row where the control's speed is not the journal's newest."""
    control.fleet.call(lambda: control.fleet.set_speed(10.0))
    eventually(lambda: speeds(db) == [10.0], "the poll told the journal")


def test_refusals_come_through_and_change_nothing(control: Control, api: Served, db: Connection) -> None:
    """The control's reason and status; no truth, no speed; the attempt is in the audit log with its failure."""
    where = a_basin(api)
    unknown = api.client().post("/simulators/faults", json={**where, "site": "NOWHERE", "fault": "pump_off"})
    assert unknown.status_code == 404
    assert "NOWHERE" in unknown.json()["detail"]
    refused = api.client().post("/simulators/faults", json={**where, "fault": "meteor"})
    assert refused.status_code == 422
    assert "'meteor'" in refused.json()["detail"]
    assert "dosing_failure" in refused.json()["detail"]
    assert api.client().post("/simulators/speed", json={"speed": 0.5}).status_code == 422
    assert api.client().delete("/simulators/faults/no-such-fault").status_code == 404
    assert api.get("/simulators/truth") == []
    assert speeds(db) == []
    actions = [row[0] for row in db.execute("SELECT action FROM audit_log WHERE action LIKE 'sim%' ORDER BY id")]
    assert actions == [
        "simulators_inject",
        "simulators_inject_failed",
        "simulators_end_fault",
        "simulators_end_fault_failed",
    ]


def test_sites_are_stopped_and_started(control: Control, api: Served) -> None:
    """One by its code, then all."""
    site = a_basin(api)["site"]
    assert api.client().post("/simulators/stop", json={"sites": [site]}).json()["stopped"] == [site]
    stopped = {each["code"]: each["stopped"] for each in api.get("/simulators")["sites"]}
    assert stopped[site] is True
    assert sum(stopped.values()) == 1
    assert api.client().post("/simulators/start", json={}).json()["stopped"] == []


def test_missing_simulators_are_said_to_be_missing(api: Served, tmp_path: Path, fleet_port: int) -> None:
    """503 with the reason, health degraded; when they come, they are found."""
    answer = api.client().get("/simulators")
    assert answer.status_code == 503
    assert "the simulators do not answer" in answer.json()["detail"]
    assert api.client().post("/simulators/speed", json={"speed": 2}).status_code == 503
    eventually(lambda: component(api, "simulators") == "missing", "the simulators are missing")
    with controlling(tmp_path, fleet_port):
        eventually(lambda: component(api, "simulators") == "up", "the simulators are found")
