"""The page for everybody, over a real API: values, results, a vote, in both languages."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from dashboard import public_page
from dashboard.settings import DashboardSettings, configure
from operations.ports import any_free
from store.connections import connect
from store.disclosure import give_consent, open_round
from tests.api.conftest import Served, api, eventually, put_latest

__all__ = ["api"]


@pytest.fixture
def page(api: Served) -> Iterator[httpx.Client]:
    """The routes of the page, served, with the API behind them."""
    port = any_free("127.0.0.1")
    configure(DashboardSettings(api_url=api.url, host="127.0.0.1", port=port))
    routes = [
        Route("/public", public_page.page),
        Route("/public/vote", public_page.vote, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, "the page is served")
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)


def test_everybody_sees_values_and_votes_once(api: Served, page: httpx.Client) -> None:
    """Values with unit, limit and the words that they are no findings; the second vote of a browser is not counted."""
    at = datetime.now(UTC)
    with connect(api.dsn, autocommit=True) as db:
        put_latest(db, 21, 0.47)
        give_consent(db, "P-2", "venue", at)
        number = open_round(db, "<b>where</b>", ["P-2", "P-3"], at, at + timedelta(hours=1), "centre", simulated=True)
    shown = eventually(lambda: "0.47" in (text := page.get("/public").text) and text, "the value is there")
    for words in ("在线参考值，非执法检测结果", "崇川二号池", "模拟", "mg/L", "限值 0.3–1.0 mg/L", "0 票"):
        assert words in shown
    assert "<b>where</b>" not in shown, "what people enter is text, not markup"
    voted = [page.post("/public/vote", data={"round": str(number), "site": "P-3"}).text for _ in range(2)]
    assert ["已投票，谢谢。" in voted[0], "您已经投过票了。" in voted[1]] == [True, True]
    assert "1 票" in voted[1]
    english = page.get("/public", params={"lang": "en", "month": "2026-01"}).text
    for words in ("not results of enforcement testing", "Pool Two", "Sample results of 2026-01", "1 votes"):
        assert words in english


def test_without_the_api_it_says_so(page: httpx.Client) -> None:
    """503 and a sentence, never an empty page that looks as if all were well."""
    configure(DashboardSettings(api_url=f"http://127.0.0.1:{any_free('127.0.0.1')}", host="127.0.0.1", port=1))
    answer = page.get("/public")
    assert answer.status_code == 503
    assert "平台暂时无法访问" in answer.text
