"""The HJ 212 listener against plain sockets: split and joined frames, answers after the commit, repeats, strangers."""

import socket
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from ingest.decoders.hj212 import Command, FrameReader, Packet, frame, read_packet
from ingest.decoders.model import Decoded
from ingest.delivery import Delivery
from ingest.hj212 import EPOCH, Listener
from tests.ingest.world import wait_until

MN: Final = "320600SWIM00000000000001"


def upload(number: int, *, mn: str = MN, pw: str = "123456", flag: int = 5) -> bytes:
    """A real-time upload with its own QN."""
    return frame(
        f"QN=20260115101500{number:03d};ST=21;CN=2011;PW={pw};MN={mn};Flag={flag};"
        f"CP=&&DataTime=20260115101500;w01001-Rtd=7.{number:02d},w01001-Flag=N&&"
    )


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener on a free loopback port that knows one instrument."""
    running = Listener("127.0.0.1", 0, lambda mn, pw: (mn, pw) == (MN, "123456"), most_pending=8)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def dial(listener: Listener) -> Iterator[Callable[[], socket.socket]]:
    """Connects to the listener."""
    dialled: list[socket.socket] = []

    def connect() -> socket.socket:
        dialled.append(socket.create_connection(("127.0.0.1", listener.port), timeout=10))
        return dialled[-1]

    yield connect
    for each in dialled:
        each.close()


def take(listener: Listener, count: int) -> list[Delivery]:
    """The next frames, waiting for them."""
    taken: list[Delivery] = []

    def enough() -> bool:
        taken.extend(listener.take(count - len(taken)))
        return len(taken) == count

    wait_until(enough)
    return taken


def answers(connection: socket.socket, count: int) -> list[Packet]:
    """The next packets sent to the instrument."""
    reader, packets = FrameReader(), list[Packet]()
    while len(packets) < count:
        data = connection.recv(4096)
        assert data, "the listener closed the connection"
        for each in reader.feed(data):
            packet = read_packet(each, Decoded())
            assert packet is not None
            packets.append(packet)
    return packets


def test_the_answer_comes_after_the_commit(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """Nothing is answered before ingest acknowledges; then each upload gets CN 9014 with its own QN, in order."""
    instrument = dial()
    instrument.sendall(upload(1) + upload(2))
    deliveries = take(listener, 2)
    assert [each.topic for each in deliveries] == [f"hj212/{MN}"] * 2
    assert [each.payload for each in deliveries] == [upload(1), upload(2)]
    instrument.settimeout(0.2)
    with pytest.raises(TimeoutError):
        instrument.recv(1)
    instrument.settimeout(10)
    listener.ack(deliveries)
    first, second = answers(instrument, 2)
    assert (first.cn, first.qn, second.qn) == (Command.DATA_ANSWER, "20260115101500001", "20260115101500002")


def test_frames_cut_anywhere_are_put_together(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """An upload that TCP hands over byte by byte is one delivery."""
    instrument = dial()
    instrument.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in upload(1):
        instrument.sendall(bytes([byte]))
    (delivery,) = take(listener, 1)
    assert delivery.payload == upload(1)
    assert delivery.epoch == EPOCH


def test_a_repeat_is_answered_and_not_stored_again(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """A QN sent again while it waits, or after its answer, over another connection, is delivered once only."""
    instrument = dial()
    instrument.sendall(upload(1))
    (delivery,) = take(listener, 1)
    again = dial()
    again.sendall(upload(1))
    wait_until(lambda: listener.repeated == 1)
    listener.ack([delivery])
    assert answers(instrument, 1)[0].qn == answers(again, 1)[0].qn == "20260115101500001"
    again.sendall(upload(1))
    assert answers(again, 1)[0].cn == Command.DATA_ANSWER
    assert listener.repeated == 2
    assert listener.waiting == 0


def test_an_upload_that_asks_for_no_answer_gets_none(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """Bit A of Flag says whether an answer is wanted."""
    instrument = dial()
    instrument.sendall(upload(1, flag=4) + upload(2))
    listener.ack(take(listener, 2))
    assert answers(instrument, 1)[0].qn == "20260115101500002"


def test_a_stranger_is_shown_and_not_answered(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """A wrong password, or an MN nobody registered, is delivered as refused and never answered."""
    instrument = dial()
    instrument.sendall(upload(1, pw="654321") + upload(2, mn="ANOTHER") + upload(3))
    deliveries = take(listener, 3)
    assert [each.topic for each in deliveries] == [f"hj212/{MN}/refused", "hj212/ANOTHER/refused", f"hj212/{MN}"]
    listener.ack(deliveries)
    assert answers(instrument, 1)[0].qn == "20260115101500003"


def test_a_wrong_checksum_is_delivered_and_sent_again(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """A damaged frame reaches ingest, which buries it with its reason; without an answer the instrument repeats."""
    instrument = dial()
    damaged = bytearray(upload(1))
    damaged[100] ^= 1
    instrument.sendall(bytes(damaged) + upload(1))
    deliveries = take(listener, 2)
    assert deliveries[0].payload == bytes(damaged)
    listener.ack(deliveries)
    assert answers(instrument, 1)[0].qn == "20260115101500001"


def test_what_is_not_committed_stops_the_reading(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """Beyond the bound of unacknowledged frames nothing more is read; once they are acknowledged all come."""
    instrument = dial()
    for number in range(40):
        instrument.sendall(upload(number))
        if number == 7:
            wait_until(lambda: listener.waiting == 8)
    first = take(listener, 8)
    assert listener.received == 8
    listener.ack(first)
    rest: list[Delivery] = []
    while len(rest) < 32:
        piece = take(listener, 1)
        rest += piece
        listener.ack(piece)
    assert [each.payload for each in [*first, *rest]] == [upload(number) for number in range(40)]


def test_a_command_reaches_a_connected_instrument(listener: Listener, dial: Callable[[], socket.socket]) -> None:
    """The clock can be set of an instrument that has spoken; one that is not connected is said to be away."""
    assert not listener.command(MN, "1", Command.SET_CLOCK, {"SystemTime": "20260115101500"})
    instrument = dial()
    instrument.sendall(upload(1))
    listener.ack(take(listener, 1))
    answers(instrument, 1)
    assert listener.command(MN, "20260115101501000", Command.SET_CLOCK, {"SystemTime": "20260115101500"})
    (packet,) = answers(instrument, 1)
    assert (packet.cn, packet.cp) == (Command.SET_CLOCK, "SystemTime=20260115101500")
    instrument.sendall(frame(f"QN=20260115101501000;ST=91;CN=9012;PW=123456;MN={MN};Flag=4;CP=&&ExeRtn=1&&"))
    heard: list[tuple[str, str]] = []

    def answered() -> bool:
        heard.extend(listener.answers())
        return bool(heard)

    wait_until(answered)
    assert heard == [("20260115101501000", "done")]


def test_a_port_that_is_taken_is_told_and_can_be_had_later() -> None:
    """Starting on a busy port raises what the system said; once the port is free the same listener opens it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        late = Listener("127.0.0.1", other.getsockname()[1], lambda *_: True)
        with pytest.raises(OSError, match="in use"):
            late.start()
        assert not late.listening
    late.start()
    assert late.listening
    late.stop()
    assert not late.listening
