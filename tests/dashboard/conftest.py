"""A small real HTTP server in place of the API: what the client does with each kind of answer."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Answering:
    """A server on loopback; `answers` maps ``"GET /path"`` to status and body, `asked` is what was asked.

    `headers` are sent beside the answer of the same key.
    """

    address: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def answering() -> Iterator[Answering]:
    """The server, with nothing to answer yet."""
    made = Answering()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            made.asked.append((self.command, self.path, dict(self.headers.items())))
            key = f"{self.command} {self.path.partition('?')[0]}"
            status, body = made.answers.get(key, (404, {"detail": f"nothing at {key}"}))
            content = json.dumps(body).encode() if body is not None else b""
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            for name, value in made.headers.get(key, {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join(5)
