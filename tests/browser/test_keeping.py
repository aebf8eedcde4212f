"""The pages of administrators, with a real device and a real file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.browser.test_screens import HAN
from tests.operations.test_devices import CLIENT, DOCUMENT
from tests.system import System, eventually
from tests.workbooks import book

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Starts the client of docs/devices.md with an address."""
    found = CLIENT.search(DOCUMENT.read_text(encoding="utf-8"))
    assert found is not None
    script = tmp_path / "device.py"
    script.write_text(found["source"], encoding="utf-8")
    running: list[subprocess.Popen[bytes]] = []
    yield lambda uri: running.append(subprocess.Popen([sys.executable, str(script), uri, "1"]))
    for process in running:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def workbook(path: Path, good: int, faulty: int) -> Path:
    """A file of venues, the faulty ones in a county there is not."""
    head = ("场所编码", "名称", "英文名称", "区县", "经度", "纬度")
    rows = [
        (f"imp-{n:03d}", f"导入{n}馆", f"Venue {n}", "海安市" if n < good else "海安县城", 120.46, 32.54)
        for n in range(good + faulty)
    ]
    path.write_bytes(book(场所=[head, *rows]))
    return path


def test_a_device_is_added_by_the_page_heard_adopted_and_revoked(
    signed_in: Callable[..., Screen], client: Callable[[str], None]
) -> None:
    """From the form to the first message on the same screen; its unknown field is adopted; revoking shows."""
    screen = signed_in("zh", "devices")
    page = screen.page
    page.get_by_role("radio", name="添加设备").click()
    page.locator(".st-key-add_site_code input").fill("page-1")
    page.locator(".st-key-add_name_zh input").fill("页面测试馆")
    page.locator(".st-key-add_name_en input").fill("Page Test Pool")
    page.locator(".st-key-add_code input").fill("page-1-b1")
    page.locator(".st-key-add_code input").press("Tab")
    screen.shoot("zh-devices-add")
    page.locator(".st-key-add_device button").click()
    page.locator(".ld-credential").wait_for()
    expect(screen.main).to_contain_text("等待设备的第一条数据")
    screen.shoot("zh-devices-credential")
    uri = page.locator("[data-testid=stCode] code").inner_text()
    assert uri.startswith("mqtt://page-1-b1:")
    client(uri)
    expect(screen.main).to_contain_text("已收到数据")
    expect(screen.main).to_contain_text("无法识别的字段：ORP_mV")
    screen.shoot("zh-devices-heard")
    page.locator(".st-key-credential_done button").click()
    page.locator(".st-key-add_device").wait_for()

    page.get_by_role("radio", name="设备列表").click()
    page.locator("[data-row='page-1-b1']").click()
    page.get_by_role("button", name="采纳").click()
    expect(page.locator(".st-key-panel-device")).to_contain_text("报文中又称 ORP_mV")
    screen.shoot("zh-devices-panel")
    page.locator(".st-key-revoke_device button").click()
    page.locator(".st-key-revoke_yes button").click()
    expect(page.locator("[data-row='page-1-b1']")).to_contain_text("已吊销")
    assert screen.errors == []


def test_a_file_is_checked_first_and_its_good_rows_imported(
    signed_in: Callable[..., Screen], tmp_path: Path, system: System
) -> None:
    """The mistakes show by row with what would be right; the button takes the good rows; the venues are registered."""
    screen = signed_in("zh", "registry")
    page = screen.page
    page.locator(".st-key-import_file input[type=file]").set_input_files(workbook(tmp_path / "venues.xlsx", 20, 4))
    expect(screen.main).to_contain_text("发现 4 处错误")
    expect(screen.main).to_contain_text("是不是“海安市”？")
    screen.shoot("zh-registry")
    before = len(system.get("sites"))
    page.locator(".st-key-import_good button").click()
    expect(screen.main).to_contain_text("已导入 20 行")
    eventually(lambda: len(system.get("sites")) == before + 20, "20 more venues", timeout=10)
    with page.expect_download() as download:
        page.locator("[data-export='template.xlsx']").click()
    assert download.value.suggested_filename == "landun-registry-template.xlsx"
    assert screen.errors == []


def test_a_person_is_added_and_chooses_a_password_of_their_own(at: Callable[[str], Screen], system: System) -> None:
    """The one-time password shows once; whoever signs in with it must choose another before anything else opens."""
    screen = at("?lang=zh")
    screen.sign_in(system.username, system.password)
    screen.open("管理")
    page = screen.page
    page.get_by_label("用户名").fill("wang.fang")
    page.get_by_label("姓名").fill("王芳")
    page.get_by_label("姓名").press("Tab")
    page.locator("[class*=st-key-person_save] button").click()
    given = page.locator("[data-testid=stCode] code").inner_text()
    screen.shoot("zh-administration")
    page.locator(".st-key-given_done button").click()
    screen.page.get_by_role("button", name="退出登录").click()
    page.locator("input[autocomplete=username]").wait_for()
    page.goto(f"{screen.address}/?lang=zh")
    page.locator("input[autocomplete=username]").fill("wang.fang")
    page.locator("input[type=password]").fill(given)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(page.get_by_text("设置您自己的密码")).to_be_visible()
    screen.shoot("zh-password")
    fields = page.locator("input[type=password]")
    for place, text in enumerate((given, "wang fang's own password", "wang fang's own password")):
        fields.nth(place).fill(text)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    page.get_by_test_id("stSidebarNav").wait_for()  # which there is only once one has a password of one's own


def test_each_page_of_administrators_is_whole_in_english(signed_in: Callable[..., Screen]) -> None:
    """No Chinese but names of venues and people; no error of the browser; nothing fetched from elsewhere."""
    screen = signed_in("en", "devices")
    page = screen.page
    page.locator(".ld-table [data-row]").first.wait_for()
    page.locator(".ld-table [data-row]").last.click()
    page.locator(".st-key-panel-device").wait_for()
    screen.shoot("en-devices")
    page.get_by_role("radio", name="Calibration due").click()
    expect(screen.main).to_contain_text("Real devices by the day")
    page.get_by_role("radio", name="Add a device").click()
    page.locator(".st-key-add_device").wait_for()
    screen.shoot("en-devices-add")
    screen.open("Import")
    expect(screen.main).to_contain_text("Template XLSX")
    screen.shoot("en-registry")
    assert not HAN.findall(screen.main.inner_text())
    screen.open("Administration")
    for view, seen in (
        ("Roles and counties", "Only an administrator"),
        ("Audit log", "signed in"),
        ("Demonstration", "invented venues"),
        ("People", "User name"),
    ):
        page.get_by_role("radio", name=view).click()
        expect(screen.main).to_contain_text(seen)
        screen.shoot(f"en-administration-{re.sub('[^a-z]', '', view.lower())}")
    assert screen.main.get_by_test_id("stException").count() == 0
    assert screen.errors == []
    assert screen.elsewhere == []
