"""The demonstration as the simulators and the back-fill need it: which sites, from which seed, with which secrets."""

from pathlib import Path
from urllib.parse import urlsplit

from operations.errors import OperatorError
from operations.first_start import city_of, demonstration_of
from operations.folder import DataFolder, Record
from registry.credentials import device_password
from simulators.settings import SimulatorSettings


def record_of_demonstration(folder: DataFolder) -> Record:
    """The folder's record. Raises `OperatorError` where the folder has no demonstration."""
    record = folder.read_record()
    if record is None:
        raise OperatorError(f"data folder {folder.path} has not been started yet: run `landun up` first")
    if not record.demonstration:
        raise OperatorError(f"data folder {folder.path} has no demonstration: it was removed or never wanted")
    return record


def simulator_settings(
    folder: DataFolder,
    device_master: str,
    *,
    mqtt_url: str,
    control: tuple[str, int],
    min_free_bytes: int,
    record: Path | None,
    hj212: tuple[str, int] | None = None,
    jt808: tuple[str, int] | None = None,
    modbus: tuple[str, int] | None = None,
) -> SimulatorSettings:
    """Settings of the fleet. Raises `OperatorError` on an address that is not ``mqtt(s)://host:port``."""
    known = record_of_demonstration(folder)
    address = urlsplit(mqtt_url)
    if address.scheme not in ("mqtt", "mqtts") or not address.hostname:
        raise OperatorError(f"broker address {mqtt_url!r}: expected mqtt://host:port, or mqtts with TLS")
    tls = address.scheme == "mqtts"
    return SimulatorSettings(
        registry=demonstration_of(known),
        seed=known.seed,
        data=folder.path,
        mqtt_host=address.hostname,
        mqtt_port=address.port or (8883 if tls else 1883),
        mqtt_tls=tls,
        device_password=lambda code: device_password(device_master, code),
        control_host=control[0],
        control_port=control[1],
        min_free_bytes=min_free_bytes,
        record=record,
        hj212=hj212,
        jt808=jt808,
        waste=city_of(known),
        modbus=modbus,
    )
