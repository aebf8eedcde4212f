"""A TCP proxy before PostgreSQL that cuts the connection at a COMMIT."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class CommitCutter:
    """Forwards one connection at a time; when `armed`, the next COMMIT ends it.

    With `delivered` the server still gets that COMMIT and only its answer is lost; without, it never hears of it.
    """

    def __init__(self, dsn: str, *, delivered: bool) -> None:
        self.armed = False
        self._delivered = delivered
        known = conninfo_to_dict(dsn)
        self._server = (str(known["host"]), int(str(known["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=self._listener.getsockname()[1], sslmode="disable")

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            self._requests(client, server)

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65_536):
            if self.armed and b"COMMIT\x00" in data:
                client.shutdown(socket.SHUT_RDWR)
                if self._delivered:
                    server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                else:
                    _hang_up(server)
                return
            server.sendall(data)
        _hang_up(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65_536):
                client.sendall(data)
        except OSError:
            return


def _hang_up(server: socket.socket) -> None:
    """Close for good: a close alone keeps the connection for as long as the other thread waits for an answer."""
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()
