"""The API on a real database, really served: a small registry, people of every role, a clock of the machine."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from psycopg.types.json import Jsonb

from monitor.api.app import create_app
from monitor.api.service import listen
from monitor.api.settings import ApiSettings
from registry.model import Channel, Device, Registry, SamplingPoint, Site, SiteStatus
from store import people
from store.connections import Connection, connect
from store.people import Person
from store.queries import write_heartbeat
from store.registry_rows import save_registry
from store.sealing import Seal

PASSWORD: Final = "correct horse battery"
REGISTERED: Final = datetime(2026, 1, 1, tzinfo=UTC)
ROLES: Final = ("administrator", "centre", "inspector", "venue", "public")


def small_registry() -> Registry:
    """Two counties: a live site, two simulated ones, one off line; three channels at each on-line one."""
    indicators = ("free_chlorine", "ph", "water_temperature")
    sites = [
        Site("P-1", "320602", SiteStatus.LIVE, "崇川一号池", "Pool One", 120.9, 32.0, REGISTERED),
        Site("P-2", "320602", SiteStatus.SIMULATED, "崇川二号池", "Pool Two", 120.8, 32.0, REGISTERED),
        Site("P-3", "320682", SiteStatus.SIMULATED, "如皋三号池", "Pool Three", 120.5, 32.3, REGISTERED),
        Site("P-4", "320682", SiteStatus.OFFLINE, "如皋四号池", "Pool Four", 120.6, 32.4, REGISTERED),
    ]
    online = sites[:3]
    return Registry.of(
        sites,
        [SamplingPoint(site.code, "basin-1", "一号池", "Basin 1") for site in sites],
        [Device(f"{site.code}-D1", site.code, "basin-1") for site in online],
        [
            Channel(10 * number + place, f"{site.code}-D1", indicator)
            for number, site in enumerate(online, start=1)
            for place, indicator in enumerate(indicators, start=1)
        ],
    )


def prepare(connection: Connection) -> None:
    """Registry, a person of every role (username = role), and heartbeats of services that are well."""
    save_registry(connection, small_registry())
    scopes = {"inspector": ("320602",)}
    sites = {"venue": "P-1"}
    for role in ROLES:
        person = Person(role, f"{role} 某人", role, scopes.get(role, ()), sites.get(role), PASSWORD_HASH)
        people.save(connection, person, REGISTERED)
    beat(connection)
    connection.commit()


# Hashed the cheap way: tests sign in hundreds of times.
PASSWORD_HASH: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def beat(connection: Connection, *, broker: str = "connected", speed: float = 1.0) -> None:
    """Heartbeats as ingest and the monitor write them."""
    now = datetime.now(UTC)
    write_heartbeat(connection, "ingest", now, {"broker": broker})
    write_heartbeat(connection, "monitor", now, {"speed": speed, "lag": 0})


def put_latest(
    connection: Connection,
    channel_id: int,
    value: float,
    state: str = "normal",
    *,
    ago: timedelta = timedelta(0),
    revision: int = 1,
) -> None:
    """A newest value as the monitor merges it."""
    ts = datetime.now(UTC) - ago
    connection.execute(
        "INSERT INTO channel_latest VALUES (%s, %s, %s, %s, %s, 1, %s) ON CONFLICT (channel_id) DO UPDATE SET "
        "ts = EXCLUDED.ts, value = EXCLUDED.value, state = EXCLUDED.state, revision = EXCLUDED.revision",
        (channel_id, ts, value, state, ts, revision),
    )


def put_alarm(connection: Connection, alarm_id: int, channel_id: int = 11, **columns: Any) -> None:
    """An alarm on free chlorine with its first event, as the monitor writes them."""
    registry = small_registry()
    channel = registry.channels[channel_id]
    site = registry.site_of(channel)
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "id": alarm_id,
        "kind": "limit",
        "condition": f"channel:{channel_id}:low:{alarm_id}",
        "site": site.code,
        "device": channel.device,
        "sampling_point": "basin-1",
        "channel_id": channel_id,
        "indicator": channel.indicator,
        "simulated": site.simulated,
        "priority": "high",
        "state": "unacknowledged",
        "since": now - timedelta(minutes=11),
        "raised_at": now - timedelta(minutes=1),
        "value": 0.12,
        "extreme": 0.1,
        "unit": "mg/L",
        "side": "low",
        "limit_lo": 0.3,
        "limit_hi": 1.0,
        "limit_profile": "gb37488-2019-artificial-pool",
        "clause": "4.4.1 表4",
        **columns,
    }
    names = ", ".join(row)
    places = ", ".join(f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO alarm ({names}) VALUES ({places})", row)  # noqa: S608 - our own column names
    put_event(connection, alarm_id, "raised", row["state"])


def put_event(connection: Connection, alarm_id: int, event: str, state: str, journal_id: int = 1, **more: Any) -> None:
    """A transition of an alarm, as the monitor writes it."""
    connection.execute(
        "INSERT INTO alarm_event (alarm_id, journal_id, at, event, state, actor, text, detail) "
        "VALUES (%s,%s,%s,%s,%s,%s,%s,%s)",
        (
            alarm_id,
            journal_id,
            datetime.now(UTC),
            event,
            state,
            more.get("actor"),
            more.get("text"),
            Jsonb(more["detail"]) if "detail" in more else None,
        ),
    )


def eventually(condition: Callable[[], Any], what: str, timeout: float = 15.0) -> Any:
    """The first true value of `condition`; fails naming `what`."""
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        last = condition()
        if last:
            return last
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout} s, last seen {last!r}")


class Patient(httpx.HTTPTransport):
    """Asks again as long as the database is said to be missing, as a good client does.

    A loaded machine may keep the database's answer open for so long that the API says so.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer of another kind, or the last one after 15 s."""
        deadline = time.monotonic() + 15
        while True:
            answer = super().handle_request(request)
            missing = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and b"database is missing" in answer.read()
            if not missing or time.monotonic() > deadline:
                return answer
            time.sleep(0.2)


