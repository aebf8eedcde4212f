"""What benchmarks measure on: a database server of their own, and an API as a person asks it."""

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.report import quantile
from operations.ports import any_free
from store.embedded import EmbeddedPostgres
from store.migrations import migrate


@contextmanager
def database() -> Iterator[str]:
    """The DSN of an empty, migrated database on an embedded server, which ends and goes with the measurement."""
    with tempfile.TemporaryDirectory(prefix="landun-bench-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", port=any_free(), password=secrets.token_urlsafe(12))
        server.prepare()
        server.start()
        try:
            migrate(server.dsn)
            yield server.dsn
        finally:
            server.stop()


def slow_ends(client: httpx.Client, asked: Mapping[str, str], times: int) -> dict[str, float]:
    """The slower end (the 90th percentile) of each request's time, s; `asked` are paths by name."""
    taken = {}
    for name, path in asked.items():
        found = []
        for _ in range(times):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            found.append(time.perf_counter() - began)
        taken[name] = quantile(sorted(found), 0.9)
    return taken
