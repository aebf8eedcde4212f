"""How a device speaks: its newest message beside what was understood, its mapping, and the choice of a dialect."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.publish as mqtt
import pytest
from paho.mqtt import MQTTException
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Screen
from tests.browser.test_screens import HAN
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]

CODE = "speech-1-b1"
NAMES_PX, PH_PX = 350, 80
"""Where in the editor of the mapping, a canvas, the names of the second channel stand."""


@pytest.fixture
def device(system: System) -> str:
    """A real device that has sent one message, in which its pH has a name of its own."""
    entry = {
        "code": CODE,
        "site": "speech-1",
        "site_entry": {"name_zh": "报文馆", "name_en": "Speech Pool", "county": "320602", "lon": 120.9, "lat": 32.0},
        "sampling_point": "b1",
        "point_entry": {"name_zh": "标准池", "name_en": "Main pool", "water_kind": "indoor"},
        "indicators": ["free_chlorine", "ph"],
    }
    given = system.post("devices", entry).raise_for_status().json()
    message = json.dumps({"ts": time.time_ns() // 1_000_000, "values": {"free_chlorine": 0.52, "PH_1": 7.31}})
    sign_in: Any = {"username": CODE, "password": given["password"]}

    def sent() -> bool:
        try:
            mqtt.single(
                given["topic"], message, 1, hostname=given["host"], port=given["port"], client_id=CODE, auth=sign_in
            )
        except MQTTException:  # the broker does not know it yet
            return False
        return True

    eventually(sent, "the broker knows the new device")
    eventually(lambda: system.get(f"devices/{CODE}")["last_seen"], "its message has been read")
    return CODE


def test_message_mapping_and_dialects_of_a_device(
    signed_in: Callable[..., Screen], system: System, device: str
) -> None:
    """The message beside what was understood, a name typed into the mapping, and the field that a dialect asks for."""
    screen = signed_in("zh", "devices")
    page = screen.page
    speech = opened(screen, device)
    expect(speech.locator("[data-testid=stCode]")).to_contain_text('"PH_1": 7.31')
    expect(speech).to_contain_text("0.52 mg/L")
    table = speech.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    screen.shoot("zh-devices-speech")
    table.dblclick(position={"x": NAMES_PX, "y": PH_PX})
    cell = page.locator("textarea.gdg-input")
    cell.fill("PH_1")
    cell.press("Enter")
    speech.locator(".st-key-mapping_save button").click()
    eventually(lambda: system.get(f"devices/{device}")["names"]["ph"] == ["PH_1"], "the name is kept", timeout=10)
    page.get_by_role("radio", name="添加设备").click()
    screen.choose("add_dialect", "HJ 212-2017")
    expect(page.locator(".st-key-add_mn")).to_contain_text("设备标识（MN，24 位）")
    screen.shoot("zh-devices-dialect")

    screen = signed_in("en", "devices")
    speech = opened(screen, device)
    expect(speech).to_contain_text("What was understood")
    speech.get_by_test_id("stDataFrame").scroll_into_view_if_needed()
    screen.shoot("en-devices-speech")
    assert not HAN.findall(speech.inner_text())
    screen.page.get_by_role("radio", name="Add a device").click()
    screen.choose("add_dialect", "HJ 212-2017")
    expect(screen.page.locator(".st-key-add_mn")).to_contain_text(re.compile("Identity"))
    screen.shoot("en-devices-dialect")
    assert not HAN.findall(screen.page.locator(".st-key-panel-what").inner_text())
    assert screen.errors == []


def opened(screen: Screen, device: str) -> Locator:
    """The section of a device's panel, unfolded."""
    screen.page.locator(f"[data-row='{device}']").click()
    speech = screen.page.locator(".st-key-device_speech")
    speech.locator("summary").click()
    return speech
