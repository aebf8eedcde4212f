"""Secondary water supply, docs/scenarios.md's worked example, put into a folder of a running platform."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from monitor.api import people as passwords
from operations.ports import any_free
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store import people
from store.connections import connect
from store.people import Person
from store.registry_rows import save_registry
from tests.brokers import NatsBroker
from tests.ingest.world import IngestProcess, Publisher, now_ms, payload, wait_until
from tests.monitor.test_service import RUN as MONITOR

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "scenarios"
PASSWORD: Final = "a password of the tests"
INDICATORS: Final = ("free_chlorine", "ph", "turbidity", "supply_pressure")
API: Final = """
import os
from monitor.api.service import run
from monitor.api.settings import ApiSettings
run(ApiSettings(os.environ["LANDUN_DATABASE_URL"], "x" * 40, port=int(os.environ["PORT"])))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of scenarios outside the platform, with the example in it."""
    shutil.copytree(EXAMPLES, tmp_path / "scenarios")
    return tmp_path / "scenarios"


def estate() -> Registry:
    """A housing estate with a station at the tank's inlet and one at a tap."""
    site = Site(
        code="estate-1",
        county="320602",
        status=SiteStatus.LIVE,
        name_zh="濠东花苑二次供水",
        name_en="Haodong Gardens supply",
        lon=120.87,
        lat=32.0,
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        scenario="secondary_water_supply",
    )
    places = (("works", "水厂出水", "Works"), ("tap", "龙头水", "Tap"))
    points = [SamplingPoint(site.code, kind, zh, en, kind, 0.0) for kind, zh, en in places]
    devices = [Device(f"ws-{point.code}", site.code, point.code, 300) for point in points]
    pairs = [(device.code, indicator) for device in devices for indicator in INDICATORS]
    channels = [Channel(number, device, indicator) for number, (device, indicator) in enumerate(pairs, start=1)]
    return Registry.of([site], points, devices, channels)


@contextmanager
def program(source: str, environment: dict[str, str]) -> Iterator[None]:
    """A service as a process of its own, killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", source], env={**os.environ, **environment})
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def platform(dsn: str, registry: Registry, tmp_path: Path, folder: Path) -> Iterator[tuple[NatsBroker, str]]:
    """Broker, ingest, monitor and API that know of the folder; the broker and the API's address."""
    port = any_free()
    environment = {"LANDUN_SCENARIOS": str(folder), "LANDUN_DATABASE_URL": dsn, "PORT": str(port)}
    with ExitStack() as stack:
        nats = stack.enter_context(NatsBroker(tmp_path / "nats", registry, ack_wait_s=1))
        stack.enter_context(IngestProcess(dsn, nats.ingest_url, hold_s=0.5, more=environment))
        stack.enter_context(program(MONITOR, environment))
        stack.enter_context(program(API, environment))
        yield nats, f"http://127.0.0.1:{port}/api/v1"


def signed_in(api: str) -> httpx.Client:
    """A client of the API, once that answers."""

    def token() -> str:
        try:
            answer = httpx.post(f"{api}/auth/token", data={"username": "admin", "password": PASSWORD}, trust_env=False)
            return str(answer.json().get("access_token", ""))
        except (httpx.HTTPError, ValueError):
            return ""

    wait_until(token, 60, what="the API's start")
    return httpx.Client(base_url=api, headers={"Authorization": f"Bearer {token()}"}, timeout=10, trust_env=False)


def states(client: httpx.Client) -> dict[tuple[str, str], str | None]:
    """The state of each channel, by sampling point and indicator."""
    channels = client.get("/sites/estate-1").json().get("channels", [])
    return {(each["sampling_point"], each["indicator"]): each["state"] for each in channels}


