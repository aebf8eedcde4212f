"""The whole system as an operator meets it: start, kill, end, start again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from operations.secrets import Secrets
from registry.credentials import device_password
from tests.system import System, eventually, new_data_folder, start

pytestmark = [pytest.mark.system, pytest.mark.slow]

SMALL = ("--sites", "3", "--backfill", "1")
SERVICES = ("ingest", "monitor", "notify", "api", "dashboard", "simulators", "broker", "database")


def landun(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "landun", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def states(system: System) -> dict[str, str]:
    """State of each component that /health names."""
    return {component["name"]: component["state"] for component in system.health()["components"]}


def well(system: System) -> bool:
    """Whether everything is up."""
    return set(states(system).values()) == {"up"}


def processes_of(system: System) -> list[psutil.Process]:
    """The supervisor and all that descends from it."""
    supervisor = psutil.Process(system.process.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def test_every_simulated_site_is_live_soon_after_the_start(system: System) -> None:
    """Within 60 s of `ready` the API counts 32 simulated pools, 2 disposers and 8 institutions of waste as live."""
    # A test before may have brought a live venue, which counts for itself.
    whole = {"total": 42, "online": 42}
    eventually(lambda: system.health()["sites"]["simulated"] == whole, "42 simulated sites live", timeout=60)
    eventually(lambda: system.health()["status"] == "ok", "every part is well", timeout=60)


def test_history_reaches_back_a_day_and_goes_on_into_the_present(system: System) -> None:
    """The first start makes a day of history that joins what the fleet publishes: no gap of over two periods."""
    channel = system.get("channels")[0]["id"]

    def newest_is_fresh() -> bool:
        return bool(system.health()["journal"]["last_id"])

    eventually(newest_is_fresh, "journal rows")
    (series,) = system.get("readings", channel=channel, points=5_000)
    assert sum(series["points"]["count"]) > 1_400


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_comes_back_and_the_others_go_on(system: System, service: str) -> None:
    """Kill -9 of any one service: no other process is replaced, it comes back by itself, and all is well again."""
    eventually(lambda: well(system), "all well before", timeout=60)
    before = system.pids()
    os.kill(before[service], signal.SIGKILL)
    eventually(lambda: system.pids().get(service, before[service]) != before[service], f"{service} again", timeout=60)
    eventually(lambda: well(system), f"all well after {service} was killed", timeout=60)
    after = system.pids()
    assert {name: pid for name, pid in after.items() if name != service} == {
        name: pid for name, pid in before.items() if name != service
    }


def test_a_missing_database_is_named_and_the_api_still_answers(system: System) -> None:
    """With the database stopped, /health answers 200, degraded, naming it; it is well again by itself."""
    database = psutil.Process(system.pids()["database"])
    database.suspend()
    family = [database, *database.children(recursive=True)]
    for process in family[1:]:
        process.suspend()
    try:
        eventually(lambda: states(system)["database"] == "missing", "database named as missing", timeout=60)
        assert system.health()["status"] == "degraded"
    finally:
        for process in reversed(family):
            process.resume()
    eventually(lambda: well(system), "all well again", timeout=60)


def test_a_forbidden_publish_becomes_a_dead_letter(system: System) -> None:
    """A device that publishes on another's topic is acknowledged by the broker; the refusal is kept and counted.

    The broker's log names the client, which by convention is the device's code.
    """
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - only this test speaks MQTT itself
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    device = system.get("channels")[0]["device"]
    ports = json.loads((system.data / "landun.json").read_text(encoding="utf-8"))["ports"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=device)
    client.username_pw_set(device, device_password(Secrets.of(system.data / "secrets").device_master, device))
    client.connect("127.0.0.1", ports["broker"])
    client.loop_start()
    topic = "landun/v1/320602/somewhere/else/telemetry"
    client.publish(topic, b"{}", qos=1).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()

    def letters() -> list[dict[str, Any]]:
        found = system.get("dead-letters", reason="forbidden_publish")["items"]
        return [each for each in found if each["topic"] == topic]

    (letter,) = eventually(letters, "dead letter forbidden_publish", timeout=30)
    assert letter["device"] == device


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty data folder of one test's own."""
    data = new_data_folder()
    yield data
    shutil.rmtree(data, ignore_errors=True)


def test_a_system_ends_and_goes_on_where_it_ended(folder: Path) -> None:
    """The life of a system: started, ended within 30 s, started again, killed, started again, emptied.

    The second start keeps seed and readings, and gives up a port that has become busy. After kill -9 of the
    supervisor no service stays, and the next start works.
    """
    first = start(folder, *SMALL)
    try:
        refuses_a_second_supervisor(folder)
        processes = processes_of(first)
        assert len(processes) >= len(SERVICES)
        seed = first.get("simulators")["seed"]
        readings = first.health()["journal"]["last_id"]
        assert readings > 0
    finally:
        took = first.end(signal.SIGINT)
    assert took < 30
    assert first.process.returncode == 0
    assert [process for process in processes if process.is_running()] == []

    password = commands_work_on_an_ended_system(folder)
    second = start_beside_a_squatter(folder, first)
    try:
        second.password = password
        assert second.get("simulators")["seed"] == seed
        assert second.health()["journal"]["last_id"] >= readings
        processes = processes_of(second)
    finally:
        second.process.kill()
        second.process.wait()
    if sys.platform == "linux":
        psutil.wait_procs(processes, timeout=15)
        assert [process for process in processes if process.is_running()] == []

    third = start(folder, *SMALL)
    try:
        eventually(lambda: third.health()["sites_live"] == 13, "sites live after a crash", timeout=60)
    finally:
        assert third.end() < 30
    goes_on_without_its_demonstration(folder, password)


def refuses_a_second_supervisor(folder: Path) -> None:
    """A second `up` on the same folder ends at once with one line that says what to do."""
    refused = landun("up", "--data", str(folder))
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("end it first, or give another folder with --data")
    assert "Traceback" not in refused.stderr


def commands_work_on_an_ended_system(folder: Path) -> str:
    """Chores start the folder's database for themselves; returns the administrator's new password."""
    checked = landun("verify", "--data", str(folder))
    assert checked.returncode == 0, checked.stderr
    assert "each is as it was written" in checked.stdout
    assert landun("migrate", "--data", str(folder)).stdout == "up to date\n"
    unknown = landun("passwd", "--data", str(folder), "nobody")
    assert unknown.returncode == 2
    assert "no person has the username 'nobody'; there are: admin" in unknown.stderr
    renewed = landun("passwd", "--data", str(folder))
    assert renewed.stdout.startswith("new password of admin: ")
    return renewed.stdout.split()[-1]


def start_beside_a_squatter(folder: Path, former: System) -> System:
    """Start while somebody else listens on the port the API had: it takes another and says so."""
    port = httpx.URL(former.api).port
    assert port is not None
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        system = start(folder, *SMALL)
    assert f"port {port} is busy: api takes port" in system.log()
    assert system.api != former.api
    return system


def goes_on_without_its_demonstration(folder: Path, password: str) -> None:
    """`demo remove` leaves no site and no simulators, and the next start is well without them."""
    removed = landun("demo", "remove", "--data", str(folder))
    assert removed.returncode == 0, removed.stderr
    last = start(folder)
    try:
        last.password = password
        assert last.get("sites") == []
        assert "simulators" not in last.pids()
        assert last.health()["status"] == "ok"
    finally:
        last.end()
