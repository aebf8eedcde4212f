from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.client import ApiClient
from dashboard.live_feed import FeedHub, LiveFeed
from tests.dashboard.conftest import Answering
from tests.system import eventually

OVERVIEW: dict[str, Any] = {"at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def feed(answering: Answering) -> Iterator[LiveFeed]:
    """A feed on a server that answers."""
    answering.answers |= {
        "GET /health": (200, {"components": []}),
        "GET /api/v1/overview": (200, OVERVIEW),
        "GET /api/v1/sites": (200, []),
        "GET /api/v1/alarms": (200, {"total": 0, "items": []}),
    }
    made = LiveFeed(ApiClient(answering.address, "token"))
    yield made
    made.close()


def test_first_read_waits_for_the_first_answer(feed: LiveFeed) -> None:
    """A page that opens first gets figures, not an empty screen."""
    assert feed.wait_first(10).overview == OVERVIEW


def test_outage_keeps_figures_and_says_since_when(feed: LiveFeed, answering: Answering) -> None:
    """While the API refuses or is away the last figures stay; afterwards the feed recovers by itself."""
    feed.wait_first(10)
    port_less = feed.client.base
    feed.client.base = "http://127.0.0.1:1"  # a port where nobody listens
    since = eventually(lambda: feed.read().unreachable_since, "the outage is noticed", 15)
    assert since > 0
    assert feed.read().overview == OVERVIEW
    feed.client.base = port_less
    eventually(lambda: feed.read().unreachable_since is None, "the recovery is noticed", 15)


def test_sites_are_asked_for_by_their_differences(feed: LiveFeed, answering: Answering) -> None:
    """The first answer is whole; later ones name the version that is known and put what differs in its place."""
    key = "GET /api/v1/sites"

    def tell(headers: dict[str, str], *sites: tuple[str, str]) -> None:
        answering.headers[key] = headers
        answering.answers[key] = (200, [{"code": code, "state": state, "opening": []} for code, state in sites])
        feed.poll_soon()

    def shown() -> list[tuple[str, str]]:
        return [(site["code"], site["state"]) for site in feed.read().sites]

    tell({"Landun-Version": "v1"}, ("A", "normal"), ("B", "normal"), ("C", "normal"))
    eventually(lambda: shown()[1:2] == [("B", "normal")], "the whole list is there", 15)
    tell({"Landun-Version": "v2", "Landun-Since": "v1"}, ("B", "breach"))
    eventually(lambda: shown()[1:2] == [("B", "breach")], "the difference is taken", 15)
    assert shown() == [("A", "normal"), ("B", "breach"), ("C", "normal")]
    tell({"Landun-Version": "v3"}, ("D", "normal"))
    eventually(lambda: shown() == [("D", "normal")], "a whole list replaces all", 15)
    asked = [path for _, path, _ in answering.asked if "/sites" in path]
    assert {"/api/v1/sites", "/api/v1/sites?since=v1", "/api/v1/sites?since=v2"} <= set(asked)


def test_expired_token_is_noticed_and_a_new_one_taken(answering: Answering) -> None:
    """A 401 marks the feed expired; the same person's new token revives it."""
    answering.answers["GET /health"] = (200, {"components": []})
    answering.answers["GET /api/v1/overview"] = (401, {"detail": "expired"})
    hub = FeedHub()
    feed = hub.of("ann", answering.address, "old")
    try:
        eventually(lambda: feed.read().expired, "the expiry is noticed", 10)
        assert hub.of("ann", answering.address, "new") is feed
        assert feed.client.token == "new"
    finally:
        hub.forget("ann")


def test_alarm_frame_joins_and_leaves_the_open_alarms(feed: LiveFeed) -> None:
    """A raised alarm is shown at once, a returned one goes, a changed one is not doubled."""
    feed.wait_first(10)
    feed.client.base = "http://127.0.0.1:1"  # so that no poll answers in between
    eventually(lambda: feed.read().unreachable_since, "polls fail", 15)
    raised = {"type": "alarm", "alarm": {"id": 1, "state": "unacknowledged"}}
    feed._take(raised)
    feed._take({"type": "alarm", "alarm": {"id": 1, "state": "acknowledged"}})
    assert [alarm["state"] for alarm in feed.read().open_alarms] == ["acknowledged"]
    feed._take({"type": "alarm", "alarm": {"id": 1, "state": "normal"}})
    assert feed.read().open_alarms == []


def test_latest_frame_replaces_the_dictionary(feed: LiveFeed) -> None:
    """A fragment that reads the old values is not disturbed by new ones."""
    before = feed.read().latest
    feed._take({"type": "latest", "items": [{"channel_id": 4, "value": 0.5}]})
    assert before == {}
    assert feed.read().latest[4]["value"] == 0.5
