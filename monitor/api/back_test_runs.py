"""Back-tests at work: each a process of its own, followed line by line, with a limit of time and of number."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from registry.words import WordedError, Words

AT_ONCE: Final = 2
KEPT: Final = 20
TIME_LIMIT_S: Final = 900.0
LINE_BYTES: Final = 16 * 1024 * 1024


class TooManyError(WordedError):
    """As many back-tests as may run at once are running."""


@dataclass
class Running:
    """One back-test: whose it is, how far, and what it found."""

    owner: str
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    share: float = 0.0
    readings: int = 0
    detail: Words | None = None
    found: int = 0
    as_set: int = 0
    alarms: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class BackTests:
    """The back-tests of this process, newest last."""

    known: dict[str, Running] = field(default_factory=dict)

    def add(self, owner: str) -> tuple[str, Running]:
        """A new one; the oldest that is over is forgotten. Raises `TooManyError`."""
        if sum(each.state == "running" for each in self.known.values()) >= AT_ONCE:
            raise TooManyError.of("refusal.back_tests.too_many", running=AT_ONCE)
        over = [number for number, each in self.known.items() if each.state != "running"]
        for number in over[: max(0, len(self.known) - KEPT + 1)]:
            del self.known[number]
        number = secrets.token_hex(8)
        self.known[number] = Running(owner)
        return number, self.known[number]

    def of(self, number: str, owner: str) -> Running:
        """One of a person's. Raises `KeyError`."""
        found = self.known[number]
        if found.owner != owner:
            raise KeyError(number)
        return found

    async def close(self) -> None:
        """Stop all of them."""
        for each in self.known.values():
            kill(each)
        tasks = [each.task for each in self.known.values() if each.task]
        await asyncio.gather(*tasks, return_exceptions=True)


def kill(running: Running) -> None:
    """End its process, if it has one."""
    if running.process is not None and running.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()


async def run(running: Running, request: dict[str, Any], dsn: str) -> None:
    """Run the process and keep what it says."""
    try:
        running.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor.backtest",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "LANDUN_DATABASE_URL": dsn},
            limit=LINE_BYTES,
        )
        async with asyncio.timeout(TIME_LIMIT_S):
            await _follow(running, running.process, request)
    except TimeoutError:
        _fail(running, Words.of("refusal.back_tests.too_slow", minutes=TIME_LIMIT_S / 60))
    except OSError as error:
        _fail(running, Words.of("refusal.back_tests.not_started", error=error))
    finally:
        kill(running)
        if running.process is not None:
            await running.process.wait()


async def _follow(running: Running, process: asyncio.subprocess.Process, request: dict[str, Any]) -> None:
    if process.stdin is None or process.stdout is None:
        raise OSError("no pipes")
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()
    async for line in process.stdout:
        said = json.loads(line)
        running.readings = said.get("readings", running.readings)
        if "failed" in said:
            _fail(running, Words(**said["failed"]))
        elif "alarms" in said:
            running.found, running.as_set, running.alarms = said["found"], said["as_set"], said["alarms"]
            running.share, running.state = 1.0, "done"
        else:
            running.share = said["share"]
    if await process.wait() != 0 and running.state == "running":
        _fail(running, Words.of("refusal.back_tests.ended", status=process.returncode))


def _fail(running: Running, why: Words) -> None:
    if running.state == "running":
        running.state, running.detail = "failed", why
