"""Real receivers on loopback: an SMTP server, and an HTTP server that keeps what it is sent and answers as told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from operations.ports import any_free


@dataclass
class Mail:
    """An SMTP server; `answer` is its reply to a message, `refused` addresses that it doesn't know."""

    port: int = field(default_factory=any_free)
    messages: list[EmailMessage | Message] = field(default_factory=list)
    answer: str = "250 OK"
    refused: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The gateway by which it is reached."""
        return f"mailto://127.0.0.1:{self.port}?from=landun@example.org&smtp=127.0.0.1"

    async def handle_RCPT(  # noqa: N802 -- the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- as above
        if self.answer.startswith("250"):
            content = envelope.content or b""
            self.messages.append(
                BytesParser(policy=default).parsebytes(content.encode() if isinstance(content, str) else content)
            )
        return self.answer

    @contextmanager
    def running(self) -> Iterator["Mail"]:
        """Serve until left."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()


@dataclass(frozen=True)
class Post:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Hook:
    """An HTTP server that keeps every POST; `status` and `answer` are what it says, `hold` lets it wait before that."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.status = 200
        self.answer: dict[str, Any] = {}
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.posts.append(Post(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                receiver.hold.wait(30)
                said = json.dumps(receiver.answer).encode()
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> "Hook":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
