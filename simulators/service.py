"""The simulators' service: the fleet in this thread, its control in another."""

import logging
import signal
import socket
import threading
from types import FrameType
from typing import Final

import uvicorn

from simulators.control import control_app
from simulators.fleet import Fleet
from simulators.settings import SimulatorSettings

log = logging.getLogger(__name__)

_CONTROL_END_S: Final = 1.0


def run(settings: SimulatorSettings) -> None:
    """Run the fleet and its control until SIGTERM or SIGINT. Raises `OSError` if the control's address is taken."""
    listener = _listen(settings.control_host, settings.control_port)
    fleet = Fleet(settings)

    def end(_number: int, _frame: FrameType | None) -> None:
        fleet.end()

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    server, thread = _serve(fleet, settings, listener)
    try:
        fleet.run()
    finally:
        server.should_exit = True
        thread.join(_CONTROL_END_S)
        listener.close()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _serve(
    fleet: Fleet, settings: SimulatorSettings, listener: socket.socket
) -> tuple[uvicorn.Server, threading.Thread]:
    hosts = ("127.0.0.1", "localhost", settings.control_host)
    config = uvicorn.Config(
        control_app(fleet, hosts),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator-control", daemon=True)
    thread.start()
    log.info("control listens on http://%s:%d", settings.control_host, listener.getsockname()[1])
    return server, thread


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(error.errno, f"control address {host}:{port} cannot be used: {error.strerror}") from error
