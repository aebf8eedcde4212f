"""The live feed over real WebSockets."""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from monitor.api import feed, live, people, service
from monitor.api.feed import ChannelItem, Viewer
from monitor.api.scope import Principal
from registry.model import Channel, Device, Registry, SamplingPoint
from store.connections import Connection
from store.connections import connect as connect_database
from store.registry_rows import save_registry
from tests.api.conftest import (
    Served,
    component,
    eventually,
    prepare,
    put_alarm,
    put_event,
    put_latest,
    serving,
    small_registry,
)

CHANNELS = range(1000, 1900)


@dataclass
class Watcher:
    """A healthy viewer: reads everything at once and notes when each frame came."""

    connection: ClientConnection
    frames: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def start(self) -> "Watcher":
        """Read in a thread of its own."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in self.connection:
                self.frames.append((time.monotonic(), json.loads(message)))

    def values(self, channel_id: int) -> dict[float, float]:
        """When each value of a channel came first."""
        came: dict[float, float] = {}
        for at, frame in list(self.frames):
            if frame["type"] == "latest":
                for item in frame["items"]:
                    if item["channel_id"] == channel_id:
                        came.setdefault(item["value"], at)
        return came

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The frames of a type."""
        return [frame for _, frame in list(self.frames) if frame["type"] == kind]

    def close(self) -> None:
        """Go."""
        self.connection.close()
        if self._thread:
            self._thread.join(5)


@contextlib.contextmanager
def watching(api: Served, role: str = "administrator") -> Iterator[Watcher]:
    """A healthy viewer of a role."""
    with connect(api.live(role), compression=None, max_size=None) as connection:
        watcher = Watcher(connection).start()
        try:
            yield watcher
        finally:
            watcher.close()


def test_the_feed_begins_with_what_is_known(api: Served, db: Connection) -> None:
    """Hello first, then every present value, and how the platform is doing."""
    put_latest(db, 11, 0.46)
    eventually(lambda: len(api.get("/latest")) == 1, "the value is read")
    with watching(api) as watcher:
        eventually(lambda: watcher.of_type("health"), "the health is told")
        assert watcher.frames[0][1]["type"] == "hello"
        assert watcher.frames[0][1]["username"] == "administrator"
        item = watcher.of_type("latest")[0]["items"][0]
        assert (item["channel_id"], item["value"], item["state"]) == (11, 0.46, "normal")
        assert item["ts"].endswith("Z")
        assert watcher.of_type("health")[0]["health"]["status"] == "ok"


def test_changes_come_by_themselves(api: Served, db: Connection) -> None:
    """A new value, an alarm raised, and the same alarm returned, each without asking."""
    with watching(api) as watcher:
        eventually(lambda: watcher.frames, "the feed is open")
        put_latest(db, 11, 0.12, "breach", revision=7)
        eventually(lambda: 0.12 in watcher.values(11), "the value came")
        put_alarm(db, 65536)
        eventually(lambda: watcher.of_type("alarm"), "the alarm came")
        db.execute(
            "UPDATE alarm SET state = 'returned_unacknowledged', returned_at = now(), return_reason = 'closed' "
            "WHERE id = 65536"
        )
        put_event(db, 65536, "returned", "returned_unacknowledged", 2)
        eventually(lambda: len(watcher.of_type("alarm")) == 2, "its return came")
        raised, returned = (frame["alarm"] for frame in watcher.of_type("alarm"))
        assert (raised["id"], raised["state"], returned["state"]) == (
            65536,
            "unacknowledged",
            "returned_unacknowledged",
        )
        assert "崇川一号池" in raised["text_zh"]


def test_a_component_that_goes_missing_is_told(api: Served, db: Connection) -> None:
    """A health frame comes when a component changes its state."""
    with watching(api) as watcher:
        eventually(lambda: watcher.of_type("health"), "the feed is open")
        db.execute("UPDATE heartbeat SET at = at - interval '1 minute' WHERE service = 'ingest'")
        eventually(lambda: watcher.of_type("health")[-1]["health"]["status"] == "degraded", "ingest is missing")


