"""What the simulators' service needs to know to run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.model import Registry
from simulators.waste.model import City

DEFAULT_MIN_FREE_BYTES: Final = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Settings of `simulators.service.run`.

    Parameters
    ----------
    registry : its simulated sites are brought to life
    seed : decides every random draw; the same seed gives the same series
    data : data folder of the system; state is kept in ``<data>/simulators``
    mqtt_host, mqtt_port, mqtt_tls : the broker, and whether it speaks TLS
    device_password : MQTT password of a device by its code
    control_host, control_port : where the control API listens; loopback only
    min_free_bytes : with less free disk space below `data` the fleet stops publishing, bytes
    hj212 : host and port that HJ 212 instruments report to; without it they stay silent
    jt808 : host and port that terminals of vehicles report to; without it they stay silent
    modbus : host and port at which simulated controllers answer Modbus; without it they do not
    waste : the city of medical waste that lives beside the pools; without it there is none
    record : append-only file that notes every acknowledged reading, for loss checks

    """

    registry: Registry
    seed: int
    data: Path
    mqtt_host: str
    mqtt_port: int
    device_password: Callable[[str], str]
    control_host: str = "127.0.0.1"
    control_port: int = 8010
    min_free_bytes: int = DEFAULT_MIN_FREE_BYTES
    hj212: tuple[str, int] | None = None
    jt808: tuple[str, int] | None = None
    modbus: tuple[str, int] | None = None
    record: Path | None = None
    mqtt_tls: bool = False
    waste: City | None = None

    @property
    def folder(self) -> Path:
        """Where the simulators keep their state."""
        return self.data / "simulators"
