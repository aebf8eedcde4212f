"""One chaos run from its start to its line of JSON."""

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import psycopg

from operations.chaos import alarms
from operations.chaos.accounting import Account, account, expected_readings, journaled_readings
from operations.chaos.alarms import Comparison
from operations.chaos.devices import USUAL, Devices
from operations.chaos.plan import Event, plan
from operations.chaos.record import Recorder, read_record
from operations.chaos.rig import Rig
from operations.chaos.watch import Watch
from operations.chaos.wires import Weather, Wires
from operations.errors import OperatorError
from store import journal

SETTLE_TIMEOUT_S: Final = 120.0
SILENCE_TIMEOUT_S: Final = 90.0
CALM_S: Final = 16.0
"""After a break in the listening the monitor counts nobody's silence for 15 s."""


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """How long and how hard: so many kills, so many seconds apart on average, so many readings meanwhile."""

    kills: int = 20
    readings: int = 60_000
    seconds_between_kills: float = 4.0
    seed: int = 1
    broker: str = "nats"
    keep: Path | None = None

    @property
    def messages_per_s(self) -> float:
        """What the devices publish together."""
        return self.readings / len(USUAL) / (self.kills * self.seconds_between_kills)


@dataclass
class _History:
    """What was done to the system: when each kill was, and which silences were long and undisturbed."""

    kills: list[float] = field(default_factory=list)
    victims: list[str] = field(default_factory=list)
    faults: int = 0
    planted: dict[str, tuple[float, float]] = field(default_factory=dict)


def run(settings: ChaosSettings) -> dict[str, Any]:
    """Break the system as planned and return the figures. Raises `OperatorError` when it cannot be started."""
    with _folder(settings.keep) as folder, (folder / "log.txt").open("w", encoding="utf-8") as log:
        rig = Rig(folder, settings.broker)
        with Wires(rig.targets) as wires, rig.running(wires, log):
            return _measure(settings, rig, wires, folder / "record.csv")


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    path = keep or Path(tempfile.mkdtemp(prefix="landun-chaos-"))
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o711)
    try:
        yield path
    finally:
        if keep is None:
            shutil.rmtree(path, ignore_errors=True)


def _measure(settings: ChaosSettings, rig: Rig, wires: Wires, file: Path) -> dict[str, Any]:
    began = time.monotonic()
    history = _History()
    with (
        Watch(rig.dsn) as watch,
        Recorder(file) as recorder,
        Devices(
            rig.registry,
            wires.port("devices-broker"),
            recorder,
            seed=settings.seed,
            messages_per_s=settings.messages_per_s,
            password=rig.device_password,
        ) as devices,
    ):
        devices.publish()
        _break(settings, rig, wires, devices, history)
        _fall_silent(rig, devices, history)
        devices.publish(go_on=False)
        _wait(lambda: devices.unacknowledged == 0, "every PUBACK", SETTLE_TIMEOUT_S)
        recorder.flush()
        record = read_record(file)
        found = _settled(rig, lambda: account_of(rig, record))
        compared = _compared(rig, record, history)
        with rig.connection() as connection:
            recovered = watch.recoveries(history.kills, journaled_readings(connection))
        if devices.failure is not None:
            raise devices.failure
    return _line(settings, history, found, compared, recovered, time.monotonic() - began)


def _break(settings: ChaosSettings, rig: Rig, wires: Wires, devices: Devices, history: _History) -> None:
    """Do what the plan says, when it says so."""
    began = time.monotonic()
    events = plan(settings.seed, settings.kills, settings.seconds_between_kills, list(rig.registry.devices))
    calm: list[tuple[float, str]] = []
    for event in [*events, Event(settings.kills * settings.seconds_between_kills, "end", "")]:
        while (wait := began + event.at - time.monotonic()) > 0:
            calm = _calm_down(wires, calm)
            time.sleep(min(wait, 0.05))
        _do(event, rig, wires, devices, history, calm)
    for _, wire in calm:
        wires.change(wire, Weather.FAIR)


def _do(
    event: Event, rig: Rig, wires: Wires, devices: Devices, history: _History, calm: list[tuple[float, str]]
) -> None:
    if event.what == "kill":
        history.kills.append(rig.kill(event.target))
        history.victims.append(event.target)
        _say(f"{len(history.kills)}: {event.target} killed, {devices.published} messages published")
    elif event.what == "silence":
        devices.silence(event.target, event.lasts)
    elif event.what != "end" and event.target not in {wire for _, wire in calm}:
        history.faults += 1
        wires.change(event.target, Weather(event.what))
        calm.append((time.monotonic() + event.lasts, event.target))
        _say(f"{event.target}: {event.what} for {event.lasts:.1f} s")


