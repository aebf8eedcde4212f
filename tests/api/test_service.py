"""The API as a process: how it begins, how it ends, what it writes to its log."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect as connect_live

from monitor.api.service import run
from monitor.api.settings import ApiSettings
from operations.ports import any_free
from store.connections import connect
from tests.api.conftest import PASSWORD, Served, eventually, prepare

PROGRAM = """
import logging, os
from monitor.api.service import run
from monitor.api.settings import ApiSettings
logging.basicConfig(level=logging.INFO)
run(ApiSettings(os.environ["DSN"], os.environ["SECRET"], port=int(os.environ["PORT"])))
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(database: str, tmp_path: Path, sign: signal.Signals) -> None:
    """With a live feed open it ends within 5 s, with 0, and its log holds no password, token or secret."""
    with connect(database) as connection:
        prepare(connection)
    port, secret = any_free(), secrets.token_urlsafe(32)
    environment = {**os.environ, "DSN": database, "SECRET": secret, "PORT": str(port)}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=file, stderr=file)
    try:
        api = Served(f"http://127.0.0.1:{port}", database)
        eventually(lambda: _answers(api), "the API answers", 90)
        with connect_live(api.live(), compression=None) as feed:
            feed.recv(timeout=5)
            began = time.monotonic()
            process.send_signal(sign)
            assert process.wait(10) == 0
            assert time.monotonic() - began < 5
        token = api.token()
        api.close()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    said = log.read_text(encoding="utf-8")
    assert f"serving on http://127.0.0.1:{port}" in said
    for hidden in (token, token.split(".")[2], secret, PASSWORD, "password="):
        assert hidden not in said


def _answers(api: Served) -> bool:
    try:
        return bool(api.anonymous.get("/health").json()["sites_total"])
    except httpx.HTTPError:
        return False


def test_a_busy_port_is_named() -> None:
    """The error says which address could not be bound."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            run(ApiSettings("postgresql://nowhere", "s" * 40, port=port))


def test_settings_show_no_secret() -> None:
    """Printed settings hold neither the database's password nor the token secret."""
    shown = repr(ApiSettings("postgresql://landun:hunter2@localhost/landun", "s" * 40))
    assert "hunter2" not in shown
    assert "sss" not in shown
