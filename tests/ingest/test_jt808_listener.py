"""The JT/T 808 listener against plain sockets: registration, codes, answers after the commit, repeats, strangers."""

from collections.abc import Iterator
from typing import Final

import bcrypt
import pytest

from ingest import jt808
from ingest.admission import TerminalAdmission
from ingest.decoders.jt808 import Message, Registered, Registration, decode, location, locations
from ingest.decoders.model import Fix
from ingest.delivery import Delivery
from ingest.directory import Directory
from ingest.rejection import Reason, Rejection
from store.records import from_us
from store.upkeep import Credential
from tests.brokers import DEVICE_MASTER
from tests.ingest.waste_world import PHONE, Terminal, now_s, waste_world
from tests.ingest.world import wait_until

DIRECTORY: Final = Directory(*waste_world())
HERE: Final = location(Fix(now_s() * 1_000_000, 32.0, 120.9, 40.0, 90.0))


@pytest.fixture
def listener() -> Iterator[jt808.Listener]:
    """A listener on a free loopback port that knows one terminal."""
    running = jt808.Listener("127.0.0.1", 0, TerminalAdmission(DIRECTORY, {}, DEVICE_MASTER), most_pending=8)
    running.start()
    yield running
    running.stop()


def take(listener: jt808.Listener, count: int) -> list[Delivery]:
    """The next messages, waiting for them."""
    taken: list[Delivery] = []

    def enough() -> bool:
        taken.extend(listener.take(count - len(taken)))
        return len(taken) == count

    wait_until(enough)
    return taken


@pytest.mark.parametrize("version", [None, 1])
def test_a_terminal_registers_signs_in_and_is_answered_after_the_commit(
    listener: jt808.Listener, version: int | None
) -> None:
    """The standard's conversation in its old and its new header; a position is answered once it is committed."""
    with Terminal(listener.port, version=version) as terminal:
        terminal.sign_in()
        number = terminal.send(Message.LOCATION, HERE)
        (delivery,) = take(listener, 1)
        assert (delivery.epoch, delivery.topic) == (jt808.EPOCH, f"jt808/{PHONE}")
        assert decode(delivery.payload).fixes[0].lat == 32.0
        assert terminal.silent(0.2)
        listener.ack([delivery])
        assert terminal.result() == (number, Message.LOCATION, 0)
        assert terminal.send(Message.HEARTBEAT)
        assert terminal.result()[1:] == (Message.HEARTBEAT, 0)
        assert listener.connections == 1
    wait_until(lambda: listener.connections == 0)


def test_who_is_not_registered_so_gets_no_code(listener: jt808.Listener) -> None:
    """Another vehicle's plate, an unknown number, a wrong code: refused with the standard's results."""
    with Terminal(listener.port) as terminal:
        assert terminal.register("苏F00000") == (2, "")
        assert terminal.register(" 苏F·12345")[0] == 0, "a dot or a space in a plate is no other plate"
        assert terminal.authenticate("guessed") == 1
        assert terminal.socket.recv(10) == b"", "and the connection is closed"
    with Terminal(listener.port, phone="13911111111") as stranger:
        assert stranger.register()[0] == 4


def test_a_terminal_that_has_not_signed_in_is_told_so_and_shown(listener: jt808.Listener) -> None:
    """Its position is no position of ours: a failed answer, and a delivery that becomes a dead letter."""
    with Terminal(listener.port) as terminal:
        number = terminal.send(Message.LOCATION, HERE)
        assert terminal.result() == (number, Message.LOCATION, 1)
        (delivery,) = take(listener, 1)
    found = DIRECTORY.address(delivery.topic)
    assert isinstance(found, Rejection)
    assert (found.reason, "authentication code" in found.detail) == (Reason.WRONG_IDENTITY, True)


def test_one_terminal_cannot_speak_for_another(listener: jt808.Listener) -> None:
    """A signed-in connection that sends another's number is refused, however good its own code is."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        terminal.phone = "13911111111"
        terminal.send(Message.LOCATION, HERE)
        assert terminal.result()[2] == 1
        (delivery,) = take(listener, 1)
    found = DIRECTORY.address(delivery.topic)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.UNKNOWN_DEVICE


def test_a_repeat_is_answered_and_not_stored_again(listener: jt808.Listener) -> None:
    """Before the commit and after it; the same number with another content is another message."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        number = terminal.send(Message.LOCATION, HERE)
        terminal.send(Message.LOCATION, HERE, serial=number)
        (delivery,) = take(listener, 1)
        wait_until(lambda: listener.repeated == 1)
        listener.ack([delivery])
        assert [terminal.result()[0] for _ in range(2)] == [number, number]
        terminal.send(Message.LOCATION, HERE, serial=number)
        assert terminal.result()[0] == number
        later = location(Fix((now_s() + 1) * 1_000_000, 32.1, 120.9, 40.0, 90.0))
        terminal.send(Message.LOCATION, later, serial=number)
        assert len(take(listener, 1)) == 1
        assert (listener.repeated, listener.waiting) == (2, 0)