def _calm_down(wires: Wires, calm: list[tuple[float, str]]) -> list[tuple[float, str]]:
    now = time.monotonic()
    for until, wire in calm:
        if until <= now:
            wires.change(wire, Weather.FAIR)
    return [each for each in calm if each[0] > now]


def _fall_silent(rig: Rig, devices: Devices, history: _History) -> None:
    """With everything running again: one site is silent until its alarm has come, then heard until that is over."""
    device = next(iter(rig.registry.devices.values()))
    _wait(lambda: _listening(rig), "ingest and monitor at work", SETTLE_TIMEOUT_S)
    time.sleep(CALM_S)
    began = time.time()
    devices.silence(device.code, SILENCE_TIMEOUT_S)
    _wait(lambda: _offline(rig, device.site, began), "the alarm of a silent site", SILENCE_TIMEOUT_S, fail=False)
    devices.end_silence(device.code)
    history.planted[device.site] = (began, time.time())
    _wait(lambda: not _offline(rig, device.site, began), "the end of that alarm", SILENCE_TIMEOUT_S, fail=False)


def _listening(rig: Rig) -> bool:
    with rig.connection() as connection:
        row = connection.execute(
            "SELECT count(*) FROM heartbeat WHERE at > now() - interval '6 s' "
            "AND (service = 'monitor' OR service = 'ingest' AND detail ->> 'broker' = 'connected')"
        ).fetchone()
        behind = journal.last_id(connection) - journal.cursor(connection, "monitor")
    return row is not None and row[0] == 2 and behind < 100


def _offline(rig: Rig, site: str, since: float) -> bool:
    with rig.connection() as connection:
        row = connection.execute(
            "SELECT count(*) FROM alarm WHERE kind = 'offline' AND site = %s AND raised_at > to_timestamp(%s) "
            "AND returned_at IS NULL",
            (site, since),
        ).fetchone()
    return row is not None and row[0] > 0


def account_of(rig: Rig, record: Any) -> Account:
    """The account as of now."""
    with rig.connection() as connection:
        return account(connection, record, rig.registry)


def _settled(rig: Rig, measure: Callable[[], Account]) -> Account:
    """The account once it is clean and the monitor has read all, or as it stands after `SETTLE_TIMEOUT_S`."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        with contextlib.suppress(psycopg.Error):
            found = measure()
            with rig.connection() as connection:
                read = journal.cursor(connection, "monitor") >= journal.last_id(connection) - 5
            if (found.clean and read) or time.monotonic() > deadline:
                return found
        time.sleep(2)


def _compared(rig: Rig, record: Any, history: _History) -> Comparison:
    published, _ = expected_readings(record, rig.registry)
    with rig.connection() as connection:
        config = [each for each in journal.read_after(connection, 0, 10) if each.kind == "config"][1:2]
        return alarms.compare(connection, rig.registry, record, published, config=config, planted=history.planted)


def _wait(condition: Callable[[], bool], what: str, timeout_s: float, *, fail: bool = True) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(psycopg.Error):
            if condition():
                return
        if time.monotonic() > deadline:
            if fail:
                raise OperatorError(f"chaos: {what} did not come within {timeout_s:g} s")
            return
        time.sleep(0.3)


def _line(
    settings: ChaosSettings,
    history: _History,
    found: Account,
    compared: Comparison,
    recovered: Sequence[float | None],
    seconds: float,
) -> dict[str, Any]:
    """The figures. With none lost of n, at most 3/n are with 95 % confidence (rule of three)."""
    took = np.array([each for each in recovered if each is not None])
    slowest = {
        victim: round(
            max((s for v, s in zip(history.victims, recovered, strict=True) if v == victim and s), default=0), 1
        )
        for victim in sorted(set(history.victims))
    }
    return {
        "benchmark": "chaos",
        "broker": settings.broker,
        "seed": settings.seed,
        "seconds": round(seconds, 1),
        "kills": len(history.kills),
        "network_faults": history.faults,
        **asdict(found),
        "alarms_equal": compared.equal,
        **asdict(compared),
        "recovery_p50_s": round(float(np.percentile(took, 50)), 2) if took.size else None,
        "recovery_p99_s": round(float(np.percentile(took, 99)), 2) if took.size else None,
        "slowest_recovery_s": slowest,
        "not_recovered": sum(each is None for each in recovered),
        "lost_share_below_95": 3 / found.acknowledged if found.acknowledged and not found.lost else None,
        "clean": found.clean and compared.equal and found.acknowledged > 0,
    }


def shown(found: dict[str, Any]) -> str:
    """The figures for a person."""
    return "\n".join(f"{name:<24} {value}" for name, value in found.items())


def _say(line: str) -> None:
    sys.stderr.write(f"chaos: {line}\n")
