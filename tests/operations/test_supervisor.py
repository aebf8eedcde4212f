"""The supervisor with real child processes."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from operations.leftovers import end_leftovers
from operations.output import Output
from operations.restart_delay import RestartDelay
from operations.service import Node, Service, Step, stop_order
from operations.supervisor import Supervisor

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


class Bench:
    """A supervisor under test, its log and the processes it has running."""

    def __init__(self, nodes: list[Node], folder: Path, first_wait_s: float = 0.05) -> None:
        self.terminal = io.StringIO()
        self.output = Output(self.terminal)
        self.file = folder / "services.json"
        self.ready = asyncio.Event()
        self.supervisor = Supervisor(
            nodes,
            self.output,
            children_file=self.file,
            restart_delay=lambda: RestartDelay(first_s=first_wait_s, longest_s=0.4),
        )

    def pid(self, name: str) -> int | None:
        child = self.supervisor._children.get(name)
        return None if child is None else child.pid

    def log(self) -> str:
        return self.terminal.getvalue()


async def within(seconds: float, condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true in time"
        await asyncio.sleep(0.01)


def supervise(bench: Bench, story: Callable[[Bench], Awaitable[None]]) -> None:
    """Run the supervisor, then the story once all is ready, then the end."""

    async def main() -> None:
        running = asyncio.create_task(bench.supervisor.run(bench.ready.set))
        try:
            ready = asyncio.create_task(bench.ready.wait())
            await asyncio.wait((running, ready), timeout=20, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await story(bench)
        finally:
            bench.supervisor.stop()
            await asyncio.wait_for(running, 30)

    try:
        asyncio.run(main())
    finally:
        bench.output.close()


def said_up(marks: list[str], name: str) -> Callable[[str], None]:
    """What marks that a service has said "up"."""
    return lambda line: marks.append(name) if line == "up" else None


def heard_by(marks: list[str], name: str) -> Callable[[float], Awaitable[bool]]:
    """A probe that waits for that mark."""

    async def probe(_started_at: float) -> bool:
        return name in marks

    return probe


def test_starts_what_is_needed_first_and_ends_it_last(tmp_path: Path) -> None:
    """A service starts only when its prerequisites are ready, steps included, and ends before them."""
    marks: list[str] = []
    nodes: list[Node] = [
        Service(
            name="api",
            command=SLEEPER,
            after=frozenset({"schema"}),
            heard=said_up(marks, "api"),
            probe=heard_by(marks, "api"),
        ),
        Step(name="schema", action=lambda: marks.append("schema"), after=frozenset({"database"})),
        Service(name="database", command=SLEEPER, heard=said_up(marks, "database"), probe=heard_by(marks, "database")),
    ]

    async def story(bench: Bench) -> None:
        await within(5, lambda: bench.pid("api") is not None)

    bench = Bench(nodes, tmp_path)
    supervise(bench, story)
    assert marks == ["database", "schema", "api"]
    log = bench.log()
    assert log.index("ending api") < log.index("ending database")


def test_starts_again_what_dies_and_leaves_the_others_alone(tmp_path: Path) -> None:
    """Kill -9 of one service starts it again as a new process; its neighbour keeps its process."""
    nodes: list[Node] = [
        Service(name="database", command=SLEEPER),
        Service(name="api", command=SLEEPER, after=frozenset({"database"})),
    ]

    async def story(bench: Bench) -> None:
        await within(5, lambda: bench.pid("database") is not None and bench.pid("api") is not None)
        database, api = bench.pid("database"), bench.pid("api")
        assert database is not None
        os.kill(database, signal.SIGKILL)
        await within(5, lambda: bench.pid("database") not in (None, database))
        assert bench.pid("api") == api

    bench = Bench(nodes, tmp_path)
    supervise(bench, story)
    assert "database was killed by SIGKILL; starting it again in 0.05 s" in bench.log()


def test_back_off_doubles_to_its_bound_and_starts_afresh_after_a_long_run() -> None:
    """Waits double from 1 s to 30 s; a run of 60 s takes the wait back to 1 s."""
    law = RestartDelay()
    assert [law.after(0.1) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert law.after(59.9) == 30
    assert law.after(60.0) == 1
    assert law.after(0.0) == 2


def test_waits_longer_each_time_a_service_dies_at_once(tmp_path: Path) -> None:
    """A service that cannot run is started again after growing waits, and says so each time."""
    died = 0

    def count(line: str) -> None:
        nonlocal died
        died += line == "no"

    service = Service(name="api", command=[sys.executable, "-c", "print('no'); raise SystemExit(3)"], heard=count)

    async def story(bench: Bench) -> None:
        await within(10, lambda: died >= 5)

    bench = Bench([service], tmp_path)
    supervise(bench, story)
    waits = [line.rsplit(" in ", 1)[1] for line in bench.log().splitlines() if "starting it again" in line]
    assert waits[:4] == ["0.05 s", "0.1 s", "0.2 s", "0.4 s"]
    assert "api ended with status 3" in bench.log()


def test_kills_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that ignores its stop signal is killed when its time is up, and the end goes on."""
    monkeypatch.setattr("operations.supervisor.RANK_LIMIT_S", 0.3)
    marks: list[str] = []
    deaf = Service(name="deaf", command=DEAF, heard=said_up(marks, "deaf"), probe=heard_by(marks, "deaf"))
    pids: list[int] = []

    async def story(bench: Bench) -> None:
        pid = bench.pid("deaf")
        assert pid is not None
        pids.append(pid)

    bench = Bench([deaf], tmp_path)
    supervise(bench, story)
    assert "deaf has not ended after 0.3 s: killing it" in bench.log()
    assert not psutil.pid_exists(pids[0])


