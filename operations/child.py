"""One child process in a process group of its own, bound to the supervisor's life, its output split into lines."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from operations.output import LineSplitter
from operations.service import Service

LIFELINE: Final = Path(__file__).with_name("lifeline.py")
CHUNK_BYTES: Final = 65_536
OUTPUT_GRACE_S: Final = 0.5
"""How long output is still read after the process ended: a grandchild may hold the pipe open."""


class Child:
    """A started service. `created` is the start time as psutil tells it: pid and start time name a process for good."""

    def __init__(self, service: Service, process: asyncio.subprocess.Process, said: Callable[[str], None]) -> None:
        self.service = service
        self.process = process
        self.started_at = time.time()
        self._began = time.monotonic()
        self._reader = asyncio.create_task(self._read(said), name=f"output of {service.name}")

    @classmethod
    async def start(cls, service: Service, said: Callable[[str], None]) -> "Child":
        """Start the service's command. Raises `OSError` where it cannot be."""
        arguments = [sys.executable, "-I", "-S", str(LIFELINE), str(os.getpid()), str(int(service.stop_signal))]
        process = await asyncio.create_subprocess_exec(
            *arguments,
            *service.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **service.environment},
            start_new_session=True,
        )
        return cls(service, process, said)

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        return self.process.pid

    @property
    def created(self) -> float | None:
        """The process's start time in seconds since the epoch; nothing when it has gone already."""
        try:
            return psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return None

    @property
    def uptime_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    async def ended(self) -> int:
        """Wait for the end; the exit status, negative for a signal. What is left of its group ends too."""
        status = await self.process.wait()
        self.signal_group(signal.SIGKILL)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._reader, OUTPUT_GRACE_S)
        return status

    def signal_group(self, sign: signal.Signals) -> None:
        """Send a signal to the process and all it started in its group, if any of them is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, sign)

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal to the process itself."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(sign)

    async def _read(self, said: Callable[[str], None]) -> None:
        assert self.process.stdout is not None  # noqa: S101 - start asks for a pipe
        lines = LineSplitter()
        chunk = b"."
        while chunk:
            chunk = await self.process.stdout.read(CHUNK_BYTES)
            for line in lines.feed(chunk):
                if line:
                    said(line)


def describe_end(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
