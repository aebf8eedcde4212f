"""``landun bench ingest --broken``: the same flood good and broken, through broker, ingest and database.

Every broken message ends as exactly one dead letter, so a flood is over when there are as many as messages.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, Final, Literal

from operations.bench import servers
from operations.bench.commits import Commits
from operations.bench.rig import STALLED_S, Rig, Settings
from operations.bench.workload import Workload
from operations.errors import OperatorError

Damage = Literal["cut", "unknown", "text", "future"]
DAMAGES: Final[tuple[Damage, ...]] = ("cut", "unknown", "text", "future")
_FAR_AHEAD_MS: Final = 86_400_000


@dataclass(frozen=True)
class Broken(Workload):
    """A workload each of whose messages is broken, by these damages in turn.

    `cut`: the JSON ends too early; `unknown`: one value has a name that nobody registered; `text`: one value is text,
    not a number; `future`: the time is a day ahead. Of `unknown` and `text` the other values are stored.
    """

    damages: tuple[Damage, ...] = DAMAGES

    def payloads(self) -> Iterator[bytes]:
        """The payload of each message, broken."""
        first = f'"{self.indicators[0]}":'.encode()
        for payload, damage, ts in zip(super().payloads(), cycle(self.damages), self.ts_ms.tolist(), strict=False):
            match damage:
                case "cut":
                    yield payload[:-3]
                case "unknown":
                    yield payload.replace(first, b'"nobody_knows":')
                case "text":
                    number = payload.partition(first)[2].partition(b",")[0].rstrip(b"}")
                    yield payload.replace(first + number, first + b'"' + number + b'"')
                case "future":
                    yield payload.replace(str(ts).encode(), str(ts + _FAR_AHEAD_MS).encode())


def measure(settings: Settings) -> dict[str, Any]:
    """Messages a second of a good flood and of broken ones, each on a chain of its own.

    Raises `OperatorError` where a part does not work or a message came to nothing.
    """
    good = settings.workload()
    spoilt = Broken(good.devices, good.messages, good.values, good.now_ms)
    floods: dict[str, Workload] = {"good": good, "mixed": spoilt}
    floods |= {damage: replace(spoilt, damages=(damage,)) for damage in DAMAGES}
    with ExitStack() as stack:
        home = stack.enter_context(servers.folder())
        server = stack.enter_context(servers.database_server(home, settings.dsn))
        rates = {name: _rate(settings, flood, home / name, server) for name, flood in floods.items()}
    return {
        **settings.described(settings.broker),
        "messages_per_s": {name: round(rate) for name, rate in rates.items()},
        "broken_to_good": {name: round(rate / rates["good"], 2) for name, rate in rates.items() if name != "good"},
    }


def _rate(settings: Settings, flood: Workload, home: Any, server: str) -> float:
    home.mkdir()
    with Rig.running(settings, flood, home, server) as rig:
        rig.load(flood)
        commits = Commits(rig.connection)
        rig.devices.send(0.0)
        began = float(rig.await_published(commits).sent.min())
        progress_at = time.monotonic()
        while not _complete(commits, flood):
            if commits.look():
                progress_at = time.monotonic()
            elif time.monotonic() - progress_at > STALLED_S:
                raise OperatorError(
                    f"bench: of {flood.messages} messages {commits.letters} dead letters and {commits.rows} readings "
                    f"are there, and nothing moves for {STALLED_S:g} s"
                )
            time.sleep(commits.interval_s)
        return flood.messages / (commits.last_at - began)


def _complete(commits: Commits, flood: Workload) -> bool:
    return commits.letters >= flood.messages if isinstance(flood, Broken) else commits.rows >= flood.readings
