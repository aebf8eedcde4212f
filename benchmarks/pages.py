"""How long the dashboard's pages take in a real browser, by the messages between browser and Streamlit.

A refresh begins when the browser asks for a rerun and ends two animation frames after Streamlit has said that
the script finished: that is when the new values stand on the screen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, WebSocket, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.report import Figure, quantile
from tests.browser.conftest import CHROMIUM, OPTIONS, VIEW, Screen
from tests.system import System

REFRESHES = 20
SITES = 8
ANSWER_TIMEOUT_S = 30.0
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Traffic:
    """When the browser asked for a rerun and when each script run was over, by `time.perf_counter`."""

    asked: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)

    def follow(self, socket: WebSocket) -> None:
        """Listen to one WebSocket."""
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).WhichOneof("type") == "rerun_script":
            self.asked.append(time.perf_counter())

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes) and ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished":
            self.finished.append(time.perf_counter())


def on_screen(page: Page, traffic: Traffic, asked_before: int) -> float:
    """Wait for the next rerun request after the first `asked_before` and for its result; seconds between the two."""
    deadline = time.perf_counter() + ANSWER_TIMEOUT_S
    while time.perf_counter() < deadline:
        page.wait_for_timeout(2)
        if len(traffic.asked) > asked_before and any(each > traffic.asked[asked_before] for each in traffic.finished):
            page.evaluate(TWO_FRAMES)
            return time.perf_counter() - traffic.asked[asked_before]
    raise TimeoutError(f"no answer of the dashboard within {ANSWER_TIMEOUT_S:g} s")


def of_action(page: Page, traffic: Traffic, action: Callable[[], None]) -> float:
    """Seconds from the rerun that an action asks for until its result is on the screen."""
    before = len(traffic.asked)
    action()
    return on_screen(page, traffic, before)


def open_site(page: Page, traffic: Traffic, name: str) -> float:
    """Seconds from choosing a site until its page is on the screen. The list is too long to be whole: type first."""
    page.locator(".st-key-site_choice input").fill(name)
    option = page.get_by_role("option", name=name).first
    option.wait_for()
    return of_action(page, traffic, option.click)


def measure_pages(system: System, *, budget_s: float) -> dict[str, Figure]:
    """Seconds of the live page's own refreshes and of site pages over a week, and whether they stay in the budget."""
    sites = [each["name_zh"] for each in system.get("sites") if each["channels"]][:SITES]
    with sync_playwright() as playwright:
        executable = next(path for path in CHROMIUM if Path(path).exists())
        browser = playwright.chromium.launch(executable_path=executable, args=list(OPTIONS))
        page = browser.new_page(viewport=VIEW)  # type: ignore[arg-type]
        traffic = Traffic()
        page.on("websocket", traffic.follow)
        screen = Screen(page, system.dashboard.rstrip("/"))
        page.goto(f"{screen.address}/?lang=zh")
        screen.sign_in(system.username, system.password)
        live = sorted(on_screen(page, traffic, len(traffic.asked)) for _ in range(REFRESHES))

        screen.open("场所")
        page.get_by_role("radio", name="7 天", exact=True).click()
        page.wait_for_timeout(3_000)
        opened = sorted(open_site(page, traffic, name) for name in sites)
        browser.close()
    return {
        "live_refreshes": len(live),
        "live_refresh_median_s": round(quantile(live, 0.5), 3),
        "live_refresh_worst_s": round(live[-1], 3),
        "site_weeks": len(opened),
        "site_week_median_s": round(quantile(opened, 0.5), 3),
        "site_week_worst_s": round(opened[-1], 3),
        "within_budget": max(live[-1], opened[-1]) < budget_s,
    }