@pytest.mark.slow
def test_a_scenario_in_a_folder_is_ingested_judged_and_shown(database: str, tmp_path: Path, folder: Path) -> None:
    """A site of a kind no code knows publishes its own indicator, and is judged by the limit of each sampling point."""
    registry = estate()
    with connect(database) as connection:
        save_registry(connection, registry)
        admin = Person("admin", "admin", "administrator", (), None, passwords.hash_password(PASSWORD))
        people.save(connection, admin, datetime.now(UTC))
    with platform(database, registry, tmp_path, folder) as (nats, api), signed_in(api) as client:
        with Publisher(nats.mqtt_port) as publisher:
            for device in registry.devices.values():
                body = payload(now_ms(-1), free_chlorine=0.2, ph=7.4, turbidity=2.6, supply_pressure=0.08)
                publisher.send(registry.topic_of(device, "telemetry"), body)
        expected = {
            (point, indicator): "pending" if indicator in outside else "normal"
            for point, outside in (
                (
                    "works",
                    {"free_chlorine", "turbidity", "supply_pressure"},
                ),  # 0.2 mg/L leaving the works is too little
                ("tap", {"turbidity", "supply_pressure"}),
            )
            for indicator in INDICATORS
        }
        wait_until(lambda: states(client) == expected, 60, what=f"the states of {states(client)}")
        rules = {
            (each["sampling_point"], each["indicator"]): each
            for each in client.get("/sites/estate-1/rules").json()["rules"]
        }
        assert rules["tap", "free_chlorine"]["interval"] == "0.05–2.00 mg/L"
        assert rules["works", "free_chlorine"]["interval"] == "0.3–2.0 mg/L"
        assert rules["tap", "turbidity"]["standard"] == "GB 5749-2022"
        assert rules["tap", "supply_pressure"]["force"] == "operational"
        assert client.get("/sites").json()[0]["scenario"] == "secondary_water_supply"
        sample = {
            "site": "estate-1",
            "sampling_point": "tap",
            "kind": "laboratory",
            "taken_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
            "results": [{"indicator": "chromaticity", "result": "20"}],
        }
        entered = client.post("/samples", json=sample).json()
        assert (entered["added"], entered["known"], entered["suspected"]) == (1, 0, 1)


LOOK = """
import json
from dashboard.screens import scenario
from registry.limits import profiles
from registry.scenarios import scenarios
water = scenarios()["secondary_water_supply"]
print(json.dumps({
    "pages": [each.code for each in scenario.declared()],
    "entry": callable(scenario._entry(water.folder / water.page.entry).show),
    "profiles": "secondary-supply-operation" in profiles(),
    "devices": {code: list(kind.indicators) for code, kind in water.device_kinds.items()},
}))
"""


def look(folder: Path, source: str = LOOK) -> "subprocess.CompletedProcess[str]":
    """Run a program that knows of a folder of scenarios."""
    environment = {**os.environ, "LANDUN_SCENARIOS": str(folder)}
    return subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=False)


def test_the_page_device_kinds_and_limits_are_those_declared(folder: Path) -> None:
    """The dashboard has the scenario's page with its Python entry, and a device of its kind measures what it says."""
    ended = look(folder)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    assert found == {
        "pages": ["secondary_water_supply"],
        "entry": True,
        "profiles": True,
        "devices": {"water_quality_station": list(INDICATORS)},
    }


@pytest.mark.parametrize(
    ("file", "found", "replacement", "complaint"),
    [
        ("scenario.toml", '"gb5749"', '"gb5750"', "limit profile family 'gb5750' is not declared; known: "),
        ("scenario.toml", '"chromaticity"', '"clouds"', "indicator 'clouds' is not declared"),
        ("scenario.toml", "while_open = false", "while_opened = false", "field while_opened is not known; known: "),
        ("scenario.toml", 'code = "secondary_water_supply"', 'code = "pool"', "scenario 'pool' is declared twice"),
        ("scenario.toml", 'code = "supply_pressure"', 'code = "ph"', "indicator 'ph' is declared already"),
        ("scenario.toml", 'code = "tap"', 'code = "taps"', "'tap' is not a kind of sampling point of any scenario"),
        ("limits/operation.toml", "lo = 0.14", "lo = ", "operation.toml: not valid TOML"),
    ],
)
def test_a_mistake_in_a_declaration_stops_the_start_and_is_named(
    folder: Path, file: str, found: str, replacement: str, complaint: str
) -> None:
    """The message names the file or scenario, what was given and what would be right."""
    path = folder / "secondary_water_supply" / file
    text = path.read_text(encoding="utf-8")
    assert found in text
    path.write_text(text.replace(found, replacement, 1), encoding="utf-8")
    ended = look(folder, "from registry.limits import profiles; profiles()")
    assert ended.returncode != 0
    assert complaint in ended.stderr.replace('\\"', '"')


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mistyped LANDUN_SCENARIOS stops the start."""
    ended = look(tmp_path / "nowhere", "import registry.indicators")
    assert "LANDUN_SCENARIOS: " in ended.stderr
    assert "is not a folder" in ended.stderr