@dataclass
class Served:
    """The API at a real address, with clients of each role; `patient` where its database is not to be missed."""

    url: str
    dsn: str
    patient: bool = True
    _clients: dict[str, httpx.Client] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def anonymous(self) -> httpx.Client:
        """A client that is not signed in."""
        if "" not in self._clients:
            self._clients[""] = self._client(base_url=self.url)
        return self._clients[""]

    def token(self, role: str = "administrator") -> str:
        """A token of the person of a role."""
        if role not in self._tokens:
            answer = self.anonymous.post("/api/v1/auth/token", data={"username": role, "password": PASSWORD})
            self._tokens[role] = answer.raise_for_status().json()["access_token"]
        return self._tokens[role]

    def client(self, role: str = "administrator") -> httpx.Client:
        """A client signed in as a role, with paths below /api/v1."""
        if role not in self._clients:
            headers = {"Authorization": f"Bearer {self.token(role)}"}
            self._clients[role] = self._client(base_url=f"{self.url}/api/v1", headers=headers)
        return self._clients[role]

    def _client(self, **options: Any) -> httpx.Client:
        return httpx.Client(timeout=10, transport=Patient() if self.patient else None, trust_env=False, **options)

    def get(self, path: str, role: str = "administrator", **parameters: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return self.client(role).get(path, params=parameters).raise_for_status().json()

    def live(self, role: str = "administrator") -> str:
        """Address of the live feed for a role."""
        return f"{self.url.replace('http', 'ws', 1)}/api/v1/live?token={self.token(role)}"

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


@contextmanager
def serving(
    dsn: str,
    *,
    simulators_url: str | None = None,
    templates: Path | None = None,
    patient: bool = True,
    seal: Seal | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Served]:
    """Serve on a free port until left; with a key of its own for secrets of channels."""
    settings = ApiSettings(
        database_url=dsn,
        token_secret=secrets.token_urlsafe(32),
        simulators_url=simulators_url,
        templates=templates,
        agency="南通市卫生监督所",
        seal=Seal(secrets.token_urlsafe(32)) if seal is None else seal,
    )
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, clock=clock),
            log_config=None,
            access_log=False,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    served = Served(f"http://127.0.0.1:{_port(listener)}", dsn, patient)
    try:
        eventually(lambda: server.started, "the API is up")
        yield served
    finally:
        served.close()
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the API did not end within 10 s"


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def component(served: Served, name: str) -> str:
    """The state of one component by /health."""
    answer = served.anonymous.get("/health").raise_for_status().json()
    return str({each["name"]: each["state"] for each in answer["components"]}[name])


@pytest.fixture
def api(database: str) -> Iterator[Served]:
    """The API over a fresh database with the small registry and a person of every role."""
    with connect(database) as connection:
        prepare(connection)
    with serving(database) as served:
        eventually(lambda: component(served, "database") == "up", "the API found its database")
        yield served


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    """An autocommit connection to the database of `api`: what ingest and the monitor would write."""
    with connect(database, autocommit=True) as connection:
        yield connection
