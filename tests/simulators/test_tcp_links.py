"""Instruments and terminals that speak to a server of their own dialect over TCP."""

import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from simulators.dialects import jt808
from simulators.dialects.hj212 import Hj212Link, framed
from simulators.dialects.jt808 import ANSWER, AUTHENTICATE, LOCATION, REGISTER, REGISTERED, Jt808Link, Terminal
from simulators.link import Address, Listener, Wire

TERMINAL = Terminal("13900000001", "苏F-W0001")


class Meeting:
    """A link and the server it is connected to, in one thread; `told` is what the link's owner heard."""

    def __init__(self, make: Callable[[selectors.BaseSelector, Listener], Wire]) -> None:
        self.told: list[object] = []
        self.selector = selectors.DefaultSelector()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.link = make(
            self.selector,
            Listener(
                connected=lambda: self.told.append("connected"),
                refused=lambda why: self.told.append(f"refused: {why}"),
                lost=lambda why: self.told.append(f"lost: {why}"),
                acknowledged=self.told.append,
            ),
        )
        self.link.open(Address("127.0.0.1", self._listening.getsockname()[1]))
        self.server, _ = self._listening.accept()
        self.server.settimeout(10.0)

    def until(self, told: list[object]) -> None:
        """Drive the link until its owner has heard this."""
        deadline = time.monotonic() + 10.0
        while self.told != told:
            assert time.monotonic() < deadline, f"heard {self.told} and not {told}"
            for key, mask in self.selector.select(0.1):
                key.data.ready(mask)

    def close(self) -> None:
        self.link.abort()
        self.server.close()
        self._listening.close()
        self.selector.close()


@pytest.fixture
def instrument() -> Iterator[Meeting]:
    """An HJ 212 instrument's connection."""
    meeting = Meeting(Hj212Link)
    yield meeting
    meeting.close()


@pytest.fixture
def terminal() -> Iterator[Meeting]:
    """A JT/T 808 terminal's connection."""
    meeting = Meeting(lambda selector, listener: Jt808Link(TERMINAL, selector, listener))
    yield meeting
    meeting.close()


def data(second: int) -> bytes:
    """A frame of an instrument; its QN is what its answer names."""
    return framed(f"QN=202611221200{second:02}000;ST=21;CN=2011;PW=1;MN=1;Flag=5;CP=&&&&")


def data_answer(second: int) -> bytes:
    """The answer to that frame."""
    return framed(f"QN=202611221200{second:02}000;ST=91;CN=9014;Flag=4;CP=&&&&")


def answer(serial: int, message: int, result: int = 0) -> bytes:
    """The platform's general answer to a terminal's message."""
    return jt808.framed(ANSWER, TERMINAL.phone, 1, struct.pack(">HHB", serial, message, result))


def signed_in(terminal: Meeting) -> None:
    """Register and sign in."""
    assert f"{terminal.server.recv(4096)[1:3].hex()}" == f"{REGISTER:04x}"
    code = struct.pack(">HB", 1, 0) + b"code"
    terminal.server.sendall(jt808.framed(REGISTERED, TERMINAL.phone, 1, code) + answer(2, AUTHENTICATE))
    terminal.until(["connected"])
    assert b"\x04code" in terminal.server.recv(4096)


def test_each_frame_is_acknowledged_by_the_answer_with_its_number(instrument: Meeting) -> None:
    """Answers count by their QN, in whatever order and pieces they come; a stranger's answer counts for nothing."""
    assert [instrument.link.publish("", data(second)) for second in (1, 2)] == [1, 2]
    assert instrument.server.recv(4096) == data(1) + data(2)
    both = data_answer(9) + data_answer(2) + data_answer(1)
    instrument.server.sendall(both[:-9])
    instrument.until(["connected", 2])
    instrument.server.sendall(both[-9:])
    instrument.until(["connected", 2, 1])


def test_a_terminal_is_connected_once_its_code_was_taken(terminal: Meeting) -> None:
    """It registers, signs in with the code it is given, and its location is acknowledged by the answer's serial."""
    signed_in(terminal)
    number = terminal.link.publish("", b"a location")
    assert number is not None
    terminal.server.sendall(answer(number, LOCATION))
    terminal.until(["connected", number])


def test_a_refused_terminal_says_why(terminal: Meeting) -> None:
    """A registration with another result than 0 ends the connection as refused, not as lost."""
    terminal.server.sendall(jt808.framed(REGISTERED, TERMINAL.phone, 1, struct.pack(">HB", 1, 3)))
    terminal.until(["refused: registration was refused with 3"])
    assert terminal.link.closed


def test_a_connection_without_answers_ends(instrument: Meeting, terminal: Meeting) -> None:
    """After more than ten seconds without an answer the connection is lost, once, and takes nothing more."""
    instrument.link.publish("", data(1))
    signed_in(terminal)
    terminal.link.publish("", b"a location")
    for each in (instrument, terminal):
        for _ in range(10):
            each.link.tick()
        assert each.told == ["connected"]
        each.link.tick()
        each.link.tick()
        assert each.told == ["connected", "lost: no answer within 10 s"]
        assert each.link.closed
        assert each.link.publish("", data(2)) is None


def test_a_server_that_hangs_up_is_told(instrument: Meeting) -> None:
    """The end of the stream is told as such."""
    instrument.server.close()
    instrument.until(["connected", "lost: closed by the other side"])
    assert instrument.link.closed
