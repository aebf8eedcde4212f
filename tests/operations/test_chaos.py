"""The chaos run finds nothing wrong with the system, and would find what is wrong with another."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.chaos.plan import VICTIMS, WIRES, plan
from operations.chaos.wires import Weather, Wires
from operations.ports import any_free


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_twenty_kills_lose_double_and_change_nothing() -> None:
    """The default run: every record is in the tables once and as published, and the alarms are equal."""
    done = subprocess.run(
        [sys.executable, "-m", "landun", "chaos", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    figures = json.loads(done.stdout)
    assert figures["kills"] >= 20
    assert figures["published"] >= 50_000
    assert figures["stored"] == figures["acknowledged"] == figures["published"]
    assert figures["lost"] == figures["duplicates"] == figures["corrupt"] == figures["unexpected"] == 0
    assert figures["dead_letters"] == figures["dead_letters_expected"] > 5
    assert figures["alarms_equal"] is True
    assert figures["alarms"] > 20
    assert figures["offline"] >= 1
    assert figures["not_recovered"] == 0


def test_a_plan_is_its_seeds_and_kills_every_part_as_often() -> None:
    """Two plans of one seed are equal, of two seeds differ; each part dies as often as the others, give or take one."""
    devices = [f"d{number}" for number in range(10)]
    first = plan(7, 22, 3.0, devices)
    assert first == plan(7, 22, 3.0, devices) != plan(8, 22, 3.0, devices)
    killed = [each.target for each in first if each.what == "kill"]
    assert len(killed) == 22
    assert {killed.count(victim) for victim in VICTIMS} == {5, 6}
    assert {each.target for each in first if each.what in set(Weather)} <= set(WIRES)
    assert [each.at for each in first] == sorted(each.at for each in first)


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says everything back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1024):
            writer.write(piece)

    loop = asyncio.new_event_loop()
    port = any_free()
    ready = threading.Event()

    async def serve() -> None:
        await asyncio.start_server(answer, "127.0.0.1", port)
        ready.set()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(5)
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_a_wire_passes_cuts_swallows_and_slows(echo: int) -> None:
    """Fair weather passes bytes; a cut ends connections; a black hole answers nothing and ends them; a delay delays."""
    with Wires({"wire": echo}) as wires:

        def connected() -> socket.socket:
            return socket.create_connection(("127.0.0.1", wires.port("wire")), timeout=5)

        def ended(end: socket.socket) -> bool:
            try:
                return end.recv(10) == b""
            except ConnectionResetError:
                return True

        with connected() as end:
            end.sendall(b"fair")
            assert end.recv(10) == b"fair"
            wires.change("wire", Weather.CUT)
            assert ended(end)
        with connected() as end:
            assert ended(end)
        wires.change("wire", Weather.FAIR)
        with connected() as end:
            end.sendall(b"warm")
            assert end.recv(10) == b"warm"
            wires.change("wire", Weather.BLACKHOLE)
            end.settimeout(0.3)
            end.sendall(b"lost")
            with pytest.raises(TimeoutError):
                end.recv(10)
            end.settimeout(5)
            wires.change("wire", Weather.DELAY)
            assert ended(end)
        with connected() as end:
            began = time.monotonic()
            end.sendall(b"slow")
            assert end.recv(10) == b"slow"
            assert time.monotonic() - began > 0.25  # there and back
