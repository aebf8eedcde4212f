"""The System page tells an operator whether everything adds up, how long the chain takes, and what runs."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Screen
from tests.system import System, eventually

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.slow]


def test_messages_add_up_and_the_canary_comes_through(signed_in: Callable[..., Screen], system: System) -> None:
    """Figures of every message that reconcile, the canary's latency, versions of all parts, dead letters by reason."""

    def through() -> Any:
        canary = system.health()["canary"]
        return canary is not None and canary["p99_ms"]

    eventually(through, "the canary on the live feed", timeout=60)
    health = system.health()
    pipeline = health["pipeline"]
    parts = ("committed", "dead", "silent", "in_flight")
    assert pipeline["received"] == sum(pipeline[part] for part in parts) > 0
    assert pipeline["imbalance"] == 0
    assert {"api", "canary", "ingest", "monitor", "postgresql", "broker", "python"} <= health["versions"].keys()
    assert "canary" not in {site["code"] for site in system.get("sites")}
    assert not [site for site in system.get("sites") if site["code"].startswith("landun")], "the canary is no venue"

    screen = signed_in("zh", "system")
    expect(tile(screen, "对账")).to_contain_text("平衡")
    expect(tile(screen, "自检时延（设备→实时推送）")).to_contain_text(re.compile(r"\d\.\d\d"))
    expect(tile(screen, "接收")).to_contain_text(re.compile(r"\d"))
    expect(screen.main).to_contain_text(re.compile(r"各部分版本：.*postgresql \d+\.\d+"))
    reasons = screen.main.locator(".ld-table").filter(has_text="全部原因")
    expect(reasons).to_contain_text("全部原因")
    assert str(system.get("dead-letters/summary")["total"]) in reasons.inner_text()


def tile(screen: Screen, label: str) -> Locator:
    """The tile of a figure by its whole label."""
    name = re.compile(rf"^\s*{re.escape(label)}\s*$")
    return screen.main.locator(".ld-tile").filter(has=screen.page.locator(".ld-k", has_text=name)).first
