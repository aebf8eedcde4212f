"""Serving the API: `landun serve`."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from monitor.api.app import create_app
from monitor.api.context import Context
from monitor.api.health import health_of
from monitor.api.settings import ApiSettings
from monitor.figures import HealthCollector
from store.exposition import Exposition

log = logging.getLogger(__name__)

GRACE_S: Final = 3
"""How long open requests may take to end after a signal; open live feeds end with it."""
PING_S: Final = 20.0
STUCK_MS: Final = 20_000
"""A peer that takes nothing for this long is cut off by the kernel."""
SEND_BUFFER_BYTES: Final = 256 * 1024
"""Bounds what the kernel keeps for a slow viewer, so that it is noticed within seconds and costs little."""


def run(settings: ApiSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `OSError` naming the address where it cannot be bound."""
    listener = listen(settings.host, settings.port)
    app = create_app(settings)
    context: Context = app.state.context
    server = _Server(
        uvicorn.Config(
            app,
            # uvicorn would write each live feed's address, token included, to its log.
            log_config=None,
            access_log=False,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
            ssl_certfile=settings.tls.certificate if settings.tls else None,
            ssl_keyfile=settings.tls.key if settings.tls else None,
        )
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    host, port = listener.getsockname()[:2]
    log.info("serving on %s://%s:%d", "https" if settings.tls else "http", host, port)
    figures = HealthCollector(lambda: health_of(context), lambda: len(context.hub))
    with listener, Exposition(settings.metrics, [figures], lambda: health_of(context).model_dump(mode="json")):
        asyncio.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """Ends in good order on SIGTERM and SIGINT, without raising the signal again afterwards as uvicorn does."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let the signals end the server."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.handle_exit, name, None)
        try:
            yield
        finally:
            for name in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(name)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections cannot be held open by a peer that reads nothing.

    uvicorn closes a WebSocket only after its buffer is flushed, which for such a peer is never. The options are
    inherited by accepted connections (tcp(7), TCP_USER_TIMEOUT: RFC 5482).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on each connection; without it, every small answer waits
    # 40 ms for the peer's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the ping's time-out has to do
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
