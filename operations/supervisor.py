"""Starts services in order, keeps them running, ends them in reverse order.

A service starts when what it needs is ready, and is started again with back-off when it dies; what stands
on it is not touched, because every service outlives an outage of another. The end takes at most
`END_LIMIT_S`: each rank gets its stop signal and `RANK_LIMIT_S` to follow it, then SIGKILL.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from operations.child import Child, describe_end
from operations.leftovers import remember
from operations.output import Output
from operations.restart_delay import RestartDelay
from operations.service import Node, Service, Step, stop_order

END_LIMIT_S: Final = 28.0
RANK_LIMIT_S: Final = 8.0
KILL_GRACE_S: Final = 2.0
PROBE_EVERY_S: Final = 0.15
SLOW_AFTER_S: Final = 20.0
SUPERVISOR: Final = "landun"


class Supervisor:
    """Runs nodes until `stop` is called. `children_file` records what runs, for a start after a crash."""

    def __init__(
        self,
        nodes: Sequence[Node],
        output: Output,
        *,
        children_file: Path,
        restart_delay: Callable[[], RestartDelay] = RestartDelay,
    ) -> None:
        self._stop_order = stop_order(nodes)
        self._nodes = {node.name: node for node in nodes}
        self._ready = {node.name: asyncio.Event() for node in nodes}
        self._output = output
        self._children_file = children_file
        self._restart_delay = restart_delay
        self._children: dict[str, Child] = {}
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._retired: set[str] = set()

    def stop(self) -> None:
        """Begin the end; called again while it is under way, kill what is left."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    async def retire(self, name: str) -> None:
        """End a service for good while the others go on; nothing where it is not there."""
        self._retired.add(name)
        child = self._children.get(name)
        if child is not None:
            await self._end_rank([child], RANK_LIMIT_S)

    async def run(self, when_ready: Callable[[], None]) -> None:
        """Start everything, call `when_ready` when all of it is ready, return when it has been stopped.

        Raises what a step raised, after ending what had been started.
        """
        tasks = {name: asyncio.create_task(self._live(node), name=name) for name, node in self._nodes.items()}
        announce = asyncio.create_task(self._announce(when_ready), name="ready")
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        failed = asyncio.create_task(_first_failure([*tasks.values(), announce]), name="failed")
        try:
            await asyncio.wait((stopping, failed), return_when=asyncio.FIRST_COMPLETED)
            error = failed.result() if failed.done() else None
        finally:
            self._stopping.set()
            for task in (announce, failed, stopping):
                task.cancel()
            await self._end(tasks)
        if error is not None:
            raise error

    async def _live(self, node: Node) -> None:
        """The life of one node, from its prerequisites' readiness to the end."""
        for name in sorted(node.after):
            await self._ready[name].wait()
        if isinstance(node, Step):
            await asyncio.to_thread(node.action)
            self._ready[node.name].set()
        elif node.job:
            await self._finish(node)
        else:
            await self._keep(node)

    async def _keep(self, service: Service) -> None:
        restart_delay = self._restart_delay()
        while not self._over(service):
            uptime, ended = await self._run_once(service)
            if not self._over(service):
                await self._wait_again(service, ended, restart_delay.after(uptime))

    async def _finish(self, job: Service) -> None:
        restart_delay = self._restart_delay()
        while not self._over(job):
            uptime, ended = await self._run_once(job)
            if ended == describe_end(0):
                if job.done is not None:
                    job.done()
                self._ready[job.name].set()
                return
            if not self._over(job):
                await self._wait_again(job, ended, restart_delay.after(uptime))

    def _over(self, service: Service) -> bool:
        return self._stopping.is_set() or service.name in self._retired

    async def _run_once(self, service: Service) -> tuple[float, str]:
        """Run a service until its process ends: its uptime in seconds and how it ended."""

        def said(line: str) -> None:
            shown = line if service.shown is None else service.shown(line)
            if shown:
                self._output.say(service.name, shown)
            if service.heard is not None:
                service.heard(line)

        try:
            child = await Child.start(service, said)
        except OSError as error:
            return 0.0, f"could not be started: {error}"
        self._children[service.name] = child
        self._remember()
        watch = asyncio.create_task(self._watch_readiness(child), name=f"readiness of {service.name}")
        try:
            status = await child.ended()
        finally:
            watch.cancel()
            del self._children[service.name]
            self._remember()
        return child.uptime_s, describe_end(status)

    async def _wait_again(self, service: Service, ended: str, seconds: float) -> None:
        self._say(f"{service.name} {ended}; starting it again in {seconds:g} s")
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _watch_readiness(self, child: Child) -> None:
        service = child.service
        if service.job:
            return
        slow_after = SLOW_AFTER_S
        while service.probe is not None and not await _answers(service, child.started_at):
            if child.uptime_s > slow_after:
                self._say(f"{service.name} is not ready after {slow_after:g} s, still waiting")
                slow_after *= 2
            await asyncio.sleep(PROBE_EVERY_S)
        self._say(f"{service.name} ready after {child.uptime_s:.1f} s (process {child.pid})")
        self._ready[service.name].set()

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        for name, node in self._nodes.items():
            if not (isinstance(node, Service) and node.background):
                await self._ready[name].wait()
        when_ready()

    async def _end(self, tasks: dict[str, "asyncio.Task[None]"]) -> None:
        deadline = time.monotonic() + END_LIMIT_S
        for name, node in self._nodes.items():
            if name not in self._children and isinstance(node, Service):
                tasks[name].cancel()  # it waits for a prerequisite or for its next start
        for rank in self._stop_order:
            children = [self._children[name] for name in rank if name in self._children]
            await self._end_rank(children, min(RANK_LIMIT_S, max(0.0, deadline - time.monotonic())))
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _end_rank(self, children: Sequence[Child], limit_s: float) -> None:
        if not children:
            return
        self._say(f"ending {', '.join(child.service.name for child in children)}")
        for child in children:
            child.signal(child.service.stop_signal)
        ends = {asyncio.create_task(child.process.wait()): child for child in children}
        hurry = asyncio.create_task(self._hurry.wait())
        waiting = asyncio.create_task(asyncio.wait(ends))
        await asyncio.wait((hurry, waiting), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        for end, child in ends.items():
            if not end.done():
                self._say(f"{child.service.name} has not ended after {limit_s:g} s: killing it")
                child.signal_group(signal.SIGKILL)
        await asyncio.wait(ends, timeout=KILL_GRACE_S)
        for task in (hurry, waiting):
            task.cancel()

    def _remember(self) -> None:
        running = {name: (child.pid, child.created) for name, child in self._children.items()}
        remember(self._children_file, {name: (pid, at) for name, (pid, at) in running.items() if at is not None})

    def _say(self, line: str) -> None:
        self._output.say(SUPERVISOR, line)


async def _answers(service: Service, started_at: float) -> bool:
    if service.probe is None:
        return True
    try:
        return await service.probe(started_at)
    except Exception:  # whatever a probe meets, the service is not ready yet
        return False


async def _first_failure(tasks: Sequence["asyncio.Task[None]"]) -> BaseException | None:
    """The first error of any of the tasks; does not return while none has failed."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                return error
    await asyncio.Event().wait()
    return None
