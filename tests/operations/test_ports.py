"""Choosing ports."""

import socket
from collections.abc import Iterator

import pytest

from operations.ports import QUIET_PORTS, any_free, choose


@pytest.fixture
def busy() -> Iterator[int]:
    """A port somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_gives_way_to_the_next_free_one_with_a_message(busy: int) -> None:
    """The operator is told which port was busy and which one is used."""
    (choice,) = choose(["api"], hosts={}, asked={}, remembered={"api": busy})
    assert choice.port != busy
    assert choice.message == f"port {busy} is busy: api takes port {choice.port}"


def test_a_free_port_is_kept_from_start_to_start() -> None:
    """A remembered port is used again, in silence."""
    port = any_free("127.0.0.1")
    (choice,) = choose(["dashboard"], hosts={}, asked={}, remembered={"dashboard": port})
    assert (choice.port, choice.message) == (port, None)


def test_what_is_asked_for_goes_before_what_is_remembered(busy: int) -> None:
    """An option overrides memory; 0 keeps a remembered port and otherwise takes any free one."""
    port = any_free("127.0.0.1")
    assert choose(["api"], hosts={}, asked={"api": port}, remembered={"api": busy})[0].port == port
    assert choose(["api"], hosts={}, asked={"api": 0}, remembered={"api": port})[0].port == port
    assert choose(["api"], hosts={}, asked={"api": 0}, remembered={})[0].port > 1023


def test_two_services_never_get_the_same_port() -> None:
    """Services that want one port are told apart before either listens."""
    port = any_free("127.0.0.1")
    first, second = choose(["api", "dashboard"], hosts={}, asked={}, remembered={"api": port, "dashboard": port})
    assert first.port == port
    assert second.port != port


def test_a_port_that_was_left_a_moment_ago_is_free() -> None:
    """Connections in TIME_WAIT do not push a service to another port at every restart."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            listener.accept()[0].close()  # the side that closes first waits in TIME_WAIT
    assert choose(["api"], hosts={}, asked={"api": port}, remembered={})[0].port == port


def test_a_port_chosen_by_chance_is_none_that_outgoing_connections_take() -> None:
    """A service that is started again finds its port free, however many connections others opened meanwhile."""
    ports = {any_free() for _ in range(50)}
    assert ports <= set(QUIET_PORTS)
    assert len(ports) > 40
