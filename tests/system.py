"""The whole system, really started by ``landun up``: one for the session, shared by browser and system tests.

Use the fixture ``system``; its data is its own and goes away with it. A test that kills or stops services
must leave the system healthy again. `start` is for tests that need a system to themselves.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

READY: Final = re.compile(r"^ready dashboard=(?P<dashboard>\S+) api=(?P<api>\S+)$", re.MULTILINE)
SIGN_IN: Final = re.compile(r"^first sign-in: user (?P<username>\S+) password (?P<password>\S+)$", re.MULTILINE)
START_TIMEOUT_S: Final = 180.0
END_TIMEOUT_S: Final = 30.0
FREE_PORTS: Final = tuple(
    f"--{service}-port=0"
    for service in (
        *("database", "broker", "broker-client", "api", "dashboard", "simulators", "metrics"),
        *("hj212", "jt808", "modbus"),
    )
)


@dataclass
class System:
    """A running ``landun up``: its process, data folder, addresses and first administrator."""

    process: "subprocess.Popen[bytes]"
    data: Path
    dashboard: str
    api: str
    username: str
    password: str
    seconds_to_ready: float
    _token: str = field(default="", repr=False)

    def health(self) -> dict[str, Any]:
        """The API's answer to ``GET /health``."""
        answer: dict[str, Any] = httpx.get(f"{self.api}/health", timeout=10).raise_for_status().json()
        return answer

    def headers(self) -> dict[str, str]:
        """Headers of a signed-in administrator."""
        if not self._token:
            form = {"username": self.username, "password": self.password}
            answer = httpx.post(f"{self.api}/api/v1/auth/token", data=form, timeout=10).raise_for_status()
            self._token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def get(self, path: str, **parameters: Any) -> Any:
        """GET ``/api/v1/<path>`` as the administrator."""
        url = f"{self.api}/api/v1/{path}"
        return httpx.get(url, params=parameters, headers=self.headers(), timeout=30).raise_for_status().json()

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """POST to ``/api/v1/<path>`` as the administrator; the answer is returned whatever its status."""
        return httpx.post(f"{self.api}/api/v1/{path}", json=dict(body), headers=self.headers(), timeout=30)

    def pids(self) -> dict[str, int]:
        """Process id of each service that the supervisor has running, by service name."""
        import json  # noqa: PLC0415 - only this method reads the supervisor's record

        recorded = json.loads((self.data / "run" / "services.json").read_text(encoding="utf-8"))
        return {name: entry["pid"] for name, entry in recorded.items()}

    def log(self) -> str:
        """What the supervisor has logged."""
        return (self.data / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    def end(self, sign: signal.Signals = signal.SIGTERM) -> float:
        """End the system as an operator would and return the seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.wait(END_TIMEOUT_S + 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return time.monotonic() - began


def new_data_folder() -> Path:
    """An empty data folder below the system's temporary one, where the database's own user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="landun-test-"))
    folder.chmod(0o711)
    return folder


def eventually(condition: Callable[[], Any], what: str, timeout: float = 30.0, every: float = 0.2) -> Any:
    """The first true value of `condition`, asked again until `timeout` seconds; fails naming `what`."""
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
        except (httpx.HTTPError, OSError, KeyError, ValueError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(every)
    raise AssertionError(f"{what}: not within {timeout} s, last seen {last!r}")


def start(data: Path, *options: str, environment: Mapping[str, str] | None = None) -> System:
    """Start ``landun up`` on `data` with free ports and wait for its line ``ready``."""
    output, errors = data / "stdout.txt", data / "stderr.txt"
    command = [sys.executable, "-m", "landun", "up", "--data", str(data), *FREE_PORTS, *options]
    began = time.monotonic()
    with output.open("wb") as stdout, errors.open("ab") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **(environment or {})},
            cwd=Path(__file__).parent.parent,
        )
    deadline = began + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        said = output.read_text(encoding="utf-8")
        if ready := READY.search(said):
            signed = SIGN_IN.search(said)
            return System(
                process=process,
                data=data,
                dashboard=ready["dashboard"],
                api=ready["api"],
                username=signed["username"] if signed else "admin",
                password=signed["password"] if signed else "",
                seconds_to_ready=time.monotonic() - began,
            )
        time.sleep(0.1)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_TIMEOUT_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    tail = errors.read_text(encoding="utf-8", errors="replace")[-6000:]
    raise AssertionError(f"landun up did not get ready (exit {process.returncode}); its log ends:\n{tail}")


@contextmanager
def running(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[System]:
    """A system of one's own on an empty data folder, ended and removed at the end."""
    data = new_data_folder()
    try:
        started = start(data, *options, environment=environment)
        try:
            yield started
        finally:
            started.end()
    finally:
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The system of this test session: started once, with the back-fill of a first start."""
    with running() as started:
        yield started
