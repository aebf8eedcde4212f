"""What the supervisor runs: services, jobs that end by themselves, and steps taken once in between."""

import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Probe = Callable[[float], Awaitable[bool]]
"""Whether the service that was started at a time (seconds since the epoch) is ready."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A child process that is kept running.

    It starts when all of `after` are ready and counts as ready itself when `probe` says so. `heard` gets each
    line of its output, `shown` says what of a line goes to the log, if anything. A `job` ends by itself: with
    status 0 it is ready, and `done` is called; else, and everything else, is started again when it ends. The
    system counts as ready without what runs in the `background`.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[str] = frozenset()
    probe: Probe | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    heard: Callable[[str], None] | None = None
    shown: Callable[[str], str | None] | None = None
    job: bool = False
    background: bool = False
    done: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something done once, in a thread, when all of `after` are ready; a failure ends the start."""

    name: str
    action: Callable[[], None]
    after: frozenset[str] = frozenset()


Node = Service | Step


def stop_order(nodes: Iterable[Node]) -> list[list[str]]:
    """Names in the order to stop them: what others need comes after them; each inner list stops together.

    Raises `ValueError` naming a prerequisite that does not exist, or the nodes of a circle.
    """
    after = {node.name: node.after for node in nodes}
    for name, needed in after.items():
        if unknown := needed - after.keys():
            raise ValueError(f"{name} starts after {', '.join(sorted(unknown))}, which is not there")
    order: list[list[str]] = []
    remaining = dict(after)
    while remaining:
        needed_by_others = frozenset().union(*remaining.values())
        free = sorted(remaining.keys() - needed_by_others)
        if not free:
            raise ValueError(f"{', '.join(sorted(remaining))} wait for each other")
        order.append(free)
        for name in free:
            del remaining[name]
    return order
