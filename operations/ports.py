"""Which TCP port each service listens on: the one it had, else its own, else the next free one."""

import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from operations.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
METRICS_PORTS: Final[Mapping[str, int]] = {"metrics-ingest": 9464, "metrics-monitor": 9465, "metrics-api": 9466}
"""Where services tell their figures, on loopback."""

DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "database": 15432,
    "broker": 1883,
    "broker-client": 14222,
    "api": 8000,
    "dashboard": 8501,
    "simulators": 8010,
    "hj212": 7212,
    "jt808": 7808,
    "modbus": 15020,
    **METRICS_PORTS,
}
QUIET_PORTS: Final = range(10_240, 32_768)
"""Ports above the registered services' usual ones that outgoing connections never take: Linux gives those 32768 and
above, macOS and Windows 49152 and above (RFC 6335 section 6)."""

TRIED_AFTER: Final = 50
"""How many ports after the wanted one are tried before the operating system chooses."""


def listening_at(text: str | None) -> tuple[str, int] | None:
    """Host and port of ``host:port``, None of nothing. Raises `OperatorError` saying what would be right."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65_536:
        raise OperatorError(f"address {text!r}: must be host:port, such as 127.0.0.1:7212")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class Choice:
    """A service's port, and the busy one that was wanted where it differs."""

    service: str
    port: int
    busy: int | None = None

    @property
    def message(self) -> str | None:
        """What the operator is told, if there is something to tell."""
        if self.busy is None:
            return None
        return f"port {self.busy} is busy: {self.service} takes port {self.port}"


def is_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port.

    SO_REUSEADDR as servers set it: connections of a former run in TIME_WAIT do not make the port busy.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def any_free(host: str = LOOPBACK) -> int:
    """A free port, chosen by chance where no outgoing connection will take it while its service starts again."""
    for port in random.sample(QUIET_PORTS, TRIED_AFTER):
        if is_free(host, port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        chosen: int = probe.getsockname()[1]
        return chosen


def choose(
    services: Iterable[str],
    *,
    hosts: Mapping[str, str],
    asked: Mapping[str, int],
    remembered: Mapping[str, int],
) -> list[Choice]:
    """A port for each service: asked for, else remembered, else its default; another where that is busy.

    A port asked for as 0 means any free one, remembered from then on.
    """
    taken: set[int] = set()
    choices: list[Choice] = []
    for service in services:
        host = hosts.get(service, LOOPBACK)
        wanted = asked.get(service) or remembered.get(service)
        if wanted is None:
            wanted = any_free(host) if asked.get(service) == 0 else DEFAULT_PORTS[service]
        port = _first_free(host, wanted, taken)
        taken.add(port)
        choices.append(Choice(service, port, busy=None if port == wanted else wanted))
    return choices


def _first_free(host: str, wanted: int, taken: set[int]) -> int:
    for port in range(wanted, min(wanted + TRIED_AFTER, 65_536)):
        if port not in taken and is_free(host, port):
            return port
    while (port := any_free(host)) in taken:
        pass
    return port


@dataclass(frozen=True)
class Address:
    """Where the services that people and programs reach listen; everything else is on loopback."""

    host: str
    ports: Mapping[str, int]

    @property
    def api(self) -> str:
        """The API as a browser on this machine reaches it."""
        return f"http://{self._shown}:{self.ports['api']}"

    @property
    def dashboard(self) -> str:
        """The dashboard as a browser on this machine reaches it."""
        return f"http://{self._shown}:{self.ports['dashboard']}"

    @property
    def simulators(self) -> str:
        """The simulators' control."""
        return f"http://{LOOPBACK}:{self.ports['simulators']}"

    @property
    def _shown(self) -> str:
        return LOOPBACK if self.host == "0.0.0.0" else self.host  # noqa: S104 - compared, not bound


def reachable(host: str) -> str:
    """The address under which others reach a service that listens on `host`: this machine's own where it is any."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address nobody has (RFC 5737): nothing is sent, a route is chosen
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
