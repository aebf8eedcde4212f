"""A process's figures for Prometheus (``/metrics``), and its state as JSON (``/status``), on an address of its own.

Apart from what a process does for others: it answers while the database is away, and only who is on the machine (or
whom the operator lets in) can ask.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Histogram, make_wsgi_app
from prometheus_client.registry import Collector

Status = Callable[[], Mapping[str, object]]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of histograms of durations."""

_log = logging.getLogger(__name__)


def histogram(name: str, said: str, bounds: Iterable[float] = SECONDS) -> Histogram:
    """A histogram that belongs to no registry yet."""
    return Histogram(name, said, buckets=tuple(bounds), registry=None)


def program_version() -> str:
    """The version of Landun that runs; where it is not installed, that it runs from its checkout."""
    try:
        return version("landun")
    except PackageNotFoundError:
        return "checkout"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives
        """Somebody asks every few seconds; that is nothing to log."""


class Exposition:
    """Serves figures in a thread from `with` on. A port that is taken is a warning: figures must not end a service.

    Parameters
    ----------
    address : ``host:port``; None for none
    collectors : what is asked at each scrape
    status : what ``/status`` answers

    """

    def __init__(self, address: str | None, collectors: Iterable[Collector], status: Status) -> None:
        self._address = address
        self._status = status
        registry = CollectorRegistry()
        for each in collectors:
            registry.register(each)
        self._metrics = make_wsgi_app(registry)
        self._server: WSGIServer | None = None

    @property
    def port(self) -> int | None:
        """Where it listens; None where it does not."""
        return None if self._server is None else self._server.server_port

    def __enter__(self) -> Self:
        if self._address is None:
            return self
        host, _, port = self._address.rpartition(":")
        try:
            self._server = make_server(host, int(port), self._answer, _Server, _Quiet)
        except OSError as error:
            _log.warning("metrics are not served: %s cannot be listened on: %s", self._address, error.strerror)
            return self
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answered: Iterable[bytes] = self._metrics(environ, start_response)
                return answered
            case "/status":
                start_response("200 OK", [("Content-Type", "application/json")])
                return [json.dumps(dict(self._status()), default=str).encode()]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there are /metrics and /status\n"]
