"""What the pages show as live: kept up to date in the background, read by fragments.

One feed a signed-in person, shared by their browser tabs. Two threads fill plain attributes: one follows the
WebSocket (values, alarms), one asks for the figures that are sums over many sites. Neither touches
Streamlit. A feed that nobody has read for a while rests, so that a closed browser costs nothing.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from dashboard.client import PREFIX, ApiClient, ApiError, ApiUnreachableError, SignInNeededError
from dashboard.field_client import FieldClient, Inbox
from dashboard.shapes import Alarm, Health, Latest, Overview, Site

LOG: Final = logging.getLogger(__name__)
POLL_S: Final = 2.0
REST_AFTER_S: Final = 30.0
RETRY_S: Final = (1.0, 2.0, 4.0, 8.0)
HEARD_S: Final = 20.0
"""Longest silence of the WebSocket: the API sends its health at least every 15 s."""


@dataclass
class Snapshot:
    """The newest of everything; each attribute is replaced as a whole, so that readers need no lock."""

    overview: Overview | None = None
    sites: list[Site] = field(default_factory=list)
    open_alarms: list[Alarm] = field(default_factory=list)
    open_alarms_total: int = 0
    health: Health | None = None
    inbox: Inbox = field(default_factory=lambda: Inbox(unread=0, items=[]))
    """My unread messages, the newest of them."""
    latest: dict[int, Latest] = field(default_factory=dict)
    unreachable_since: float | None = None
    """Seconds since the epoch; None while the API answers."""
    expired: bool = False
    refused: bool = False
    """The API answers, but not with data."""
    revision: int = 0


class LiveFeed:
    """Follows the API for one person. `token` may be renewed; `seconds` is the clock (monotonic)."""

    def __init__(self, client: ApiClient, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self.now = Snapshot()
        self._seconds = seconds
        self._read_at = seconds()
        self._hurry = threading.Event()
        self._polled = threading.Event()
        self._closed = False
        self._sites_version = ""
        self._threads = [
            threading.Thread(target=self._poll_forever, name="live-feed-poll", daemon=True),
            threading.Thread(target=self._listen_forever, name="live-feed-listen", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def read(self) -> Snapshot:
        """The newest snapshot; reading keeps the feed awake."""
        rested = self._resting
        self._read_at = self._seconds()
        if rested:
            self._hurry.set()
        return self.now

    def wait_first(self, timeout: float) -> Snapshot:
        """As `read`, but give a feed that was just made (or rested) `timeout` seconds for its first answer."""
        self.read()
        self._polled.wait(timeout)
        return self.now

    def poll_soon(self) -> None:
        """Ask for the figures now, not at the next turn: after an action that changes them."""
        self._hurry.set()

    def close(self) -> None:
        """End the threads."""
        self._closed = True
        self._hurry.set()

    # ------------------------------------------------------------------ threads
    @property
    def _resting(self) -> bool:
        return self._seconds() - self._read_at > REST_AFTER_S

    def _poll_forever(self) -> None:
        while not self._closed:
            if self._resting:
                self._polled.clear()
                self._hurry.wait()
            self._hurry.clear()
            began = self._seconds()
            self._poll()
            self._polled.set()
            self._hurry.wait(max(0.0, began + POLL_S - self._seconds()))

    def _poll(self) -> None:
        now = self.now
        try:
            # Health comes first and by itself: it answers when the database is away and nothing else does.
            now.health = self.client.health()
            now.unreachable_since = None
            overview = self.client.overview()
            sites = self.client.sites(self._sites_version)
            page = self._alarm_page()
            inbox = self._inbox()
        except SignInNeededError:
            now.expired = True
        except ApiError:
            now.refused = True
        except ApiUnreachableError:
            now.unreachable_since = now.unreachable_since or time.time()
        else:
            now.overview, now.sites, self._sites_version = overview, sites.after(now.sites), sites.version
            now.open_alarms, now.open_alarms_total = page
            now.inbox = inbox
            now.refused, now.expired = False, False
        now.revision += 1

    def _alarm_page(self) -> tuple[list[Alarm], int]:
        try:
            page = self.client.alarms(open=True, limit=200)
        except ApiError as error:
            if error.status == 403:  # the role may not see alarms
                return [], 0
            raise
        return page["items"], page["total"]

    def _inbox(self) -> Inbox:
        try:
            return FieldClient(self.client.base, self.client.token).inbox(unread=True)
        except ApiError as error:
            if error.status in (403, 404):  # the role has none, or the API is older than this
                return Inbox(unread=0, items=[])
            raise

    def _listen_forever(self) -> None:
        failures = 0
        while not self._closed:
            if self._resting or self.now.expired:
                time.sleep(0.5)
                continue
            try:
                self._listen()
                failures = 0
            except InvalidStatus as error:
                LOG.debug("live feed refused: HTTP %s", error.response.status_code)
            except (OSError, WebSocketException, TimeoutError, ValueError) as error:
                LOG.debug("live feed interrupted: %s", error)
            if not self._closed:
                time.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    def _listen(self) -> None:
        address = self.client.base.replace("http", "ws", 1) + f"{PREFIX}/live?token={self.client.token}"
        with connect(address, open_timeout=3, close_timeout=1, max_size=8 << 20, proxy=None) as socket:
            while not self._closed and not self._resting:
                self._take(json.loads(socket.recv(timeout=HEARD_S)))

    def _take(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "latest":
                # A new dictionary, not a changed one: a fragment may be reading the old one.
                self.now.latest = self.now.latest | {item["channel_id"]: item for item in frame["items"]}
            case "alarm":
                self._take_alarm(frame["alarm"])
            case "notification":
                self._hurry.set()
            case "health":
                self.now.health = frame["health"]

    def _take_alarm(self, alarm: Alarm) -> None:
        others = [each for each in self.now.open_alarms if each["id"] != alarm["id"]]
        if alarm["state"] in ("unacknowledged", "acknowledged"):
            self.now.open_alarms = [alarm, *others]
        else:
            self.now.open_alarms = others
        self._hurry.set()  # the sums have changed too


class FeedHub:
    """The feeds of this process, one a person."""

    def __init__(self) -> None:
        self._feeds: dict[str, LiveFeed] = {}
        self._lock = threading.Lock()

    def of(self, username: str, base: str, token: str) -> LiveFeed:
        """The person's feed; a newer token replaces the one it was made with."""
        with self._lock:
            feed = self._feeds.get(username)
            if feed is None:
                feed = self._feeds[username] = LiveFeed(ApiClient(base, token))
            elif feed.client.token != token:
                feed.client.token = token
                feed.now.expired = False
            return feed

    def forget(self, username: str) -> None:
        """End the person's feed, after they signed out."""
        with self._lock:
            if feed := self._feeds.pop(username, None):
                feed.close()
