"""A real device on the whole system: added, heard, adopted, revoked, while another goes on undisturbed."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from operations import broker
from tests.system import System, eventually

pytestmark = [pytest.mark.system, pytest.mark.slow]

CLIENT = re.compile(r"```python\n# device\.py\n(?P<source>.*?)```", re.DOTALL)
DOCUMENT = Path(__file__).parents[2] / "docs" / "devices.md"


@pytest.fixture
def device(system: System, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts the client that docs/devices.md shows, as it stands there."""
    found = CLIENT.search(DOCUMENT.read_text(encoding="utf-8"))
    assert found is not None, "docs/devices.md shows no client"
    lines = [line for line in found["source"].splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 25
    script = tmp_path / "device.py"
    script.write_text(found["source"], encoding="utf-8")
    running: list[subprocess.Popen[bytes]] = []

    def started(uri: str, period: float = 0.5) -> "subprocess.Popen[bytes]":
        running.append(subprocess.Popen([sys.executable, str(script), uri, str(period)]))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()


def entry(code: str) -> dict[str, Any]:
    """A device at a venue of its own, at 崇川区."""
    return {
        "code": f"{code}-d1",
        "site": code,
        "sampling_point": "b1",
        "indicators": ["free_chlorine", "ph"],
        "period_s": 5,
        "site_entry": {"name_zh": "测试馆", "name_en": "Test venue", "county": "崇川区", "lon": 120.9, "lat": 32.0},
        "point_entry": {"name_zh": "标准池", "name_en": "Main pool"},
    }


def site_state(system: System, code: str) -> Any:
    """The state of a site on the map."""
    return next((each["state"] for each in system.get("sites") if each["code"] == code), None)


def test_a_device_is_on_the_map_within_a_minute_and_revoked_within_five_seconds(
    system: System, device: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """The client of docs/devices.md, added over the API, shows within a minute of its start; revoked it is cut off.

    A second device stays connected all the while and loses nothing; an unknown field is stored once adopted; the
    monitor keeps the state of every channel over each change of the registry.
    """
    bystander = Bystander(system.post("devices", entry("bystander")).raise_for_status().json())
    made = system.post("devices", entry("real")).raise_for_status().json()
    eventually(lambda: "real" in {each["code"] for each in system.get("sites")}, "the venue is shown", timeout=5)

    eventually(lambda: admitted(made), "the broker admits the device", timeout=10)
    began = time.monotonic()
    process = device(made["uri"])
    eventually(lambda: system.get("devices/real-d1")["state"] == "online", "the device is seen", timeout=60)
    eventually(lambda: site_state(system, "real") not in (None, "offline", "none"), "on the map", timeout=60)
    assert time.monotonic() - began < 60
    assert system.get("devices/real-d1")["firmware"] == "1.0"

    eventually(lambda: system.get("devices/real-d1")["unknown_fields"] == ["ORP_mV"], "the field is named")
    system.post("devices/real-d1/adopt", {"field": "ORP_mV", "indicator": "orp"}).raise_for_status()
    eventually(lambda: "orp" in measured(system, "real"), "the adopted field is stored", timeout=10)

    url = f"{system.api}/api/v1/devices/real-d1/credential"
    httpx.delete(url, headers=system.headers(), timeout=30).raise_for_status()
    assert process.wait(5) == 1, "the client ends when it is not admitted"
    bystander.check(system)
    assert not admitted(made), "the old password is void"


def measured(system: System, site: str) -> set[str]:
    """The indicators of a site that have a value."""
    return {each["indicator"] for each in system.get(f"sites/{site}")["channels"] if each["value"] is not None}


def admitted(made: dict[str, Any]) -> bool:
    """Whether the broker lets a credential in."""
    return broker.is_ready(made["port"], made["device"], made["password"], host=made["host"])


class Bystander:
    """Another device, connected from before to after every change."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.made, self.disconnects, self.sent = made, 0, 0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=made["device"])
        self.client.username_pw_set(made["device"], made["password"])
        self.client.on_disconnect = self._disconnected
        eventually(lambda: admitted(made), "the bystander is admitted", timeout=10)
        self.client.connect(made["host"], made["port"])
        self.client.loop_start()
        self.publish()

    def _disconnected(self, *_: object) -> None:
        self.disconnects += 1

    def publish(self) -> None:
        """Send a reading and wait for its acknowledgement."""
        self.sent += 1
        payload = f'{{"ts": {time.time_ns() // 1_000_000}, "values": {{"ph": 7.2}}}}'
        self.client.publish(self.made["topic"], payload, qos=1).wait_for_publish(10)

    def check(self, system: System) -> None:
        """Its messages still flow, on the connection it has had all along."""
        self.publish()
        assert self.client.is_connected()
        assert self.disconnects == 0
        own = [each for each in system.get("channels") if each["device"] == self.made["device"]]
        (channel,) = (each["id"] for each in own if each["indicator"] == "ph")

        def stored() -> bool:
            (series,) = system.get("readings", channel=channel, points=5_000)
            return bool(sum(series["points"]["count"]) >= self.sent)

        letters = system.get("dead-letters", device=self.made["device"])["items"]
        assert letters == []
        eventually(stored, "every message of the bystander is stored", timeout=15)
        self.client.loop_stop()
        self.client.disconnect()