def test_a_failed_step_ends_the_start_with_its_error(tmp_path: Path) -> None:
    """When a step fails, everything started is ended and the step's own error comes out."""

    def fail() -> None:
        raise ValueError("no such column")

    bench = Bench(
        [Service(name="database", command=SLEEPER), Step(name="schema", action=fail, after=frozenset({"database"}))],
        tmp_path,
    )

    async def nothing(_bench: Bench) -> None:
        raise AssertionError("it must not become ready")

    with pytest.raises(ValueError, match="no such column"):
        supervise(bench, nothing)
    assert not bench.supervisor._children


def test_a_job_is_repeated_until_it_succeeds_once(tmp_path: Path) -> None:
    """A job that fails runs again; after status 0 it is done and does not run any more."""
    flag = tmp_path / "tried"
    script = f"import pathlib, sys; p = pathlib.Path({str(flag)!r}); t = p.exists(); p.touch(); sys.exit(0 if t else 1)"
    done: list[bool] = []
    job = Service(name="backfill", command=[sys.executable, "-c", script], job=True, done=lambda: done.append(True))

    async def story(bench: Bench) -> None:
        await within(10, lambda: bool(done))
        await asyncio.sleep(0)

    bench = Bench([job], tmp_path)
    supervise(bench, story)
    assert done == [True]
    assert bench.log().count("backfill ended with status 1") == 1


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """Kill -9 of the supervisor takes its children along (Linux), or the next start ends them (elsewhere)."""
    script = f"""
import asyncio, io, pathlib
from operations.output import Output
from operations.service import Service
from operations.supervisor import Supervisor
supervisor = Supervisor([Service(name="api", command={SLEEPER!r})], Output(io.StringIO()),
                        children_file=pathlib.Path({str(tmp_path / "services.json")!r}))
asyncio.run(supervisor.run(lambda: print(supervisor._children["api"].pid, flush=True)))
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    if sys.platform != "linux":
        assert end_leftovers(tmp_path / "services.json", lambda _line: None) == ["api"]
    child.wait(timeout=10)
    assert not child.is_running()


def test_ends_left_over_processes_but_no_process_that_took_over_their_id(tmp_path: Path) -> None:
    """A recorded process is ended; one with the same id and another start time is somebody else's."""
    left = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True)
    other = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True)
    try:
        for process in (left, other):
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
        created = psutil.Process(left.pid).create_time()
        file = tmp_path / "services.json"
        file.write_text(
            f'{{"database": {{"pid": {left.pid}, "created": {created}}},'
            f'"api": {{"pid": {other.pid}, "created": {created - 100}}}}}'
        )
        said: list[str] = []
        assert end_leftovers(file, said.append) == ["database"]
        assert not psutil.pid_exists(left.pid)
        assert other.poll() is None
        assert "database" in said[0]
    finally:
        for process in (left, other):
            process.kill()
            process.communicate()


def test_stop_order_refuses_circles_and_unknown_prerequisites() -> None:
    """The order names what waits for each other, or what is missing."""

    def node(name: str, *after: str) -> Step:
        return Step(name=name, action=lambda: None, after=frozenset(after))

    assert stop_order([node("a"), node("b", "a"), node("c", "b"), node("d", "a")]) == [["c", "d"], ["b"], ["a"]]
    with pytest.raises(ValueError, match="a, b wait for each other"):
        stop_order([node("a", "b"), node("b", "a")])
    with pytest.raises(ValueError, match="a starts after z"):
        stop_order([node("a", "z")])
