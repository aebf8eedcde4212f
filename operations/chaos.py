"""``landun chaos``: the real system under load, every service killed in turn, every acknowledged message accounted for.

A message counts as acknowledged when its device has the broker's PUBACK (the simulators' record). In the end it
must be in `reading` or a dead letter, and no reading may be journaled twice.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from operations import broker, ports, probes
from operations.accounting import Account, account, read_record
from operations.assembly import COMMAND
from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.leftovers import running_pid
from operations.secrets import Secrets
from operations.service import Probe
from store.connections import connect
from store.embedded import EmbeddedPostgres

SERVICES: Final = ("ingest", "monitor", "api", "dashboard", "simulators", "broker", "database")
READY_TIMEOUT_S: Final = 180.0
RECOVERY_TIMEOUT_S: Final = 90.0
SETTLE_TIMEOUT_S: Final = 90.0
END_TIMEOUT_S: Final = 35.0
SPEED: Final = 60
"""At this speed every device publishes once a second instead of once a minute."""


@dataclass(frozen=True)
class Victim:
    """A running system to kill parts of."""

    process: "subprocess.Popen[str]"
    folder: DataFolder
    dsn: str
    probes: Mapping[str, Probe]
    simulators: str
    record: Path

    def kill(self, service: str) -> float:
        """SIGKILL a service and return the seconds until another process of it is ready."""
        pid = running_pid(self.folder.children_file, service)
        killed_at = time.time()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + RECOVERY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._replaced(service, pid) and self._ready(service, killed_at):
                return time.time() - killed_at
            time.sleep(0.1)
        raise OperatorError(f"chaos: {service} did not come back within {RECOVERY_TIMEOUT_S:g} s")

    def control(self, path: str, body: Mapping[str, Any]) -> None:
        """Tell the simulators something."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.simulators + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def _replaced(self, service: str, pid: int) -> bool:
        with contextlib.suppress(KeyError, ValueError):
            return running_pid(self.folder.children_file, service) != pid
        return False

    def _ready(self, service: str, since: float) -> bool:
        try:
            return asyncio.run(_answer(self.probes[service], since))
        except Exception:  # whatever a probe meets, the service is not ready yet
            return False


async def _answer(probe: Probe, since: float) -> bool:
    return await probe(since)


def run(*, rounds: int, seconds: float, seed: int | None) -> bool:
    """Kill, account, print one JSON line; whether everything was accounted for."""
    with _victim(seed) as victim:
        victim.control("/speed", {"speed": SPEED})
        recovery: dict[str, list[float]] = {service: [] for service in SERVICES}
        for _ in range(rounds):
            for service in SERVICES:
                recovery[service].append(victim.kill(service))
                _say(f"{service} killed, back after {recovery[service][-1]:.1f} s")
                time.sleep(seconds)
        victim.control("/stop", {})
        found = _settled(victim)
    sys.stdout.write(json.dumps(_line(found, recovery, seconds)) + "\n")
    return found.clean and found.acknowledged > 0


def _line(found: Account, recovery: Mapping[str, Sequence[float]], seconds: float) -> dict[str, Any]:
    """The figures. With none lost of n, at most 3/n are with 95 % confidence (rule of three)."""
    return {
        "benchmark": "chaos",
        "kills": sum(map(len, recovery.values())),
        "seconds_between_kills": seconds,
        **asdict(found),
        "lost_share_below_95": 3 / found.acknowledged if found.acknowledged and not found.lost else None,
        "slowest_recovery_s": {service: round(max(took), 1) for service, took in recovery.items() if took},
    }


def _settled(victim: Victim) -> Account:
    """The account once nothing is under way any more, or as it stands after `SETTLE_TIMEOUT_S` seconds."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        with connect(victim.dsn, autocommit=True, application_name="landun-chaos") as connection:
            found = account(connection, read_record(victim.record))
        if found.clean or time.monotonic() > deadline:
            return found
        time.sleep(1)


@contextlib.contextmanager
def _victim(seed: int | None) -> Iterator[Victim]:
    path = Path(tempfile.mkdtemp(prefix="landun-chaos-"))
    path.chmod(0o711)
    folder = DataFolder(path)
    record = path / "acknowledged.csv"
    command = [sys.executable, str(COMMAND), "up", "--data", str(path), "--backfill", "0"]
    command += [f"--{service}-port=0" for service in ports.DEFAULT_PORTS]
    command += [] if seed is None else [f"--seed={seed}"]
    with (path / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "LANDUN_RECORD": str(record)}
        )
    try:
        _wait_ready(process, path / "log.txt")
        yield _describe(process, folder, record)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        shutil.rmtree(path, ignore_errors=True)


def _wait_ready(process: "subprocess.Popen[str]", log: Path) -> None:
    assert process.stdout is not None  # noqa: S101 - asked for a pipe
    too_late = threading.Timer(READY_TIMEOUT_S, process.terminate)
    too_late.start()
    try:
        for line in process.stdout:  # ends with the process
            if line.startswith("ready "):
                return
    finally:
        too_late.cancel()
    tail = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
    raise OperatorError(f"chaos: the system did not get ready; its log ends:\n{tail}")


def _describe(process: "subprocess.Popen[str]", folder: DataFolder, record: Path) -> Victim:
    known = folder.read_record()
    if known is None:
        raise OperatorError(f"chaos: {folder.record_file} is missing")
    secrets = Secrets.of(folder.secrets)
    dsn = EmbeddedPostgres(folder.path / "postgres", port=known.ports["database"], password=secrets.postgres).dsn
    url = {name: f"http://127.0.0.1:{port}" for name, port in known.ports.items()}

    async def broker_answers(_since: float) -> bool:
        return broker.is_ready(known.ports["broker"], broker.INGEST_USER, secrets.mqtt_ingest)

    return Victim(
        process=process,
        folder=folder,
        dsn=dsn,
        probes={
            "database": probes.database(dsn),
            "broker": broker_answers,
            "ingest": probes.heartbeat(dsn, "ingest", broker="connected"),
            "monitor": probes.heartbeat(dsn, "monitor"),
            "api": probes.http(f"{url['api']}/health"),
            "dashboard": probes.http(f"{url['dashboard']}/_stcore/health"),
            "simulators": probes.http(f"{url['simulators']}/fleet"),
        },
        simulators=url["simulators"],
        record=record,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"chaos: {line}\n")
