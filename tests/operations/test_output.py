"""The log of many services."""

import io
import os
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.output import LONGEST_LINE, LineSplitter, Output, printable


@given(text=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_lines_do_not_depend_on_how_the_pipe_cuts_them(text: bytes, cuts: list[int]) -> None:
    """The same bytes give the same lines in whatever chunks they come."""
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(text)), len(text)]
    splitter = LineSplitter()
    lines: list[str] = []
    for lo, hi in pairwise(bounds):
        if hi > lo:
            lines += splitter.feed(text[lo:hi])
    lines += splitter.feed(b"")
    whole = text.split(b"\n")
    assert lines == [printable(line) for line in (whole if whole[-1] else whole[:-1])]


def test_an_endless_line_is_cut_and_does_not_fill_memory() -> None:
    """A line without end is shown up to its bound, once; the next line is whole again."""
    splitter = LineSplitter()
    lines = [line for _ in range(50) for line in splitter.feed(b"x" * 1_000)]
    lines += splitter.feed(b"\nnext\n")
    assert lines == ["x" * LONGEST_LINE, "next"]


def test_a_device_cannot_drive_the_operators_terminal() -> None:
    """Escape sequences in a topic or payload that a service logs are made visible, not obeyed."""
    assert printable(b"bad \x1b[2J topic\r\n") == "bad ·[2J topic"
    assert printable("水温 26.5 ℃".encode()) == "水温 26.5 ℃"
    assert printable(b"\xff") == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("colour", [True, False])
def test_a_line_has_a_prefix_a_service_coloured_on_a_terminal_only(tmp_path: Path, colour: bool) -> None:
    """Each service has its colour on a terminal; the file and a pipe get plain text."""
    terminal = io.StringIO()
    output = Output(terminal, tmp_path, colour=colour)
    output.say("ingest", "connected")
    output.say("monitor", "100 % of 3")
    output.close()
    first, second = terminal.getvalue().splitlines()
    assert ("\x1b[36m" in first, "\x1b[32m" in second) == (colour, colour)
    assert first.endswith(" connected")
    assert second.endswith(" 100 % of 3")
    written = (tmp_path / "landun.log").read_text(encoding="utf-8")
    assert "\x1b" not in written
    assert " ingest     | connected\n" in written


def test_a_terminal_that_takes_no_lines_holds_up_nobody(tmp_path: Path) -> None:
    """With a full pipe that nobody reads, saying goes on and the file gets every line."""
    reader, writer = os.pipe()
    output = Output(os.fdopen(writer, "w", encoding="utf-8"), tmp_path, colour=False)
    said = threading.Event()

    def say() -> None:
        for number in range(3_000):
            output.say("ingest", f"{number} " + "x" * 200)
        said.set()

    threading.Thread(target=say, daemon=True).start()
    assert said.wait(30), "saying was held up by the terminal"
    assert (tmp_path / "landun.log").read_text(encoding="utf-8").count("\n") == 3_000
    drain = threading.Thread(target=lambda: os.fdopen(reader, "rb").read(), daemon=True)
    drain.start()
    output.close()
