import socket

import pytest

from dashboard.client import ApiClient, ApiError, ApiUnreachableError, SignInNeededError
from tests.dashboard.conftest import Answering


def test_token_goes_with_every_request(answering: Answering) -> None:
    """The bearer token is sent, and repeated parameters stay repeated."""
    answering.answers["GET /api/v1/readings"] = (200, [])
    assert ApiClient(answering.address, "secret").readings([3, 5], "a", "b", 10) == []
    method, path, headers = answering.asked[0]
    assert (method, path) == ("GET", "/api/v1/readings?channel=3&channel=5&from=a&to=b&points=10")
    assert headers["Authorization"] == "Bearer secret"


def test_no_channel_asks_nothing(answering: Answering) -> None:
    """Readings of no channel need no request."""
    assert ApiClient(answering.address).readings([], "a", "b") == []
    assert answering.asked == []


def test_refusal_carries_the_api_sentence(answering: Answering) -> None:
    """An answer that is not a success becomes an error with the API's own sentence."""
    answering.answers["GET /api/v1/sites/X"] = (404, {"detail": "site 'X' is not registered"})
    with pytest.raises(ApiError, match="site 'X' is not registered") as caught:
        ApiClient(answering.address).site("X")
    assert caught.value.status == 404


def test_expired_token_is_told_apart(answering: Answering) -> None:
    """401 is an error of its own, so that pages can lead to the sign-in."""
    answering.answers["GET /api/v1/me"] = (401, {"detail": "token expired"})
    with pytest.raises(SignInNeededError):
        ApiClient(answering.address, "old").me()


def test_silence_is_told_apart() -> None:
    """Nobody listening is `ApiUnreachableError`, not a stack trace of the HTTP library."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ApiUnreachableError, match="GET /health"):
        ApiClient(f"http://127.0.0.1:{port}").health()


def test_action_while_monitor_is_away_is_recorded_not_applied(answering: Answering) -> None:
    """202 says that the action is kept but the monitor has not applied it yet."""
    answering.answers["POST /api/v1/alarms/7/comment"] = (202, {"journal_id": 1})
    answering.answers["POST /api/v1/alarms/7/acknowledge"] = (200, {})
    client = ApiClient(answering.address)
    assert client.comment(7, "seen") is False
    assert client.acknowledge(7, None) is True


def test_unset_filters_are_left_out(answering: Answering) -> None:
    """A filter that is not set isn't sent; a trailing underscore keeps Python's keywords out of the way."""
    answering.answers["GET /api/v1/alarms"] = (200, {"total": 0, "items": []})
    ApiClient(answering.address).alarms(priority=None, site="", from_="2026-01-01T00:00:00Z", limit=5)
    assert answering.asked[0][1] == "/api/v1/alarms?from=2026-01-01T00%3A00%3A00Z&limit=5"
