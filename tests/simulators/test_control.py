"""The control's HTTP on a fleet that runs; no broker is needed to command it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from operations.ports import any_free
from simulators.control import control_app
from simulators.every_fault import SPECS
from simulators.fault_kinds import FaultKind
from simulators.fleet import Fleet
from tests.simulators.live import broker_and_ear, running, settings_for, wait_until
from tests.simulators.worlds import SEED, city

CITY = city(3, stores=1)
SITE, POINT = "nt-cc-001", "b1"
FAULT = {"site": SITE, "sampling_point": POINT, "fault": "dosing_failure"}


@pytest.fixture(name="control")
def _control(tmp_path: Path) -> Iterator[TestClient]:
    with (
        running(Fleet(settings_for(CITY, tmp_path, any_free()))) as fleet,
        TestClient(control_app(fleet), base_url="http://127.0.0.1") as client,
    ):
        yield client


def test_fleet_shows_every_basin_with_its_truth(control: TestClient) -> None:
    """State, counts and true values of each basin, as the contract with the API has it."""
    fleet = control.get("/fleet").json()
    assert {key: fleet[key] for key in ("running", "paused_reason", "speed", "seed")} == {
        "running": True,
        "paused_reason": None,
        "speed": 1.0,
        "seed": SEED,
    }
    assert fleet["sim_now"].endswith("Z")
    assert {site["code"] for site in fleet["sites"]} == set(CITY.sites)
    basins = [basin for site in fleet["sites"] for basin in site["basins"]]
    assert {basin["device"] for basin in basins} == set(CITY.devices)
    for basin in basins:
        assert not basin["connected"]
        assert basin["faults"] == []
        if basin["device"] == "nt-cc-s01-s1":
            assert 1.0 < basin["truth"]["cold_store"] < 5.0
        else:
            assert 0.3 < basin["truth"]["free_chlorine"] < 1.0
        assert basin["published"] == basin["acknowledged"] == 0


def test_fault_is_shown_where_it_is_and_can_be_ended_once_or_twice(control: TestClient) -> None:
    """201 with the truth; 409 for the same again; after its end it stays in the list with both times."""
    made = control.post("/faults", json=FAULT | {"minutes": 90})
    assert made.status_code == 201
    fault = made.json()
    assert (fault["site"], fault["sampling_point"], fault["fault"]) == (SITE, POINT, "dosing_failure")
    assert fault["started_at"] < fault["ends_at"]
    assert fault["ended_at"] is None
    shown = [basin for site in control.get("/fleet").json()["sites"] for basin in site["basins"] if basin["faults"]]
    assert [basin["device"] for basin in shown] == [f"{SITE}-{POINT}"]
    again = control.post("/faults", json=FAULT)
    assert again.status_code == 409
    assert "dosing_failure" in again.json()["detail"]
    ended = control.delete(f"/faults/{fault['id']}")
    assert ended.status_code == 200
    assert ended.json()["ended_at"] is not None
    assert control.delete(f"/faults/{fault['id']}").json() == ended.json()
    assert control.get("/faults").json() == [ended.json()]


def test_every_fault_can_be_injected_where_it_can_happen_and_ended(control: TestClient) -> None:
    """Each kind into the pool or the cold store that can have it, at the ends of its range, ended one by one."""
    listed = {each["fault"]: each for each in control.get("/kinds").json()}
    assert set(listed) == {kind.value for kind in SPECS}
    kinds = {kind: known for kind, known in listed.items() if {"pool", "cold_store"} & set(known["plants"])}
    assert set(kinds) == {kind.value for kind in FaultKind}
    for kind, known in kinds.items():
        where = {"site": SITE, "sampling_point": POINT}
        if "pool" not in known["plants"]:
            where = {"site": "nt-cc-s01", "sampling_point": "s1"}
        made = control.post("/faults", json={**where, "fault": kind, "size": known["largest"]})
        assert made.status_code == 201, made.json()
        assert (made.json()["size"], made.json()["unit"]) == (known["largest"], known["unit"])
        assert control.delete(f"/faults/{made.json()['id']}").json()["ended_at"] is not None


def test_copied_series_names_its_source_and_short_faults_their_end(control: TestClient) -> None:
    """The truth says whose readings are copied; a spike ends by itself; where size is duration both agree."""
    copied = control.post("/faults", json=FAULT | {"fault": "copied_series", "minutes": 90}).json()
    assert CITY.devices[copied["source"]].site != SITE
    assert copied["size"] == 90
    spike = control.post("/faults", json=FAULT | {"fault": "spike", "size": -0.5}).json()
    assert spike["ends_at"] is not None
    assert spike["size"] == -0.5
    stuck = control.post("/faults", json=FAULT | {"fault": "stuck_sensor", "size": 120}).json()
    assert stuck["ends_at"] is not None
    whole = control.post("/faults", json=FAULT).json()
    assert (whole["size"], whole["ends_at"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "parts"),
    [
        ("POST", "/faults", FAULT | {"site": "nowhere"}, 404, ("'nowhere'", SITE)),
        ("POST", "/faults", FAULT | {"sampling_point": "b9"}, 404, ("'b9'", SITE, "b1, b2")),
        ("POST", "/faults", FAULT | {"fault": "magic"}, 422, ("fault", "'magic'", "dosing_failure", "dropout")),
        ("POST", "/faults", FAULT | {"minutes": 0}, 422, ("minutes", "0", "greater than 0")),
        ("POST", "/faults", FAULT | {"minutes": "soon"}, 422, ("minutes", "'soon'", "number")),
        ("POST", "/faults", FAULT | {"size": 0.05}, 422, ("size 0.05", "between 0.1 and 0.6 mg/L")),
        ("POST", "/faults", FAULT | {"size": -0.3}, 422, ("size -0.3", "between 0.1 and 0.6 mg/L")),
        ("POST", "/faults", FAULT | {"fault": "spike", "size": 9}, 422, ("size 9", "or the same below zero")),
        ("POST", "/faults", FAULT | {"fault": "cold_store_failure"}, 422, ("watches a pool", "dosing_failure")),
        ("POST", "/faults", {"site": SITE}, 422, ("sampling_point", "fault", "required")),
        ("POST", "/faults", FAULT | {"wrong": 1}, 422, ("wrong", "not permitted")),
        ("DELETE", "/faults/none", None, 404, ("'none'",)),
        ("POST", "/speed", {"speed": 0.5}, 422, ("speed", "0.5", "greater than or equal to 1")),
        ("POST", "/speed", {"speed": 3601}, 422, ("speed", "3601", "less than or equal to 3600")),
        ("POST", "/stop", {"sites": ["nowhere"]}, 404, ("'nowhere'", SITE)),
        ("POST", "/start", {"sites": "all"}, 422, ("sites", "'all'", "list")),
    ],
)
def test_refusals_name_the_value_and_what_would_be_right(
    control: TestClient, method: str, path: str, body: object, status: int, parts: tuple[str, ...]
) -> None:
    """404 for what does not exist, 422 for what is not allowed; nothing is changed."""
    before = control.get("/faults").json()
    answer = control.request(method, path, json=body) if body is not None else control.request(method, path)
    assert answer.status_code == status
    for part in parts:
        assert part in answer.json()["detail"]
    assert control.get("/faults").json() == before
    assert control.get("/fleet").json()["speed"] == 1.0


def test_sites_stop_and_start_and_speed_is_set(control: TestClient) -> None:
    """Stopping all sites pauses the fleet by the operator; starting with no body starts all."""
    assert control.post("/speed", json={"speed": 60}).json()["speed"] == 60
    stopped = control.post("/stop", json={"sites": [SITE]}).json()
    assert stopped["stopped"] == [SITE]
    assert stopped["running"]
    assert control.post("/stop", json={}).json()["paused_reason"] == "operator"
    assert not control.get("/fleet").json()["running"]
    assert control.post("/start").json() == {"running": True, "paused_reason": None, "speed": 60.0, "stopped": []}


def test_control_answers_to_loopback_names_only(control: TestClient) -> None:
    """A web page that points its own name at 127.0.0.1 is refused."""
    assert control.get("/fleet", headers={"host": "evil.example"}).status_code == 400


SERVICE = """
import logging, sys
from pathlib import Path
from dataclasses import replace
from simulators.service import run
from tests.simulators.live import settings_for
from tests.simulators.worlds import city
logging.basicConfig(level=logging.INFO)
folder, broker, control = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
run(replace(settings_for(city(3, stores=1), folder, broker), control_port=control))
"""


def test_service_publishes_answers_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    """As a process: its devices are heard, its control answers, SIGTERM ends it within 5 s with status off line."""
    port = any_free()
    with broker_and_ear(tmp_path, CITY) as (broker, ear):
        command = [sys.executable, "-c", SERVICE, str(tmp_path), str(broker.mqtt_port), str(port)]
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
        try:
            wait_until("all heard", lambda: {code for code, _ in list(ear.records)} == set(CITY.devices))
            fleet = httpx.get(f"http://127.0.0.1:{port}/fleet", trust_env=False).json()
            assert fleet["connected"] == fleet["devices"] == len(CITY.devices)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            wait_until("all off line", lambda: all(ear.statuses[code][-1] is False for code in CITY.devices))
            assert (tmp_path / "simulators" / "state.json").exists()
        finally:
            process.kill()
            process.wait()


def test_service_names_an_address_that_is_taken(tmp_path: Path) -> None:
    """The error says which address, and the process ends at once."""
    with broker_and_ear(tmp_path, CITY) as (broker, _):
        command = [sys.executable, "-c", SERVICE, str(tmp_path), str(broker.mqtt_port), str(broker.mqtt_port)]
        ended = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode != 0
    assert f"control address 127.0.0.1:{broker.mqtt_port} cannot be used" in ended.stderr