def test_a_viewer_sees_its_scope_only(api: Served, db: Connection) -> None:
    """An inspector gets values and alarms of their counties; the public gets values and no alarm."""
    with watching(api, "inspector") as inspector, watching(api, "public") as public:
        eventually(lambda: inspector.frames and public.frames, "the feeds are open")
        put_alarm(db, 1, 31)
        put_alarm(db, 2, 11)
        put_latest(db, 31, 0.3, revision=2)
        put_latest(db, 11, 0.1, revision=3)
        eventually(lambda: public.values(31) and public.values(11), "the values came")
        eventually(lambda: inspector.values(11) and inspector.of_type("alarm"), "value and alarm came")
        assert [frame["alarm"]["id"] for frame in inspector.of_type("alarm")] == [2]
        assert inspector.values(31) == {}
        assert 0.1 in inspector.values(11)
        assert public.of_type("alarm") == []


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_no_feed_without_a_token(api: Served, token: str) -> None:
    """The handshake is refused."""
    url = api.live().split("?", maxsplit=1)[0]
    with pytest.raises(InvalidStatus) as refused, connect(f"{url}?token={token}"):
        pass
    assert refused.value.response.status_code == 403


def test_an_open_feed_ends_with_its_token(api: Served, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed password closes the person's open feeds with 1008."""
    monkeypatch.setattr(live, "AUTHORITY_CHECK_S", 0.2)
    with connect(api.live("inspector"), compression=None) as connection:
        connection.recv(timeout=5)
        people.set_password(db, "inspector", "another password")
        with contextlib.suppress(ConnectionClosed):
            list(connection)  # until it is closed
        assert connection.close_code == 1008


@pytest.fixture
def stuck_ms() -> int:
    """After how long the kernel cuts off a peer that takes nothing, ms."""
    return service.STUCK_MS


@pytest.fixture
def city(database: str, stuck_ms: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The API with 900 channels more, so that a viewer that reads nothing is soon full; buffers made small."""
    monkeypatch.setattr(service, "STUCK_MS", stuck_ms)
    monkeypatch.setattr(service, "SEND_BUFFER_BYTES", 16 * 1024)
    monkeypatch.setattr(feed, "SEND_TIMEOUT_S", 6.0)
    registry = small_registry()
    with connect_database(database) as connection:
        prepare(connection)
        site = registry.sites["P-1"]
        devices = [Device(f"X-{n}", "P-1", "basin-9") for n in CHANNELS]
        more = Registry.of(
            [site],
            [SamplingPoint("P-1", "basin-9", "九号池", "Basin 9")],
            devices,
            [Channel(n, f"X-{n}", "ph") for n in CHANNELS],
        )
        save_registry(connection, more)
    with serving(database) as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        yield served


def put_all(db: Connection, revision: int) -> None:
    """A new value of each of the many channels."""
    db.execute(
        "INSERT INTO channel_latest SELECT n, now(), %(r)s, 'normal', now(), 1, %(r)s "
        "FROM generate_series(%(first)s::integer, %(last)s::integer) AS n ON CONFLICT (channel_id) DO UPDATE "
        "SET ts = EXCLUDED.ts, value = EXCLUDED.value, revision = EXCLUDED.revision",
        {"r": revision, "first": CHANNELS[0], "last": CHANNELS[-1]},
    )


def viewers(api: Served) -> int:
    """How many viewers the API says it has."""
    components = api.anonymous.get("/health").json()["components"]
    detail: str = next(each["detail"] for each in components if each["name"] == "api")
    return int(detail.rsplit(maxsplit=1)[-1])


@dataclass
class Stuck:
    """A viewer that opens the feed and then reads nothing."""

    socket: socket.socket

    @classmethod
    def open(cls, api: Served) -> "Stuck":
        """Shake hands and fall silent."""
        address = api.url.removeprefix("http://")
        host, port = address.split(":")
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.settimeout(10)
        opened.connect((host, int(port)))
        opened.sendall(
            f"GET /api/v1/live?token={api.token()} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert opened.recv(12) == b"HTTP/1.1 101"
        return cls(opened)

    def drain(self) -> bytes:
        """Everything that still comes until the end; a window as small as ours opens by the sender's slow probes."""
        whole = bytearray()
        self.socket.settimeout(60)
        with contextlib.suppress(ConnectionError):
            while chunk := self.socket.recv(65536):
                whole += chunk
        return bytes(whole)


def test_a_stuck_viewer_is_evicted_and_others_do_not_notice(city: Served, database: str) -> None:
    """16 healthy viewers get every value in time while one reads nothing; that one is closed with 1013."""
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(connect_database(database, autocommit=True))
        healthy = [stack.enter_context(watching(city)) for _ in range(16)]
        stuck = Stuck.open(city)
        stack.callback(stuck.socket.close)
        eventually(lambda: viewers(city) == 17, "all look on")
        sent: dict[float, float] = {}
        revision = 1
        while viewers(city) == 17:
            revision += 1
            put_all(db, revision)
            sent[float(revision)] = time.monotonic()
            assert revision < 200, "the stuck viewer was not evicted within 200 rounds"
            time.sleep(0.2)
        # Its buffers are read out now, so the closing frame can reach it.
        last = stuck.drain()
        assert last[-2 - len(_reason(last)) :][:2] == struct.pack(">H", 1013)
        put_all(db, 10_000)
        for watcher in healthy:
            eventually(partial(_has, watcher, 10_000.0), "the last value came")
        assert viewers(city) == 16
        slowest = max(_delays(healthy, sent))
        # Waiting for the stuck one would have cost the others SEND_TIMEOUT_S (6 s).
        assert slowest < 4, f"a healthy viewer waited {slowest:.1f} s for a value"


def _has(watcher: Watcher, value: float) -> bool:
    return value in watcher.values(CHANNELS[-1])


def _reason(data: bytes) -> bytes:
    """The text of the closing frame at the end: it begins after the frame's two bytes and the code."""
    start = data.rindex(b"\x88")
    return data[start + 4 :]


def _delays(watchers: list[Watcher], sent: dict[float, float]) -> Iterator[float]:
    """How long after its commit each value (or, conflated, a newer one) came to each watcher."""
    for watcher in watchers:
        came = watcher.values(CHANNELS[0])
        for value, at in sent.items():
            newer = [when for other, when in came.items() if other >= value]
            assert newer, f"value {value} never came"
            yield min(newer) - at


@pytest.mark.parametrize("stuck_ms", [2_000])
def test_a_peer_that_never_reads_is_cut_off(city: Served, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it never takes its closing frame, the connection does not stay open (TCP_USER_TIMEOUT)."""
    monkeypatch.setattr(feed, "SEND_TIMEOUT_S", 0.5)
    monkeypatch.setattr(live, "CLOSE_TIMEOUT_S", 0.5)
    stuck = Stuck.open(city)
    try:
        with connect_database(database, autocommit=True) as db:
            for revision in range(2, 400):
                put_all(db, revision)
                if viewers(city) == 0:
                    break
                time.sleep(0.1)
        assert viewers(city) == 0
        local = stuck.socket.getsockname()
        eventually(lambda: not _open_to(local), "the kernel cut it off", timeout=20)
    finally:
        stuck.socket.close()


def _open_to(peer: tuple[str, int]) -> bool:
    """Whether this process holds a connection whose other end is `peer`."""
    return any(each.raddr and tuple(each.raddr) == peer for each in psutil.Process().net_connections("tcp"))


SOMEBODY = Principal("li", "李", "centre", (), None, "hash")


def test_values_conflate_by_channel_and_alarms_do_not() -> None:
    """Whatever comes, a waiting viewer costs one place a channel; alarms are kept in order up to a bound."""
    viewer = Viewer(SOMEBODY)
    for n in range(10_000):
        viewer.put_value(ChannelItem(n % 3, b"%d" % n))
    for n in range(feed.ALARMS_A_VIEWER):
        viewer.put_alarm(b"%d" % n)
    assert viewer.waiting == 3 + feed.ALARMS_A_VIEWER
    assert not viewer.overflowed.is_set()
    viewer.put_alarm(b"one too many")
    assert viewer.overflowed.is_set()
    assert viewer.waiting == 3 + feed.ALARMS_A_VIEWER


def test_news_are_not_overtaken_by_what_was_known_before() -> None:
    """Present values are written while news come in already: the newer value of a channel is the one that is sent."""

    async def scenario() -> list[bytes]:
        viewer = Viewer(SOMEBODY)
        viewer.put_value(ChannelItem(1, b"{1 newer}"))
        viewer.put_present([ChannelItem(1, b"{1}"), ChannelItem(2, b"{2}")])
        return await viewer.frames()

    assert asyncio.run(scenario()) == [b'{"type":"latest","items":[{1 newer},{2}]}']


def test_alarms_are_sent_before_values() -> None:
    """What a person must act on does not wait behind figures."""

    async def scenario() -> list[bytes]:
        viewer = Viewer(SOMEBODY)
        viewer.put_value(ChannelItem(1, b"{1}"))
        viewer.put_value(ChannelItem(2, b"{2}"))
        viewer.put_health(b"health")
        viewer.put_alarm(b"alarm")
        viewer.put_value(ChannelItem(1, b"{1 newer}"))
        return await viewer.frames()

    assert asyncio.run(scenario()) == [b"alarm", b'{"type":"latest","items":[{1 newer},{2}]}', b"health"]