def test_a_message_in_parts_is_one_delivery(listener: jt808.Listener) -> None:
    """In any order; every part is answered, and none before the whole is committed."""
    body = locations([HERE] * 4, stored=True)
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        for part in (2, 1, 3):
            terminal.send(Message.LOCATIONS, body[(part - 1) * 50 : part * 50], serial=100 + part, part=(3, part))
        (delivery,) = take(listener, 1)
        assert len(decode(delivery.payload).fixes) == 4
        assert terminal.silent(0.2)
        listener.ack([delivery])
        assert sorted(terminal.result()[0] for _ in range(3)) == [101, 102, 103]
        assert listener.received - listener.unqueued == 1


def test_messages_that_never_come_whole_are_given_up(listener: jt808.Listener) -> None:
    """A terminal can't make the platform keep what it begins and does not end."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        for begun in range(20):
            terminal.send(Message.LOCATIONS, b"\0" * 10, serial=1000 * (begun + 1), part=(3, 1))
        terminal.send(Message.HEARTBEAT)
        terminal.result()
        (connection,) = listener._named.values()
        assert len(connection.parts) <= jt808.MOST_UNFINISHED


def test_what_is_not_supported_is_said_and_the_clock_is_told(listener: jt808.Listener) -> None:
    """0x0801 (pictures) gets result 3; 0x0004 the platform's clock; a deregistered terminal must sign in again."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        terminal.send(0x0801, b"picture")
        assert terminal.result()[1:] == (0x0801, 3)
        terminal.send(Message.ASK_TIME)
        assert terminal.answer().message == Message.TIME
        terminal.send(Message.DEREGISTER)
        assert terminal.result()[1:] == (Message.DEREGISTER, 0)
        terminal.send(Message.LOCATION, HERE)
        assert terminal.result()[2] == 1


def test_damage_is_delivered_to_become_a_dead_letter(listener: jt808.Listener) -> None:
    """Nobody is answered; what is wrong is told when it is decoded. Noise between frames is skipped."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        terminal.socket.sendall(b"noise\x7e\x02\x00\x00\x00\x01\x39\x7e")
        (delivery,) = take(listener, 1)
        assert decode(delivery.payload).rejections
        assert terminal.silent(0.1)


def test_what_is_not_committed_stops_the_reading(listener: jt808.Listener) -> None:
    """Beyond the bound nothing more is read, until what was read is committed."""
    with Terminal(listener.port) as terminal:
        terminal.sign_in()
        for number in range(100):
            terminal.send(Message.LOCATION, location(Fix((now_s() - number) * 1_000_000, 32.0, 120.9, 0.0, 0.0)))
        first = take(listener, 8)
        count = len(first)
        while count < 100:
            listener.ack(first)
            first = take(listener, 1)
            first += listener.take(1000)
            count += len(first)
        listener.ack(first)
        assert [terminal.result()[2] for _ in range(100)] == [0] * 100


def test_a_new_credential_voids_the_code_and_a_revoked_one_ends_it() -> None:
    """Generation by generation; a code set by hand, the device's own password, is as good."""

    def known(revoked: bool) -> TerminalAdmission:
        hashed = bcrypt.hashpw(b"by-hand", bcrypt.gensalt(4)).decode()
        at = from_us(0)
        credential = Credential("track-1", 1, hashed, at, "x", at if revoked else None, None)
        return TerminalAdmission(DIRECTORY, {"track-1": credential}, DEVICE_MASTER)

    said = Registration("ID", "苏F12345")
    before = TerminalAdmission(DIRECTORY, {}, DEVICE_MASTER).register(PHONE, said)[1]
    result, code = known(revoked=False).register(PHONE, said)
    assert result is Registered.DONE
    assert code != before
    assert [known(revoked=False).authenticate(PHONE, each) for each in (before, code, "by-hand", "")] == [
        False,
        True,
        True,
        False,
    ]
    assert known(revoked=True).register(PHONE, said) == (Registered.NO_SUCH_TERMINAL, "")
    assert not known(revoked=True).authenticate(PHONE, code)
